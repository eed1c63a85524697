"""TrainingArguments from a recipe: their own names, checked, with defaults for runs that may be interrupted."""

import dataclasses
import math
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError
from transformers import TrainingArguments
from transformers.integrations.integration_utils import get_available_reporting_integrations
from transformers.trainer_utils import IntervalStrategy

from consumer.errors import SettingsError
from training.fitting.metrics_of_fit import NAMES, NEEDLESS, SMALLER_IS_BETTER
from training.fitting.option_names import OURS, require_known

TENTH = 0.1  # of all steps; TrainingArguments takes a share
DEFAULTS: Mapping[str, Any] = {
    "report_to": "none",
    "save_strategy": "steps",
    "save_steps": TENTH,
    "save_total_limit": 2,
    "restore_callback_states_from_checkpoint": True,
    "logging_steps": TENTH / 2,
    "lr_scheduler_type": "linear",
    "train_sampling_strategy": "group_by_length",
    "remove_unused_columns": False,
    "dataloader_pin_memory": False,
    "disable_tqdm": False,  # unasked, they would follow how much transformers logs
    "hub_private_repo": True,
}
EVALUATING: Mapping[str, Any] = {
    "eval_strategy": "steps",
    "eval_steps": TENTH,
    "per_device_eval_batch_size": 64,
    "load_best_model_at_end": True,
    "metric_for_best_model": NEEDLESS,
}
PLACES = ("output_dir", "logging_dir", "run_name", "resume_from_checkpoint")
NO_REPORT = ("none", "all")
# What transformers takes, and torch refuses in the middle of a fit, or divides by.
AT_LEAST: Mapping[str, int] = {
    "per_device_train_batch_size": 1,
    "per_device_eval_batch_size": 1,
    "gradient_accumulation_steps": 1,
    "dataloader_num_workers": 0,
    "seed": 0,
    "data_seed": 0,
    "num_train_epochs": 0,
    "learning_rate": 0,
    "weight_decay": 0,
    "max_grad_norm": 0,
    "adam_epsilon": 0,
    "adam_beta1": 0,
    "adam_beta2": 0,
}
BELOW_ONE = ("adam_beta1", "adam_beta2")
INSTEAD: Mapping[str, str] = {
    "label_smoothing_factor": "[fit] label_smoothing"
}  # the loss here is not the Trainer's own
LARGEST_INTEGER = 2**32 - 1  # as a seed; torch and numpy take none that is larger


def training_arguments(
    section: str, work: Path, options: Mapping[str, Any], *, validated: bool = False
) -> TrainingArguments:
    """
    Those of a recipe's section; with validation messages (`validated`) the best of ten checkpoints is kept.

    SettingsError names the option that TrainingArguments does not know or take.
    """
    kinds = typing.get_type_hints(TrainingArguments)
    require_known(section, options, known())
    for name, value in options.items():
        if name in INSTEAD:
            raise SettingsError(
                f"The recipe's [{section}] {name} would change nothing here: say {INSTEAD[name]} instead."
            )
        _require_kind(f"The recipe's [{section}] {name}", kinds[name], value)
        _require_range(f"The recipe's [{section}] {name}", name, value)
    _require_trackers(section, options.get("report_to"))
    # Several processes without an accelerator find one another only when they are told to stay on the CPU.
    defaults = {"use_cpu": not torch.accelerator.is_available(), **_defaults(options, validated=validated)}
    try:
        made = TrainingArguments(output_dir=str(work), **{**defaults, **options})
    except (ValueError, ImportError) as error:  # some options need packages of their own
        raise SettingsError(f"An option of the recipe's [{section}] is out of range: {error}") from error
    _require_evaluable(section, made, validated=validated)
    return made


def known() -> set[str]:
    """The options that a recipe can set."""
    return {field.name for field in dataclasses.fields(TrainingArguments) if field.init} - OURS


def told(arguments: TrainingArguments) -> dict[str, Any]:
    """All as they were resolved, by their own names, for JSON; no token, nor where on this machine they wrote."""
    resolved = {
        name: value
        for name, value in arguments.to_dict().items()  # type: ignore[no-untyped-call]
        if name not in PLACES and not name.endswith("_token")
    }
    return {**resolved, "device": str(arguments.device), "world_size": arguments.world_size}


def _defaults(options: Mapping[str, Any], *, validated: bool) -> dict[str, Any]:
    """Checkpoints are made where they are evaluated, for the best of them can be kept only then."""
    if not validated or options.get("eval_strategy") == "no":
        return dict(DEFAULTS)
    strategy, steps = options.get("eval_strategy", "steps"), options.get("eval_steps", TENTH)
    best = options.get("metric_for_best_model", NEEDLESS)
    own = {**EVALUATING, "greater_is_better": best.removeprefix("eval_") not in SMALLER_IS_BETTER}
    return {**DEFAULTS, **own, "save_strategy": strategy, "save_steps": steps}


def _require_evaluable(section: str, made: TrainingArguments, *, validated: bool) -> None:
    strategy = IntervalStrategy(made.eval_strategy).value
    if strategy != "no" and not validated:
        raise SettingsError(
            f"The recipe's [{section}] eval_strategy is {strategy!r}, and there are no validation "
            "messages: name some under [data] validation, or say validation_share."
        )
    best = made.metric_for_best_model
    if validated and best is not None and best.removeprefix("eval_") not in NAMES:
        raise SettingsError(
            f"The recipe's [{section}] metric_for_best_model is {best!r}: it is one of {', '.join(NAMES)}."
        )


def _require_trackers(section: str, named: str | list[str] | None) -> None:
    """The Trainer would find out when it begins."""
    wanted = [named] if isinstance(named, str) else named or []
    there = {*get_available_reporting_integrations(), *NO_REPORT}  # type: ignore[no-untyped-call]
    if missing := [name for name in wanted if name not in there]:
        raise SettingsError(
            f"The recipe's [{section}] report_to names {missing[0]!r}, which is not installed here, or no tracker that "
            f"transformers knows: pip install it, or name one of {', '.join(sorted(there))}."
        )


def _require_kind(what: str, kind: Any, value: Any) -> None:
    """TrainingArguments looks at types only where it uses them, which may be after hours."""
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise SettingsError(f"{what} is a number of {value.bit_length()} bits: at most {LARGEST_INTEGER} is taken.")
    try:
        TypeAdapter(kind).validate_python(value, strict=True)
    except ValidationError as error:
        raise SettingsError(f"{what} is {value!r}: {error.errors()[-1]['msg']}.") from error


def _require_range(what: str, name: str, value: Any) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingsError(f"{what} is {value}: it must be a finite number.")
    if isinstance(value, int | float) and value < AT_LEAST.get(name, value):
        raise SettingsError(f"{what} is {value}: it must be at least {AT_LEAST[name]}.")
    if name in BELOW_ONE and value >= 1:
        raise SettingsError(f"{what} is {value}: it must be below 1.")
    if name == "max_steps" and value == 0:
        raise SettingsError(f"{what} is 0: leave it out for as many as the epochs take, or name at least 1.")

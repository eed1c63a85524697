"""TrainingArguments from a recipe: their own names, checked, with the defaults a quiet run on a small machine needs."""

import dataclasses
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from transformers import TrainingArguments

from consumer.errors import SettingsError
from consumer.names import nearest

DEFAULTS: Mapping[str, Any] = {
    "report_to": "none",
    "save_strategy": "no",
    "logging_steps": 500,
    "lr_scheduler_type": "linear",
    "train_sampling_strategy": "group_by_length",
    "remove_unused_columns": False,
    "dataloader_pin_memory": False,
    "disable_tqdm": True,
}
LARGEST_INTEGER = 2**32 - 1  # as a seed; torch and numpy take none that is larger


def training_arguments(section: str, work: Path, options: Mapping[str, Any]) -> TrainingArguments:
    """SettingsError names the recipe's section, and the option that TrainingArguments does not know or take."""
    kinds = typing.get_type_hints(TrainingArguments)
    known = {field.name for field in dataclasses.fields(TrainingArguments) if field.init} - {"output_dir"}
    for name, value in options.items():
        if name not in known:
            raise SettingsError(
                f"The recipe's [{section}] holds {name!r}, which is none of transformers' TrainingArguments that a "
                f"recipe can set{nearest(name, known)}"
            )
        _require_kind(f"The recipe's [{section}] {name}", kinds[name], value)
    try:
        return TrainingArguments(output_dir=str(work), **{**DEFAULTS, **options})
    except ValueError as error:
        raise SettingsError(f"An option of the recipe's [{section}] is out of range: {error}") from error


def _require_kind(what: str, kind: Any, value: Any) -> None:
    """TrainingArguments looks at types only where it uses them, which may be after hours."""
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        raise SettingsError(f"{what} is a number of {value.bit_length()} bits: at most {LARGEST_INTEGER} is taken.")
    try:
        TypeAdapter(kind).validate_python(value, strict=True)
    except ValidationError as error:
        raise SettingsError(f"{what} is {value!r}: {error.errors()[-1]['msg']}.") from error

"""What can be known to be impossible before any message is read, so that nobody finds it out after hours of fitting."""

import os
from pathlib import Path

import torch
from torch import nn
from transformers import AutoModelForSequenceClassification, DebertaV2Config, PreTrainedConfig

from consumer.cpu_backend import GROUP_STEP, require_computable
from consumer.errors import SettingsError
from training.exporting.graphs import refuse_uncovered
from training.exporting.int8 import SMALLEST_SIDE
from training.exporting.padded import longest
from training.fitting import model, precision
from training.fitting.arguments import training_arguments
from training.fitting.loading import reach, refuse_no_weights
from training.fitting.push_at_save import require_pushable
from training.foreseen import refuse_no_folder
from training.progress import Say
from training.recipe import SCRATCH, Recipe

LARGEST_GRAPH = 2**31 - 2**26  # a protobuf's end, less what the graph itself takes


def require_arguments(recipe: Recipe) -> None:
    """SettingsError names the option, of pretraining or of the fit, that TrainingArguments does not know or take."""
    for section, options in (
        ("pretrain.arguments", recipe.pretrain.arguments),
        ("fit.arguments", recipe.fit.arguments),
    ):
        require_pushable(section, options)
        bits = precision.options(recipe.fit.precision, options, SMALLEST_SIDE)
        of_fit = section == "fit.arguments"
        training_arguments(section, Path(os.devnull), {**bits, **options}, validated=recipe.validated and of_fit)
    if recipe.fit.patience is not None and not recipe.validated:
        raise SettingsError(
            "[fit] patience waits for better validation figures, and there are no validation messages: name some under "
            "[data] validation, or say validation_share."
        )


def _bytes_of(config: PreTrainedConfig) -> int:
    with torch.device("meta"):  # which takes no memory
        classifier: nn.Module = AutoModelForSequenceClassification.from_config(config)  # type: ignore[no-untyped-call]
    return 4 * sum(each.numel() for each in classifier.parameters())


def _refuse_uncovered(config: PreTrainedConfig) -> None:
    try:
        refuse_uncovered(config)
    except (TypeError, ArithmeticError) as error:  # no heads at all, a word for a number
        raise ValueError(f"its configuration makes no model ({error})") from error


def require_exportable(recipe: Recipe, say: Say = lambda _: None) -> PreTrainedConfig:
    """
    The configuration that will be fitted; from scratch, its vocabulary may turn out smaller.

    `say` hears what is asked of the Hub, and how often, which may keep one waiting. SettingsError names what of the
    recipe's model, or of its base model, could not be exported, or a base model without weights.
    """
    base = recipe.model.base
    if base != SCRATCH:
        refuse_no_folder(base)
        reach(base, say)
    config = (
        model.config_from_scratch(recipe.model.config, recipe.model.vocab_size)
        if base == SCRATCH
        else model.checkpoint_config(base, recipe.model.revision)
    )
    try:
        _refuse_uncovered(config)
        if (size := _bytes_of(config)) > LARGEST_GRAPH:
            raise ValueError(
                f"its weights take {size / 2**30:.1f} GiB in fp32, and an ONNX file holds less than 2: start from a "
                "smaller one"
            )
        if config.hidden_size < SMALLEST_SIDE:
            raise ValueError(f"hidden_size is {config.hidden_size}, and int8 needs at least {SMALLEST_SIDE}")
        if "int8-bf16" in recipe.export.precisions:
            if not isinstance(config, DebertaV2Config):
                raise ValueError(
                    f"int8-bf16 is made of DeBERTa-v2 and v3, not of {config.model_type}: take it out of [export] "
                    "precisions"
                )
            if config.hidden_size % GROUP_STEP:
                raise ValueError(f"hidden_size is {config.hidden_size}, and int8-bf16 needs a multiple of {GROUP_STEP}")
        require_computable(recipe.export.precisions, "leave it out of export.precisions")
        if (most := longest(config)) is not None and recipe.model.max_length > most:
            raise ValueError(f"it has positions for {most} tokens, and [model] max_length is {recipe.model.max_length}")
    except ValueError as error:
        raise SettingsError(f"The model {base!r} could not be exported: {error}.") from error
    if base != SCRATCH:
        refuse_no_weights(base, recipe.model.revision)
    return config

"""What can be known to be impossible before any message is read, so that nobody finds it out after hours of fitting."""

import os
from pathlib import Path

from transformers import PreTrainedConfig

from consumer.errors import SettingsError
from training import model
from training.arguments import training_arguments
from training.graphs import SMALLEST_SIDE, refuse_uncovered
from training.padded import longest
from training.recipe import SCRATCH, Recipe


def require_arguments(recipe: Recipe) -> None:
    """SettingsError names the option, of pretraining or of the fit, that TrainingArguments does not know or take."""
    for section, options in (
        ("pretrain.arguments", recipe.pretrain.arguments),
        ("fit.arguments", recipe.fit.arguments),
    ):
        training_arguments(section, Path(os.devnull), options)


def require_exportable(recipe: Recipe) -> PreTrainedConfig:
    """
    The configuration that will be fitted; from scratch, its vocabulary may turn out smaller.

    SettingsError names what of the recipe's model, or of its base model, could not be exported.
    """
    base = recipe.model.base
    config = (
        model.config_from_scratch(recipe.model.config, recipe.model.vocab_size)
        if base == SCRATCH
        else model.checkpoint_config(base)
    )
    try:
        refuse_uncovered(config)
        if config.hidden_size < SMALLEST_SIDE:
            raise ValueError(f"hidden_size is {config.hidden_size}, and int8 needs at least {SMALLEST_SIDE}")
        if (most := longest(config)) is not None and recipe.model.max_length > most:
            raise ValueError(f"it has positions for {most} tokens, and [model] max_length is {recipe.model.max_length}")
    except ValueError as error:
        raise SettingsError(f"The model {base!r} could not be exported: {error}.") from error
    return config

"""What can be known to be impossible before any message is read, so that nobody finds it out after hours of fitting."""

import os
from pathlib import Path

from transformers import DebertaV2Config

from consumer.errors import ArtifactError, SettingsError, SurroundingsError
from consumer.manifest import MANIFEST_FILE
from training import model
from training.arguments import training_arguments
from training.export import SMALLEST_SIDE
from training.packed import refuse_uncovered
from training.recipe import SCRATCH, Recipe


def require_folder(folder: Path, *, replace: bool) -> None:
    """ArtifactError when something is in the artifact's place, SurroundingsError when nothing can be put there."""
    if folder.exists() and not replace:
        raise ArtifactError(f"{folder} exists: name another folder with --out, or say --replace.")
    if folder.exists() and not (folder / MANIFEST_FILE).is_file():
        raise ArtifactError(f"{folder} holds no {MANIFEST_FILE}, so it is no artifact to replace: name another folder.")
    nearest = next(parent for parent in folder.absolute().parents if parent.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise SurroundingsError(
            f"{folder} cannot be made, for {nearest} is no folder that this user may write to: name another folder."
        )


def require_arguments(recipe: Recipe) -> None:
    """SettingsError names the option, of pretraining or of the fit, that TrainingArguments does not know or take."""
    for section, options in (
        ("pretrain.arguments", recipe.pretrain.arguments),
        ("fit.arguments", recipe.fit.arguments),
    ):
        training_arguments(section, Path(os.devnull), options)


def require_exportable(recipe: Recipe) -> DebertaV2Config:
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
    except ValueError as error:
        raise SettingsError(f"The model {base!r} could not be exported: {error}.") from error
    return config

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
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SurroundingsError(f"{folder.parent} cannot be made ({error.strerror}): name another folder.") from error
    if not os.access(folder.parent, os.W_OK):
        raise SurroundingsError(f"{folder.parent} cannot be written to: name another folder, or let this user write.")


def require_exportable(recipe: Recipe) -> DebertaV2Config:
    """The configuration that will be fitted. SettingsError names what of the recipe or its base model cannot be."""
    for section, options in (
        ("pretrain.arguments", recipe.pretrain.arguments),
        ("fit.arguments", recipe.fit.arguments),
    ):
        training_arguments(section, Path(os.devnull), options)
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

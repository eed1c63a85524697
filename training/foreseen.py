"""
What is wrong with a recipe, as far as it shows without torch, transformers and datasets.

Their import takes a slow machine a minute, so nothing here may import them. What only they know is looked at in
feasible.py, before any message is read.
"""

import os
from pathlib import Path

from consumer.errors import SettingsError
from training import processes
from training import recipe as recipes
from training.data.named_files import require_apart, require_columns
from training.fitting import option_names
from training.recipe import SCRATCH, Model, Recipe
from training.whole_folder import require_folder


def require_run(path: Path, files: Path | None, artifact: Path | None, *, replace: bool) -> None:
    """For the whole run of the recipe at `path`, as `run` takes it; ShikyuError says what is wrong, and what to do."""
    recipe = recipes.read(path)
    require_place(artifact or path.parent / recipe.output, replace=replace)
    _require_options(recipe)
    _require_model(located(recipe, files or path.parent).model)
    _require_files(recipe, files or path.parent)


def require_step(path: Path, files: Path | None, step: str) -> None:
    """The same for one step alone, or for `compare`, whose base models are others than the recipe's."""
    recipe = recipes.read(path)
    if step in ("data", "fit", "compare"):
        _require_options(recipe)
    if step == "fit" or (step == "data" and recipe.model.config):
        _require_model(located(recipe, files or path.parent).model)
    if step in ("data", "compare"):
        _require_files(recipe, files or path.parent)


def require_place(artifact: Path, *, replace: bool) -> None:
    """That the artifact can be put there; of several processes, the main one sees to it."""
    if processes.is_main():
        require_folder(artifact, replace=replace, anew=", which trains anew from the start")


def located(recipe: Recipe, files: Path) -> Recipe:
    """Base models that are folders lie where the recipe's other files are, wherever it is read from."""

    def place(base: str) -> str:
        folder = files / base
        return str(folder.resolve()) if base != SCRATCH and _is_folder(folder) else base

    return recipe.model_copy(
        update={
            "model": recipe.model.model_copy(update={"base": place(recipe.model.base)}),
            "compare": recipes.Compare(bases=[place(base) for base in recipe.compare.bases]),
        }
    )


def refuse_no_folder(base: str) -> None:
    """SettingsError for what is written as a folder and is none, before the Hub is asked for it."""
    if (base.startswith((".", "/", "~")) or base.endswith("/") or base.count("/") > 1) and not _is_folder(base):
        raise SettingsError(
            f"The base model {base!r} is no folder that is there: mend its path, which begins where the recipe is (or "
            "at --data); a checkpoint of the Hub is named OWNER/NAME."
        )


def _require_options(recipe: Recipe) -> None:
    if known := option_names.written():
        for section, options in (
            ("pretrain.arguments", recipe.pretrain.arguments),
            ("fit.arguments", recipe.fit.arguments),
        ):
            option_names.require_known(section, options, known)


def _require_model(model: Model) -> None:
    if model.base != SCRATCH:
        refuse_no_folder(model.base)
    else:
        option_names.require_sizes(model.config)


def _require_files(recipe: Recipe, folder: Path) -> None:
    if processes.is_main():
        require_apart(recipe.data.all_sources, folder)
        require_columns(recipe.data.all_sources, folder)


def _is_folder(path: str | Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 - Path's raises for a name too long

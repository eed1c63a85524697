"""The recipe of an artifact that was calibrated anew: what was run, and whose messages its promise is of by now."""

import tomllib

from training.data.sources import Source
from training.recipe import Calibration, Promise, Recipe
from training.reporting.recipe_lines import as_run

NAME = "recalibrated"
NOTE = f"# Calibrated anew since, on the messages of the source {NAME!r}.\n"


def recalibrated_recipe(was: bytes, version: str, promise: Promise, source: Source) -> bytes:
    """With the new messages' `source` before the others, so that files are read as those; as it `was` if no recipe."""
    try:
        recipe = Recipe.model_validate(tomllib.loads(was.decode("utf-8")))
    except ValueError:  # another's, or of another version
        return was
    sources = [source, *(each for each in recipe.data.all_sources if each.name != source.name)]
    changed = {
        "version": version,
        "promise": promise,
        "calibration": Calibration(),
        "data": recipe.data.model_copy(update={"sources": sources}),
    }
    return (NOTE + as_run(recipe.model_copy(update=changed), {})).encode()

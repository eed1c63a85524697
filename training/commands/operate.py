"""`shikyu-train operate`: the step of a recipe's run, in slices if asked to."""

from dataclasses import replace as changed
from pathlib import Path

import click

from consumer.errors import SettingsError
from training.commands.options import of_a_recipe, ready


@click.command()
@of_a_recipe
@click.option("--slices", metavar="COLUMN", help="Promise the recall in every slice: each value of this column.")
def operate(recipe: Path, data: Path | None, out: Path | None, work: Path | None, slices: str | None) -> None:
    """
    Choose the thresholds, after `graphs`.

    On the calibration messages, as the recipe's [promise] says: each precision is scored as the consumer will, gets a
    temperature, a threshold and its promise, and is held against fp32 by the recipe's [gate]. operating_point.json, in
    the run's folder, has it all.

    \b
    shikyu-train operate my-model/recipe.toml --slices channel
    """
    ready()
    from training import foreseen

    foreseen.require_step(recipe, data, "operate")
    from training import run

    job = run.job(recipe, click.echo, data, out, work)
    if slices is not None:
        if job.recipe.promise.by != "recall":
            raise SettingsError(
                f'--slices is for a promised recall, and {recipe} chooses by "{job.recipe.promise.by}".'
            )
        promise = job.recipe.promise.model_copy(update={"slices": slices})
        job = changed(job, recipe=job.recipe.model_copy(update={"promise": promise}))
    run.do(job, "operate")

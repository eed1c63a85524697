"""`shikyu-train compare`: several base models on the messages of one recipe."""

import json
from pathlib import Path

import click
from rich.console import Console

from consumer.errors import SettingsError
from training.commands.options import ExistingFile, places, ready


@click.command()
@click.argument("recipe", type=ExistingFile())
@click.option(
    "--base",
    "bases",
    multiple=True,
    help="A Hub checkpoint, a folder, or scratch; repeatable. Instead of the recipe's [compare].",
)
@places
@click.option("--json", "as_json", is_flag=True, help="As JSON instead of a table.")
def compare(
    recipe: Path, bases: tuple[str, ...], data: Path | None, out: Path | None, work: Path | None, as_json: bool
) -> None:
    """
    Compare several base models.

    Each is fitted on the same messages, and their figures are put side by side: on validation messages, or those of
    calibration where there are none, for the test is for the one that is chosen. Each has a run folder of its own,
    beside the recipe's, and what was interrupted goes on where it stopped. A base that fails is told with its reason.

    \b
    shikyu-train compare my-model/recipe.toml --base microsoft/deberta-v3-small --base xlm-roberta-base
    """
    ready()
    from training import foreseen
    from training import recipe as recipes

    if not bases and not recipes.read(recipe).compare.bases:
        raise SettingsError(f"{recipe} names no base models to compare: name them with --base, or in [compare] bases.")
    foreseen.require_step(recipe, data, "compare")
    from training import run
    from training.compare import compare
    from training.reporting.tables import compare_table
    from training.run_folder import write_atomically

    job = run.job(recipe, lambda line: click.echo(line, err=as_json), data, out, work)
    rows = compare(job, bases or tuple(job.recipe.compare.bases))
    told = json.dumps([row.as_json() for row in rows], indent=2, allow_nan=False)
    file = job.artifact.with_name(f"{job.artifact.name}.compare.json")
    write_atomically(file, f"{told}\n".encode())
    if as_json:
        click.echo(told)
    else:
        Console(markup=False, highlight=False).print(compare_table(rows))
        click.echo(f"the table as JSON: {file}")
    if all(row.compared is None for row in rows):
        if rows[0].failure is not None and len({row.reason for row in rows}) == 1:
            raise rows[0].failure  # of the messages, most likely: no base is to blame
        raise SettingsError("None of the base models could be fitted and measured: see the reason of each above.")

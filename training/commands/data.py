"""`shikyu-train data`: the messages of a recipe, looked at before anything is trained."""

import json
from pathlib import Path

import click
from rich.console import Console

from consumer.errors import LimitError
from training.commands.options import of_a_recipe, ready


@click.command()
@of_a_recipe
@click.option("--json", "as_json", is_flag=True, help="Everything that was found, as JSON.")
def data(recipe: Path, data: Path | None, out: Path | None, work: Path | None, as_json: bool) -> None:
    """
    Look at the messages of a RECIPE.

    Its splits are kept in the run's folder. Balance, sources, lengths in tokens, empty texts, labels outside the
    mapping, copies; the page data.html has it all.

    \b
    shikyu-train data my-model/recipe.toml
    Exit codes: 0 the messages may be trained on, 5 a limit of [data.limits] is not met, or the promise's.
    """
    ready()
    from training import foreseen

    foreseen.require_step(recipe, data, "data")
    from training import run
    from training.reporting.data_table import data_tables
    from training.run_folder import DATA, DATA_PAGE

    job = run.job(recipe, _asked_of_the_hub, data, out, work)
    refused = None
    try:
        run.do(job, "data")
    except LimitError as error:
        refused = error
    found = job.folder.read_json(DATA, "data")
    if as_json:
        click.echo(json.dumps(found, indent=2, allow_nan=False))
    else:
        Console(markup=False, highlight=False).print(data_tables(found))
        if found["warning"]:
            click.echo(f"\nwarning: {found['warning']}")
        click.echo(f"\npage: {job.folder.root / DATA_PAGE} (it shows customers' texts)")
    if refused is not None:
        raise refused


def _asked_of_the_hub(line: str) -> None:
    """Told while one waits; what else the step says stands in the tables."""
    if line.startswith("start: "):
        click.echo(line, err=True)

"""`shikyu-train check`: whether an artifact keeps its promise on labelled messages."""

import json
from pathlib import Path
from typing import get_args

import click
from rich.console import Console

from consumer.manifest import Precision
from training.commands.options import FOLDER, INSTEAD, ExistingFile, labelled, ready


@click.command()
@click.argument("artifact", type=FOLDER)
@click.argument("files", nargs=-1, required=True, type=ExistingFile())
@labelled
@click.option("--slices", metavar="COLUMN", help="In each value of this column; of itself, where so promised.")
@click.option("--precision", type=click.Choice(get_args(Precision)), help="Otherwise, each that may be served.")
@click.option("--json", "as_json", is_flag=True, help="As JSON instead of a table.")
def check(
    artifact: Path,
    files: tuple[Path, ...],
    text: tuple[str, ...],
    mapping: dict[str, int],
    stars: str | None,
    slices: str | None,
    precision: str | None,
    as_json: bool,
) -> None:
    """
    Ask whether a promise is kept.

    An ARTIFACT's, on labelled FILES: kept, broken, or too few messages to tell.

    \b
    shikyu-train check my-model/artifact june.csv
    Exit codes: 0 kept, 5 broken, 6 too few messages to tell (and how many it takes), or too many
    that the artifact has seen.
    """
    ready()
    from consumer.cpu_backend import require_computable
    from training.commands.labelled_files import read_for
    from training.evaluating.checked import checked, promises
    from training.operating.kept import UndecidedError, require_kept
    from training.reporting.tables import check_table

    promised = promises(artifact, precision)
    require_computable(promised, INSTEAD)
    slices = slices or next(iter(promised.values())).slices
    read = read_for([artifact], files, text, stars, mapping, [slices] if slices else [])
    found = checked(artifact, read.messages, promised, slices)
    if as_json:
        shown = {
            name: {"promise": promise.model_dump(), "slices": {value: each.as_json() for value, each in by.items()}}
            for name, (promise, by) in found.items()
        }
        click.echo(json.dumps(shown, indent=2))
    else:
        Console(markup=False, highlight=False).print(check_table(found, slices))
    require_kept(*(by for _, by in found.values()))
    if read.seen:
        raise UndecidedError(
            "Kept, but on messages that the artifact was made from, where any promise is: name others."
        )

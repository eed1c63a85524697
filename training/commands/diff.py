"""`shikyu-train diff`: what changes for the messages when one artifact takes the place of another."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import click
from rich.console import Console

from consumer.errors import SettingsError
from consumer.manifest import Precision
from training.commands.options import FOLDER, ExistingFile, labelled, ready
from training.whole_folder import artifact_around


@click.command()
@click.argument("first", metavar="A", type=FOLDER)
@click.argument("second", metavar="B", type=FOLDER)
@click.argument("files", nargs=-1, required=True, type=ExistingFile())
@labelled
@click.option("--precision", type=click.Choice(get_args(Precision)), help="Of both; otherwise what each is served by.")
@click.option(
    "--recall",
    default=0.95,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True),
    help="Compare needless answers at this recall, too.",
)
@click.option(
    "--flips",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the messages whose class or decision changed here, as JSON lines.",
)
@click.option("--with-text/--without-text", default=True, show_default=True, help="Whether --flips has the texts.")
@click.option("--json", "as_json", is_flag=True, help="As JSON instead of a table.")
def diff(
    first: Path,
    second: Path,
    files: tuple[Path, ...],
    text: tuple[str, ...],
    mapping: dict[str, int],
    stars: str | None,
    precision: str | None,
    recall: float,
    flips: Path | None,
    with_text: bool,
    as_json: bool,
) -> None:
    """
    Compare two artifacts.

    What changes from A to B on labelled FILES, and whether it is more than chance.

    \b
    shikyu-train diff my-model/artifact new-model/artifact june.csv --flips flips.jsonl
    """
    ready()
    from training.commands.labelled_files import read_for
    from training.data import require_every_class

    if flips is not None:
        _require_outside(flips)
    messages = read_for([first, second], files, text, stars, mapping).messages
    require_every_class(messages, "labelled")
    from training.evaluating.answers import answer_as_served
    from training.evaluating.diff import difference, flip_lines
    from training.reporting.tables import diff_table
    from training.run_folder import write_atomically

    (was, before), (will_be, after) = (answer_as_served(each, messages, precision) for each in (first, second))
    found = difference(before, after, messages.labels, recall)
    if flips is not None:
        texts = messages.raw if with_text else None
        write_atomically(flips, "".join(flip_lines(before, after, messages.labels, texts)).encode())
    if as_json:
        named = {"a": asdict(was), "b": asdict(will_be)}
        click.echo(json.dumps({**named, **found.as_json()}, indent=2, allow_nan=False))
    else:
        Console(markup=False, highlight=False).print(diff_table(was, will_be, found))


def _require_outside(file: Path) -> None:
    """SettingsError for a file within an artifact, which would then hold texts, and be refused by the consumer."""
    if artifact_around(file) is not None:
        raise SettingsError(f"{file} would lie within an artifact, which holds no messages: name another place.")

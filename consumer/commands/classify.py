"""`shikyu classify`: texts in, decisions out, no Kafka."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from consumer import text_files
from consumer.errors import SettingsError, SurroundingsError
from consumer.recipe_columns import RECIPE, text_columns
from consumer.records import Decision, Satisfaction
from consumer.settings_flags import SettingsCommand, settings_flags
from consumer.settings_sources import Resolved
from consumer.visible import visible

if TYPE_CHECKING:
    from consumer.classify import Classifier

WINDOW_TEXTS = 1000
WINDOW_CHARACTERS = 4 * 1024 * 1024
SHOWN_CHARACTERS = 200
TEXT = "text"
LABELS = [label.value for label in Satisfaction]

Show = Literal["auto", "table", "jsonl"]


class Shows(Protocol):
    def __call__(self, first: int, texts: Sequence[str], decisions: Sequence[Decision]) -> None: ...


@click.command(cls=SettingsCommand)
@click.argument("texts", nargs=-1)
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help=f"Read texts from this file: {text_files.KINDS}.",
)
@click.option(
    "--text-field",
    "text_fields",
    multiple=True,
    show_default="the artifact's recipe's, else text",
    help="The file's field or column that holds the text; repeatable, and several are joined by a blank line.",
)
@click.option(
    "--format",
    "show",
    type=click.Choice(["auto", "table", "jsonl"]),
    default="auto",
    show_default=True,
    help="`auto` is a table at a terminal, and JSON lines elsewhere.",
)
@click.option("--with-text/--without-text", default=True, show_default=True, help="Whether the texts are in the JSON.")
@settings_flags("model", "batching")
def classify(
    resolved: Resolved,
    texts: tuple[str, ...],
    path: Path | None,
    text_fields: tuple[str, ...],
    show: Show,
    with_text: bool,
) -> None:
    """
    Classify TEXTS, or the lines of standard input, or a file's texts; in their order.

    \b
    shikyu classify --model-artifact my-model "Where is my refund?!" "Thanks, all good."
    shikyu classify --model-artifact my-model --file reviews.parquet --text-field body > decisions.jsonl
    """
    if texts and path:
        raise SettingsError("texts as arguments and --file were both given; give one of them")
    fields = text_fields or (_fields(path, resolved.settings.model.artifact) if path else (TEXT,))
    classifier = _load(resolved)
    shows = _table if show == "table" or (show == "auto" and sys.stdout.isatty()) else _jsonl(with_text)
    size = path.stat().st_size if path else None
    with _progress(size, wanted=not texts and not _typed(path)) as progress:
        task = progress.add_task("classify", total=size, texts=0)
        source = _source(texts, path, fields, progress, task)
        row = 1
        for window in windows(source, 1 if not texts and _typed(path) else WINDOW_TEXTS):
            shows(row, window, classifier.classify(window))
            row += len(window)
            progress.update(task, texts=row - 1)


def windows(texts: Iterable[str], most: int) -> Iterator[list[str]]:
    """Lists of at most `most` texts and about WINDOW_CHARACTERS, whatever the length of the whole."""
    window: list[str] = []
    characters = 0
    for text in texts:
        window.append(text)
        characters += len(text)
        if len(window) == most or characters >= WINDOW_CHARACTERS:
            yield window
            window, characters = [], 0
    if window:
        yield window


def _load(resolved: Resolved) -> "Classifier":
    from consumer.model_settings import loaded  # which takes its time

    return loaded(resolved.settings)


def _typed(path: Path | None) -> bool:
    """Whether somebody types the texts, and waits for each answer."""
    return path is None and sys.stdin.isatty()


def _source(
    texts: tuple[str, ...], path: Path | None, fields: Sequence[str], progress: Progress, task: TaskID
) -> Iterable[str]:
    if texts:
        # Arguments that are no UTF-8 come with half surrogates, which no JSON can hold.
        return [os.fsencode(text).decode("utf-8", "replace") for text in texts]
    if path:
        return _texts(path, fields, lambda done: progress.update(task, completed=done))
    if sys.stdin.isatty():
        click.echo("one text a line; Ctrl-D ends", err=True)
    return _lines_of_standard_input()


def _fields(path: Path, artifact: Path | None) -> tuple[str, ...]:
    """Of the recipe's columns, by source, and the usual one, the first that the file has; told where not usual."""
    wanted = [*(text_columns(artifact) if artifact else []), (TEXT,)]
    for each in wanted:
        try:
            next(text_files.joined(path, each, lambda _: None), None)
        except SettingsError:  # told when the file is read in earnest
            continue
        if each != (TEXT,):
            flags = " ".join(f"--text-field {name}" for name in each)
            click.echo(f"read as {artifact}'s {RECIPE} says: {flags}", err=True)
        return each
    return wanted[0]


def _texts(path: Path, fields: Sequence[str], advance: text_files.Advance) -> Iterator[str]:
    try:
        yield from text_files.joined(path, fields, advance)
    except text_files.NoSuchField as error:
        raise SettingsError(f"{error}: name the column with --text-field") from error


def _lines_of_standard_input() -> Iterator[str]:
    try:
        for line in sys.stdin.buffer:
            yield line.decode("utf-8", "replace").rstrip("\r\n")
    except OSError as error:  # else taken for standard output's, for it names no file
        raise SurroundingsError(
            f"standard input cannot be read ({error.strerror}): send texts there, or name a --file"
        ) from error


def _progress(size: int | None, *, wanted: bool) -> Progress:
    console = Console(stderr=True)
    counted = [BarColumn(), TaskProgressColumn(), TimeRemainingColumn()] if size else []
    columns = [TextColumn("{task.fields[texts]:,} texts"), TextColumn("{task.elapsed:.0f} s"), *counted]
    # Where the answers themselves run down the terminal, they are the progress.
    hidden = not (wanted and console.is_terminal) or sys.stdout.isatty()
    return Progress(*columns, console=console, transient=True, redirect_stdout=False, disable=hidden)


def _jsonl(with_text: bool) -> Shows:
    def show(first: int, texts: Sequence[str], decisions: Sequence[Decision]) -> None:
        lines = [
            orjson.dumps(_as_json(row, text if with_text else None, decision), option=orjson.OPT_APPEND_NEWLINE)
            for row, (text, decision) in enumerate(zip(texts, decisions, strict=True), start=first)
        ]
        sys.stdout.buffer.write(b"".join(lines))
        sys.stdout.buffer.flush()

    return show


def _as_json(row: int, text: str | None, decision: Decision) -> dict[str, object]:
    return {
        "row": row,
        **({} if text is None else {"text": text}),
        "decision": decision.decision,
        "urgency": decision.urgency,
        "threshold": decision.threshold,
        "reason": decision.reason,
        "satisfaction": decision.satisfaction,
        "probabilities": dict(zip(LABELS, decision.probabilities, strict=True)),
        "truncated": decision.truncated,
        "model": {
            "name": decision.model.name,
            "version": decision.model.version,
            "precision": decision.model.precision,
        },
    }


def _table(first: int, texts: Sequence[str], decisions: Sequence[Decision]) -> None:
    # Fixed widths, so that one window's rows stand below those of the last.
    table = Table(box=None, show_header=first == 1, pad_edge=False, expand=True)
    table.add_column("row", justify="right", width=6)
    table.add_column("decision", width=8)
    table.add_column("urgency", justify="right", width=7)
    table.add_column("satisfaction", width=16)
    table.add_column("reason", width=23, no_wrap=True)
    table.add_column("text", no_wrap=True, overflow="ellipsis", ratio=1)
    for row, (text, decision) in enumerate(zip(texts, decisions, strict=True), start=first):
        table.add_row(
            str(row),
            Text(decision.decision, style="bold red" if decision.urgent else "green"),
            f"{decision.urgency:.3f}",
            decision.satisfaction,
            Text(decision.reason),
            Text(visible(text, SHOWN_CHARACTERS)),
        )
    Console().print(table)

"""`shikyu corrections`: what people say decisions should have been, settled, and made a data set of."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from consumer.errors import ShikyuError
from consumer.settings_flags import SettingsCommand, settings_flags
from consumer.settings_sources import Resolved

if TYPE_CHECKING:
    from consumer.corrections.report import Report
    from consumer.schema_store import SchemaStore

Command = TypeVar("Command", bound=Callable[..., Any])
SECTIONS = ("corrections", "output", "input", "registry", "delivery", "kafka")
RECALL_DAYS = 30
AS_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for another program.")


@click.group(name="corrections")
def corrections() -> None:
    """
    List what people say decisions should have been, and make a data set of it.

    \b
    shikyu corrections list --config shikyu.toml
    shikyu corrections export --config shikyu.toml --to corrections.jsonl --with-text
    """


@corrections.command(name="list", cls=SettingsCommand)
@AS_JSON
@settings_flags(*SECTIONS)
def list_command(resolved: Resolved, as_json: bool) -> None:
    """
    List the correction that stands for each message, and count the others.

    \b
    shikyu corrections list --config shikyu.toml
    shikyu corrections list --json | jq -r 'select(.answered != .decision) | .event_id'
    """
    from consumer.corrections import told

    with _reported(resolved) as (report, _):
        for event_id, each in report.settled.standing.items():
            answer = report.answers.by_id[event_id]
            if as_json:
                _echo(told.as_json(each, answer))
            else:
                click.echo(f"{told.line(each)}; answered {answer.fate}")
        if not as_json:
            click.echo(told.summary(report.settled, report.found))


@corrections.command(name="conflicts", cls=SettingsCommand)
@AS_JSON
@settings_flags(*SECTIONS)
def conflicts_command(resolved: Resolved, as_json: bool) -> None:
    """
    List the messages of which people say different things, and which of them stands: the weightiest role's latest.

    \b
    shikyu corrections conflicts --config shikyu.toml
    """
    from consumer.corrections import told

    with _reported(resolved) as (report, _):
        for each in report.settled.conflicts:
            if as_json:
                _echo(told.conflict_as_json(each))
            else:
                click.echo("\n".join(told.conflict_lines(each)))
        if not as_json:
            click.echo(told.summary(report.settled, report.found))


@corrections.command(name="held", cls=SettingsCommand)
@AS_JSON
@settings_flags(*SECTIONS)
def held_command(resolved: Resolved, as_json: bool) -> None:
    """
    List corrections that are not heard, each with its reason, and what a person can do about it.

    \b
    shikyu corrections held --config shikyu.toml
    shikyu corrections list --corrections-released ticketing@2026-11-29T14
    """
    from consumer.corrections import told

    with _reported(resolved) as (report, _):
        if as_json:
            for each in report.settled.held:
                _echo(told.held_as_json(each))
            return
        for line in told.held_lines(report.settled.held):
            click.echo(line)
        click.echo(told.summary(report.settled, report.found))


@corrections.command(name="due", cls=SettingsCommand)
@click.option(
    "--since", metavar="DURATION", default="7d", show_default=True, help="How far to look back: 7d, 12h, P7D."
)
@click.option("--with-text", is_flag=True, help="Show the customers' texts too, as far as events carry them.")
@AS_JSON
@settings_flags(*SECTIONS, "audit")
def due_command(resolved: Resolved, since: str, with_text: bool, as_json: bool) -> None:
    """
    List the messages that were marked for people to check (audit.share), and that nobody has judged yet.

    Each with the event_id that `shikyu correct` takes, and how it was decided.

    \b
    shikyu corrections due --since 1d --with-text
    shikyu corrections due --since 1d --json | jq -c '{event_id, decision, role: "quality"}' > to-judge.jsonl
    """
    from consumer.audit import due
    from consumer.commands.reading import progress
    from consumer.replay.window import duration

    length = duration("--since", since)
    with progress() as bar:
        task = bar.add_task("answers", total=None)
        found = due.due(resolved.settings, length, lambda done, of: bar.update(task, completed=done, total=of))
    if as_json:
        for event_id, answer in found.items():
            _echo(due.as_json(event_id, answer, with_text=with_text))
        return
    for line in due.lines(list(found.items()), with_text=with_text):
        click.echo(line)
    click.echo(f"{len(found):,} marked messages wait for somebody's judgement")


@corrections.command(name="export", cls=SettingsCommand)
@click.option(
    "--to", "file", type=click.Path(path_type=Path, dir_okay=False), required=True, metavar="FILE",
    help="Write the data set to this file, which ends in .jsonl or .parquet.",
)  # fmt: skip
@click.option(
    "--with-text", is_flag=True,
    help="Write the customers' texts too, without which nothing can be trained; mind who may read the file.",
)  # fmt: skip
@settings_flags(*SECTIONS, "model")
def export_command(resolved: Resolved, file: Path, with_text: bool) -> None:
    """
    Write what stands to a file, one row a message: for training, with --with-text.

    `stars` is the satisfaction as 1 to 5, empty where people judged the decision alone. Texts that the answers do not
    carry (output.include_text) are read back from the source topics; those that are gone are told, and left out. At the
    end stands what became of the promise, as `shikyu recall` tells it.

    \b
    shikyu corrections export --to corrections.jsonl --with-text
    shikyu corrections export --to corrections.parquet
    """
    from consumer.corrections import export, told
    from consumer.corrections.texts import Read, read_back

    export.require_kind(file)
    with _reported(resolved) as (report, store):
        messages = export.of_messages(report.settled.standing, report.answers.by_id)
        texts = Read()
        if with_text:
            answers = [answer for _, answer in messages.values()]
            texts = read_back(resolved.settings, store, answers, lambda _: None)
        rows = list(export.rows(messages.values(), texts.texts if with_text else None))
        export.write(file, rows)
    judged = sum(row["stars"] is not None for row in rows)
    holds = "customers' texts" if with_text else "no texts (--with-text writes them)"
    click.echo(f"{file}: {len(rows):,} messages, {judged:,} with stars, the others with the decision alone; {holds}")
    for line in told.left_out(texts):
        click.echo(line)
    click.echo(told.summary(report.settled, report.found))
    click.echo(_promise(resolved))


def _promise(resolved: Resolved) -> str:
    """What became of it, in so many days; events in plain text tell no marks."""
    from consumer.audit import live
    from consumer.audit.told import promise_line

    if resolved.settings.output.format == "text":
        return "live recall: not told by answers in plain text"
    asked = live.Asked(since=timedelta(days=RECALL_DAYS))
    try:
        told = promise_line(live.figures(resolved.settings, asked, lambda *_: None))
    except ShikyuError as problem:  # the data set is written, and this is a word beside it
        told = f"not told ({problem})"
    return f"live recall of {RECALL_DAYS} days: {told}"


@contextmanager
def _reported(resolved: Resolved) -> Iterator[tuple["Report", "SchemaStore"]]:
    """With a bar at a terminal, while topics are read."""
    from consumer.corrections.report import report
    from consumer.schema_store import open_store

    settings = resolved.settings
    console = Console(stderr=True)
    columns = [TextColumn("reading {task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()]
    hidden = not console.is_terminal
    with open_store(settings.registry.url, settings.registry.options, settings.input.schemas) as store:
        with Progress(*columns, console=console, transient=True, redirect_stdout=False, disable=hidden) as bar:
            task = bar.add_task("corrections", total=None)
            made = report(
                settings, store, lambda what, done, of: bar.update(task, description=what, completed=done, total=of)
            )
        yield made, store


def _echo(value: object) -> None:
    click.echo(orjson.dumps(value).decode())

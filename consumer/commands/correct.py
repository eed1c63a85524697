"""`shikyu correct`: says what a decision should have been."""

import sys

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from consumer.commands.writing import WRITER
from consumer.corrections.entries import ROLES, Role
from consumer.errors import SettingsError
from consumer.records import Satisfaction
from consumer.settings_flags import SettingsCommand, settings_flags
from consumer.settings_sources import Resolved


@click.command(cls=SettingsCommand)
@click.argument("event_id", metavar="[EVENT_ID]", required=False)
@click.option("--urgent/--routine", "urgent", default=None, help="The decision that the message should have had.")
@click.option(
    "--satisfaction", type=click.Choice([each.value for each in Satisfaction]), metavar="CLASS",
    help=f"How satisfied its writer is, if that was judged too: {', '.join(Satisfaction)}.",
)  # fmt: skip
@click.option(
    "--role", type=click.Choice(ROLES), metavar="ROLE",
    help=f"Who says so: {', '.join(reversed(ROLES))}. The first weighs most. With --stdin, of rows that name none.",
)  # fmt: skip
@click.option("--message-id", metavar="ID", help="The message's own id, for people.")
@click.option(
    "--stdin", "kind", type=click.Choice(["jsonl", "csv"]), metavar="jsonl|csv",
    help="Read corrections from standard input, one a line, with the event's own field names.",
)  # fmt: skip
@WRITER
@settings_flags("corrections", "output", "registry", "kafka")
def correct(
    resolved: Resolved,
    event_id: str | None,
    urgent: bool | None,
    satisfaction: str | None,
    role: Role | None,
    message_id: str | None,
    kind: str | None,
    writer: str,
) -> None:
    """
    Say what a decision should have been: a record in the topic of corrections.

    EVENT_ID is that of the classified message. Of many (--stdin) all are checked before the first is written: event_id,
    decision (urgent, routine) and role, and if you like satisfaction, message_id and corrected_at. To change your mind,
    correct again: the latest counts. `shikyu corrections list` shows what stands.

    \b
    shikyu correct customer-messages/0/17/live --urgent --role supervisor --satisfaction very_unsatisfied
    shikyu correct --stdin csv --role quality < corrections.csv
    """
    from consumer import kafka_options, logs
    from consumer.corrections import given
    from consumer.corrections.write import Encoder, write
    from consumer.schema_store import open_store

    settings = resolved.settings
    logs.configure(settings.log)
    kafka_options.verify(settings)
    if kind is None:
        if event_id is None or urgent is None or role is None:
            raise SettingsError("a correction needs EVENT_ID, --urgent or --routine, and --role; or --stdin for many")
        decision = "urgent" if urgent else "routine"
        judged = {"event_id": event_id, "decision": decision, "role": role, "satisfaction": satisfaction}
        wanted = [given.one(**judged, message_id=message_id)]
    elif event_id is not None or urgent is not None or satisfaction is not None or message_id is not None:
        raise SettingsError("--stdin brings all but the role: leave EVENT_ID and the other flags out")
    else:
        wanted = given.rows(sys.stdin.buffer, kind, role)  # type: ignore[arg-type]
    with open_store(settings.registry.url, settings.registry.options, ()) as store:
        encoder = Encoder(settings, store, writer)
        records = [encoder.encode(each) for each in wanted]
    with _progress() as progress:
        task = progress.add_task("corrections", total=len(records))
        write(settings, records, lambda done: progress.update(task, completed=done))
    click.echo(f"{len(records):,} correction{'s' * (len(records) != 1)} written to {settings.corrections.topic}")


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = [TextColumn("writing corrections"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()]
    return Progress(*columns, console=console, transient=True, redirect_stdout=False, disable=not console.is_terminal)

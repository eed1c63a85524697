"""`shikyu dead-letters`: what could not be answered, looked at and tried again."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from consumer.commands.given import Number
from consumer.commands.replay import checked, served
from consumer.errors import SettingsError
from consumer.settings_flags import SettingsCommand, settings_flags
from consumer.settings_sources import Resolved

CODE = click.option("--code", "codes", multiple=True, metavar="CODE", help="Only letters of this code; several times.")
Command = TypeVar("Command", bound=Callable[..., Any])
TIMES = (
    click.option("--from-datetime", metavar="TIME", help="Those that died from this time on (UTC)."),
    click.option("--to-datetime", metavar="TIME", help="Those that died before this time."),
    click.option("--by-duration", metavar="DURATION", help="Those of the last 7d, 12h or 1h30m."),
)


def times(command: Command) -> Command:
    """Adds the flags of a time."""
    for option in reversed(TIMES):
        command = option(command)
    return command


@click.group(name="dead-letters")
def dead_letters() -> None:
    """
    List, show and retry what could not be answered.

    \b
    shikyu dead-letters list --by-duration 1d
    shikyu dead-letters show 2/1041
    shikyu dead-letters retry --code missing-text --input-text body --config shikyu.toml
    """


@dead_letters.command(name="list", cls=SettingsCommand)
@CODE
@times
@click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, help="At most so many, the newest.")
@settings_flags("dead_letters", "kafka")
def list_command(resolved: Resolved, codes: tuple[str, ...], limit: int, **words: object) -> None:
    """
    List dead letters, oldest first: where each stands, where it came from, when and why it died.

    \b
    shikyu dead-letters list --by-duration 1d
    shikyu dead-letters list --code unknown-schema-id
    """
    from consumer.replay import letter_box
    from consumer.replay.letters import codes as known
    from consumer.replay.window import asked

    window = asked(datetime.now(UTC), **words)  # type: ignore[arg-type]
    for line in letter_box.listed(checked(resolved), window, known(codes), limit):
        click.echo(line)


@dead_letters.command(name="show", cls=SettingsCommand)
@click.argument("place", metavar="PARTITION/OFFSET")
@click.option("--with-text", is_flag=True, help="Also the key, the headers and the value, which are the customer's.")
@settings_flags("dead_letters", "kafka")
def show_command(resolved: Resolved, place: str, with_text: bool) -> None:
    """
    Show one dead letter; of what the customer wrote nothing, unless asked.

    \b
    shikyu dead-letters show 2/1041
    """
    from consumer.replay import letter_box

    partition, _, offset = place.partition("/")
    if not (partition.isdecimal() and offset.isdecimal()):
        raise SettingsError(f"{place!r} is no PARTITION/OFFSET, such as 2/1041; `shikyu dead-letters list` has them")
    for line in letter_box.shown(checked(resolved), int(partition), int(offset), with_text=with_text):
        click.echo(line)


@dead_letters.command(name="retry", cls=SettingsCommand)
@click.option("--run", "run_id", metavar="ID", help="The run's name; the same one goes on where it stopped.")
@CODE
@times
@click.option("--partitions", metavar="LIST", help="Only these partitions of the dead-letter topic, such as 0,2.")
@click.option("--again", is_flag=True, help="Also those that an earlier run has retried: their answers come twice.")
@click.option("--max-rate", type=Number(0.1, 1e6), metavar="NUMBER", help="At most so many records a second, here.")
@settings_flags()
def retry_command(
    resolved: Resolved,
    run_id: str | None,
    codes: tuple[str, ...],
    again: bool,
    max_rate: float | None,
    **words: object,
) -> None:
    """
    Answer dead letters once more, after what killed them was mended: to the live topics, exactly once.

    Each has the event id that it would have had, and `attempt` counts; it stands behind what was answered since. One
    that dies again is a new dead letter. What an earlier run retried is passed over.

    \b
    shikyu dead-letters retry --code unknown-schema-id --by-duration 1d
    """
    from consumer.replay.letters import codes as known
    from consumer.replay.start import Request
    from consumer.replay.window import asked, named

    now = datetime.now(UTC)
    window = asked(now, **words)  # type: ignore[arg-type]
    request = Request(window, named(run_id, now), to_live=True, codes=known(codes), again=again)
    click.echo(served(resolved, request, max_rate))

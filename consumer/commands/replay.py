"""`shikyu replay`: a part of the past, answered again."""

import sys
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import click

from consumer.commands.given import Number, flags_given
from consumer.errors import SettingsError
from consumer.settings import Settings
from consumer.settings_flags import SettingsCommand, SettingsGroup, settings_flags
from consumer.settings_sources import DEFAULT_ORIGIN, Resolved

if TYPE_CHECKING:
    from consumer.replay.start import Request

RUN = click.option("--run", "run_id", metavar="ID", help="The run's name; the same one goes on where it stopped.")


@click.group(name="replay", cls=SettingsGroup, invoke_without_command=True)
@RUN
@click.option("--from-datetime", metavar="TIME", help="Records from this time on, such as 2026-11-28T09:30 (UTC).")
@click.option("--to-datetime", metavar="TIME", help="Records before this time; unless given, all until now.")
@click.option("--by-duration", metavar="DURATION", help="The last 7d, 12h or 1h30m; or ISO 8601's P7D.")
@click.option(
    "--from-offsets", multiple=True, metavar="[TOPIC/]PARTITION:START[-END]",
    help="Offsets of one partition, END without; several times or with commas for more.",
)  # fmt: skip
@click.option("--partitions", metavar="LIST", help="Only these partitions, such as 0,2 or 0-5.")
@click.option(
    "--to-live", is_flag=True,
    help="Answers go to the live topics; unless given, to topics of the run's own (urgent.replay.ID).",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say how much there is to read, and how long it takes; write nothing.")
@click.option(
    "--max-rate", type=Number(0.1, 1e6), metavar="NUMBER", help="At most so many records a second, here."
)  # fmt: skip
@settings_flags()
@click.pass_context
def replay(
    context: click.Context,
    /,
    resolved: Resolved,
    run_id: str | None,
    to_live: bool,
    dry_run: bool,
    max_rate: float | None,
    **words: object,
) -> None:
    """
    Read a part of the past again, and publish its answers, exactly once.

    The window is frozen when the run is begun, and kept in the topic `shikyu.runs`. The live group and its offsets are
    left alone. Killed, or told to leave, it goes on by the same --run; on many machines, so do all of them together.
    Without flags of a window it is all that the input topics hold.

    Exit code 0: all of it is answered, and can be read. 5: it was told to leave before, or cancelled.

    \b
    shikyu replay --by-duration 7d --dry-run
    shikyu replay --run new-model --by-duration 7d --model-artifact new-model
    shikyu replay --run new-model
    shikyu replay list
    """
    if (command := context.invoked_subcommand) is not None:
        if given := flags_given(context):
            raise SettingsError(
                f"{given[0]} stands before `{command}`, which would not hear of it: write it behind, if it is one of "
                f"`shikyu replay {command} --help`, or leave it out"
            )
        return
    from consumer.replay.start import Request
    from consumer.replay.window import asked, named

    now = datetime.now(UTC)
    request = Request(asked(now, **words), named(run_id, now), to_live=to_live)  # type: ignore[arg-type]
    if dry_run:
        from consumer.replay.estimate import estimate

        click.echo(estimate(checked(resolved), request, max_rate))
    else:
        click.echo(served(resolved, request, max_rate))


@replay.command(name="list", cls=SettingsCommand)
@settings_flags("delivery", "replay", "kafka")
def list_command(resolved: Resolved) -> None:
    """
    List the runs: what each reads, and how far it is.

    \b
    shikyu replay list --config shikyu.toml
    """
    from consumer.replay.overview import overview

    for line in overview(checked(resolved)):
        click.echo(line)


@replay.command(name="cancel", cls=SettingsCommand)
@click.argument("run_id", metavar="RUN")
@settings_flags("delivery", "replay", "kafka")
def cancel_command(resolved: Resolved, run_id: str) -> None:
    """
    End RUN for good: its processes leave within seconds, and nobody goes on with it.

    \b
    shikyu replay cancel new-model --config shikyu.toml
    """
    from consumer.replay.cancel import cancel
    from consumer.replay.start import runs_of

    settings = checked(resolved)
    runs = runs_of(settings)
    known = runs.read()
    if run_id not in known.runs:
        have = ", ".join(list(known.runs)[-5:]) or "none"
        raise SettingsError(f"there is no run {run_id!r} in {runs.topic}; the last ones are: {have}")
    ended = known.ended.get(run_id)
    # One whose processes had not left, or that was killed meanwhile, has not kept where it stopped.
    if ended is not None and (ended.kind == "done" or ended.stopped is not None):
        raise SettingsError(f"run {run_id} is {ended.kind} already, since {ended.at}")
    have_left = cancel(settings, runs, known.runs[run_id])
    click.echo(f"run {run_id} is cancelled; what it answered stays where it is")
    if not have_left:
        click.echo("its processes have not left yet: cancel it once more then, so that it is kept where it stopped")


def served(resolved: Resolved, request: "Request", max_rate: float | None) -> str:
    """The run to its end, with a bar at a terminal; its last words."""
    from consumer.model_settings import pinned
    from consumer.replay.serve import serve

    is_shown = sys.stderr.isatty() and resolved.origin("log.level") == DEFAULT_ORIGIN
    settings = pinned(checked(resolved))
    return serve(settings, request, max_rate=max_rate, say=partial(click.echo, err=True), is_shown=is_shown)


def checked(resolved: Resolved) -> Settings:
    """The settings, which librdkafka takes. Raises SettingsError."""
    from consumer import kafka_options

    kafka_options.verify(resolved.settings)
    return resolved.settings

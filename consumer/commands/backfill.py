"""`shikyu backfill`: answers for what stands in files, and no longer in Kafka."""

import sys
from functools import partial
from pathlib import Path

import click

from consumer.commands.given import flags_given
from consumer.commands.replay import checked
from consumer.errors import SettingsError
from consumer.settings_flags import SettingsCommand, settings_flags
from consumer.settings_sources import DEFAULT_ORIGIN, Resolved


@click.command(cls=SettingsCommand)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--to", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER",
    help="Write Parquet to this folder; unless given, answers go to topics of the run's own (urgent.replay.ID).",
)  # fmt: skip
@click.option("--to-live", is_flag=True, help="Answers go to the live topics.")
@click.option("--run", "run_id", metavar="ID", help="The run's name; the same one goes on where it stopped.")
@click.option(
    "--part-rows", type=click.IntRange(1, 10_000_000), default=10_000, show_default=True, metavar="N",
    help="With --to: how many rows a file of answers is about; as many are answered again after a kill.",
)  # fmt: skip
@click.option(
    "--ray", metavar="ADDRESS",
    help="With --to: let a Ray cluster answer: its address, auto for this machine's, local for one of its own.",
)  # fmt: skip
@click.option(
    "--ray-workers", type=click.IntRange(1, 10_000), default=1, show_default=True, metavar="N",
    help="With --ray: how many processes answer, each with --model-threads threads (one unless set).",
)  # fmt: skip
@settings_flags()
@click.pass_context
def backfill(
    context: click.Context,
    /,
    resolved: Resolved,
    files: tuple[Path, ...],
    to: Path | None,
    to_live: bool,
    run_id: str | None,
    part_rows: int,
    ray: str | None,
    ray_workers: int,
) -> None:
    """
    Answer the messages in FILES, JSON lines or Parquet, exactly once: to topics, or to a folder of Parquet.

    A row is read as an event in JSON is, by the same expressions. FILES may be folders. Killed, or told to leave, the
    same command goes on where it stopped.

    Exit code 0: all of it is answered, and can be read. 5: it was told to leave before, or cancelled.

    \b
    shikyu backfill archive/2024 --run archive-2024                         # to urgent.replay.archive-2024, ...
    shikyu backfill messages.jsonl.gz more.parquet --to answers
    shikyu backfill /mnt/archive --to /mnt/answers --ray auto --ray-workers 16
    """
    is_shown = sys.stderr.isatty() and resolved.origin("log.level") == DEFAULT_ORIGIN
    say = partial(click.echo, err=True)
    from consumer.model_settings import pinned

    given = flags_given(context)
    if to is None:
        if of_folders := [flag for flag in ("--ray", "--ray-workers", "--part-rows") if flag in given]:
            raise SettingsError(f"{of_folders[0]} is for Parquet alone: give --to FOLDER as well")
        from consumer.backfill import to_topics

        click.echo(
            to_topics.serve(
                pinned(checked(resolved)), files, run_id=run_id, to_live=to_live, say=say, is_shown=is_shown
            )
        )
        return
    if to_live:
        raise SettingsError("--to and --to-live don't go together: give one of them")
    if ray is None and "--ray-workers" in given:
        raise SettingsError("--ray-workers are a Ray cluster's: give --ray ADDRESS as well, such as --ray local")
    from consumer.backfill.to_parquet import Request, serve

    request = Request(files, to, run_id, part_rows, ray, ray_workers)
    click.echo(serve(pinned(resolved.settings), request, say=say, is_shown=is_shown))

"""`shikyu recall`: how many of those who needed an answer were found, among live messages."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from consumer.commands.given import Number
from consumer.commands.reading import progress, write
from consumer.errors import SettingsError
from consumer.settings_flags import SettingsCommand, settings_flags
from consumer.settings_sources import Resolved

if TYPE_CHECKING:
    from consumer.audit.population import Of

SHARE = Number(0, 1, min_open=True)


@click.command(cls=SettingsCommand)
@click.option(
    "--since", metavar="DURATION", default="7d", show_default=True, help="How far to look back: 7d, 12h, P7D."
)
@click.option(
    "--of", type=click.Choice(["very-unsatisfied", "should-be-urgent"]), default="very-unsatisfied", show_default=True,
    help="Whose recall is compared with the promise; promises are made of the very unsatisfied.",
)  # fmt: skip
@click.option("--promised", type=SHARE, metavar="SHARE", help="What was promised, if not by model.artifact.")
@click.option(
    "--half-width", type=SHARE, default=0.02, show_default=True, metavar="SHARE",
    help="How well recall is to be known; it says how many days that takes.",
)  # fmt: skip
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write all figures there.")
@settings_flags("output", "model", "audit", "corrections", "registry", "delivery", "kafka")
def recall(
    resolved: Resolved, since: str, of: "Of", promised: float | None, half_width: float, json_file: Path | None
) -> None:
    """
    Say how many of those who needed an answer were found among live messages, beside what was promised.

    It counts the messages that were marked for review (audit.share) and then judged (`shikyu correct`), each by the
    probability with which it was marked, so that the estimates have no bias. It reads the live answers of that time and
    the corrections, commits nothing, and no group notices. The exit code is 5 when the promise is broken: when the
    whole 95 % interval lies below it.

    \b
    shikyu recall --since 7d
    shikyu recall --since P30D --json recall.json --model-artifact my-model
    """
    from consumer.audit import live
    from consumer.audit.told import told
    from consumer.replay.window import duration

    if json_file is not None and not json_file.parent.is_dir():
        raise SettingsError(f"{json_file} cannot be written: there is no folder {json_file.parent}")
    asked = live.Asked(of, half_width, duration("--since", since), promised)
    with progress() as bar:
        task = bar.add_task("answers", total=None)
        found = live.figures(
            resolved.settings, asked, lambda done, total: bar.update(task, completed=done, total=total)
        )
    Console(highlight=False, markup=False).print(told(found), crop=False)
    if json_file is not None:
        write(json_file, live.as_json(found))
    live.require_kept(found)

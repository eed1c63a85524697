"""`shikyu drift`: whether what is answered is still what the model was measured on."""

from pathlib import Path

import click
from rich.console import Console

from consumer.commands.reading import progress, write
from consumer.errors import SettingsError
from consumer.settings_flags import SettingsCommand, settings_flags
from consumer.settings_sources import Resolved

LEAST_WIDTH = 150  # a table that nobody sees is not folded to 80 columns


@click.command(cls=SettingsCommand)
@click.option("--since", default="7d", show_default=True, metavar="DURATION", help="How far back: 7d, 12h, 1h30m.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write all figures to this file."
)
@settings_flags("model", "output", "drift", "registry", "delivery", "kafka")
def drift(resolved: Resolved, since: str, json_file: Path | None) -> None:
    """
    Hold live answers against what the artifact's model was measured on: classes, urgency, lengths, unknown tokens.

    It takes no labels. Answers are read from the topics of urgent and routine, in windows of at least
    drift.window_messages; nothing is committed, and no group notices. The exit code is 5 when any window has drifted,
    which without drift at most drift.rate of the calls do. No text is shown, and none is kept.

    \b
    shikyu drift --config shikyu.toml --since 7d
    shikyu drift --config shikyu.toml --since 1d --json drift.json    # exit code 5 where anything drifted
    """
    from consumer.drift import report, told
    from consumer.replay.window import duration

    if json_file is not None and not json_file.parent.is_dir():
        raise SettingsError(f"{json_file} cannot be written: there is no folder {json_file.parent}")
    back = duration("--since", since)
    with progress() as bar:
        task = bar.add_task("answers", total=None)
        figures = report.figures(
            resolved.settings, back, lambda done, total: bar.update(task, completed=done, total=total)
        )
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=LEAST_WIDTH)
    console.print(told.table(figures))
    console.print("\n".join(told.lines(figures)), soft_wrap=True)
    if json_file is not None:
        write(json_file, report.as_json(figures))
    report.require_none(figures)

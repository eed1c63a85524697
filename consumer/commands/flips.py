"""`shikyu flips`: what a replay would have decided otherwise."""

import os
from pathlib import Path

import click
from rich.console import Console

from consumer.commands.given import Number
from consumer.commands.reading import progress, require_page, write
from consumer.errors import SettingsError
from consumer.settings_flags import SettingsCommand, settings_flags
from consumer.settings_sources import Resolved

SHARE = Number(0, 1)
FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(cls=SettingsCommand)
@click.option("--run", metavar="RUN", required=True, help="The replay that is asked about.")
@click.option("--against", metavar="RUN", default="live", show_default=True, help="The run that it is compared with.")
@click.option("--html", type=FILE, help="Write the report to this file: one page that holds all it shows.")
@click.option("--json", "json_file", type=FILE, help="Write all figures to this file.")
@click.option(
    "--slice", "slices", multiple=True, metavar="NAME",
    help="Count by this attribute too, beside channel and language; may be given several times.",
)  # fmt: skip
@click.option(
    "--list", "listed", type=click.IntRange(0, 100_000), default=200, show_default=True, metavar="N",
    help="How many flips of each direction to list, those whose urgency changed most first.",
)  # fmt: skip
@click.option("--with-text", is_flag=True, help="Show the texts of the listed flips: mind who sees them.")
@click.option(
    "--messages-per-day", type=Number(0, min_open=True), metavar="N",
    help="How many messages a day's work is reckoned for; unless given, as many as came a day in the time seen.",
)  # fmt: skip
@click.option(
    "--topic", "more", multiple=True, metavar="TOPIC",
    help="A topic that holds answers of these runs, where a replay was written elsewhere; may be given several times.",
)  # fmt: skip
@click.option("--max-flip-share", type=SHARE, metavar="SHARE", help="Exit with 5 if more flipped.")
@click.option("--max-became-urgent-share", type=SHARE, metavar="SHARE", help="Exit with 5 if more became urgent.")
@click.option("--max-became-routine-share", type=SHARE, metavar="SHARE", help="Exit with 5 if more became routine.")
@click.option("--max-became-dead-share", type=SHARE, metavar="SHARE", help="Exit with 5 if more became dead letters.")
@click.option("--max-missing", type=click.IntRange(0), metavar="N", help="Exit with 5 if the replay left out more.")
@click.option("--min-compared", type=click.IntRange(1), metavar="N", help="Exit with 5 if fewer could be compared.")
@settings_flags("output", "dead_letters", "registry", "delivery", "replay", "kafka")
def flips(
    resolved: Resolved,
    run: str,
    against: str,
    html: Path | None,
    json_file: Path | None,
    slices: tuple[str, ...],
    listed: int,
    with_text: bool,
    messages_per_day: float | None,
    more: tuple[str, ...],
    **limits: float | None,
) -> None:
    """
    Compare a replay's answers with those given live, or with another replay's, message by message.

    Messages are told by where they stand in Kafka. It reads the answers from their topics' start to their present
    end, commits nothing, and no group notices. An answer that was given twice counts once. Texts are shown only with
    --with-text. The shares are those of the messages that both sides answered, with 95 % intervals (Wilson's); the
    limits are about the shares themselves. The exit code is 5 when a limit is not met, after everything was written; a
    replay that is not done meets none.

    It needs the flips extra: pip install '.[flips]'.

    \b
    shikyu flips --run new-model --html flips.html                # what the new model would have decided otherwise
    shikyu flips --run a --against b --json flips.json --slice plan
    shikyu flips --run new-model --max-became-routine-share 0.001 --max-flip-share 0.02 --min-compared 5000
    """
    if run == against:
        raise SettingsError(f"--run and --against are both {run!r}: name two runs")
    try:
        import duckdb  # noqa: F401 - asked for before anything is read
        import jinja2  # noqa: F401
    except ImportError as error:
        raise SettingsError(f"`shikyu flips` needs {error.name}: pip install '.[flips]'") from error
    from consumer.flips import report
    from consumer.flips.limits import Limits, require_met
    from consumer.flips.told import told

    if html is not None:
        require_page("--html", html)
    for file in filter(None, (html, json_file)):
        if not file.parent.is_dir():
            raise SettingsError(f"{file} cannot be written: there is no folder {file.parent}")
    names = tuple(map(_whole, slices))
    asked = report.Asked(_whole(run), _whole(against), more, names, listed, with_text, messages_per_day)
    with progress() as bar:
        task = bar.add_task("answers", total=None)
        figures = report.figures(
            resolved.settings, asked, lambda done, total: bar.update(task, completed=done, total=total)
        )
    figures = report.judged(figures, Limits(**limits))  # type: ignore[arg-type]
    Console(highlight=False, markup=False).print(told(figures, with_text=with_text), crop=False)
    if json_file is not None:
        write(json_file, report.as_json(figures))
    if html is not None:
        write(html, report.as_page(figures))
    require_met(figures["limits"], figures["unfinished"])


def _whole(argument: str) -> str:
    """Arguments that are no UTF-8 come with half surrogates, which neither JSON nor a page can hold."""
    return os.fsencode(argument).decode("utf-8", "replace")

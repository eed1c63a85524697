"""`shikyu report`: one page for the head of support."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from consumer.commands.reading import progress, require_page, write
from consumer.commands.recall import SHARE
from consumer.errors import SettingsError
from consumer.settings_flags import SettingsCommand, settings_flags
from consumer.settings_sources import Resolved

if TYPE_CHECKING:
    from consumer.audit.population import Of

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(cls=SettingsCommand)
@click.option("--since", metavar="DURATION", default="7d", show_default=True, help="How far to look back, such as 12h.")
@click.option("--html", type=FILE, default="report.html", show_default=True, help="The page.")
@click.option("--json", "json_file", type=FILE, help="Its figures; unless given, the page's name with .json.")
@click.option(
    "--slice", "slices", multiple=True, metavar="NAME",
    help="Look at this attribute too, beside channel and language; may be given several times.",
)  # fmt: skip
@click.option(
    "--of", type=click.Choice(["very-unsatisfied", "should-be-urgent"]), default="very-unsatisfied", show_default=True,
    help="Whose recall is told first, and compared with the promise.",
)  # fmt: skip
@click.option("--promised", type=SHARE, metavar="SHARE", help="What was promised, if not by model.artifact.")
@settings_flags("output", "dead_letters", "model", "corrections", "drift", "registry", "delivery", "kafka")
def report(
    resolved: Resolved,
    since: str,
    html: Path,
    json_file: Path | None,
    slices: tuple[str, ...],
    of: "Of",
    promised: float | None,
) -> None:
    """
    Write one page for the head of support: volume, promise and live estimate, work saved, worst slices, dead letters.

    It reads what `shikyu recall` and, with model.artifact, `shikyu drift` read, and the dead letters; it commits
    nothing, and no group notices. The page holds no customer's words, and needs nothing but itself.

    It needs the report extra: pip install '.[report]'.

    \b
    shikyu report --since 7d --html week.html --slice plan
    shikyu report --since P30D --model-artifact my-model
    """
    try:
        import jinja2  # noqa: F401 - asked for before anything is read
    except ImportError as error:
        raise SettingsError(f"`shikyu report` needs {error.name}: pip install '.[report]'") from error
    from consumer.replay.window import duration
    from consumer.report import figures

    require_page("--html", html)
    json_file = html.with_suffix(".json") if json_file is None else json_file
    if json_file == html:
        raise SettingsError(f"{html} is to be the page and its figures: give --json another name")
    for file in (html, json_file):
        if not file.parent.is_dir():
            raise SettingsError(f"{file} cannot be written: there is no folder {file.parent}")
    asked = figures.Asked(of=of, since=duration("--since", since), stated=promised, slices=slices)
    with progress() as bar:
        task = bar.add_task("answers", total=None)
        found = figures.figures(
            resolved.settings, asked, lambda done, total: bar.update(task, completed=done, total=total)
        )
    write(json_file, figures.as_json(found))
    write(html, figures.as_page(found))
    click.echo(f"{html} and {json_file}: {found['recall']['messages']['all']:,} messages of {found['days']:.3g} days")

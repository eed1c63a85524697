"""`shikyu-train recalibrate`: the same model, promised for other messages."""

from pathlib import Path

import click

from consumer.errors import SettingsError
from training.commands.options import FOLDER, ExistingFile, labelled, ready, replacing, require_category

SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)


@click.command()
@click.argument("artifact", type=FOLDER)
@click.argument("files", nargs=-1, required=True, type=ExistingFile())
@labelled
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The new artifact's folder.")
@click.option("--version", required=True, help="The new artifact's version; it goes into every event.")
@click.option("--recall", default=0.95, show_default=True, type=SHARE, help="Of the very unsatisfied, promised.")
@click.option("--confidence", default=0.95, show_default=True, type=SHARE, help="That the promise holds.")
@click.option("--live-shares", help="Five shares of live traffic, as 0.05,0.1,0.2,0.3,0.35; else as before.")
@click.option("--slices", metavar="COLUMN", help="Promise it in every slice: each value of this column.")
@click.option(
    "--temperature-share",
    type=click.FloatRange(0, 1, max_open=True),
    help="Of the messages, for the temperature alone; a fifth by default. With 0, all serve both.",
)
@replacing
def recalibrate(
    artifact: Path,
    files: tuple[Path, ...],
    text: str,
    stars: str,
    out: Path,
    version: str,
    recall: float,
    confidence: float,
    live_shares: str | None,
    slices: str | None,
    temperature_share: float | None,
    replace: bool,
) -> None:
    """
    Calibrate an artifact anew.

    A new artifact of the same model, with temperature, threshold and promise from labelled FILES: for another shop, or
    another language.

    \b
    shikyu-train recalibrate my-model/artifact new-shop.csv --out my-model/new-shop --version 1-new-shop
    """
    ready()
    require_category([slices] if slices else [], text)
    from pydantic import ValidationError

    from training import data
    from training.exporting.export import write_artifact
    from training.recalibrate import recalibrate
    from training.recipe import Promise
    from training.reporting.told import chosen_lines
    from training.whole_folder import require_folder

    require_folder(out, replace=replace)
    given = {
        "recall": recall,
        "confidence": confidence,
        "live_shares": live_shares.split(",") if live_shares else None,
        "slices": slices,
        "temperature_share": temperature_share,
    }
    try:
        promise = Promise.model_validate(given)
    except ValidationError as error:
        raise SettingsError(f"--live-shares: {error.errors()[0]['msg']}; give five that sum to 1.") from error
    messages = data.read(files, text, stars, [slices] if slices else [])
    made = recalibrate(artifact, messages, version, promise)
    write_artifact(out, made.description, made.files, replace=replace)
    for line in chosen_lines(made.points):
        click.echo(line)
    for name, before in made.before.items():
        click.echo(f"{name} before: {before.recall:.1%} of 1 star answered, {before.needless:.1%} of 3 to 5 needlessly")
    click.echo(f"artifact: {out}")

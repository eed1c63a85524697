"""`shikyu-train recalibrate`: the same model, promised for other messages."""

from collections.abc import Mapping
from pathlib import Path

import click
from pydantic import ValidationError

from consumer.errors import SettingsError
from training.commands.options import FOLDER, ExistingFile, labelled, ready, replacing

SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)
# consumer.manifest.LEAST_WEIGHT, which would take numpy along into each `--help`.
WEIGHT = click.FloatRange(1e-6, 1)


@click.command()
@click.argument("artifact", type=FOLDER)
@click.argument("files", nargs=-1, required=True, type=ExistingFile())
@labelled
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The new artifact's folder.")
@click.option("--version", required=True, help="The new artifact's version; it goes into every event.")
@click.option("--recall", type=SHARE, help="Of the very unsatisfied, promised; else as before.")
@click.option("--confidence", type=SHARE, help="That the promise holds; else as before.")
@click.option("--live-shares", help="Five shares of live traffic, as 0.05,0.1,0.2,0.3,0.35; else as before.")
@click.option(
    "--unsatisfied-weight",
    type=WEIGHT,
    help="How much two stars count in urgency: in full with 1, hardly with 0.01; else as before.",
)
@click.option("--slices", metavar="COLUMN", help='In every value of this column; else as before. "": of the mean.')
@click.option(
    "--temperature-share",
    type=click.FloatRange(0, 1, max_open=True),
    help="Of the messages, for the temperature alone; a fifth by default. With 0, all serve both.",
)
@replacing
def recalibrate(
    artifact: Path,
    files: tuple[Path, ...],
    text: tuple[str, ...],
    mapping: dict[str, int],
    stars: str | None,
    out: Path,
    version: str,
    recall: float | None,
    confidence: float | None,
    live_shares: str | None,
    unsatisfied_weight: float | None,
    slices: str | None,
    temperature_share: float | None,
    replace: bool,
) -> None:
    """
    Calibrate an artifact anew.

    A new artifact of the same model, with temperature, threshold and promise from labelled FILES: for another shop, or
    another language. The promise is the artifact's own, as far as no option says otherwise.

    \b
    shikyu-train recalibrate my-model/artifact new-shop.csv --out my-model/new-shop --version 1-new-shop
    """
    ready()
    from training.commands.labelled_files import read_for
    from training.data import Source
    from training.recalibrate import promised_before, recalibrate, require_scorable
    from training.recipe import Promise
    from training.reporting.recalibrated_recipe import NAME
    from training.reporting.told import answers_nearly_all_lines, chosen_lines, promise_line
    from training.whole_folder import require_folder

    require_folder(out, replace=replace)
    given = {
        "recall": recall,
        "confidence": confidence,
        "live_shares": live_shares.split(",") if live_shares else None,
        "unsatisfied_weight": unsatisfied_weight,
        "slices": slices,
        "temperature_share": temperature_share,
    }
    require_scorable(artifact)
    before = promised_before(artifact)
    wanted = {**before, **{name: each for name, each in given.items() if each is not None}}
    try:
        promise = Promise.model_validate({**wanted, "slices": wanted.get("slices") or None})
    except ValidationError as error:
        raise SettingsError(_told(error, given)) from error
    click.echo(promise_line(promise, before["unsatisfied_weight"]))
    found = read_for([artifact], files, text, stars, mapping, [promise.slices] if promise.slices else [])
    source = Source.model_validate(
        {
            "name": NAME,
            "calibration": [path.name for path in files],
            "text": found.columns.text[0] if len(found.columns.text) == 1 else list(found.columns.text),
            "stars": found.columns.stars,
            "labels": dict(found.columns.labels),
            "columns": [promise.slices] if promise.slices else [],
        }
    )
    from training.exporting.export import write_artifact  # after all that is told without torch, which it imports

    made = recalibrate(artifact, found.messages, version, promise, source)
    write_artifact(out, made.description, made.files, replace=replace)
    for line in chosen_lines(made.points, found.messages.labels):
        click.echo(line)
    for name, was in made.before.items():
        click.echo(
            f"{name} before: {was.recall:.1%} of 1 star answered, {was.unsatisfied:.1%} of 2, "
            f"{was.needless:.1%} of 3 to 5 needlessly"
        )
    for name, now in made.now.items():
        click.echo(
            f"{name} now: {now.unsatisfied:.1%} of 2 stars answered, {now.needless:.1%} of 3 to 5 needlessly, on the "
            "same messages"
        )
    click.echo(f"artifact: {out}")
    for line in answers_nearly_all_lines({name: now.needless for name, now in made.now.items()}):
        click.echo(line, err=True)


def _told(error: ValidationError, given: Mapping[str, object]) -> str:
    """
    What the options' ranges let pass: nan, shares that are not five, and the old promise of a threshold by cost.
    """
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    if name == "live_shares":
        return f"--live-shares: {first['msg']}; give five that sum to 1."
    if given.get(name) is not None:
        told = first["msg"].removeprefix("Input ")
        return f"--{name.replace('_', '-')} is {given[name]}: it {told}."
    return f"The artifact's own promise cannot be made again ({first['msg']}): say what to promise with --recall."

"""`shikyu-train evaluate`: the step of a recipe's run, or an artifact on labelled files."""

import json
from pathlib import Path
from typing import get_args

import click
from click.core import ParameterSource

from consumer.errors import SettingsError
from consumer.manifest import Precision
from training.commands.options import INSTEAD, ExistingFile, labelled, places, ready

OF_FILES = ("files", "text", "mapping", "stars", "columns", "precision", "as_json")
OF_A_RUN = ("data", "out", "work")
WORST_SLICES = 5


@click.command()
@click.argument("what", metavar="RECIPE|ARTIFACT", type=click.Path(exists=True, path_type=Path))
@click.argument("files", nargs=-1, type=ExistingFile())
@labelled
@click.option(
    "--slice", "columns", multiple=True, help="Tell where it is worst by this column of FILES, too; repeatable."
)
@click.option("--precision", type=click.Choice(get_args(Precision)), help="Otherwise, each that may be served.")
@click.option("--json", "as_json", is_flag=True, help="Everything that was measured, as JSON.")
@places
def evaluate(
    what: Path,
    files: tuple[Path, ...],
    text: tuple[str, ...],
    mapping: dict[str, int],
    stars: str | None,
    columns: tuple[str, ...],
    precision: str | None,
    as_json: bool,
    data: Path | None,
    out: Path | None,
    work: Path | None,
) -> None:
    """
    Measure a model on labelled messages.

    The step of a RECIPE's run, after `operate`, on its test messages; or an ARTIFACT, on FILES.

    \b
    shikyu-train evaluate my-model/recipe.toml
    shikyu-train evaluate my-model/artifact june.csv --slice channel
    """
    ready()
    if what.is_file():
        _refuse(OF_FILES, f"{what} is a recipe, which names its own messages: name an artifact's folder instead")
        _step(what, data, out, work)
        return
    _refuse(OF_A_RUN, f"{what} is an artifact, with no run to go on with: name a recipe instead")
    if not files:
        raise SettingsError(f"{what} is a folder: name the labelled files to measure it on, or name a recipe instead.")
    _artifact(what, files, text, mapping, stars, columns, precision, as_json=as_json)


def _refuse(names: tuple[str, ...], why: str) -> None:
    """SettingsError when one of these parameters was given."""
    context = click.get_current_context()
    for parameter in context.command.params:
        name = str(parameter.name)
        if name in names and context.get_parameter_source(name) is ParameterSource.COMMANDLINE and context.params[name]:
            raise SettingsError(f"{parameter.opts[0].replace('files', 'FILES')} was given, but {why}.")


def _step(recipe: Path, data: Path | None, out: Path | None, work: Path | None) -> None:
    from training import foreseen

    foreseen.require_step(recipe, data, "evaluate")
    from training import run

    run.do(run.job(recipe, click.echo, data, out, work), "evaluate")


def _artifact(
    folder: Path,
    files: tuple[Path, ...],
    text: tuple[str, ...],
    mapping: dict[str, int],
    stars: str | None,
    columns: tuple[str, ...],
    precision: str | None,
    *,
    as_json: bool,
) -> None:
    from consumer.cpu_backend import require_computable
    from training.commands.labelled_files import read_for
    from training.data import require_every_class
    from training.evaluating.answers import answer, asked

    require_computable(asked(folder, precision), INSTEAD)
    messages = read_for([folder], files, text, stars, mapping, columns, slices="--slice").messages
    require_every_class(messages, "labelled")
    from training.evaluating.findings import by_precision, columns_of, findings
    from training.reporting.told import evaluation_lines, worst_slice_lines

    answers, tokens = answer(folder, messages, precision)
    by = columns_of(messages, tokens)
    found = {name: findings(each, messages.labels, by) for name, each in answers.items()}
    if as_json:
        click.echo(json.dumps(by_precision(found), indent=2, allow_nan=False))
        return
    for name, each in found.items():
        for line in (*evaluation_lines({name: each.evaluation}), *worst_slice_lines(each.slices, WORST_SLICES)):
            click.echo(line)

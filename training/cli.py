"""`shikyu-train`: the command line of training. Without the `train` extra it says so, and does nothing."""

import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from consumer.cli import ended
from consumer.errors import SurroundingsError
from consumer.version import version

EXTRA = ("torch", "transformers", "accelerate", "sentencepiece", "sklearn", "scipy", "onnx")


class ExistingFile(click.Path):
    def __init__(self) -> None:
        super().__init__(exists=True, dir_okay=False, path_type=Path)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(version(), message="%(prog)s %(version)s")
def train() -> None:
    """
    Makes an artifact for `shikyu run` from labelled messages.

    \b
    Exit codes: 0 done, 1 a bug, 2 the recipe or the data, 3 the surroundings (the train extra), 4 the artifact,
    5 a limit not met (too few messages for the promise).
    """


def of_a_recipe(command: Callable[..., None]) -> Callable[..., None]:
    """What `run` and each of its steps take."""
    folder = click.Path(exists=True, file_okay=False, path_type=Path)
    for decorate in (
        click.option("--replace", is_flag=True, help="Replace an artifact that is there already."),
        click.option("--work", type=click.Path(path_type=Path), help="The run's folder, instead of OUT.run."),
        click.option("--out", type=click.Path(path_type=Path), help="The artifact's folder, instead of the recipe's."),
        click.option("--data", type=folder, help="Where the recipe's files are, instead of beside the recipe."),
        click.argument("recipe", type=ExistingFile()),
    ):
        command = decorate(command)
    return command


@train.command()
@of_a_recipe
def run(recipe: Path, data: Path | None, out: Path | None, work: Path | None, replace: bool) -> None:
    """
    Everything: data, fit, graphs, operate, evaluate, export.

    What was interrupted goes on where it stopped.
    """
    require_extra()
    let_threads_sleep()
    from training import run

    run.run(run.job(recipe, click.echo, data, out, work, replace=replace))


def step(name: str, told: str) -> None:
    """A command for one step of `run`."""

    def alone(recipe: Path, data: Path | None, out: Path | None, work: Path | None, replace: bool) -> None:
        require_extra()
        let_threads_sleep()
        from training import run

        run.do(run.job(recipe, click.echo, data, out, work, replace=replace), name)

    train.command(name, help=told)(of_a_recipe(alone))


step("data", "Read the messages of a recipe, and keep its splits in the run's folder.")
step("fit", "Fit the model, on the splits that `data` keeps.")
step("graphs", "Make the files that are served of the fitted model, in each precision.")
step("operate", "Score the calibration messages, and choose temperatures and thresholds.")
step("export", "Write the artifact of what the other steps made.")


@train.command()
@click.argument("artifact", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("files", nargs=-1, required=True, type=ExistingFile())
@click.option("--text", default="text", show_default=True, help="The column with the text.")
@click.option("--stars", default="stars", show_default=True, help="The column with one to five stars.")
@click.option("--precision", type=click.Choice(["fp32", "fp16", "int8"]), help="Otherwise, each that may be served.")
def evaluate(artifact: Path, files: tuple[Path, ...], text: str, stars: str, precision: str | None) -> None:
    """What an artifact answers on labelled messages (JSONL or CSV)."""
    require_extra()
    from training import data
    from training.measure import evaluate_artifact
    from training.told import evaluation_lines

    messages = data.read(files, text, stars)
    data.require_every_class(messages, "labelled")
    for line in evaluation_lines(evaluate_artifact(artifact, messages, precision)):
        click.echo(line)


def require_extra() -> None:
    """SurroundingsError names what is missing, before an import fails deep inside."""
    if missing := [name for name in EXTRA if importlib.util.find_spec(name) is None]:
        raise SurroundingsError(
            f"shikyu-train needs {', '.join(missing)}, which this environment lacks: pip install 'shikyu[train]'"
        )


def let_threads_sleep() -> None:
    """
    OpenMP's threads spin while they wait, which for small models on busy cores costs eight times the work.

    Read once, when torch is loaded: so set here, where it is not yet, and only where the user has not chosen.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def main(arguments: Sequence[str] | None = None) -> int:
    """The program. Returns its exit code."""
    return ended("shikyu-train", train, arguments)


if __name__ == "__main__":
    sys.exit(main())

"""`shikyu-train`: the command line of training. Without the `train` extra it says so, and does nothing."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from consumer.cli import ended
from consumer.version import version
from training.commands.diff import diff
from training.commands.evaluate import evaluate
from training.commands.options import of_a_recipe, ready


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(version(), message="%(prog)s %(version)s")
def train() -> None:
    """
    Makes an artifact for `shikyu run` from labelled messages.

    \b
    Exit codes: 0 done, 1 a bug, 2 the recipe or the data, 3 the surroundings (the train extra), 4 the artifact,
    5 a limit not met (too few messages for the promise).
    """


@train.command()
@of_a_recipe
def run(recipe: Path, data: Path | None, out: Path | None, work: Path | None, replace: bool) -> None:
    """
    Everything: data, fit, graphs, operate, evaluate, export.

    What was interrupted goes on where it stopped.
    """
    ready()
    from training import run

    run.run(run.job(recipe, click.echo, data, out, work, replace=replace))


def step(name: str, told: str) -> None:
    """A command for one step of `run`."""

    def alone(recipe: Path, data: Path | None, out: Path | None, work: Path | None, replace: bool) -> None:
        ready()
        from training import run

        run.do(run.job(recipe, click.echo, data, out, work, replace=replace), name)

    train.command(name, help=told)(of_a_recipe(alone))


step("data", "Read the messages of a recipe, and keep its splits in the run's folder.")
step("fit", "Fit the model, on the splits that `data` keeps.")
step("graphs", "Make the files that are served of the fitted model, in each precision.")
step("operate", "Score the calibration messages, and choose temperatures and thresholds.")
step("export", "Write the artifact of what the other steps made.")

train.add_command(evaluate)
train.add_command(diff)


def main(arguments: Sequence[str] | None = None) -> int:
    """The program. Returns its exit code."""
    return ended("shikyu-train", train, arguments)


if __name__ == "__main__":
    sys.exit(main())

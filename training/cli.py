"""`shikyu-train`: the command line of training. Without the `train` extra it says so, and does nothing."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from consumer.cli import ended
from consumer.commands.completion import completion
from consumer.version import version
from training.commands.check import check
from training.commands.compare import compare
from training.commands.data import data
from training.commands.diff import diff
from training.commands.evaluate import evaluate
from training.commands.export import export
from training.commands.operate import operate
from training.commands.options import of_a_recipe, ready, replacing
from training.commands.pull import pull
from training.commands.recalibrate import recalibrate
from training.commands.sign import sign


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(version(), message="%(prog)s %(version)s")
def train() -> None:
    """
    Makes an artifact for `shikyu run` from labelled messages, as a recipe says (docs/training.md).

    \b
    See how it goes:             shikyu-train run recipes/small.toml
    Look at your messages:       shikyu-train data my-model/recipe.toml
    Train, measure, export:      shikyu-train run my-model/recipe.toml
    Ask whether it still holds:  shikyu-train check my-model/artifact june.csv

    \b
    Exit codes: 0 done, 1 a bug, 2 the recipe or the data, 3 the surroundings (the train extra, the Hub, a disk),
    4 the artifact, 5 a limit not met (one of [data.limits], too few messages for the promise, or a promise that
    `check` finds broken), 6 too few messages for `check` to tell.
    """


@train.command()
@of_a_recipe
@replacing
def run(recipe: Path, data: Path | None, out: Path | None, work: Path | None, replace: bool) -> None:
    """
    Do all that a RECIPE asks for.

    The steps data, fit, graphs, operate, evaluate, report and export, each a command of its own, so that it can be done
    again. What was interrupted goes on where it stopped; what was done to its end begins anew.

    \b
    shikyu-train run my-model/recipe.toml
    torchrun --nproc-per-node 4 -m training.cli run my-model/recipe.toml
    """
    ready()
    from training import foreseen

    foreseen.require_run(recipe, data, out, replace=replace)
    from training import run

    run.run(run.job(recipe, click.echo, data, out, work, replace=replace))


def step(name: str, told: str) -> None:
    """A command for one step of `run`."""
    told = f"{told}\n\n\b\nshikyu-train {name} my-model/recipe.toml"

    def alone(recipe: Path, data: Path | None, out: Path | None, work: Path | None) -> None:
        ready()
        from training import foreseen

        foreseen.require_step(recipe, data, name)
        from training import run

        run.do(run.job(recipe, click.echo, data, out, work), name)

    train.command(name, help=told)(of_a_recipe(alone))


step(
    "fit",
    "Fit the model, after `data`.\n\nIt goes on from the last whole checkpoint of the very same fit, if there is one. "
    "train_results.json and fit.json, in the run's folder, tell of it.",
)
step(
    "graphs",
    "Make what is served, after `fit`.\n\nOne ONNX file for each precision of the recipe's [export]; fp32's logits are "
    "held against the fitted model's.",
)
step(
    "report",
    "Tell of the run, after `evaluate`.\n\nreport.html, in the run's folder, is one page for manager and engineer, and "
    "may hold customers' texts; the artifact's card, README.md, holds none.",
)

train.add_command(data)
train.add_command(export)
train.add_command(evaluate)
train.add_command(diff)
train.add_command(check)
train.add_command(recalibrate)
train.add_command(operate)
train.add_command(compare)
train.add_command(sign)
train.add_command(pull)
train.add_command(completion)


@train.command()
@click.argument("artifact", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("repository")
@click.option("--public", is_flag=True, help="For everybody to see; private otherwise.")
@click.option("--branch", "--revision", "branch", default="main", show_default=True, help="Made where there is none.")
@click.option("--message", help="Of the commit, instead of the artifact's name and version.")
def push(artifact: Path, repository: str, public: bool, branch: str, message: str | None) -> None:
    """
    Send an artifact to the Hub.

    Its manifest's files, verified, and nothing else, to the REPOSITORY OWNER/NAME, which is made where there is none.
    Log in with `hf auth login`, or set HF_TOKEN.

    \b
    shikyu-train push my-model/artifact OWNER/NAME
    """
    ready()
    from training.sharing import hub

    click.echo(
        "\n".join(hub.pushed_lines(hub.push(artifact, repository, public=public, branch=branch, message=message)))
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The program. Returns its exit code."""
    return ended("shikyu-train", train, arguments)


if __name__ == "__main__":
    sys.exit(main())

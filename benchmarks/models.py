"""
`make measure-models REVIEWS=folder`: the two models that shikyu is measured with, and their figures beside the goals.

One from scratch, one from a small pretrained encoder that a PyPI package carries. An interrupted run goes on where it
stopped; a model that is there is not fitted again (remove its folder under build/measure to fit it anew).
"""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.halves import SPLITS, Kept, kept_on_halves
from consumer.artifact import read_manifest
from training.data import read
from training.evaluating.answers import answer
from training.evaluating.evaluate import evaluate
from training.evaluating.figures import TFIDF
from training.operating.operating_point import needless_at_recall
from training.run_folder import EVAL_RESULTS

RECIPES = Path("recipes/measure")
BUILD = Path("build/measure")
RECALL, CONFIDENCE = 0.95, 0.95
console = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class Goal:
    """At least `accuracy`, at most `needless` at 95 % recall, on the test reviews."""

    accuracy: float
    needless: float


GOALS = {"scratch": Goal(0.53, 0.27), "encoder": Goal(0.595, 0.135)}


def made(name: str, reviews: Path) -> Path:
    """
    The artifact, fitted unless it is there and its recipe is as it was.

    Other code, or other reviews, make another model too: remove its folder to see that.
    """
    artifact, recipe, made_from = BUILD / name, RECIPES / f"{name}.toml", BUILD / f"{name}.toml"
    if not made_from.exists() or made_from.read_bytes() != recipe.read_bytes():
        where = ["--data", str(reviews), "--out", str(artifact), "--replace"]
        subprocess.run([sys.executable, "-m", "training.cli", "run", str(recipe), *where], check=True)
        shutil.copy(recipe, made_from)
    return artifact


def figures(artifact: Path, reviews: Path) -> dict[str, Any]:
    """Of each precision that may be served; `kept` is fp32's promise on halves of the test."""
    test = read([reviews / "test.jsonl.gz"])
    answers, _ = answer(artifact, test)
    told = {
        name: {
            **evaluate(each, test.labels).as_json(),
            "needless_at_95": needless_at_recall(each.urgency, test.labels, RECALL),
            # Of probabilities, which speak for calibration's shares: right while these recipes declare no others.
            "needless_at_95_two_stars_in_full": needless_at_recall(
                each.probabilities[:, :2].sum(axis=1), test.labels, RECALL
            ),
        }
        for name, each in answers.items()
    }
    return {
        "precisions": told,
        "servable": {name: each.servable for name, each in read_manifest(artifact).precisions.items()},
        "tfidf_accuracy": json.loads((artifact / EVAL_RESULTS).read_bytes())[TFIDF]["accuracy"],
        "kept": kept_on_halves(answers["fp32"].urgency[test.labels == 0], RECALL, CONFIDENCE),
    }


def show(told: dict[str, dict[str, Any]]) -> None:
    table = Table(
        "model",
        "accuracy",
        "loss",
        "needless at 95 %",
        "two stars in full",
        "as promised: recall / needless",
        "by argmax",
    )
    for name, found in told.items():
        for precision, each in found["precisions"].items():
            table.add_row(
                f"{name} {precision}",
                f"{each['accuracy']:.4f}",
                f"{each['loss']:.3f}",
                f"{each['needless_at_95']:.1%}",
                f"{each['needless_at_95_two_stars_in_full']:.1%}",
                *(f"{each[by]['recall']:.1%} / {each[by]['needless']:.1%}" for by in ("operating_point", "argmax")),
            )
        for precision in (name for name, servable in found["servable"].items() if not servable):
            table.add_row(f"{name} {precision}", "may not be served")
        goal = GOALS[name]
        table.add_row(f"{name}: goal", f"{goal.accuracy}", "", f"{goal.needless:.1%}")
        table.add_row("TF-IDF + logistic regression", f"{found['tfidf_accuracy']:.4f}", end_section=True)
    console.print(table)


@click.command()
@click.option("--reviews", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--only", type=click.Choice(list(GOALS)), multiple=True, help="One of the two models.")
def main(reviews: Path, only: tuple[str, ...]) -> None:
    """Fit both models, unless they are there, and tell their figures on the test reviews."""
    told = {name: figures(made(name, reviews), reviews) for name in only or GOALS}
    show(told)
    for name, found in told.items():
        halves: Kept = found["kept"]
        console.print(
            f"{name}: the promise was kept on {halves.observed:.1%} of {SPLITS} halves, theory says "
            f"{halves.predicted:.1%} ({halves.low:.1%} to {halves.high:.1%} by chance); mean recall {halves.recall:.1%}"
        )
    click.echo(json.dumps({name: {**found, "kept": found["kept"].observed} for name, found in told.items()}))


if __name__ == "__main__":
    main()

"""
The page of a recipe's messages: one HTML file that holds everything it shows, made before anything is trained.

It shows what data.json holds, which has no text, and a few examples of texts beside: so it stands in the run's folder,
apart from the artifact.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training.data.duplicates import Duplicate
from training.data.labelled import Labelled
from training.recipe import Recipe
from training.reporting.report import environment

MOST_EXAMPLES = 6  # half of them word for word, as far as there are


@dataclass(frozen=True, slots=True)
class Pair:
    """Two messages that are alike, and where each stands."""

    text: str
    where: str
    stars: int
    other_text: str
    other_where: str
    other_stars: int
    similarity: float


@dataclass(frozen=True, slots=True)
class Examples:
    copies: Sequence[Pair] = ()
    in_train: Sequence[Pair] = ()


def data_page(recipe: Recipe, found: Mapping[str, Any], examples: Examples) -> str:
    """`found` is what data.json holds."""
    return environment().get_template("data.html").render(recipe=recipe, found=found, examples=examples)


def pairs(found: Sequence[Duplicate], rows: Labelled, others: Labelled) -> list[Pair]:
    """Of `found`, the first that are near and the first that are equal."""
    near = [each for each in found if each.similarity < 1][:MOST_EXAMPLES]
    equal = [each for each in found if each.similarity == 1][: max(MOST_EXAMPLES // 2, MOST_EXAMPLES - len(near))]
    return [_pair(each, rows, others) for each in (*near[: MOST_EXAMPLES - len(equal)], *equal)]


def _pair(each: Duplicate, rows: Labelled, others: Labelled) -> Pair:
    return Pair(
        rows.texts[each.row],
        rows.where(each.row),
        int(rows.labels[each.row]) + 1,
        others.texts[each.other],
        others.where(each.other),
        int(others.labels[each.other]) + 1,
        each.similarity,
    )

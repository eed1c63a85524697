"""Everything that is told of one model's answers to labelled messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.data import Labelled
from training.evaluating.answers import Answers
from training.evaluating.confusion import CLASSES, Confusion, confusion
from training.evaluating.curves import Curves, curves
from training.evaluating.evaluate import Evaluation, evaluate
from training.evaluating.slices import LENGTH, Slice, length_buckets, slices
from training.measures.intervals import Estimate, wilson
from training.operating.operating_point import NEEDLESS_FROM
from training.scoring.reference import URGENCY_EDGES

SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Findings:
    """
    `recall` and `needless` are of the operating point, which `answered` of the `rows` of each class; `slices` are worst
    first. `urgencies` counts those of each class between URGENCY_EDGES.
    """

    evaluation: Evaluation
    answered: tuple[int, ...]
    rows: tuple[int, ...]
    recall: Estimate | None
    needless: Estimate | None
    confusion: Confusion
    curves: Curves
    urgencies: tuple[tuple[int, ...], ...]
    slices: tuple[Slice, ...]

    def as_json(self) -> dict[str, object]:
        return {
            **self.evaluation.as_json(),
            "per_class": {"answered": self.answered, "rows": self.rows},
            "recall": self.recall and self.recall.as_json(),
            "needless": self.needless and self.needless.as_json(),
            "confusion": self.confusion.as_json(),
            "curves": self.curves.as_json(),
            "urgency": {"edges": URGENCY_EDGES.tolist(), "counts": self.urgencies},
            "slices": [each.as_json() for each in self.slices],
        }


def findings(answers: Answers, labels: NDArray[np.int64], columns: Mapping[str, Sequence[str]]) -> Findings:
    """`labels` (rows,) hold all five classes; `columns` have a value a row."""
    very, quiet = answers.urgent[labels == 0], answers.urgent[labels >= NEEDLESS_FROM]
    return Findings(
        evaluate(answers, labels),
        tuple(np.bincount(labels[answers.urgent], minlength=CLASSES).tolist()),
        tuple(np.bincount(labels, minlength=CLASSES).tolist()),
        wilson(int(very.sum()), len(very)),
        wilson(int(quiet.sum()), len(quiet)),
        confusion(answers.predicted, labels),
        curves(answers.urgency, labels),
        tuple(tuple(np.histogram(answers.urgency[labels == row], URGENCY_EDGES)[0].tolist()) for row in range(CLASSES)),
        slices(columns, answers.predicted, answers.urgent, labels),
    )


def columns_of(messages: Labelled, tokens: NDArray[np.int64]) -> dict[str, Sequence[str]]:
    """
    What slices are told by: the messages' own columns, where they come from, and their lengths (rows,) in tokens.

    A column that is called like one of ours is told as "source (column)".
    """
    names = list(messages.source_weights)
    several = len(messages.source_counts()) > 1
    sources = {SOURCE: [names[number] for number in messages.sources.tolist()]} if several else {}
    ours = {**sources, LENGTH: length_buckets(tokens)}
    return {**{f"{name} (column)" if name in ours else name: each for name, each in messages.columns.items()}, **ours}


def by_precision(found: Mapping[str, Findings]) -> dict[str, object]:
    """What was measured of the same messages."""
    rows = next(each.evaluation.rows for each in found.values())
    return {"rows": rows, "precisions": {name: each.as_json() for name, each in found.items()}}

"""What a model answered, as arrays: of the consumer's own decisions, fallbacks included."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from consumer.artifact import read_manifest
from consumer.classify import Classifier, load
from consumer.records import Decision, ModelVersion
from training.data import Labelled
from training.progress import Advance, progress

WINDOW_TEXTS = 1000


@dataclass(frozen=True, slots=True)
class Answers:
    """`probabilities` (rows, 5) float64, `urgency` (rows,) float64, `urgent` (rows,) bool: above the threshold."""

    probabilities: NDArray[np.float64]
    urgency: NDArray[np.float64]
    urgent: NDArray[np.bool_]

    @property
    def predicted(self) -> NDArray[np.int64]:
        best: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return best


def asked(artifact: Path, precision: str | None = None) -> list[str]:
    """That precision, or each that may be served."""
    served = read_manifest(artifact).precisions
    return [precision] if precision else [str(name) for name, each in served.items() if each.servable]


def answer(
    artifact: Path, messages: Labelled, precision: str | None = None
) -> tuple[dict[str, Answers], NDArray[np.int64]]:
    """
    By one precision, or by each that may be served; and how many tokens of each text the model was given.

    Messages are as they were written, for the consumer cleans them itself, and cleaned twice some are others.
    """
    wanted = asked(artifact, precision)
    answers = {}
    with progress("classify", len(wanted) * len(messages)) as advance:
        for name in wanted:
            classifier = load(artifact, name)
            answers[name] = ask(classifier, messages.raw, advance)
    return answers, lengths(classifier, messages.raw)


def answer_as_served(artifact: Path, messages: Labelled, precision: str | None = None) -> tuple[ModelVersion, Answers]:
    """By one precision, or by the one that the consumer would take; and which model that was."""
    with progress(f"classify by {artifact.name}", len(messages)) as advance:
        classifier = load(artifact, precision)
        return classifier.model, ask(classifier, messages.raw, advance)


def ask(classifier: Classifier, texts: Sequence[str], advance: Advance = lambda _: None) -> Answers:
    """`advance` is told how many more texts were answered, so that millions can be waited for."""
    parts = []
    for start in range(0, len(texts), WINDOW_TEXTS):
        window = list(texts[start : start + WINDOW_TEXTS])
        parts.append(of_decisions(classifier.classify(window)))
        advance(len(window))
    return Answers(
        np.concatenate([part.probabilities for part in parts]),
        np.concatenate([part.urgency for part in parts]),
        np.concatenate([part.urgent for part in parts]),
    )


def lengths(classifier: Classifier, texts: Sequence[str]) -> NDArray[np.int64]:
    """Tokens of each text as the model is given it, truncated."""
    windows = (list(texts[start : start + WINDOW_TEXTS]) for start in range(0, len(texts), WINDOW_TEXTS))
    return np.array([len(each.ids) for window in windows for each in classifier.tokenize(window)], dtype=np.int64)


def of_decisions(decisions: Sequence[Decision]) -> Answers:
    return Answers(
        np.array([decision.probabilities for decision in decisions], dtype=np.float64),
        np.array([decision.urgency for decision in decisions], dtype=np.float64),
        np.array([decision.urgent for decision in decisions], dtype=np.bool_),
    )

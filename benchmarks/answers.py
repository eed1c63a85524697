"""What a review was answered, and the figures of many answers."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from consumer.records import Satisfaction

TOLERANCE = 1e-5  # of a probability; on one machine it is 0


@dataclass(frozen=True, slots=True)
class Review:
    id: str
    text: str
    stars: int


@dataclass(frozen=True, slots=True)
class Answer:
    """`probabilities` (5,)."""

    probabilities: np.ndarray
    urgency: float
    decision: str
    threshold: float


@dataclass(frozen=True, slots=True)
class Figures:
    accuracy: float
    recall: float  # of one star
    needless: float  # answered, of three to five stars


def read_reviews(path: Path) -> list[Review]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [Review(row["id"], row["text"], row["stars"]) for row in rows]


def figures(reviews: Sequence[Review], answers: dict[str, Answer]) -> Figures:
    stars = np.array([review.stars for review in reviews])
    predicted = np.array([answers[review.id].probabilities.argmax() + 1 for review in reviews])
    urgent = np.array([answers[review.id].decision == "urgent" for review in reviews])
    return Figures(
        float((predicted == stars).mean()), float(urgent[stars == 1].mean()), float(urgent[stars >= 3].mean())
    )


def answer_of(event: dict[str, Any]) -> Answer:
    told = event["probabilities"]
    values = [told[label.value] for label in Satisfaction] if isinstance(told, dict) else told
    return Answer(np.array(values), event["urgency"], event["decision"], event["threshold"])


def compare(streamed: dict[str, Answer], expected: dict[str, Answer]) -> tuple[float, int, int]:
    """Largest difference of a probability, decisions that differ, and those of them near the threshold."""
    largest, differ, near = 0.0, 0, 0
    for review, answer in streamed.items():
        other = expected[review]
        largest = max(largest, float(np.abs(answer.probabilities - other.probabilities).max()))
        if answer.decision != other.decision:
            differ += 1
            near += abs(other.urgency - other.threshold) <= TOLERANCE
    return largest, differ, near

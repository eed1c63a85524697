"""A text tried: its answer, and which of its words the answer leaned on, by leaving each out in turn (occlusion)."""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from consumer.decide import BY_MODEL
from consumer.records import Decision, ModelVersion, Satisfaction
from consumer.visible import seen
from consumer.watching.frame import model_words

MOST_CHARACTERS = 20_000
MOST_PIECES = 48  # which cost a run of the model each
MOST_TOLD = 8
LEAST_WEIGHT = 0.005  # of urgency, below which a word is not said to have mattered

_WORD = re.compile(r"\S+")


class Classifies(Protocol):
    @property
    def model(self) -> ModelVersion: ...

    def follow(self) -> None:
        """To the model that is current; before a trial, which is one model's."""

    def classify(self, texts: Sequence[str]) -> list[Decision]: ...


@dataclass(frozen=True, slots=True)
class Piece:
    """Characters of a text, and by how much its urgency falls without them."""

    start: int
    end: int
    weight: float


def tried(classifier: Classifies, text: str, *, with_words: bool) -> dict[str, Any]:
    """For the page. The weights are of the model's urgency, which rules and fallbacks do not ask for."""
    classifier.follow()
    started = time.perf_counter()
    [decision] = classifier.classify([text])
    pieces = occluded(classifier, text, decision) if with_words and decision.reason == BY_MODEL else []
    most = sorted((each for each in pieces if abs(each.weight) >= LEAST_WEIGHT), key=lambda each: -abs(each.weight))
    return {
        "decision": decision.decision,
        "satisfaction": decision.satisfaction,
        "probabilities": [
            {"name": name, "value": value} for name, value in zip(Satisfaction, decision.probabilities, strict=True)
        ],
        "urgency": decision.urgency,
        "threshold": decision.threshold,
        "reason": seen(decision.reason),
        "truncated": decision.truncated,
        "model": model_words(decision.model.name, decision.model.version, decision.model.precision),
        "text": list(_marked(text, pieces)),
        "words": [{"text": seen(text[each.start : each.end]), "weight": each.weight} for each in most[:MOST_TOLD]],
        "runs": 1 + len(pieces),
        "took_s": time.perf_counter() - started,
    }


def occluded(classifier: Classifies, text: str, decision: Decision) -> list[Piece]:
    """In the text's order. Of a long text several words are left out at a time, for each piece costs a run."""
    spans = list(pieces(text, MOST_PIECES))
    without = classifier.classify([text[:start] + text[end:] for start, end in spans])
    return [
        Piece(start, end, decision.urgency - each.urgency) for (start, end), each in zip(spans, without, strict=True)
    ]


def pieces(text: str, most: int) -> Iterator[tuple[int, int]]:
    """At most so many, of neighbouring words, as even as can be."""
    words = [match.span() for match in _WORD.finditer(text)]
    count = min(most, len(words))
    for number in range(count):
        some = words[number * len(words) // count : (number + 1) * len(words) // count]
        yield some[0][0], some[-1][1]


def _marked(text: str, found: Sequence[Piece]) -> Iterator[dict[str, Any]]:
    """All of the text, with what stands between the pieces, which has no weight."""
    at = 0
    for each in found:
        if at < each.start:
            yield {"text": seen(text[at : each.start]), "weight": 0.0}
        yield {"text": seen(text[each.start : each.end]), "weight": each.weight}
        at = each.end
    if at < len(text):
        yield {"text": seen(text[at:]), "weight": 0.0}

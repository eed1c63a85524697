"""Live answers on the output topics to numbers, five a message; nothing of a text is kept."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumer.drift.features import CLASS_PLACES, Feature
from consumer.errors import RecordError
from consumer.flips.answers import Answer, NoAnswer, Reader, patiently
from consumer.records import ModelVersion, Record, Tokens
from consumer.run_names import LIVE

TEXTS_AT_ONCE = 512
MOST_MODELS = 10

Tokenize = Callable[[Sequence[str]], list[Tokens]]


@dataclass(frozen=True, slots=True)
class Messages:
    """
    A value a message in each of `values`, by when the answers were written: `at_ms` (rows,), rising.

    Of one millisecond, by their offset in the source: topics are read one after the other, and hundreds of answers are
    written in a millisecond, so that a window's end could else part the urgent ones from the routine ones.
    """

    at_ms: NDArray[np.int64]
    values: dict[Feature, NDArray[np.generic]]

    def __len__(self) -> int:
        return len(self.at_ms)


@dataclass
class PassedOver:
    """Answers that are not compared, by why: another run's, another model's, and records that hold none."""

    runs: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)


class Gather:
    """`tokenize` gives the artifact's own tokens of texts, which events do not tell; `model` is whose answers count."""

    def __init__(self, reader: Reader, tokenize: Tokenize, model: ModelVersion, since_ms: int) -> None:
        self._reader = reader
        self._tokenize = tokenize
        self._model = model
        self._since_ms = since_ms
        self._at = array("q")
        self._offsets = array("q")
        self._scores: dict[Feature, array[Any]] = {"satisfaction": array("b"), "urgency": array("d")}
        self._texts: dict[Feature, array[Any]] = {"token_length": array("i"), "unknown_share": array("f")}
        self._waiting: list[str] = []
        self.passed_over = PassedOver()

    def all(self, records: Iterator[Record]) -> Messages:
        """
        Of those written since. Without the features of texts, unless every answer carries its text.

        Raises PassingFault or SurroundingsError where the registry is away or refuses us.
        """
        for record in records:
            if record.timestamp_ms is None or record.timestamp_ms >= self._since_ms:
                self._read(record)
        self._measure()
        with_texts = len(self._texts["token_length"]) == len(self._at)
        columns = {**self._scores, **(self._texts if with_texts else {})}
        at = np.array(self._at, dtype=np.int64)
        order = np.lexsort((np.array(self._offsets, dtype=np.int64), at))
        return Messages(at[order], {name: np.array(column)[order] for name, column in columns.items()})

    def _read(self, record: Record) -> None:
        try:
            answer = patiently(lambda: self._reader.answer(record))
        except NoAnswer:
            self.passed_over.unreadable["no-classified-message"] += 1
            return
        except RecordError as error:
            self.passed_over.unreadable[error.code] += 1
            return
        if answer.run != LIVE:
            self.passed_over.runs["replays"] += 1
        elif not self._is_ours(answer):
            self._pass_over(answer)
        elif answer.urgency is None or answer.satisfaction not in CLASS_PLACES:
            self.passed_over.unreadable["no-classified-message"] += 1
        else:
            self._add(answer, record.timestamp_ms or 0)

    def _is_ours(self, answer: Answer) -> bool:
        """As far as the event tells: texts name the version alone."""
        name, version, precision = answer.model
        ours = self._model
        return name in (None, ours.name) and version in (None, ours.version) and precision in (None, ours.precision)

    def _pass_over(self, answer: Answer) -> None:
        told, models = " ".join(part for part in answer.model if part), self.passed_over.models
        models[told if told in models or len(models) < MOST_MODELS else "others"] += 1

    def _add(self, answer: Answer, at_ms: int) -> None:
        self._at.append(at_ms)
        self._offsets.append(answer.source[2])
        self._scores["satisfaction"].append(CLASS_PLACES[answer.satisfaction])  # type: ignore[index]
        self._scores["urgency"].append(answer.urgency)
        if answer.text is not None:
            self._waiting.append(answer.text)
        if len(self._waiting) == TEXTS_AT_ONCE:
            self._measure()

    def _measure(self) -> None:
        for tokens in self._tokenize(self._waiting):
            self._texts["token_length"].append(len(tokens.ids))
            self._texts["unknown_share"].append(tokens.unknown_share)
        self._waiting.clear()

"""Drift of what this process commits: a window that slides by a tenth of itself, told as metrics and by the log."""

from collections import deque
from collections.abc import Callable

import numpy as np
import structlog
from numpy.typing import NDArray

from consumer.answer import Answered
from consumer.drift.compare import Drift, Expectation, Yardstick, compare
from consumer.drift.features import CLASS_PLACES, Feature
from consumer.errors import ArtifactError
from consumer.manifest import Description
from consumer.records import Decision
from consumer.settings import Drift as DriftSettings

log = structlog.get_logger()

BLOCKS = 10


class Live:
    """
    `tell` is called with each window that is full, from the first on.

    Counts are taken a block at a time, so that a message costs four numbers in four lists.
    """

    def __init__(self, expectation: Expectation, messages: int, rate: float, tell: Callable[[Drift], None]) -> None:
        self._block = max(1, messages // BLOCKS)
        self._yardstick = Yardstick(expectation, self._block * BLOCKS, rate)
        self._tell = tell
        self._blocks: deque[dict[Feature, NDArray[np.int64]]] = deque(maxlen=BLOCKS)
        self._values = _empty()
        self._drifted: tuple[Feature, ...] = ()

    def committed(self, answered: Answered) -> None:
        """Every message that was answered, whatever decided: a rule, or a text that the model cannot read, is news."""
        for fate, text in zip(answered.fates, answered.texts, strict=False):
            if isinstance(fate, Decision) and text is not None:
                self._add(fate, *text)

    def _add(self, decision: Decision, tokens: int, unknown_share: float) -> None:
        values = self._values
        values["satisfaction"].append(CLASS_PLACES[decision.satisfaction])
        values["urgency"].append(decision.urgency)
        values["token_length"].append(tokens)
        values["unknown_share"].append(unknown_share)
        if len(values["urgency"]) == self._block:
            self._values = _empty()
            self._close(self._yardstick.expectation.counted(values))

    def _close(self, block: dict[Feature, NDArray[np.int64]]) -> None:
        self._blocks.append(block)
        if len(self._blocks) < BLOCKS:
            return
        counts = {name: np.sum([each[name] for each in self._blocks], axis=0) for name in block}
        drift = compare(self._yardstick, counts)
        self._tell(drift)
        if drift.drifted != self._drifted:
            _log(drift)
        self._drifted = drift.drifted


class Watched:
    """What is told of each committed window, held against the reference of the model that answers now."""

    def __init__(self, settings: DriftSettings, tell: Callable[[Drift], None]) -> None:
        self._settings = settings
        self._tell = tell
        self._committed: Callable[[Answered], None] = lambda _: None

    def follow(self, manifest: Description, precision: str) -> None:
        """Another model answers from now on: what was counted is the last one's."""
        self._committed = watched(self._settings, manifest, precision, self._tell)

    def committed(self, answered: Answered) -> None:
        self._committed(answered)


def watched(
    settings: DriftSettings, manifest: Description, precision: str, tell: Callable[[Drift], None]
) -> Callable[[Answered], None]:
    """What the service tells of each committed window; an artifact without a reference is served all the same."""
    try:
        return Live(Expectation(manifest, precision), settings.window_messages, settings.rate, tell).committed
    except ArtifactError as error:
        log.info("drift-not-watched", why=str(error))
        return lambda _: None


def _empty() -> dict[Feature, list[float]]:
    return {"satisfaction": [], "urgency": [], "token_length": [], "unknown_share": []}


def _log(drift: Drift) -> None:
    if not drift.drifted:
        log.info("drift-over", messages=drift.messages)
        return
    far = {look.feature: round(look.distance, 4) for look in drift.looks if look.drifted}
    log.warning("drift", messages=drift.messages, distance=far)

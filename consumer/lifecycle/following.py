"""
Follows `current`: what it names is loaded beside the loop, held against the one that answers, and takes its place.

A thread verifies, loads, warms and compares; the loop only asks, between two windows, whether somebody is ready. A
version that is refused changes nothing but the log and the metrics, and is tried again when `current` is written anew.
"""

import gc
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from consumer import versions
from consumer.classify import Classifier
from consumer.errors import ArtifactError, ShikyuError
from consumer.lifecycle import canary
from consumer.lifecycle.answering import Answering
from consumer.model_settings import loaded
from consumer.records import Decision
from consumer.settings import Settings
from consumer.versions import Current

log = structlog.get_logger()

CLOSE_S = 1.0  # how long leaving waits for what is being loaded; nothing is lost by not waiting


class Told(Protocol):
    """What is told of a swap, or of none."""

    def swap(self, outcome: str) -> None: ...

    def canary(self, flip_share: float) -> None: ...

    def refused(self, is_refused: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Answered:
    """The canary, as one version decides it."""

    texts: Sequence[str]
    decisions: Sequence[Decision]


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A version that is loaded, warm and near enough to the one that answers."""

    classifier: Classifier
    canary: Answered  # for whoever comes after it
    flip_share: float


Load = Callable[[Path], Classifier]


class Following:
    """`follow` is called when another version answers from now on, in the loop's thread."""

    def __init__(
        self,
        current: Current,
        answering: Answering,
        load: Load,
        settings: Settings,
        told: Told,
        follow: Callable[[], None],
    ) -> None:
        self._folder = current.folder
        self._seen = current.stamp
        self._answering = answering
        self._load = load
        self._settings = settings.model
        self._told = told
        self._follow = follow
        self._lock = threading.Lock()
        self._ready: Newcomer | None = None
        self._canary: Answered | None = None  # by the one that answers
        self._left: list[Classifier] = []  # for the thread to let go: a large model takes its time
        self._unreadable = ""
        serving = answering.model.version
        self._refused = current.version if current.version != serving else ""  # by the start
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="models", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self, within_s: float = CLOSE_S) -> None:
        self._closed.set()
        self._thread.join(within_s)

    def turn(self) -> bool:
        """Between two windows, by the loop's thread: whether another version answers from now on."""
        with self._lock:
            newcomer, self._ready = self._ready, None
            if newcomer is None:
                return False
            self._canary = newcomer.canary
            before = self._answering.swap(newcomer.classifier)
            self._left.append(before)
        now = newcomer.classifier.model
        self._told.swap("swapped")
        self._follow()
        log.info(
            "model-swapped",
            version=now.version,
            precision=now.precision,
            before=before.model.version,
            flip_share=round(newcomer.flip_share, 4),
        )
        return True

    def _watch(self) -> None:
        while not self._closed.wait(self._settings.watch_s):
            self._left.clear()
            self.look()
            gc.collect()  # what left or was refused may be in a cycle with an error, and a model is large (garbage.py)

    def look(self) -> None:
        """Once: prepares what `current` names, if it was written since."""
        try:
            current = versions.read(self._folder)
        except ArtifactError as error:
            if self._unreadable != str(error):
                log.warning("current-unreadable", why=str(error))
            self._unreadable = str(error)
            return
        self._unreadable = ""
        if current.stamp == self._seen:
            return
        self._seen = current.stamp
        with self._lock:
            self._ready = None  # not the one any more that is wanted
            serving = self._answering.model.version
        if current.version == serving:
            self._told.refused(False)
            if self._refused:
                log.info("refusal-ended", version=self._refused, serving=serving)
            self._refused = ""
            return
        log.info("model-found", version=current.version, serving=serving)
        try:
            newcomer = self._prepared(current)
        except Exception as problem:  # noqa: BLE001 - whatever an engine raises, the one that answers goes on
            self._refuse(current, problem)
        else:
            if self._was_written_since(current):
                return  # and is looked at next: what was withdrawn while it loaded must not answer anybody
            self._told.refused(False)
            self._refused = ""
            with self._lock:
                self._ready = newcomer

    def _was_written_since(self, current: Current) -> bool:
        now = versions.read_if_there(self._folder)
        return now is None or now.stamp != current.stamp

    def _prepared(self, current: Current) -> Newcomer:
        """Raises whatever is wrong with it; LimitError where it decides too many of the canary otherwise."""
        texts = canary.texts(self._settings.canary)
        newcomer = self._load(current.artifact)
        versions.require_own_name(current.artifact, newcomer.model.version)
        if self._canary is None or self._canary.texts != texts:
            self._canary = Answered(texts, canary.answered(self._answering.classifier, texts))
        decisions = canary.answered(newcomer, texts)
        found = canary.flips(self._canary.decisions, decisions)
        self._told.canary(found.share)
        if current.with_canary:
            found.require(self._settings.max_flip_share)
        return Newcomer(newcomer, Answered(texts, decisions), found.share)

    def _refuse(self, current: Current, problem: Exception) -> None:
        why = str(problem) if isinstance(problem, ShikyuError) else f"it cannot be loaded ({type(problem).__name__})"
        self._told.swap("refused")
        self._told.refused(True)
        self._refused = current.version
        log.warning("model-refused", version=current.version, serving=self._answering.model.version, why=why)


@contextmanager
def following(
    current: Current | None,
    answering: Answering,
    settings: Settings,
    told: Told,
    follow: Callable[[], None],
    within: Callable[[float], float],
) -> Iterator[Callable[[], bool]]:
    """
    `turn`, for the loop to call between two windows while the block lasts; without `current` it never swaps.

    What loads at the block's end is waited for CLOSE_S, or what `within` makes of it.
    """
    if current is None or not settings.model.watch_s:
        yield lambda: False
        return

    def load(version: Path) -> Classifier:
        # Measured beside a busy loop it would be chance: the size that is best for the one that answers will do.
        return loaded(settings, version, max_batch_tokens=answering.classifier.max_batch_tokens)

    watching = Following(current, answering, load, settings, told, follow)
    watching.start()
    try:
        yield watching.turn
    finally:
        watching.close(within(CLOSE_S))

"""
receive -> decode -> tokenize -> pack -> infer -> decide -> encode -> publish + commit

A window is received with its fencing token, answered, and published with its offsets in one transaction. Whatever goes
wrong on the way, nothing of it is visible, and the window is read again from what is committed.
"""

import gc
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from consumer.answer import TOO_LARGE, Answered, Steps
from consumer.errors import PassingFault, ShikyuError, SurroundingsError
from consumer.guard import Guard
from consumer.publish import Dropped, Publisher, Rejected
from consumer.receive import Source
from consumer.records import Dead
from consumer.sizing import Sizer
from consumer.tracing import UNTRACED, Tracing
from consumer.visits import Visit, nothing
from consumer.window import Window

log = structlog.get_logger()

FIRST_BACKOFF_S = 0.5
MAX_BACKOFF_S = 10.0
MAX_REFUSALS = 500  # of one window: each tells at least one record, or halves a batch


class Watcher(Protocol):
    """Told of what happened; never asked."""

    def polled(self, source: Source) -> None: ...

    def committed(self, window: Window, answered: Answered) -> None: ...

    def aborted(self) -> None: ...

    def waited(self) -> None: ...


@dataclass
class Loop:
    source: Source
    steps: Steps
    publisher: Publisher
    guard: Guard
    sizer: Sizer
    watcher: Watcher
    stopping: Callable[[], bool]
    visit: Visit = nothing
    turn: Callable[[], None] = lambda: None  # between two windows: another model may take its turn
    tracing: Tracing = UNTRACED
    _faults: int = field(default=0, init=False)
    _drops: int = field(default=0, init=False)

    def run(self) -> None:
        """Until told to stop. Raises SettingsError or SurroundingsError when going on would lose something."""
        while not self.stopping():
            self.turn()
            window = self.source.receive(self.sizer)
            self.watcher.polled(self.source)
            if window.records or window.ends:
                self.step(window)

    def step(self, window: Window) -> None:
        dropped = list(window.records)
        try:
            with self.tracing.process(window):
                self.visit("received")
                self.must_own(window)
                answered = self.answer(window)
                self.visit("answered")
                self.guard.check(answered.fates)
                self.must_own(window)
                self.publish(answered, window)
        except PassingFault as fault:
            self._faults += 1
            self.watcher.waited()
            wait_s = backoff_s(self._faults)
            log.warning("waiting", why=str(fault), wait_s=round(wait_s, 2))
            dropped += self.source.wait(wait_s, self.stopping)
        except Dropped as why:
            self.watcher.aborted()
            log.info("window-dropped", why=str(why), records=len(window.records))
            self._drops += 1
            # One comes of a rebalance, mostly, and must cost no time. What lasts must not run the model in circles.
            if self._drops > 1:
                dropped += self.source.wait(backoff_s(self._drops - 1), self.stopping)
        else:
            self._faults = self._drops = 0
            return
        gc.collect()  # the error's traceback may keep the window in a cycle, and it is rarely looked for (garbage.py)
        self.source.rewind(dropped, self.stopping)

    def must_own(self, window: Window) -> None:
        if not self.source.owns(window):
            raise Dropped("the group has gone on since the window was received")

    def answer(self, window: Window) -> Answered:
        """Marked meanwhile, where somebody may have died of these; an error that nobody expects leaves the mark."""
        self.source.mark(window)
        started = time.monotonic()
        try:
            self.must_own(window)  # the group may have refused the mark: it would refuse the offsets, too
            answered = self.steps.answer(window.records)
        except (ShikyuError, Dropped):
            self.source.unmark()
            raise
        took_s = time.monotonic() - started
        self.source.unmark()
        self.sizer.learn(
            records=len(window.records),
            tokens=answered.tokens,
            answered_s=took_s,
            is_full=window.is_full,
            oldest_age_s=window.oldest_age_s,
        )
        return answered

    def publish(self, answered: Answered, window: Window) -> None:
        with self.steps.stages.time("publish"):
            answered = self.without_refused(answered, window)
        self.source.committed(window)
        self.guard.committed(answered.fates)
        self.watcher.committed(window, answered)

    def without_refused(self, answered: Answered, window: Window) -> Answered:
        """Publishes, with what Kafka refuses as dead letters: again until nothing is refused."""
        flush_before: frozenset[int] = frozenset()
        for _ in range(MAX_REFUSALS):
            try:
                self.publisher.publish(answered.outputs, window, flush_before=flush_before)
            except Rejected as refused:
                log.warning("outputs-refused", why=str(refused), refused=len(refused.errors))
                must_be_alive(answered, refused)
                answered = self.steps.refuse(answered, window.records, refused.errors)
                flush_before |= refused.cuts
            else:
                return answered
        raise SurroundingsError(
            f"Kafka refused outputs of one window {MAX_REFUSALS} times, so the topics' settings must be wrong, not "
            "the records: raise the output topics' max.message.bytes above the producer's batch.size, then start again"
        )


def must_be_alive(answered: Answered, refused: Rejected) -> None:
    """Raises SurroundingsError for a dead letter that was refused: there is no other place for it."""
    for index, name in refused.errors.items():
        if isinstance(answered.fates[answered.sources[index]], Dead):
            cure = (
                "give it 64 KiB more max.message.bytes than the input topics have"
                if name == TOO_LARGE
                else ("make it a topic that takes any record (not a compacted one)")
            )
            raise SurroundingsError(
                f"the dead-letter topic refused a record ({name}), and nothing may be lost: {cure}, then start again"
            ) from refused


def backoff_s(faults: int) -> float:
    """Exponential with full jitter above half, so that consumers of one group don't knock together."""
    longest = min(MAX_BACKOFF_S, FIRST_BACKOFF_S * 2.0 ** min(faults - 1, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter guards no secret

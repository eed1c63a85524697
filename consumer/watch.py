"""Turns what the loop did into health, metrics and one log line a second at most."""

import time
from collections.abc import Callable
from math import inf

import structlog

from consumer.answer import Answered
from consumer.guard import Fate
from consumer.health import Health
from consumer.kafka_records import age_s
from consumer.metrics import Metrics
from consumer.receive import Source
from consumer.records import Dead, Decision, Record, Skipped
from consumer.shadow.beside import NOBODY, Beside
from consumer.window import Window

log = structlog.get_logger()

LAG_EVERY_S = 1.0
TELL_EVERY_S = 1.0


class Watch:
    """The loop's watcher. `clock` is seconds since the epoch, as records' timestamps are."""

    def __init__(
        self,
        metrics: Metrics,
        health: Health,
        clock: Callable[[], float] = time.time,
        drift: Callable[[Answered], None] = lambda _: None,
        beside: Beside = NOBODY,
    ) -> None:
        self._metrics = metrics
        self._health = health
        self._drift = drift
        self._beside = beside
        self._clock = clock
        self._rebalances = 0
        self._is_kafka_away = False
        self._next_lag_at = 0.0
        self._next_told_at = 0.0
        self._untold = 0
        self._last: dict[tuple[str, int], Record] = {}
        self._behind_since: dict[tuple[str, int], float] = {}

    def polled(self, source: Source) -> None:
        self._health.polled()
        if source.in_hand:
            self._beside.works()
        if source.rebalances != self._rebalances:
            self._metrics.rebalanced(source.rebalances - self._rebalances)
            self._rebalances = source.rebalances
            self._health.assignment_known()
        now = self._clock()
        if now >= self._next_lag_at:
            self._next_lag_at = now + LAG_EVERY_S
            self._tell_lag(source, now)
        self._tell_in_time(now)

    def committed(self, window: Window, answered: Answered) -> None:
        if not window.records:
            return
        now = self._clock()
        self._metrics.window(len(window.records), time.monotonic() - window.received_at)
        self._metrics.decided(fate for fate in answered.fates if isinstance(fate, Decision))
        for record, fate in zip(window.records, answered.fates, strict=True):
            self._count(fate)
            self._metrics.answered(age_s(record, now))
            if isinstance(fate, Dead):
                log.warning("dead-lettered", **_coordinates(record), code=fate.error.code, stage=fate.error.stage)
            self._last[record.topic, record.partition] = record
        self._metrics.stage("queue", age_s(window.records[0], now - (time.monotonic() - window.received_at)))
        self._drift(answered)
        self._beside.committed(window, answered)
        self._untold += len(window.records)
        self._tell_in_time(now)

    def tell(self) -> None:
        """How many records were committed since this was told last; nothing of none."""
        if self._untold:
            log.info("committed", records=self._untold)
        self._untold = 0

    def _tell_in_time(self, now: float) -> None:
        if self._untold and now >= self._next_told_at:
            self._next_told_at = now + TELL_EVERY_S
            self.tell()

    def aborted(self) -> None:
        self._metrics.aborted()

    def waited(self) -> None:
        self._metrics.waited()

    def _count(self, fate: Fate) -> None:
        if isinstance(fate, Dead):
            self._metrics.dead_lettered(fate.error.code)
        elif isinstance(fate, Skipped):
            self._metrics.skipped(fate.reason)

    def _tell_lag(self, source: Source, now: float) -> None:
        statistics = source.statistics
        if statistics.brokers_up is not None:
            self._metrics.brokers_up(statistics.brokers_now)
            self._tell_of_kafka(is_away=not statistics.brokers_up)
        assigned = source.assignment()
        self._metrics.keep_lag_of(assigned)
        for told in (self._last, self._behind_since):
            for place in set(told) - set(assigned):
                del told[place]
        in_hand: dict[tuple[str, int], Record] = {}
        for record in source.in_hand:
            in_hand.setdefault((record.topic, record.partition), record)
        for place in assigned:
            self._tell_lag_of(place, source.high_watermark(*place), statistics.read_to(place), in_hand.get(place), now)

    def _tell_of_kafka(self, *, is_away: bool) -> None:
        """In words of our own, once: librdkafka's tell of each connection."""
        if is_away and not self._is_kafka_away:
            log.warning("kafka-away", why="no broker is connected; nothing is lost, and it goes on when one is back")
        elif self._is_kafka_away and not is_away:
            log.info("kafka-back")
        self._is_kafka_away = is_away

    def _tell_lag_of(
        self, place: tuple[str, int], end: int | None, read_to: int | None, waiting: Record | None, now: float
    ) -> None:
        """`waiting` is the oldest record that was received and is not committed; before `read_to` there is no other."""
        last = self._last.get(place)
        next_offset = waiting.offset if waiting is not None else last.offset + 1 if last is not None else None
        if waiting is None and read_to is not None:
            # A transaction's marker is the last there is, and no record will ever have its offset.
            next_offset = max(read_to, next_offset or 0)
        if end is None or next_offset is None:
            return
        records = max(0, end - next_offset)
        if records == 0:
            self._behind_since.pop(place, None)
            self._metrics.lag(*place, 0, 0.0)
            return
        # What waits unread is no older than our being behind, and hardly older than what was read before it.
        if last is None and waiting is not None:
            self._behind_since[place] = 0.0  # a backlog from before we began
        since = self._behind_since.setdefault(place, now)
        seconds = age_s(waiting, now) if waiting is not None else min(now - since, age_s(last, now) if last else inf)
        self._metrics.lag(*place, records, seconds)


def _coordinates(record: Record) -> dict[str, str | int]:
    return {"topic": record.topic, "partition": record.partition, "offset": record.offset}

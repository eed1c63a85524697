"""
Kafka's input end: windows of records, each with the fencing token that was taken before its data.

The rules, and what breaks without them, stand in docs/delivery.md. One thread owns the consumer.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as KafkaMessage

from consumer.errors import SettingsError
from consumer.kafka_records import age_s, record_of
from consumer.marks import Marks, commit
from consumer.quarantine import Place, Quarantine
from consumer.receive_errors import AWAY, raise_when_dead
from consumer.records import Record
from consumer.sizing import Limits
from consumer.statistics import Statistics
from consumer.visits import Visit, nothing
from consumer.window import Fence, Window, generation_and_member

log = structlog.get_logger()

POLL_S = 0.1
RETRY_S = 0.1  # between two such questions
COMMITTED_S = 10.0  # how long one question for committed offsets may take


class Sizing(Protocol):
    def limits(self, first_age_s: float) -> Limits: ...

    def at_most_tokens(self, value_bytes: int) -> int: ...


class Source:
    """A consumer group member that hands out windows and can step back to what is committed."""

    def __init__(
        self,
        config: dict[str, Any],
        quarantine: Quarantine,
        *,
        moved: Callable[[], None] = lambda: None,
        on_error: Callable[[KafkaError], None] = lambda _: None,
        visit: Visit = nothing,
        logger: Any = None,
    ) -> None:
        """`moved` is called whenever the loop could have gone on, so that a broker that is away looks like no hang."""
        self._quarantine = quarantine
        self._visit = visit
        self._moved = moved
        self._epoch = 0
        self._in_hand: Sequence[Record] = ()
        self._fence: Fence | None = None
        self._refused: Fence | None = None
        self._group = str(config["group.id"])
        self._is_classic = config.get("group.protocol", "classic") == "classic"
        self.statistics = Statistics(float(config.get("statistics.interval.ms", 0)) / 1000)
        self._on_error = on_error
        config = {**config, "error_cb": self._erred, "stats_cb": self.statistics.told}
        self._consumer = Consumer(config, logger=logger) if logger else Consumer(config)
        self._marks = Marks(self._consumer, quarantine, self._is_member)

    def _erred(self, error: KafkaError) -> None:
        if error.code() in AWAY:
            self._marks.is_in_doubt = True
        self._on_error(error)

    def join(self, topics: Sequence[str]) -> None:
        """Joins the group: from now on partitions are taken from its other members."""
        try:
            self._consumer.subscribe(
                list(topics), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
            )
        except KafkaException as problem:
            raise SettingsError(
                f"librdkafka refuses input.topics {', '.join(topics)} ({problem.args[0].name()}): a pattern is a POSIX "
                "extended regular expression that begins with ^"
            ) from problem

    # Rebalances are served inside poll(). They count, and nothing else: committing what was read would wait for a
    # transaction inside a callback, and the window in hand is dropped anyway. A mark that stands still, because Kafka
    # did not answer when it was to be taken away, goes with its partition, and its next owner counts a death too many:
    # a commit that takes it away waits here for ever (seen in chaos), for the rebalance waits for us.
    def _on_assign(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._rebalanced("assigned", partitions)
        log.info("partitions-assigned", partitions=_names(partitions))

    def _on_revoke(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._rebalanced("revoked", partitions)
        log.info("partitions-revoked", partitions=_names(partitions))

    def _on_lost(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._rebalanced("lost", partitions)
        log.info("partitions-lost", partitions=_names(partitions))

    def _rebalanced(self, what: str, partitions: list[TopicPartition]) -> None:
        if what != "assigned":
            self._quarantine.forget(_places(partitions))
        self.statistics.forget(_places(partitions))
        self._epoch += 1
        self._visit(what)

    @property
    def rebalances(self) -> int:
        return self._epoch

    @property
    def in_hand(self) -> Sequence[Record]:
        """The records of the window that was received last."""
        return self._in_hand

    def assignment(self) -> list[tuple[str, int]]:
        return _places(self._consumer.assignment())

    def high_watermark(self, topic: str, partition: int) -> int | None:
        """The partition's end as the last fetch told it; None before the first."""
        return self._watermarks(topic, partition)[1]

    def low_watermark(self, topic: str, partition: int) -> int | None:
        """Its first offset, likewise."""
        return self._watermarks(topic, partition)[0]

    def _watermarks(self, topic: str, partition: int) -> tuple[int | None, int | None]:
        place = TopicPartition(topic, partition)
        known: tuple[int, int] | None = self._consumer.get_watermark_offsets(place, cached=True)
        low, high = (offset if offset >= 0 else None for offset in known or (-1, -1))
        return low, high

    def receive(self, sizing: Sizing) -> Window:
        """
        What waits, up to the limits; empty after `POLL_S` without a record. A lone record goes at once.

        Raises SurroundingsError when the consumer can't go on.
        """
        # The fencing token comes before the data: a rebalance may be served between the two, never after.
        fence = self._fence = Fence(self._consumer.consumer_group_metadata(), self._epoch)
        if self._quarantine.standing:  # a window was given up while Kafka did not answer
            self._marks.take_away_late()
        records: list[Record] = []
        value_bytes = tokens = most = 0
        limits = None
        asked: set[Place] = set()
        timeout_s = POLL_S
        while limits is None or (len(records) < most and not limits.are_reached(len(records), value_bytes, tokens)):
            message = self._consumer.poll(timeout_s)
            if message is None:
                break
            if message.error() is not None:
                self._told(message)
                continue
            record = record_of(message)
            if not self._takes(record):
                continue
            place = (record.topic, record.partition)
            is_new = place not in asked and self._quarantine.is_new(place)
            if is_new:
                committed = self._marks.look_at(place)
                if committed is None and self._handed_back(record):
                    break  # Kafka does not say where we are, nor would it take a commit
                if self._is_behind(record, committed):
                    continue
                asked.add(place)
            if is_new or limits is None:
                limits = limits or sizing.limits(age_s(record, time.time()))
                most = self._quarantine.most(limits.records, self.low_watermark)
                if len(records) >= most and self._handed_back(record):
                    break
            records.append(record)
            timeout_s = 0.0
            size = len(record.value or b"")
            value_bytes += size
            tokens += sizing.at_most_tokens(size)
        self._moved()
        self._in_hand = records
        self.statistics.forget((record.topic, record.partition) for record in records)
        is_full = limits is not None and limits.are_reached(len(records), value_bytes, tokens)
        now_s = time.time()
        oldest_age_s = max((age_s(record, now_s) for record in records), default=0.0)
        metadata = self._quarantine.metadata
        return Window(records, fence, time.monotonic(), metadata, self._ends(), is_full, oldest_age_s)

    # What a bounded reading answers otherwise.
    def _takes(self, record: Record) -> bool:  # noqa: ARG002 - the endless one takes all
        return True

    def _ends(self) -> Mapping[Place, int]:
        return {}

    def _told(self, message: KafkaMessage) -> None:
        """Of what is an error, or an event, instead of a record."""
        error = message.error()
        assert error is not None
        raise_when_dead(error, message.topic(), self._group)

    def _is_behind(self, record: Record, committed: int | None) -> bool:
        """
        A partition's first record that was committed before: then reading goes on at what is committed.

        Seen once after a broker's death: librdkafka began at auto.offset.reset, and Kafka knew the offset all the time.
        """
        end = self.high_watermark(record.topic, record.partition)
        if committed is None or record.offset >= committed or (end is not None and committed > end):
            return False  # beyond the end it is of a topic that was there before
        where = {"topic": record.topic, "partition": record.partition}
        log.warning("read-behind-committed", **where, offset=record.offset, committed=committed)
        try:
            self._consumer.seek(TopicPartition(record.topic, record.partition, committed))
        except KafkaException as problem:
            log.warning("seek-failed", error=problem.args[0].name())
            self._quarantine.forget([(record.topic, record.partition)])  # so that the next one is looked at
        return True

    def _handed_back(self, record: Record) -> bool:
        """It shall not come with what is in hand, where one of them may kill the process; false when it has to."""
        try:
            self._consumer.seek(TopicPartition(record.topic, record.partition, record.offset))
        except KafkaException as problem:
            log.warning("seek-failed", error=problem.args[0].name())
            return False
        return True

    def _is_member(self) -> bool:
        """Whether a plain commit is ours to make: the group has us as it had us when the last window was begun."""
        if not self._is_classic:
            return False  # librdkafka 2.16 may wait for ever for a plain commit under KIP-848 (seen); no marks there
        generation, member = now = generation_and_member(self._consumer.consumer_group_metadata())
        began = generation_and_member(self._fence.group_metadata) if self._fence else None
        return now == began and generation >= 0 and bool(member)

    def owns(self, window: Window) -> bool:
        """
        Whether the window may be committed: no rebalance since its token was taken, and the token names a member.

        The broker accepts a token of generation −1 with an empty member (tried with Kafka 4.4), hence the second half.
        """
        generation, member = generation_and_member(window.fence.group_metadata)
        is_refused = window.fence is self._refused
        return self._epoch == window.fence.epoch and generation >= 0 and bool(member) and not is_refused

    def rewind(self, dropped: Iterable[Record], give_up: Any = lambda: False) -> None:
        """
        Sets the position of each partition that had records dropped, and is still ours, to the committed offset.

        Only those: committed() waits for a dead owner's transaction, and healthy partitions would stand still.
        What is committed is the broker's to say, never our memory's.
        """
        touched: dict[tuple[str, int], int] = {}
        for record in dropped:
            place = (record.topic, record.partition)
            touched[place] = min(record.offset, touched.get(place, record.offset))
        while touched and not give_up():
            self._moved()
            ours = [p for p in self._consumer.assignment() if (p.topic, p.partition) in touched]
            if not ours:
                return
            try:
                self._seek_committed(ours, touched)
            except KafkaException as problem:
                log.warning("rewind-retried", error=problem.args[0].name())
                # Polling meanwhile: what holds the offsets back may last, and the group must not wait for us with it.
                for record in self.wait(RETRY_S, give_up):
                    place = (record.topic, record.partition)
                    touched[place] = min(record.offset, touched.get(place, record.offset))
            else:
                log.info("rewound", partitions=_names(ours))
                return

    def _seek_committed(self, partitions: list[TopicPartition], first: Mapping[tuple[str, int], int]) -> None:
        for known in self._marks.committed(partitions, COMMITTED_S):
            # Nothing is committed yet: what was dropped is all that was read, wherever auto.offset.reset had begun.
            offset = known.offset if known.offset >= 0 else first[known.topic, known.partition]
            self._consumer.seek(TopicPartition(known.topic, known.partition, offset))
        self.statistics.forget(first)

    def mark(self, window: Window) -> None:
        """Tells whoever comes after us what is in hand, where we may die of it; it may tell that it is ours no more."""
        if not self._marks.write(window.records, self.high_watermark):
            self._refused = window.fence

    def unmark(self) -> None:
        """Takes the marks away: whoever comes next shall not think that we died."""
        self._marks.take_away()

    def wait(self, seconds: float, stopping: Any) -> list[Record]:
        """
        Lets time pass without taking records, and keeps polling, so that the group keeps us.

        Returns what came all the same, from partitions that were assigned meanwhile and are not paused: it has to be
        rewound too.
        """
        paused = self._consumer.assignment()
        self._consumer.pause(paused)
        dropped: list[Record] = []
        until = time.monotonic() + seconds
        try:
            while time.monotonic() < until and not stopping():
                message = self._consumer.poll(POLL_S)
                self._moved()
                if message is None:
                    continue
                if message.error() is not None:
                    self._told(message)
                else:
                    dropped.append(record_of(message))
        finally:
            # Whoever has them now: librdkafka keeps a partition paused that is taken away and comes back, for good.
            self._consumer.resume(paused)
        return dropped

    def commit(self, window: Window) -> None:
        """At-least-once: commits the window's offsets synchronously. Raises KafkaException."""
        commit(self._consumer, window.next_offsets())

    def committed(self, window: Window) -> None:
        """Takes note that the window's offsets are, by whatever way."""
        self._quarantine.committed({(each.topic, each.partition): each.offset for each in window.next_offsets()})

    def close(self, *, is_well: bool = True) -> None:
        """Leaves the group; not `is_well`, the marks of what is in hand stay."""
        if is_well:
            self._marks.take_away_late()  # before, for a consumer that closes is told no offsets any more
        self._quarantine.forget(self._quarantine.standing)  # else revoking would take them away
        self._consumer.close()


def _places(partitions: Iterable[TopicPartition]) -> list[Place]:
    return [(each.topic, each.partition) for each in partitions]


def _names(partitions: Iterable[TopicPartition]) -> list[str]:
    return sorted(f"{each.topic}/{each.partition}" for each in partitions)

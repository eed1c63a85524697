"""The quarantine's marks, in the metadata of the offsets that Kafka keeps for the group."""

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, wait

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumer.quarantine import Place, Quarantine, Watermark
from consumer.records import Record
from consumer.watchdog import leave

log = structlog.get_logger()

ANSWER_S = 2.0  # how long a question may take that the stream can do without
HANG_S = 90.0  # librdkafka's own limits of a commit end before, where it keeps to them
LOOK_S = 0.1

# The group has gone on without us, which librdkafka may not know yet.
NO_MEMBER = {KafkaError.UNKNOWN_MEMBER_ID, KafkaError.ILLEGAL_GENERATION, KafkaError.FENCED_INSTANCE_ID}


class Marks:
    """Reads and writes them as a member of the group. Where Kafka takes none the stream goes on without them."""

    def __init__(self, consumer: Consumer, quarantine: Quarantine, is_member: Callable[[], bool]) -> None:
        """
        `is_member`: whether the group still has us as it had us when the window came.

        A plain commit says who librdkafka is at that moment, and of a member that is none any more Kafka may take it.
        """
        self._consumer = consumer
        self._quarantine = quarantine
        self._is_member = is_member
        self.is_in_doubt = False  # whether the group has us, after a broker went away: the next mark asks

    def look_at(self, place: Place) -> int | None:
        """
        Whether somebody died with this partition in hand. Returns what is committed; None where Kafka does not say.

        Asked when its first record is here: by then its offset is settled. Another's may wait for a dead owner's
        transaction, and the answer with it.
        """
        told = self._asked([place])
        if told and (mark := self._quarantine.found(place)):
            where = {"topic": place[0], "partition": place[1]}
            log.warning("found-in-hand", **where, before=mark.before, attempt=mark.attempt)
        return told.get(place)

    def write(self, records: Sequence[Record], end: Watermark) -> bool:
        """What is in hand while it is answered; false when the group has us no more, and would take none of it."""
        marks = self._quarantine.marks(records, end, everywhere=self.is_in_doubt)
        if not marks or not self._is_member():
            return True
        self._quarantine.written(marks)  # before, for who knows whether a commit that failed was taken
        error = self._overwrite({place: (offset, str(mark)) for place, (offset, mark) in marks.items()})
        self.is_in_doubt = self.is_in_doubt and error is not None
        return error is None or error.code() not in NO_MEMBER

    def take_away(self) -> None:
        """At once, of a window that was answered or given up: nothing was committed since they were written."""
        self._restore(self._quarantine.standing)

    def take_away_late(self) -> None:
        """Those that still stand, once Kafka has said what is committed by now."""
        self._restore(self._asked(list(self._quarantine.standing)))

    def _restore(self, offsets: Mapping[Place, int]) -> None:
        if not offsets or not self._is_member():
            return
        metadata = {place: (offset, self._quarantine.metadata(place, offset)) for place, offset in offsets.items()}
        if self._overwrite(metadata) is None:
            self._quarantine.taken_away(offsets)

    def committed(self, partitions: list[TopicPartition], timeout_s: float) -> list[TopicPartition]:
        """What Kafka says is committed, of which the quarantine takes note. Raises KafkaException."""
        found: list[TopicPartition] = self._consumer.committed(partitions, timeout=timeout_s)
        for known in found:
            if known.error:
                raise KafkaException(known.error)
        for known in found:
            offset = known.offset if known.offset >= 0 else None
            self._quarantine.learn((known.topic, known.partition), offset, known.metadata)
        return found

    def _asked(self, places: Collection[Place]) -> dict[Place, int]:
        """Offsets by partition, -1001 where none is; nothing when Kafka does not answer."""
        try:
            found = self.committed([TopicPartition(*place) for place in places], ANSWER_S) if places else []
        except KafkaException as problem:
            log.warning("marks-not-read", error=problem.args[0].name())
            found = []
        return {(known.topic, known.partition): known.offset for known in found}

    def _overwrite(self, metadata: Mapping[Place, tuple[int, str]]) -> KafkaError | None:
        """
        A plain commit of offsets as they are; the error when Kafka does not take it.

        It waits for the reply: none comes late, when others have gone on.
        """
        offsets = [TopicPartition(*place, *told) for place, told in metadata.items() if told[0] >= 0]
        try:
            commit(self._consumer, offsets)
        except KafkaException as problem:
            error: KafkaError = problem.args[0]
            log.warning("mark-failed", error=error.name())
            return error
        return None


def commit(consumer: Consumer, offsets: list[TopicPartition]) -> None:
    """
    Waits until Kafka took them. Raises KafkaException.

    librdkafka may wait for long, under KIP-848 for ever, and Python serves no signal meanwhile (seen: a consumer that
    could not be told to leave). So a thread waits for it, and we for the thread. One that hangs ends the process, for a
    commit that came late would put the offsets back.
    """
    if not offsets:
        return
    taken: Future[list[TopicPartition]] = Future()

    def ask(answer: Future[list[TopicPartition]]) -> None:
        try:
            answer.set_result(consumer.commit(offsets=offsets, asynchronous=False))
        except BaseException as problem:  # noqa: BLE001 - raised where it is waited for
            answer.set_exception(problem.with_traceback(None))

    threading.Thread(target=ask, args=[taken], name="commit", daemon=True).start()
    until = time.monotonic() + HANG_S
    while not wait([taken], LOOK_S).done:
        if time.monotonic() > until:
            leave(f"a commit took longer than {HANG_S:.0f} s")
    try:
        found = taken.result()
    finally:
        del taken  # an error's traceback has this frame and its callers': a cycle that would keep their window
    for known in found:
        if known.error:
            raise KafkaException(known.error)

"""
Files in the place of Kafka's input: windows of their rows, with the fencing token of a group.

How far the run is stands where a group's progress stands, in its committed offset, and is committed with the answers in
one transaction. The group reads the topic of runs, which has one partition; the offset there is the number of lines
that are answered, and its metadata says in which file to go on. Nothing of that topic is handed out. So one process of
a run is the reader, whoever has the partition, and all that holds for live windows holds for these (docs/delivery.md).
"""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import structlog
from confluent_kafka import KafkaException, TopicPartition

from consumer.backfill.files import File
from consumer.backfill.rows import Row, must_be_as_it_was, record, rows
from consumer.errors import SurroundingsError
from consumer.quarantine import Place, Quarantine
from consumer.receive import COMMITTED_S, POLL_S, Sizing, Source
from consumer.records import Record
from consumer.window import Fence, Window

log = structlog.get_logger()

BACKLOG_S = float("inf")  # how long the rows of an archive have waited
_WRITTEN = re.compile(r"shikyu: file (\d+) row (\d+) byte (\d+)")


@dataclass(frozen=True, slots=True)
class Position:
    """Where to go on: `done` lines are answered, the next is row `row` of the file, which begins at `byte` if known."""

    done: int = 0
    file: int = 0
    row: int = 1
    byte: int = 0

    def __str__(self) -> str:
        return f"shikyu: file {self.file} row {self.row} byte {self.byte}"

    @staticmethod
    def read(offset: int, metadata: str | None) -> "Position":
        """Raises SurroundingsError for an offset that nobody of ours committed."""
        if offset == 0:
            return Position()
        found = _WRITTEN.fullmatch(metadata or "")
        if found is None:
            raise SurroundingsError(
                f"the run's group has offset {offset} in the topic of runs, and not where in its files that is: "
                "somebody else set it; begin another run"
            )
        return Position(offset, int(found[1]), int(found[2]), int(found[3]))


@dataclass(frozen=True, slots=True)
class FileWindow(Window):
    """A window of rows: what is committed with it is where it ends."""

    place: Place = ("", 0)
    position: Position = Position()

    def next_offsets(self) -> list[TopicPartition]:
        return [TopicPartition(*self.place, self.position.done, str(self.position))]


class FileSource(Source):
    """Rows of files, from what is committed to the end, for as long as the group gives us the place."""

    def __init__(
        self,
        config: dict[str, Any],
        quarantine: Quarantine,
        *,
        files: Sequence[File],
        place: Place,
        longest: int,
        **told: Any,
    ) -> None:
        """`place` is where the group's offset tells how far it is; of a row `longest` bytes are looked at."""
        # The committed offset is none of that topic's records, which are passed over: it may lie behind their end.
        super().__init__({**config, "auto.offset.reset": "latest"}, quarantine, **told)
        self._files = files
        self._place = place
        self._longest = longest
        self._reading: Iterator[tuple[File, Row | None, Position]] | None = None
        self._read_in = -1  # the epoch in which it began

    def receive(self, sizing: Sizing) -> Window:
        self._serve(0.0 if self._reading is not None else POLL_S)
        fence = self._fence = Fence(self._consumer.consumer_group_metadata(), self._epoch)
        self._moved()
        if self._place not in self.assignment() or not self._is_seated():
            return Window([], fence, time.monotonic())
        limits = sizing.limits(BACKLOG_S)
        records: list[Record] = []
        size = tokens = 0
        position: Position | None = None
        assert self._reading is not None
        while not limits.are_reached(len(records), size, tokens):
            step = next(self._reading, None)
            if step is None:
                break
            file, row, position = step
            if row is not None:
                records.append(record(file, row))
                size += len(row.value)
                tokens += sizing.at_most_tokens(len(row.value))
        self._in_hand = records
        if position is None:
            self._serve(POLL_S)  # all is read, and somebody looks whether all is committed
            return Window([], fence, time.monotonic())
        ends = {self._place: position.done}
        is_full = limits.are_reached(len(records), size, tokens)
        return FileWindow(
            records, fence, time.monotonic(), ends=ends, is_full=is_full, place=self._place, position=position
        )

    def rewind(self, dropped: Iterable[Record], give_up: Any = lambda: False) -> None:  # noqa: ARG002 - all is read anew
        """The next window begins where Kafka says that the last committed one ended."""
        self._reading = None

    def mark(self, window: Window) -> None:
        """Nothing: the marks of what is in hand stand where the position does."""

    def unmark(self) -> None:
        """Nothing was marked."""

    def committed(self, window: Window) -> None:
        """Nothing to note: Kafka is asked when it matters."""

    def wait(self, seconds: float, stopping: Any) -> list[Record]:
        super().wait(seconds, stopping)
        return []

    def _serve(self, timeout_s: float) -> None:
        """Rebalances come out of poll(); records of that topic are not ours to read."""
        message = self._consumer.poll(timeout_s)
        if message is not None and message.error() is not None:
            self._told(message)

    def _is_seated(self) -> bool:
        """Whether rows come from what is committed on; false while Kafka does not say where that is."""
        if self._reading is not None and self._read_in == self._epoch:
            return True
        try:
            [known] = self._consumer.committed([TopicPartition(*self._place)], timeout=COMMITTED_S)
            if known.error is not None:
                raise KafkaException(known.error)
        except KafkaException as problem:
            log.warning("rewind-retried", error=problem.args[0].name())
            return False
        if known.offset < 0:
            raise SurroundingsError(
                "the run's offset has expired meanwhile: what was answered is not known any more; begin another run"
            )
        self._reading = self._steps(Position.read(known.offset, known.metadata))
        self._read_in = self._epoch
        return True

    def _steps(self, start: Position) -> Iterator[tuple[File, Row | None, Position]]:
        """Each row with where to go on behind it; at each file's end, none, with the blank lines counted."""
        before = start.done - (start.row - 1)
        row, byte = start.row, start.byte
        for file in islice(self._files, start.file, None):
            must_be_as_it_was(file)
            for each in rows(Path(file.path), row, byte, self._longest):
                place = Position(before + each.number, file.partition, each.number + 1, each.end)
                yield file, each, place
            before += file.rows
            row, byte = 1, 0
            yield file, None, Position(before, file.partition + 1)

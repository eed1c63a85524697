"""What one transaction covers, and the token that says whether it is still ours to commit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import TopicPartition

from consumer.quarantine import Place
from consumer.records import Record


@dataclass(frozen=True, slots=True)
class Fence:
    """Who we were before the data came: `group_metadata` is librdkafka's, `epoch` counts our rebalances."""

    group_metadata: Any
    epoch: int


@dataclass(frozen=True, slots=True)
class Window:
    """What one transaction covers."""

    records: Sequence[Record]
    fence: Fence
    received_at: float  # time.monotonic()
    metadata: Callable[[Place, int], str] = lambda *_: ""
    ends: Mapping[Place, int] = field(default_factory=dict)  # where a bounded reading ended, with a record there or not
    is_full: bool = False  # a limit ended it, and not that nothing more waited
    oldest_age_s: float = 0.0  # of its records, by their own timestamps, when it was received

    def next_offsets(self) -> list[TopicPartition]:
        """Per partition, one past the last record: what is committed with the outputs, with its metadata."""
        last: dict[Place, int] = {}
        for record in self.records:
            last[record.topic, record.partition] = record.offset + 1
        last |= self.ends
        return [TopicPartition(*place, offset, self.metadata(place, offset)) for place, offset in last.items()]


def generation_and_member(group_metadata: Any) -> tuple[int, str]:
    """
    Out of librdkafka's serialized form: `CGMDv2:`, int32 generation, then group, member, instance, each NUL-ended.

    The binding offers no other way to read them. An unknown form is a bug of ours: a librdkafka that was not tried.
    """
    serialized = group_metadata if isinstance(group_metadata, bytes) else bytes(group_metadata)
    if serialized[:7] != b"CGMDv2:":
        raise RuntimeError(f"librdkafka's group metadata has an unknown form {serialized[:7]!r}")
    return int.from_bytes(serialized[7:11], "little", signed=True), serialized[11:].split(b"\0")[1].decode()

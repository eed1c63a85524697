"""What stands in the topic of runs: what each run reads, and how it ended."""

from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from consumer.quarantine import Place


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")  # what a later version adds is no error


class Span(_Entry):
    """Of one partition, the offsets from `start` up to `end` and without it."""

    topic: str
    partition: int
    start: int
    end: int

    @property
    def place(self) -> Place:
        return self.topic, self.partition


class Topics(_Entry):
    urgent: str
    routine: str
    dead_letters: str


class Covered(_Entry):
    """Of dead letters, what an earlier run has retried: what is left of it has the same answer twice."""

    window: tuple[Span, ...]
    codes: tuple[str, ...]  # all, where it is empty
    since_ms: int | None
    until_ms: int | None


class Run(_Entry):
    """What a run reads, by what, and where its answers go: all that its processes must agree on."""

    kind: Literal["run"] = "run"
    run: str
    reads: Literal["input", "dead-letters", "files"]
    codes: tuple[str, ...] = ()  # of dead letters, those that are retried; all, where it is empty
    passed_over: tuple[Covered, ...] = ()
    live_group: str
    group_id: str
    window: tuple[Span, ...]
    partitions: dict[str, int]  # how many each topic had
    topic_ids: dict[str, str] = {}  # of those of which Kafka told one; empty where an older version began the run
    since_ms: int | None
    until_ms: int | None
    asked: dict[str, str]
    model: dict[str, str]  # name, version, precision, SHA-256 of the manifest
    options: dict[str, Any]  # the settings that answers depend on, by path
    topics: Topics
    created_at: str

    @property
    def records(self) -> int:
        """At most: transactions' markers and aborted records have offsets too."""
        return sum(span.end - span.start for span in self.window)

    @property
    def ends(self) -> dict[Place, int]:
        return {span.place: span.end for span in self.window}


class Ended(_Entry):
    """That it was cancelled, or is done; of a cancelled one where it stopped, once its processes had left."""

    kind: Literal["cancelled", "done"]
    run: str
    at: str
    stopped: tuple[Span, ...] | None = None  # each from where the run begins to where it stopped


_ENTRY: TypeAdapter[Run | Ended] = TypeAdapter(Run | Ended)


@dataclass
class Known:
    """What stands in the topic."""

    runs: dict[str, Run] = field(default_factory=dict)
    ended: dict[str, Ended] = field(default_factory=dict)

    def add(self, value: bytes | None) -> None:
        """Whatever else somebody wrote there is passed over."""
        try:
            entry = _ENTRY.validate_json(value or b"")
        except ValidationError:
            return
        if isinstance(entry, Run):
            self.runs.setdefault(entry.run, entry)
        elif entry.run not in self.ended or (entry.stopped is not None and self.ended[entry.run].stopped is None):
            self.ended[entry.run] = entry

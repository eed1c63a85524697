"""What becomes of a window: answered and published, or dropped whole and read again."""

import gc
import weakref
from contextlib import nullcontext

import numpy as np
import pytest

from consumer.answer import Steps
from consumer.errors import PassingFault, RecordError, SurroundingsError, UnknownSchema, UnreadableTopic
from consumer.guard import Guard
from consumer.loop import Loop, backoff_s
from consumer.publish import Dropped, Rejected
from consumer.records import (
    Dead,
    Decision,
    Message,
    ModelVersion,
    OutputRecord,
    Record,
    Satisfaction,
    Skipped,
    SkipReason,
    Tokens,
)
from consumer.sizing import Limits, Sizer
from consumer.window import Fence, Window

OURS, LOST = b"CGMDv2:\x05\x00\x00\x00group\0member\0\0", b"CGMDv2:\xff\xff\xff\xffgroup\0\0\0"


def record(offset: int, value: bytes | None = b"text") -> Record:
    return Record("in", 0, offset, 0, b"key", value)


class ListSource:
    """Hands out one window; says whose it is; remembers what was rewound."""

    def __init__(self, *records: Record, metadata: bytes = OURS) -> None:
        self.window = Window(records, Fence(metadata, 0), 0.0)
        self.rewound: list[Record] = []
        self.waited: list[float] = []
        self.owned = True
        self.marks: list[str] = []

    def mark(self, window):
        self.marks.append("marked")

    def unmark(self):
        self.marks.append("unmarked")

    def committed(self, window):
        self.marks.append("committed")

    def owns(self, window):
        return self.owned

    def rewind(self, dropped, give_up):
        self.rewound += dropped

    def wait(self, seconds, stopping):
        self.waited.append(seconds)
        return [record(99)]


class ListPublisher:
    """Keeps what it was given; `replies` are raised in turn, None meaning success."""

    def __init__(self, *replies: Exception | None) -> None:
        self.replies, self.published, self.flushed_before = list(replies), [], []

    def publish(self, outputs, window, *, flush_before=frozenset()):
        self.flushed_before.append(set(flush_before))
        if self.replies and (reply := self.replies.pop(0)) is not None:
            raise reply
        self.published.append([(output.topic, output.value) for output in outputs])


class Model:
    at_once, portion = 1, None

    def tokenize(self, texts):
        return [Tokens(np.array([1, 2]), False, 0.0) for _ in texts]

    def batches(self, tokens):
        # Out of order on purpose: each answer has to find its own record again.
        return [[i] for i in reversed(range(len(tokens)))]

    def start(self, tokens):
        return lambda: self.infer(tokens)

    def infer(self, tokens):
        return np.zeros((len(tokens), 5), dtype=np.float32)

    def decide(self, logits, tokens, urgent_rules):
        version = ModelVersion("fake", "1", "fp32")
        return [
            Decision(Satisfaction.NEUTRAL, (0.2,) * 5, 0.5, rule is not None, 0.5, "model", False, version)
            for rule in urgent_rules
        ]

    def healthy(self):
        return True


class Silent:
    committed_windows = waits = 0

    def polled(self, source): ...
    def aborted(self): ...
    def batch(self, lengths): ...

    def waited(self):
        self.waits += 1

    def committed(self, window, answered):
        self.committed_windows += 1

    def time(self, stage):
        return nullcontext()


def decode(record):
    if record.value is None:
        return Skipped(SkipReason.TOMBSTONE)
    if record.value == b"new":
        raise UnknownSchema("the registry does not know it yet")
    if record.value == b"away":
        raise PassingFault("the registry does not answer")
    if record.value == b"bad":
        return Dead(RecordError("bad", "deserialize", "it is bad"))
    return Message(text=record.value.decode(), urgent_rule="vip" if record.value == b"vip" else None)


def encode(record, message, decision, now):
    return OutputRecord(decision.decision, record.key, record.value, ())


class Records(list):
    """A list that can be seen to go."""


def loop(source: ListSource, publisher: ListPublisher, between=lambda: None) -> Loop:
    watcher = Silent()
    dead = lambda record, error: OutputRecord("dead:" + error.code, record.key, record.value, ())  # noqa: E731
    steps = Steps(decode, Model(), encode, dead, watcher, between)
    sizer = Sizer(Limits(9, 9, 9), latency_target_s=1, max_window_s=1, tokens_per_s=1, max_tokens=1)
    return Loop(source, steps, publisher, Guard(0.5, "text"), sizer, watcher, lambda: False)


def test_each_record_gets_its_own_fate():
    """Whatever order the batches ran in, outputs stand in the order of their records, and skipped ones have none."""
    source = ListSource(*(record(n, v) for n, v in enumerate([b"a", None, b"vip", b"bad", b"b"])))
    publisher = ListPublisher()

    loop(source, publisher).step(source.window)

    assert publisher.published == [
        [
            ("routine", b"a"),
            ("urgent", b"vip"),
            ("dead:bad", b"bad"),
            ("routine", b"b"),
        ]
    ]
    assert source.rewound == []


def test_window_of_skipped_records_is_published_all_the_same():
    """Its offsets have to be committed, or a topic of tombstones would be read for ever."""
    source = ListSource(record(0, None))
    publisher = ListPublisher()

    loop(source, publisher).step(source.window)

    assert publisher.published == [[]]


def test_dropped_window_is_rewound():
    """Nothing of it became visible, so all of it is read again."""
    source = ListSource(record(0), record(1))

    loop(source, ListPublisher(Dropped("aborted"))).step(source.window)

    assert source.rewound == [record(0), record(1)]


def test_lasting_drops_are_backed_off_and_the_first_is_not():
    """A rebalance drops a window and costs no time; an error that lasts does not run the model in circles."""
    source = ListSource(record(0))
    looping = loop(source, ListPublisher(*[Dropped("aborted")] * 3, None, Dropped("aborted")))

    waits = []
    for _ in range(5):
        looping.step(source.window)
        waits.append(len(source.waited))

    assert waits == [0, 1, 2, 2, 2]
    assert source.waited[0] <= 0.5 <= source.waited[1]
    assert source.rewound == [record(0), *[record(0), record(99)] * 2, record(0)]


def test_window_of_another_owner_is_not_published():
    """After a rebalance its new owner answers it."""
    source, publisher = ListSource(record(0)), ListPublisher()
    source.owned = False

    loop(source, publisher).step(source.window)

    assert publisher.published == []
    assert source.rewound == [record(0)]


@pytest.mark.parametrize(
    ("value", "reply", "marks"),
    [
        (b"text", None, ["marked", "unmarked", "committed"]),
        (b"text", Dropped("aborted"), ["marked", "unmarked"]),
        (b"away", None, ["marked", "unmarked"]),
    ],
)
def test_what_is_in_hand_is_marked_while_it_is_answered(value, reply, marks):
    """Whoever finds a mark takes this process for dead, so that none stands while Kafka may keep us waiting."""
    source = ListSource(record(0, value))

    loop(source, ListPublisher(reply)).step(source.window)

    assert source.marks == marks


def test_an_error_that_nobody_expects_leaves_the_mark():
    """A bug that a record brings out ends the process, and the next."""

    def fail():
        raise ZeroDivisionError

    source = ListSource(record(0))

    with pytest.raises(ZeroDivisionError):
        loop(source, ListPublisher(), fail).step(source.window)

    assert source.marks == ["marked"]


def test_another_owner_s_window_is_not_marked():
    """Its committed offset is not ours to touch."""
    source = ListSource(record(0))
    source.owned = False

    loop(source, ListPublisher()).step(source.window)

    assert source.marks == []


def test_a_window_whose_mark_the_group_refuses_is_not_answered():
    """It would refuse its offsets, too: the model's time would be lost, and a transaction opened to be aborted."""
    source, publisher = ListSource(record(0)), ListPublisher()

    def refuse(window):
        source.owned = False

    source.mark = refuse
    answered = []
    loop(source, publisher, lambda: answered.append(True)).step(source.window)

    assert (answered, publisher.published, source.rewound) == ([], [], [record(0)])


def test_passing_fault_waits_and_dead_letters_nothing():
    """While the registry is away the window waits, polling goes on, and what came meanwhile is rewound too."""
    source, publisher = ListSource(record(0), record(1, b"away")), ListPublisher()

    running = loop(source, publisher)
    running.step(source.window)

    assert publisher.published == []
    assert len(source.waited) == running.watcher.waits == 1
    assert source.rewound == [record(0), record(1, b"away"), record(99)]


def test_every_output_that_kafka_refuses_is_dead_lettered():
    """The first refusal ends the transaction, so the others show one after another; the neighbours stay."""
    source = ListSource(record(0, b"huge"), record(1, b"a"), record(2, b"keyless"), record(3, b"huge too"))
    publisher = ListPublisher(
        Rejected({0: "MSG_SIZE_TOO_LARGE"}), Rejected({2: "INVALID_RECORD"}), Rejected({3: "MSG_SIZE_TOO_LARGE"})
    )

    loop(source, publisher).step(source.window)

    assert publisher.published == [
        [
            ("dead:output-too-large", b"huge"),
            ("routine", b"a"),
            ("dead:output-refused", b"keyless"),
            ("dead:output-too-large", b"huge too"),
        ]
    ]
    assert source.rewound == []


def test_refused_batch_is_cut_until_its_culprit_shows():
    """A batch that is refused whole tells nothing of a single record: flushes in between do."""
    source = ListSource(record(0, b"a"), record(1, b"huge"), record(2, b"b"))
    publisher = ListPublisher(Rejected({}, [1]), Rejected({}, [2]), Rejected({1: "MSG_SIZE_TOO_LARGE"}))

    loop(source, publisher).step(source.window)

    assert publisher.flushed_before == [set(), {1}, {1, 2}, {1, 2}]
    assert publisher.published == [[("routine", b"a"), ("dead:output-too-large", b"huge"), ("routine", b"b")]]


@pytest.mark.parametrize(("error", "cure"), [("MSG_SIZE_TOO_LARGE", "64 KiB"), ("INVALID_RECORD", "compacted")])
def test_refused_dead_letter_stops_the_stream(error, cure):
    """A record that not even the dead-letter topic takes must not be lost."""
    source = ListSource(record(0), record(1, b"huge"))
    refused = [Rejected({1: error})] * 2

    with pytest.raises(SurroundingsError, match=cure):
        loop(source, ListPublisher(*refused)).step(source.window)

    assert source.rewound == []


def test_topic_that_refuses_without_end_stops_the_stream():
    """Else the window would be published for ever."""
    source = ListSource(record(0), record(1))

    with pytest.raises(SurroundingsError, match="above the producer"):
        loop(source, ListPublisher(*[Rejected({}, [1])] * 1000)).step(source.window)


def test_unreadable_topic_stops_before_the_window_is_committed():
    """The guard speaks before anything is published."""
    source, publisher = ListSource(*(record(n, b"bad") for n in range(20))), ListPublisher()

    with pytest.raises(UnreadableTopic):
        loop(source, publisher).step(source.window)

    assert publisher.published == []


def test_window_is_abandoned_between_batches():
    """A consumer that has to leave does not wait for a long window."""

    def leave():
        raise Dropped("stopping")

    source, publisher = ListSource(record(0), record(1)), ListPublisher()

    loop(source, publisher, leave).step(source.window)

    assert publisher.published == []
    assert source.rewound == [record(0), record(1)]


def test_backoff_grows_up_to_its_limit():
    """Never longer than ten seconds, never less than a quarter second."""
    assert 0.25 <= backoff_s(1) <= 0.5
    assert 5 <= backoff_s(50) <= 10


def test_a_window_that_failed_is_gone_before_the_next_one():
    """The collector rarely runs meanwhile, and the error of an unknown schema has in its traceback who remembers it."""
    source = ListSource()
    source.window = Window(Records([record(0, b"new")]), Fence(OURS, 0), 0.0)
    seen = weakref.ref(source.window.records)
    gc.disable()
    try:
        loop(source, ListPublisher()).step(source.window)
        del source
        assert seen() is None
    finally:
        gc.enable()

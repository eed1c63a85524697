"""It works while the loop waits, and never when it has records in hand; what there is no room for is counted."""

import threading
import time
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException
from structlog.testing import capture_logs

from consumer.answer import Answered
from consumer.errors import SurroundingsError
from consumer.metrics import Metrics
from consumer.records import Decision, Message, ModelVersion, Record, Satisfaction, Skipped, SkipReason
from consumer.settings import Settings
from consumer.shadow import shadow as shadows
from consumer.shadow.shadow import Shadow, _producer
from consumer.shadow.waiting import Waiting
from consumer.window import Window


def decision(urgent: bool) -> Decision:
    version = ModelVersion("fake", "1", "fp32")
    return Decision(Satisfaction.NEUTRAL, (0.2,) * 5, 0.5, urgent, 0.5, "model", False, version)


class Child:
    """Finds everything urgent; remembers when it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.was_asked = threading.Event()

    def ask(self, message: Message) -> Decision | None:
        self.asked.append(message.text)
        self.was_asked.set()
        return None if message.text == "broken" else decision(urgent=True)


class Beside:
    """A Shadow whose thread has a child and a producer of ours."""

    def __init__(self, share: float = 1.0, room: int = 100) -> None:
        self.metrics, self.child, self.produced = Metrics(), Child(), []
        settings = Settings.model_validate(
            {"shadow": {"artifact": "any", "share": share}, "output": {"format": "json"}}
        )
        self.shadow = Shadow(settings, self.metrics, Waiting(room))
        encoder = SimpleNamespace(encode=lambda *_, **more: SimpleNamespace(
            topic="shadow", key=b"k", value=more["run"], headers=()))  # fmt: skip

        def answer_all() -> None:
            while not self.shadow._closed.is_set():
                item = self.shadow._waiting.take(0.01)
                if item is not None and self.shadow._until_idle():
                    self.shadow._answer(item, self.child, encoder, self)

        self.shadow._answer_all = answer_all

    def produce(self, topic, *, key, value, headers, on_delivery) -> None:
        self.produced.append((topic, value))
        on_delivery(None, None)

    def committed(self, *texts: str, urgent: bool = False) -> None:
        records = [Record("in", 0, offset, 0, text.encode(), b"") for offset, text in enumerate(texts)]
        fates = tuple(decision(urgent) for _ in texts)
        answered = Answered(fates, (), (), 0, (), tuple(map(Message, texts)))
        self.shadow.committed(Window(records, None, 0.0), answered)

    def metric(self, metric: str, /, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(metric, labels)


@pytest.fixture
def beside():
    made = Beside()
    made.shadow.start()
    yield made
    made.shadow.close()


def until(condition) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_it_is_asked_while_the_loop_waits_and_not_while_it_works(beside):
    """However much waits."""
    beside.shadow.works()
    beside.committed("a", "b")
    assert not beside.child.was_asked.wait(0.2)

    beside.shadow.waits()
    until(lambda: beside.child.asked == ["a", "b"])
    beside.child.was_asked.clear()
    beside.shadow.works()
    beside.committed("c")
    assert not beside.child.was_asked.wait(0.2)


def test_in_a_backlog_it_is_never_asked(monkeypatch):
    """The loop waits then, but never for so long that it counts as idle: the next window is there at once."""
    shadow, waits = Beside().shadow, iter(range(20))

    def next_window(_seconds: float) -> None:
        shadow.works()
        shadow.waits()
        if next(waits, None) is None:
            shadow._closed.set()

    monkeypatch.setattr(shadows, "time", SimpleNamespace(sleep=next_window))
    shadow.waits()

    assert not shadow._until_idle()


def test_decisions_are_compared_and_published_under_a_run_of_their_own(beside):
    beside.shadow.waits()
    beside.committed("a", urgent=False)
    beside.committed("b", urgent=True)
    beside.committed("broken")
    until(lambda: beside.metric("shikyu_shadow_records_total", outcome="failed") == 1)

    assert beside.produced == [("shadow", "shadow")] * 2
    assert beside.metric("shikyu_shadow_decisions_total", live="routine", shadow="urgent") == 1
    assert beside.metric("shikyu_shadow_decisions_total", live="urgent", shadow="urgent") == 1
    assert beside.metric("shikyu_shadow_records_total", outcome="answered") == 2


def test_what_finds_no_room_is_dropped_and_counted():
    """Nobody takes anything here."""
    beside = Beside(room=2)
    beside.committed("a", "b", "c", "d")

    assert beside.metric("shikyu_shadow_records_total", outcome="dropped") == 2


def test_after_its_end_all_is_dropped_and_counted_what_waited_too(monkeypatch):
    """Nothing is kept for somebody who will not come."""
    beside = Beside()
    beside.committed("a", "b")

    def gone() -> None:
        raise SurroundingsError("the second model's process is gone")

    monkeypatch.setattr(beside.shadow, "_answer_all", gone)
    with capture_logs() as logs:
        beside.shadow._run()
    beside.committed("c")

    assert [each["event"] for each in logs] == ["shadow-ended"]
    assert beside.metric("shikyu_shadow_records_total", outcome="dropped") == 3


class Dying:
    """A client that died: confluent-kafka 2.16 forgets the fatal error behind a delivery report."""

    def __init__(self, *_: object, **__: object) -> None:
        self.purged = False

    def flush(self, _: float) -> None:
        raise SystemError("returned NULL without setting an exception")

    def purge(self) -> None:
        self.purged = True


def test_a_client_that_died_is_let_go(monkeypatch):
    """Nothing of what it did at its end hides why the second model ended."""
    monkeypatch.setattr("consumer.shadow.shadow.Producer", Dying)

    with _producer(Settings()) as producer:
        pass

    assert producer.purged


def test_kafkas_own_name_says_why_it_ended(monkeypatch):
    """Its text might hold anything."""
    beside = Beside()

    def died() -> None:
        raise KafkaException(KafkaError(KafkaError._FATAL))

    monkeypatch.setattr(beside.shadow, "_answer_all", died)
    with capture_logs() as logs:
        beside.shadow._run()

    assert [(each["event"], each["why"]) for each in logs] == [("shadow-ended", "_FATAL")]


def test_only_the_share_and_only_what_was_decided_is_offered():
    beside = Beside(share=0.0)
    beside.committed("a", "b")
    assert beside.shadow._waiting.take(0) is None

    beside = Beside()
    record = Record("in", 0, 0, 0, None, b"")
    skipped = Answered((Skipped(SkipReason.WHERE),), (), (), 0, (None,), (None,))
    beside.shadow.committed(Window([record], None, 0.0), skipped)
    assert beside.shadow._waiting.take(0) is None

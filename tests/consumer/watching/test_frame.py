"""One look at the stream, from /metrics where a consumer answers, else from the topics."""

from collections import Counter
from math import nan

from consumer.audit.promise import Promised
from consumer.corrections import given
from consumer.flips.answers import DEAD, Answer
from consumer.watching.frame import answer_of, frame
from consumer.watching.scrape import Consumers
from consumer.watching.tail import Arrived
from tests.consumer.top.made_up import answer, dead
from tests.service.watched import measured


class Seen:
    """A tail that saw this."""

    def __init__(self, *answers: Answer, problem: str | None = None) -> None:
        self.answers = [Arrived.of(number, each) for number, each in enumerate(answers, start=1)]
        self.saw = answers
        self.counts = Counter(each.fate for each in answers)
        self.problem = problem

    def since(self, number: int) -> list[Arrived]:
        return self.answers

    def dead_letters(self) -> dict[str, int]:
        return Counter(each.reason for each in self.saw if each.fate == DEAD)

    def rate(self) -> float:
        return 0.4


def test_a_consumer_s_word_is_taken_where_there_is_one():
    with measured() as one:
        consumers = Consumers([one.url])
        consumers.read()
        one.answered(urgent=1, routine=3)
        consumers.read()

    found = frame(consumers, Seen(), {("in", 0): 7, ("in", 1): 2}, Promised(0.9, ("demo", "3", "int8")))

    assert (found["from"], found["consumers"]) == ("metrics", {"answering": 1, "asked": 1})
    assert found["a_second"] > 0
    assert found["urgent_share"] == 0.25
    assert 0.025 < found["window_s"]["p50"] <= 0.05
    assert found["dead_letters"] == {
        "all": 1, "by_code": {"invalid-json": 1}, "counted": "since the consumers began",
    }  # fmt: skip
    assert found["lag"] == [
        {"topic": "in", "partition": 0, "records": 7, "seconds": 3.5},
        {"topic": "in", "partition": 1, "records": 2, "seconds": None},
    ]
    assert found["drift"] == [{"feature": "urgency", "distance": 0.12, "limit": 0.05, "alarm": True}]
    assert (found["models"], found["brokers_up"]) == (["demo 3 int8"], 1)
    assert found["promise"] == {"recall": 0.9, "model": "demo 3 int8"}


def test_without_one_the_topics_tell():
    found = frame(Consumers([]), Seen(answer(), answer(fate="routine"), dead(), problem="no broker"), None, None)

    assert (found["from"], found["a_second"], found["urgent_share"]) == ("topics", 0.4, 0.5)
    assert found["dead_letters"] == {"all": 1, "by_code": {"invalid-json": 1}, "counted": "seen in the topic"}
    assert (found["lag"], found["promise"], found["window_s"]) == ([], None, {"p50": None, "p99": None})
    assert found["problems"] == ["no broker"]


def test_without_one_the_last_answer_tells_its_model():
    last = answer(model=("demo", "2", "int8"))

    assert frame(Consumers([]), Seen(answer(model=("demo", "1", "int8")), last, dead()), None, None)["models"] == [
        "demo 2 int8"
    ]
    assert frame(Consumers([]), Seen(answer()), None, None)["models"] == []


def test_without_kafka_s_word_lag_is_the_consumers():
    with measured() as one:
        consumers = Consumers([one.url])
        consumers.read()

    assert frame(consumers, Seen(), None, None)["lag"] == [
        {"topic": "in", "partition": 0, "records": 7, "seconds": 3.5}
    ]


def test_the_longest_topic_s_answer_can_be_corrected():
    """By its event id, which is shown whole."""
    source = ("t" * 249, 2**31 - 1, 2**63 - 1)

    found = answer_of(Arrived.of(1, answer(source=source)), with_text=True)

    assert given.one(event_id=found["event_id"], decision="urgent", role="agent").event_id == "/".join(
        [*map(str, source), "live"]
    )


def test_brokers_of_which_a_consumer_has_not_heard_for_long_are_not_known():
    with measured() as one:
        one.metrics.brokers_up(lambda: nan)
        consumers = Consumers([one.url])
        consumers.read()

    found = frame(consumers, Seen(), None, None)

    assert (consumers.answering, found["from"], found["brokers_up"]) == (1, "metrics", None)


def test_an_answer_is_cut_and_its_text_left_out_where_it_is_to_be():
    long = answer("x" * 5000, at_ms=1_790_000_000_000 - 250)

    assert answer_of(Arrived.of(1, long), with_text=False)["text"] is None
    told = answer_of(Arrived.of(1, long), with_text=True)
    assert told["text"] == "x" * 600 + " … (5,000 characters)"
    assert (told["waited_s"], told["event_id"], told["decision"]) == (0.25, "in/0/1/live", "urgent")
    assert answer_of(Arrived.of(1, dead()), with_text=True)["decision"] == "dead-lettered"

"""What of the newest answers is kept, and told."""

import orjson
import pytest

from consumer.dead_letters import dead_letter
from consumer.errors import RecordError, SettingsError
from consumer.flips.answers import Reader
from consumer.records import Record
from consumer.schema_store import open_store
from consumer.settings import Output, Settings
from consumer.watching.tail import KEPT, MOST_CODES, Tail

EVENT = b'{"decision": "%s", "source": {"topic": "in", "partition": 0, "offset": %d}, "run": "%s"}'


def fed(*values: bytes, new_from: int = 0) -> Tail:
    """A tail that reads nothing by itself, and was given these of the topic of urgent ones."""
    settings = Settings(output=Output(format="json"))
    tail = Tail(settings)
    tail._new_from["urgent", 0] = new_from
    if not new_from:
        tail._begin()
    with open_store(None, {}, ()) as store:
        reader = Reader(settings.output, store)
        for offset, value in enumerate(values):
            tail._take(Record("urgent", 0, offset, 1, None, value), reader)
            if offset + 1 == new_from:
                tail._begin()
    tail._begin()
    return tail


def numbers(tail: Tail, *asked: int) -> list[int]:
    return [each.number for each in tail.since(*asked)]


def test_the_newest_behind_a_number_are_told():
    tail = fed(*(EVENT % (b"urgent", offset, b"live") for offset in range(5)))

    assert numbers(tail, 0) == [1, 2, 3, 4, 5]
    assert numbers(tail, 3) == [4, 5]
    assert numbers(tail, 0, 2) == [4, 5]
    assert numbers(tail, 0, 0) == []
    assert (tail.last, numbers(tail, 5)) == (5, [])


def test_what_was_there_before_is_numbered_by_time():
    """Across partitions and topics, however they come; what comes later is numbered as it comes."""
    settings = Settings(output=Output(format="json"))
    tail = Tail(settings)
    came = [("urgent", 0, 50), ("urgent", 0, 90), ("urgent", 1, 10), ("routine", 0, 70), ("routine", 1, 60)]
    with open_store(None, {}, ()) as store:
        reader = Reader(settings.output, store)

        def take(topic: str, partition: int, offset: int, at_ms: int) -> None:
            value = EVENT % (topic.encode(), at_ms, b"live")
            tail._take(Record(topic, partition, offset, at_ms, None, value), reader)

        for offset, (topic, partition, at_ms) in enumerate(came):
            tail._new_from[topic, partition] = 9
            take(topic, partition, offset, at_ms)
        assert tail.since(0) == []
        tail._begin()
        take("routine", 1, 9, 20)

    found = [(each.number, each.answer.written_ms) for each in tail.since(0)]
    assert found == [(1, 10), (2, 50), (3, 60), (4, 70), (5, 90), (6, 20)]
    assert [each.answer.written_ms for each in tail.since(0, 3)] == [70, 90, 20]


def test_what_was_there_before_is_shown_and_not_counted():
    tail = fed(*(EVENT % (b"urgent", offset, b"live") for offset in range(5)), new_from=3)

    assert (tail.last, tail.counts["urgent"]) == (5, 2)
    assert tail.rate() == pytest.approx(2, abs=0.01)


def test_replays_and_what_is_no_answer_are_passed_over():
    tail = fed(
        EVENT % (b"urgent", 1, b"r1"), b"{", b"[]", EVENT % (b"odd", 1, b"live"), EVENT % (b"urgent", 1, b"live")
    )

    assert (tail.last, tail._next["urgent", 0]) == (1, 5)


def test_no_more_are_kept_than_can_be_looked_at():
    tail = fed(*(EVENT % (b"urgent", offset, b"live") for offset in range(KEPT + 10)))

    assert (len(tail.since(0)), tail.since(0)[0].number, tail.last) == (KEPT, 11, KEPT + 10)


def test_dead_letters_are_counted_beyond_those_that_are_kept():
    """By code, of which others than ours may be many."""
    tail = fed()
    settings = Settings(output=Output(format="json"))
    with open_store(None, {}, ()) as store:
        reader = Reader(settings.output, store)

        def die(code: str, offset: int) -> None:
            source = Record("in", 0, offset, 1, None, b"{")
            error = RecordError(code, "deserialize", "no JSON")
            topic = settings.dead_letters.topic
            made = dead_letter(
                source, error, topic=topic, connector_name="g", task_id="0", run="live", attempt=1, model_version="1"
            )
            tail._new_from[topic, 0] = 0
            tail._take(Record(topic, 0, offset, 1, None, made.value, made.headers), reader)

        for offset in range(KEPT + 5):
            die("invalid-json", offset)
        for offset in range(MOST_CODES + 5):
            die(f"code-{offset}", offset)

    found = tail.dead_letters()
    assert (found["invalid-json"], found["others"], len(found)) == (KEPT + 5, 6, MOST_CODES + 1)


def test_of_large_events_what_is_shown_is_kept():
    """Else five hundred of them would be as large as five hundred of the largest records."""
    huge = "x" * 1_000_000
    told = {"text": huge, "channel": huge, "language": huge, "id": huge, "reason": huge, "satisfaction": huge}
    told |= {"attributes": {huge: huge}, "probabilities": {huge: 1.0}, "model": {"name": huge}}
    source = {"topic": "in" + huge, "partition": 0, "offset": 1}
    event = orjson.dumps({"decision": "urgent", "run": "live", "source": source, "urgency": 0.5, **told})

    [found] = fed(event).since(0)

    assert len(repr(found)) < 3000
    assert (found.answer.text, found.characters, found.answer.urgency) == ("x" * 600, 1_000_000, 0.5)


def test_answers_that_need_a_registry_need_one():
    with pytest.raises(SettingsError, match=r"registry\.url"):
        Tail(Settings(output=Output(format="avro")))

from typing import Any

import pytest

from consumer.corrections.entries import Correction, NoCorrection, correction, written_as
from consumer.corrections.given import one
from consumer.corrections.write import Encoder
from consumer.decode import deserializer
from consumer.records import Record, Satisfaction
from consumer.schema_store import SchemaStore
from consumer.settings import Corrections, Input, Output, Registry, Settings
from tests.consumer.fake_registry import FakeRegistry

AT_MS = 1_790_000_000_000
EVENT: dict[str, Any] = {
    "event_id": "in/0/1/live", "decision": "routine", "role": "quality", "corrected_at": AT_MS, "satisfaction": None,
}  # fmt: skip


def read(changed: dict[str, Any], *headers: tuple[str, bytes | None]) -> Correction:
    record = Record("corrections", 1, 7, AT_MS + 5, b"k", b"v", headers)
    return correction(record, {**EVENT, **changed})


def test_its_writer_is_the_last_header_of_that_name():
    """What a proxy has passed on stands before it; without one nobody wrote it."""
    assert read({}, ("ce_source", b"mallory"), ("Ce_Source", b"ticketing"), ("ce_source", None)).writer == "ticketing"
    assert read({}).writer is None
    assert read({}, ("ce_source", b"\xff")).writer == "\ufffd"


def test_words_of_a_later_version_are_read_as_the_schema_says():
    """So that nothing is left lying, and nobody gains weight."""
    found = read({"decision": "at once", "role": "director", "satisfaction": "delighted"})

    assert (found.decision, found.role, found.satisfaction) == ("urgent", "other", None)
    assert read({"satisfaction": "neutral"}).satisfaction == Satisfaction.NEUTRAL


@pytest.mark.parametrize("changed", [{"event_id": None}, {"decision": 1}, {"corrected_at": "soon"}])
def test_what_lacks_something_is_no_correction(changed):
    """Whoever may write to the topic may write anything."""
    with pytest.raises(NoCorrection):
        read(changed)


@pytest.mark.parametrize("value", [None, 3, "text", [EVENT]])
def test_what_is_no_object_is_no_correction(value):
    """A JSON topic may hold any JSON."""
    with pytest.raises(NoCorrection):
        correction(Record("corrections", 0, 0, None, None, b"v"), value)


@pytest.mark.parametrize("written", ["avro-single-object", "json", "avro", "json-schema"])
def test_what_is_written_is_read_again(written):
    """In each format, with its writer's name."""
    settings = Settings(corrections=Corrections(format=written), output=Output(format="json"))
    registry = FakeRegistry()
    registry.subjects["corrections-value"] = 5
    from confluent_kafka.schema_registry import Schema

    import schemas

    registry.by_reference[5] = Schema(schemas.avro("correction"), "AVRO")
    store = SchemaStore(registry)
    given = one(event_id="in/0/1/live", decision="urgent", role="agent", satisfaction="unsatisfied", corrected_at=AT_MS)

    made = Encoder(settings, store, "desk").encode(given)

    record = Record(made.topic, 0, 3, AT_MS, made.key, made.value, made.headers)
    found = correction(record, deserializer(Input(format=written), store)(record))
    assert found == Correction(
        "in/0/1/live", None, "urgent", Satisfaction.UNSATISFIED, "agent", AT_MS, "desk", "corrections", 0, 3, AT_MS
    )
    assert dict(made.headers)["ce_type"] == b"shikyu.correction"
    assert made.key == b"in/0/1/live"


def test_they_are_written_as_the_answers_are_unless_something_else_is_said():
    """Plain texts hold no event."""
    text = Output(format="text")

    assert written_as(Settings(output=Output(format="json-schema"))) == "json-schema"
    assert written_as(Settings(output=text)) == "json"
    assert written_as(Settings(output=text, registry=Registry(url="http://r"))) == "avro"
    assert written_as(Settings(corrections=Corrections(format="json"))) == "json"

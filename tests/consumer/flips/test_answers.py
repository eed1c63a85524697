"""What `encode` writes is read back, in each of its formats; what is none is refused, whatever it holds."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import get_args

import fastavro
import pytest

import schemas
from consumer import dead_letters
from consumer.dead_letters import MISSING_TEXT
from consumer.encode import Encoder
from consumer.errors import RecordError, SettingsError
from consumer.flips.answers import DEAD, Answer, NoAnswer, Reader, dead_letter
from consumer.records import Decision, Message, ModelVersion, Record, Satisfaction
from consumer.schema_store import SchemaStore
from consumer.settings import Format, Output
from tests.consumer.fake_registry import FakeRegistry

SOURCE = Record("customer-messages", 2, 17, 1_764_000_000_123, b"c-9", b"in")
MESSAGE = Message("Cold 🥶 again", "m-1", "c-9", "email", "en", None, {"plan": "gold"})
DECISION = Decision(
    Satisfaction.VERY_UNSATISFIED, (0.7, 0.2, 0.05, 0.03, 0.02), 0.83, True, 0.41, "rule:gold", False,
    ModelVersion("demo", "3", "int8"),
)  # fmt: skip
NOW = datetime(2026, 11, 23, 9, 0, 2, 7000, tzinfo=UTC)
WHOLE = Answer(
    source=("customer-messages", 2, 17), run="a/b", fate="urgent", written_ms=5, satisfaction="very_unsatisfied",
    urgency=0.83, threshold=0.41, reason="rule:gold", at_ms=1_764_000_000_123, id="m-1", channel="email", language="en",
    attributes={"plan": "gold"}, text="Cold 🥶 again", model=("demo", "3", "int8"),
    labels=("very_unsatisfied", "unsatisfied", "neutral", "satisfied", "very_satisfied"),
)  # fmt: skip
FORMATS = get_args(Format)


def store() -> SchemaStore:
    return SchemaStore(FakeRegistry(id41=schemas.avro("classified-message")))


def written(output_format: str, source: Record = SOURCE, message: Message = MESSAGE) -> Record:
    encoder = Encoder(Output(format=output_format), store())
    made = encoder.encode(source, message, DECISION, run="a/b", attempt=1, classified_at=NOW)
    return Record(made.topic, 0, 3, 5, made.key, made.value, made.headers)


def read(output_format: str, record: Record) -> Answer:
    return Reader(Output(format=output_format), store()).answer(record)


@pytest.mark.parametrize("output_format", [each for each in FORMATS if each != "text"])
def test_an_event_is_read_back_whole(output_format):
    """Everything that the report needs, the run's name with a slash too."""
    assert read(output_format, written(output_format)) == WHOLE


def test_a_text_tells_what_its_headers_tell():
    """No class probabilities, no channel, no threshold."""
    unknown = {"threshold": None, "at_ms": None, "id": None, "channel": None, "language": None, "attributes": {}}

    assert read("text", written("text")) == replace(WHOLE, **unknown, labels=(), model=(None, "3", None))


def test_without_a_source_timestamp_the_time_of_sending_counts():
    """Where the broker kept none."""
    sent = datetime(2026, 11, 1, tzinfo=UTC)
    source, message = replace(SOURCE, timestamp_ms=None), replace(MESSAGE, sent_at=sent)

    assert read("json", written("json", source, message)).at_ms == sent.timestamp() * 1000


def test_avro_of_an_older_and_a_newer_schema_is_read_as_it_was_written():
    """What an event lacks is not known; what is new is passed over."""
    schema = json.loads(schemas.avro("classified-message"))
    schema["fields"] = [each for each in schema["fields"] if each["name"] not in ("channel", "run")]
    schema["fields"].append({"name": "mood", "type": "string", "default": ""})
    old = SchemaStore(FakeRegistry(id7=json.dumps(schema)))
    event = json.loads(written("json").value) | {"sent_at": None, "classified_at": 0, "mood": "fine"}
    event["source"]["timestamp"] = 1_764_000_000_123
    value = written("json")
    record = replace(value, value=b"\0\0\0\0\x07" + avro_bytes(schema, event))

    assert Reader(Output(format="avro"), old).answer(record) == replace(WHOLE, channel=None, run="live")


def avro_bytes(schema: dict, event: dict) -> bytes:
    from io import BytesIO

    body = BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(schema), event)
    return body.getvalue()


@pytest.mark.parametrize("output_format", FORMATS)
def test_a_foreign_record_is_no_answer(output_format):
    """Of another program, or of another format; a tombstone too."""
    for value in (None, b"", b"{}", b"[1]", b"null", b"\xff\xfe", b"\0\0\0\0\x29", b"\0\0\0\0\x29{}", b'{"a": 1}'):
        with pytest.raises((NoAnswer, RecordError)):
            read(output_format, Record("urgent", 0, 0, 0, None, value, (("ce_id", b"a/b"), ("shikyu.decision", b"x"))))


@pytest.mark.parametrize(
    "change",
    [
        {"decision": "maybe"}, {"source": None}, {"source": {"topic": "a", "partition": True, "offset": 1}},
        {"source": {"topic": 1, "partition": 1, "offset": 1}}, {"run": 1}, {"urgency": "high"}, {"attributes": [1]},
        {"attributes": {"a": 1}}, {"channel": {}}, {"model": []}, {"probabilities": [0.5]}, {"satisfaction": 5},
    ],
)  # fmt: skip
def test_what_only_looks_like_an_answer_is_none(change):
    """Whatever stands where something else should."""
    event = json.loads(written("json").value) | change

    with pytest.raises(NoAnswer):
        read("json", Record("urgent", 0, 0, 0, None, json.dumps(event).encode()))


def test_a_registry_is_asked_for_by_its_setting():
    """As `shikyu run` asks for it."""
    with pytest.raises(SettingsError, match=r"output\.format = avro needs a Schema Registry"):
        Reader(Output(), SchemaStore(None))


def dead(source: Record = SOURCE) -> Record:
    made = dead_letters.dead_letter(
        source,
        MISSING_TEXT.error(),
        topic="dead",
        connector_name="shikyu",
        task_id="0",
        run="live",
        attempt=1,
        model_version="1",
    )
    return Record(made.topic, 0, 0, 9, made.key, made.value, made.headers)


def test_a_dead_letter_tells_its_source():
    """The newest, where the record had died before, and whose run it is; a stranger's is none."""
    twice = dead(replace(SOURCE, headers=dead(replace(SOURCE, offset=1)).headers))

    assert dead_letter(twice, "new") == Answer(("customer-messages", 2, 17), "live", DEAD, 9, at_ms=1_764_000_000_123)
    for headers in ((), (("__connect.errors.topic", b"in"), ("__connect.errors.partition", b"x"))):
        with pytest.raises(NoAnswer):
            dead_letter(replace(SOURCE, headers=headers), "new")

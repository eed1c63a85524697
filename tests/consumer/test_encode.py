import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO

import fastavro
import orjson
import pytest
from confluent_kafka.schema_registry.error import SchemaRegistryError

import schemas
from consumer.encode import OURS, Encoder, event_id
from consumer.errors import PassingFault, SettingsError, SurroundingsError
from consumer.records import Decision, Headers, Message, ModelVersion, OutputRecord, Record, Satisfaction
from consumer.schema_store import SchemaStore
from consumer.settings import Output
from tests.consumer.fake_registry import FakeRegistry

SENT = datetime(2026, 11, 23, 9, 0, 0, 5000, tzinfo=UTC)
NOW = datetime(2026, 11, 23, 9, 0, 2, 7000, tzinfo=UTC)
RECORD = Record("customer-messages", 2, 17, 1_764_000_000_123, b"c-9", b"in", (("traceparent", b"00-ab-cd-01"),))
MESSAGE = Message("Cold 🥶 again", "m-1", "c-9", "email", "en", SENT, {"plan": "gold", "trade": "heating"})
DECISION = Decision(
    Satisfaction.VERY_UNSATISFIED, (0.7, 0.2, 0.05, 0.03, 0.02), 0.83, True, 0.41, "model", False,
    ModelVersion("demo", "3", "int8"),
)  # fmt: skip
WRITER = fastavro.parse_schema(json.loads(schemas.avro("classified-message")))


def encode(
    format: str = "avro",  # noqa: A002
    message: Message = MESSAGE,
    decision: Decision = DECISION,
    record: Record = RECORD,
    store: SchemaStore | None = None,
    **settings: object,
) -> OutputRecord:
    encoder = Encoder(Output.model_construct(**{**Output().model_dump(), "format": format, **settings}), store or STORE)
    return encoder.encode(record, message, decision, run="live", attempt=1, classified_at=NOW)


STORE = SchemaStore(FakeRegistry())

EVENT = {
    "event_id": "customer-messages/2/17/live",
    "id": "m-1",
    "customer_id": "c-9",
    "channel": "email",
    "language": "en",
    "sent_at": SENT,
    "attributes": {"plan": "gold", "trade": "heating"},
    "text": "Cold 🥶 again",
    "satisfaction": "very_unsatisfied",
    "probabilities": {
        "very_unsatisfied": 0.7,
        "unsatisfied": 0.2,
        "neutral": 0.05,
        "satisfied": 0.03,
        "very_satisfied": 0.02,
    },
    "urgency": 0.83,
    "decision": "urgent",
    "threshold": 0.41,
    "reason": "model",
    "truncated": False,
    "audit": None,
    "attempt": 1,
    "model": {"name": "demo", "version": "3", "precision": "int8"},
    "source": {
        "topic": "customer-messages",
        "partition": 2,
        "offset": 17,
        "timestamp": datetime.fromtimestamp(1_764_000_000, UTC) + timedelta(milliseconds=123),
    },
    "classified_at": NOW,
    "run": "live",
}
EVENT_IN_JSON = {
    **EVENT,
    "sent_at": "2026-11-23T09:00:00.005Z",
    "source": {**EVENT["source"], "timestamp": "2025-11-24T16:00:00.123Z"},  # type: ignore[dict-item]
    "classified_at": "2026-11-23T09:00:02.007Z",
}


def in_avro(payload: bytes) -> object:
    """As another Avro library reads it."""
    return fastavro.schemaless_reader(BytesIO(payload), WRITER, None)


def test_avro_carries_the_whole_event_behind_the_topics_schema_id() -> None:
    output = encode()

    assert output.value is not None
    assert output.value[:5] == b"\x00\x00\x00\x00\x29"
    assert in_avro(output.value[5:]) == EVENT


def test_routine_goes_to_its_own_topic_with_its_own_schema_id() -> None:
    output = encode(decision=replace(DECISION, urgent=False))

    assert (output.topic, (output.value or b"")[:5]) == ("routine", b"\x00\x00\x00\x00\x2a")
    assert dict(output.headers)["shikyu.decision"] == b"routine"


def test_the_other_formats_carry_the_same() -> None:
    """A single object by its fingerprint, JSON Schema behind an id, JSON bare, text alone."""
    single, framed, bare, text = (
        encode(each).value or b"" for each in ("avro-single-object", "json-schema", "json", "text")
    )

    assert (single[:2], in_avro(single[10:])) == (b"\xc3\x01", EVENT)
    assert (framed[:5], orjson.loads(framed[5:])) == (b"\x00\x00\x00\x00\x29", EVENT_IN_JSON)
    assert orjson.loads(bare) == EVENT_IN_JSON
    assert text.decode() == MESSAGE.text


def test_a_message_of_nothing_but_text_is_encoded() -> None:
    """Empty text is no tombstone: null stays null, and empty stays empty."""
    record = replace(RECORD, key=None, timestamp_ms=None, headers=())
    for format_ in ("avro", "json"):
        output = encode(format_, Message(""), record=record)
        payload = output.value or b""
        found = in_avro(payload[5:]) if format_ == "avro" else orjson.loads(payload)
        assert isinstance(found, dict)
        assert (output.key, found["text"], found["id"], found["sent_at"]) == (None, "", None, None)
        assert found["source"]["timestamp"] is None
    assert encode("text", Message("")).value == b""


def test_text_and_attributes_can_be_left_out() -> None:
    """For topics that more people may read than may read the customers."""
    found = orjson.loads(encode("json", include_text=False, attributes=("plan", "absent")).value or b"")

    assert (found["text"], found["attributes"]) == (None, {"plan": "gold"})
    assert orjson.loads(encode("json", attributes=()).value or b"")["attributes"] == {}


def test_headers_pass_and_ours_are_added() -> None:
    """The key and the trace go on unchanged; CloudEvents and the decision come after them."""
    output = encode()

    assert output.key == b"c-9"
    assert output.headers == (
        ("traceparent", b"00-ab-cd-01"),
        ("ce_id", b"customer-messages/2/17/live"),
        ("shikyu.urgency", b"0.83"),
        ("ce_specversion", b"1.0"),
        ("ce_source", b"/shikyu/customer-messages"),
        ("ce_type", b"shikyu.classified-message"),
        ("ce_time", b"2026-11-23T09:00:02.007Z"),
        ("content-type", b"application/avro"),
        ("shikyu.decision", b"urgent"),
        ("shikyu.reason", b"model"),
        ("shikyu.satisfaction", b"very_unsatisfied"),
        ("shikyu.model.version", b"3"),
        ("shikyu.attempt", b"1"),
        ("shikyu.run", b"live"),
    )
    assert {name for name, _ in output.headers[1:]} == set(OURS)


def test_ours_replace_those_of_the_same_name_in_any_case() -> None:
    """And what the input said of its own value does not stick to ours: a reader would decode with the wrong schema."""
    given: Headers = (
        ("Content-Type", b"application/xml"),
        ("ce_id", b"theirs"),
        ("ce_dataschema", b"theirs"),
        ("shikyu.decision", b"routine"),
        ("__value_schema_id", b"\x00\x00\x00\x00\x07"),
        ("__key_schema_id", b"\x00\x00\x00\x00\x08"),
        ("tenant", None),
        ("tenant", b"twice"),
    )

    headers = encode(record=replace(RECORD, headers=given)).headers

    assert headers[:3] == (("__key_schema_id", b"\x00\x00\x00\x00\x08"), ("tenant", None), ("tenant", b"twice"))
    assert [name for name, _ in headers[3:]] == list(OURS)
    assert dict(headers)["ce_id"] == b"customer-messages/2/17/live"


def test_the_source_names_the_application() -> None:
    """Two applications that read one topic are told apart by their events' `ce_source`."""
    encoder = Encoder(Output(format="json"), STORE, application="returns")

    output = encoder.encode(RECORD, MESSAGE, DECISION, run="live", attempt=1, classified_at=NOW)

    assert dict(output.headers)["ce_source"] == b"/returns/customer-messages"


def test_the_same_record_has_the_same_id_in_the_same_run() -> None:
    """A consumer downstream can drop what it has seen; a replay's events are others."""
    assert event_id(RECORD, "live") == event_id(replace(RECORD, value=b"other"), "live")
    ids = {event_id(RECORD, "live"), event_id(RECORD, "replay-1"), event_id(replace(RECORD, offset=18), "live"),
           event_id(replace(RECORD, partition=21, offset=7), "live")}  # fmt: skip
    assert len(ids) == 4


def test_an_old_reader_reads_a_newer_decision() -> None:
    """A class or a decision that it does not know becomes the enum's default: unknown, and urgent."""
    newer = json.loads(schemas.avro("classified-message"))
    for field in newer["fields"]:
        if field["name"] in ("satisfaction", "decision"):
            field["type"]["symbols"].append("new")
    stream = BytesIO()
    fastavro.schemaless_writer(
        stream, fastavro.parse_schema(newer), {**EVENT, "satisfaction": "new", "decision": "new"}
    )

    found = fastavro.schemaless_reader(BytesIO(stream.getvalue()), fastavro.parse_schema(newer), WRITER)

    assert isinstance(found, dict)
    assert (found["satisfaction"], found["decision"]) == ("unknown", "urgent")


def test_what_cannot_start_says_why() -> None:
    """No registry, a schema that is not registered, a registry that is away."""
    empty, away = FakeRegistry(), FakeRegistry()
    empty.subjects = {}
    away.fault = SchemaRegistryError(503, -1, "starting")

    with pytest.raises(SettingsError, match=r"output\.format = avro needs a Schema Registry"):
        encode(store=SchemaStore(None))
    with pytest.raises(SurroundingsError, match="shikyu schemas register"):
        encode(store=SchemaStore(empty))
    with pytest.raises(PassingFault, match="HTTP 503"):
        encode(store=SchemaStore(away))


def test_json_and_single_objects_need_no_registry() -> None:
    for format_ in ("json", "avro-single-object", "text"):
        assert encode(format_, store=SchemaStore(None)).value

"""Bytes to events, and what is none."""

import contextlib
import io
import json

import fastavro
import pytest
from confluent_kafka.schema_registry import Schema
from confluent_kafka.schema_registry.error import SchemaRegistryError
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas
from examples.ticketing.errors import Away, Unreadable, WrongSurroundings
from examples.ticketing.events import FORMATS, Reader, trace_id
from tests.examples import golden
from tests.examples.ticketing.events import BEGAN, told
from tests.payloads import PAYLOADS


class Registry:
    """Knows schema 7, and answers otherwise by what it is told to raise."""

    def __init__(self, raises: Exception | None = None) -> None:
        self.asked = 0
        self._raises = raises

    def get_schema(self, schema_id: int) -> Schema:
        self.asked += 1
        if self._raises is not None:
            raise self._raises
        if schema_id != 7:
            raise SchemaRegistryError(404, 40403, "Schema not found")
        return Schema(schemas.avro("classified-message"), "AVRO")


AVRO = golden.value("avro-single-object")[10:]
SEVEN = b"\0\0\0\0\x07"


def test_every_version_of_the_schema_has_a_golden_event():
    """When this fails: python -m tests.examples.golden, then look at what it wrote, and commit it."""
    assert not golden.is_missing()


def test_the_golden_events_are_what_shikyu_writes():
    """The newest of them, to the byte."""
    newest = golden.FOLDER / str(len(golden.versions()))

    assert newest.with_suffix(".avro").read_bytes() == golden.value("avro-single-object")
    assert json.loads(newest.with_suffix(".json").read_text("utf-8")) == json.loads(golden.value("json"))


def test_a_version_without_a_golden_event_is_noticed(monkeypatch):
    """A field that is added with a default, or a default that changes; but not a doc that is put better."""
    schema = json.loads(schemas.avro("classified-message"))
    for change, noticed in (
        (lambda made: made["fields"].append({"name": "new", "type": "string", "default": ""}), True),
        (lambda made: made["fields"][-1].update(default="other"), True),
        (lambda made: made.update(doc="Put better."), False),
    ):
        made = json.loads(json.dumps(schema))
        change(made)
        monkeypatch.setattr(schemas, "avro", lambda _, made=made: json.dumps(made))
        assert golden.is_missing() is noticed


def test_all_formats_say_the_same():
    """Avro behind a registry's id or a fingerprint, JSON with and without an id."""
    registry = Registry()
    values = {
        "avro": SEVEN + AVRO,
        "avro-single-object": golden.value("avro-single-object"),
        "json": golden.value("json"),
        "json-schema": SEVEN + golden.value("json"),
    }
    readers = {each: Reader(each, registry) for each in FORMATS}

    assert len({readers[each].read(values[each]) for each in FORMATS}) == 1
    readers["avro"].read(values["avro"])
    assert registry.asked == 1


@pytest.mark.parametrize(
    ("event_format", "value", "code"),
    [
        ("json", None, "empty"),
        ("json", b"", "empty"),
        ("json", b"{", "bad-json"),
        ("json", b"[" * 100_000, "bad-json"),
        ("json", b"\xff\xfe", "bad-json"),
        ("json", b"[]", "bad-event"),
        ("json", b"{}", "bad-event"),
        ("json", json.dumps(told(0, urgency=float("nan"))).encode(), "bad-event"),
        ("json", json.dumps(told(2**63)).encode(), "bad-event"),
        ("json", json.dumps({**told(0), "classified_at": "2026-11-28T09:00:00"}).encode(), "bad-event"),
        ("json-schema", b"{}", "bad-framing"),
        ("avro", b"{}", "bad-framing"),
        ("avro", b"\0\0\0\0\x08" + AVRO, "unknown-schema"),
        ("avro", SEVEN + AVRO[:-1], "bad-avro"),
        ("avro", SEVEN + AVRO + b"\0", "bad-avro"),
        ("avro", SEVEN, "bad-avro"),
        ("avro-single-object", AVRO, "bad-framing"),
        ("avro-single-object", b"\xc3\x01" + 8 * b"\0" + AVRO, "unknown-schema"),
    ],
)
def test_what_is_no_event_says_why(event_format, value, code):
    """By a code to count by, and words without a value in them."""
    with pytest.raises(Unreadable) as raised:
        Reader(event_format, Registry()).read(value)

    assert raised.value.code == code


@given(value=st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_no_bytes_do_anything_else(value):
    """Whatever somebody writes into the topic."""
    for each in FORMATS:
        for framed in (value, SEVEN + value, golden.value("avro-single-object")[:10] + value):
            with contextlib.suppress(Unreadable):
                Reader(each, Registry()).read(framed)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_reason_quotes_a_customer(payload):
    """Reasons stand in the database and on terminals, longer than the text may."""
    text = PAYLOADS[payload] + "canary-7f3a"
    for broken in ({**told(0), "decision": [text]}, {text: text}, [text], {**told(0), "customer_id": {text: 1}}):
        with pytest.raises(Unreadable) as raised:
            Reader("json").read(json.dumps(broken).encode())
        assert "canary" not in raised.value.reason


def test_a_decision_that_is_not_known_is_urgent():
    """By Avro's default, and so in JSON: nothing is left lying."""
    later = json.loads(schemas.avro("classified-message").replace('"urgent",', '"urgent", "at_once",'))
    written = io.BytesIO()
    event = json.loads(golden.value("json")) | {"decision": "at_once"}
    for name in ("sent_at", "classified_at"):
        event[name] = BEGAN
    event["source"]["timestamp"] = BEGAN
    fastavro.schemaless_writer(written, fastavro.parse_schema(later), event)

    class Later(Registry):
        def get_schema(self, schema_id: int) -> Schema:
            return Schema(json.dumps(later), "AVRO")

    assert Reader("avro", Later()).read(SEVEN + written.getvalue()).decision == "urgent"
    assert Reader("json").read(json.dumps(told(0, "at_once")).encode()).decision == "urgent"


@pytest.mark.parametrize(
    ("raises", "error"),
    [
        (SchemaRegistryError(503, 50301, "away"), Away),
        (SchemaRegistryError(429, 42901, "later"), Away),
        (ConnectionRefusedError(), Away),
        (SchemaRegistryError(401, 40101, "who are you?"), WrongSurroundings),
        (SchemaRegistryError(404, 404, "no such page"), WrongSurroundings),
    ],
)
def test_a_registry_that_does_not_help_is_no_fault_of_the_event(raises, error):
    """It is waited for, or somebody is told."""
    with pytest.raises(error):
        Reader("avro", Registry(raises)).read(SEVEN + AVRO)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01", "a" * 32),
        (b"cc-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01-later", "a" * 32),
        (b"ff-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01", None),
        (b"00-" + b"0" * 32 + b"-" + b"b" * 16 + b"-01", None),
        (b"00-" + b"A" * 32 + b"-" + b"b" * 16 + b"-01", None),
        (b"It leaks.", None),
    ],
)
def test_a_trace_id_is_one_or_none(value, found):
    """Whoever writes the input writes its headers, too."""
    assert trace_id([("other", b""), ("traceparent", value)]) == found


def test_a_trace_id_in_an_events_value_is_nobodys():
    """It is the header's alone."""
    value = json.dumps({**told(0), "trace_id": "It leaks."}).encode()

    assert Reader("json").read(value).trace_id != "It leaks."

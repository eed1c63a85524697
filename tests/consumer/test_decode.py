import json
import struct
import tracemalloc
from pathlib import Path
from uuid import UUID

import orjson
import pytest
from fastavro import parse_schema, schemaless_writer
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas
from consumer import avro
from consumer.decode import Decoder
from consumer.errors import SettingsError
from consumer.records import Dead, Headers, Message, Record, Skipped, SkipReason
from consumer.schema_store import SchemaStore
from consumer.settings import Input, Rules
from consumer.wire import confluent_prefix, single_object_prefix
from tests.consumer.fake_registry import FakeRegistry

CUSTOMER_MESSAGE = schemas.avro("customer-message")
GUID = UUID("0198f2f0-7c5e-7c8e-9d0a-5b6f0c1d2e3f")
EVENT = {
    "id": "m-1",
    "text": "The boiler is cold ❄️ again",
    "customer_id": "c-9",
    "channel": "email",
    "language": "en",
    "sent_at": 1_764_000_000_123,
    "attributes": {"plan": "gold"},
}
READ = Message(
    "The boiler is cold ❄️ again",
    "m-1",
    "c-9",
    "email",
    "en",
    None,  # sent_at, compared apart
    {"plan": "gold"},
)


def record(value: bytes | None, headers: Headers = ()) -> Record:
    return Record("customer-messages", 2, 17, 1_764_000_000_000, b"c-9", value, headers)


def store(**by_id: str) -> SchemaStore:
    return SchemaStore(FakeRegistry(**(by_id or {"id7": CUSTOMER_MESSAGE})))


def written(event: object, schema: str = CUSTOMER_MESSAGE, prefix: bytes = b"") -> bytes:
    return avro.write(event, avro.parse(schema), prefix)


def decoder(format: str = "json", rules: dict[str, str] | None = None, **settings: object) -> Decoder:  # noqa: A002
    return Decoder(Input(format=format, **settings), store(), Rules(always_urgent=rules or {}))


def decoded(value: object, **settings: object) -> Message | Skipped | Dead:
    """What JSON of this value becomes."""
    return decoder(**settings).decode(record(orjson.dumps(value)))


def code(fate: object) -> str:
    assert isinstance(fate, Dead), fate
    return fate.error.code


def assert_is_the_event(fate: object) -> None:
    assert isinstance(fate, Message), fate
    assert fate.sent_at is not None
    assert fate.sent_at.isoformat() == "2025-11-24T16:00:00.123000+00:00"
    assert Message(fate.text, *[getattr(fate, n) for n in ("id", "customer_id", "channel", "language")], None,
                   fate.attributes) == READ  # fmt: skip


def test_avro_with_an_id_before_the_value() -> None:
    """Confluent's framing: magic 0, the schema's id, the value."""
    value = written(EVENT, prefix=confluent_prefix(7))

    assert_is_the_event(decoder("avro").decode(record(value)))


def test_avro_with_an_id_or_guid_in_a_header() -> None:
    """As Confluent's newer clients write it: the header tells the schema, and the value stands alone."""
    registry = FakeRegistry(id7=CUSTOMER_MESSAGE)
    registry.by_reference[str(GUID)] = registry.by_reference[7]
    read = Decoder(Input(), SchemaStore(registry), Rules())

    for content in (b"\x00" + struct.pack(">I", 7), b"\x01" + GUID.bytes):
        assert_is_the_event(read.decode(record(written(EVENT), (("__value_schema_id", content),))))


@pytest.mark.parametrize("content", [b"", b"\x00", b"\x02\x00\x00\x00\x07", b"\x00\x00\x00\x00\x07!", b"\x01short"])
def test_an_unreadable_schema_header_is_dead(content: bytes) -> None:
    """Its bytes are neither an id nor a GUID, or have others behind them."""
    fate = decoder("avro").decode(record(written(EVENT), (("__value_schema_id", content),)))

    assert code(fate) == "bad-schema-header"


def test_avro_single_object_of_ours_and_of_a_file(tmp_path: Path) -> None:
    """The writer's schema is found by its fingerprint."""
    theirs = '{"type": "record", "name": "Mail", "fields": [{"name": "body", "type": "string"}]}'
    file = tmp_path / "mail.avsc"
    file.write_text(theirs)
    read = Decoder(
        Input(format="avro-single-object", text="text || body", schemas=(file,)),
        SchemaStore(None, files=(file,)),
        Rules(),
    )

    ours = written(EVENT, prefix=single_object_prefix(avro.fingerprint(CUSTOMER_MESSAGE)))
    mail = written({"body": "Hello?"}, theirs, single_object_prefix(avro.fingerprint(theirs)))

    assert_is_the_event(read.decode(record(ours)))
    assert read.decode(record(mail)) == Message("Hello?")
    assert code(read.decode(record(single_object_prefix(b"12345678") + b"\0"))) == "unknown-fingerprint"
    assert code(read.decode(record(b"\xc3\x01short"))) == "bad-framing"


def test_json_schema_needs_no_registry() -> None:
    """The framing is taken off; JSON tells its own fields."""
    registry = FakeRegistry()
    read = Decoder(Input(format="json-schema"), SchemaStore(registry), Rules())

    assert_is_the_event(read.decode(record(confluent_prefix(99) + orjson.dumps(EVENT))))
    assert registry.calls == 0
    assert_is_the_event(read.decode(record(confluent_prefix(99) + b"\xef\xbb\xbf" + orjson.dumps(EVENT))))


def test_json() -> None:
    """Also behind a byte order mark, which some writers leave."""
    assert_is_the_event(decoder().decode(record(orjson.dumps(EVENT))))
    assert_is_the_event(decoder().decode(record(b"\xef\xbb\xbf" + orjson.dumps(EVENT))))


def test_plain_text() -> None:
    """The value is the text, and expressions find it as `text`."""
    read = decoder("text", where="contains(text, 'x')")

    assert read.decode(record("x ❄️".encode())) == Message("x ❄️")
    assert read.decode(record(b"y")) == Skipped(SkipReason.WHERE)
    assert code(read.decode(record(b"x \xff"))) == "invalid-utf8"


def test_what_is_no_object_is_offered_as_text() -> None:
    """A bare string is a message; of an array or a number an expression can make one."""
    assert decoded("Where is my parcel?") == Message("Where is my parcel?")
    assert decoded(["Where", "is", "it?"], text="join(' ', text)") == Message("Where is it?")
    assert decoded(5, text="to_string(text)") == Message("5")


@pytest.mark.parametrize("event", ["Fire!", ["Fire!"], {"text": "Fire!"}])
def test_expressions_may_ask_about_any_event(event: object) -> None:
    """`_record` and `_message` stand beside it, whether or not it is an object."""
    rules = {"fire": "_message.text == 'Fire!' && _record.topic == 'customer-messages'"}

    fate = decoded(event, rules=rules, text="to_array(text)[0]", where="_record.partition == `2`")

    assert fate == Message("Fire!", urgent_rule="fire")


def test_avro_that_is_no_record_is_asked_about_too() -> None:
    """A primitive, an array: as in JSON."""
    for schema, event in (('"string"', "Fire!"), ('{"type": "array", "items": "string"}', ["Fire!"])):
        read = Decoder(
            Input(format="avro", text="to_array(text)[0]", where="_record.offset == `17`"),
            store(id8=schema),
            Rules(always_urgent={"fire": "mentions(_message.text, 'fire')"}),
        )

        fate = read.decode(record(written(event, schema, confluent_prefix(8))))

        assert fate == Message("Fire!", urgent_rule="fire")


def blocks(*counts: int) -> bytes:
    """An array's, of items that take no bytes."""
    return b"".join(written(count, '"long"') for count in (*counts, 0))


@pytest.mark.parametrize(
    ("items", "payload"),
    [
        ('"null"', blocks(5_000_000)),
        ('"null"', blocks(*[1_000_000] * 5)),
        ('{"type": "array", "items": "null"}', written(3, '"long"') + blocks(2_000_000) * 3 + b"\0"),
        ('{"type": "record", "name": "E", "fields": [{"name": "n", "type": "null"}]}', blocks(2_000_000)),
        ('{"type": "fixed", "name": "F", "size": 0}', blocks(5_000_000)),
    ],
)
def test_few_bytes_make_no_millions_of_values(items: str, payload: bytes) -> None:
    """However many nulls a handful of bytes asks for, they are not read."""
    read = Decoder(Input(text="@"), store(id8=f'{{"type": "array", "items": {items}}}'), Rules())

    tracemalloc.start()
    fate = read.decode(record(confluent_prefix(8) + payload))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert code(fate) == "unsafe-schema"
    assert peak_bytes < 1_000_000


@pytest.mark.parametrize("text", ["", " ", "\u200b\u200d", "😡" * 9, "\u202eשלום", "\x00\x1b[0m", "a" * 1_000_000])
@pytest.mark.parametrize("format_", ["avro", "json", "text"])
def test_any_text_is_a_message(format_: str, text: str) -> None:
    """Empty, huge, right-to-left, of zero width: it is classified, never dead."""
    value = {
        "avro": written({**EVENT, "text": text}, prefix=confluent_prefix(7)),
        "json": orjson.dumps({"text": text}),
        "text": text.encode(),
    }[format_]

    fate = decoder(format_).decode(record(value))

    assert isinstance(fate, Message)
    assert fate.text == text


def test_half_an_emoji_is_mended() -> None:
    """A text that was cut within an emoji is still a customer's message."""
    fate = decoder().decode(record(rb'{"text": "help \ud83d", "id": "\ud83d\ude00"}'))

    assert fate == Message("help \ufffd", id="😀")


def test_a_tombstone_is_skipped() -> None:
    for format_ in ("avro", "json", "text"):
        assert decoder(format_).decode(record(None)) == Skipped(SkipReason.TOMBSTONE)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"", "bad-framing"),
        (b"\x00\x00\x00", "bad-framing"),
        (b'{"text": "JSON in a topic of Avro"}', "bad-framing"),
        (b"\x00\x00\x00\x00\x07", "truncated-avro"),
        (written(EVENT, prefix=confluent_prefix(7))[:-1], "truncated-avro"),
        (written(EVENT, prefix=confluent_prefix(7)) + b"\x00", "trailing-bytes"),
        (confluent_prefix(7) + b"\x02a\x04\xff\xff", "invalid-utf8"),
        (confluent_prefix(7) + b"\x02a\x02b\x08", "invalid-avro"),
    ],
)
def test_bad_avro_is_dead(value: bytes, expected: str) -> None:
    assert code(decoder("avro").decode(record(value))) == expected


def test_no_prefix_of_an_avro_event_is_a_message() -> None:
    """Wherever a value is cut, it is dead."""
    value = written(EVENT, prefix=confluent_prefix(7))

    for length in range(len(value)):
        assert isinstance(decoder("avro").decode(record(value[:length])), Dead), length


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"", "invalid-json"),
        (b"{", "invalid-json"),
        (b'{"text": NaN}', "invalid-json"),
        (rb'{"text": "\ud83d", "x": NaN}', "invalid-json"),
        (b'{"text": "\xff"}', "invalid-utf8"),
        (b'{"text": "\xed\xa0\x80"}', "invalid-utf8"),
        (b"[" * 100_000 + b"]" * 100_000, "json-too-deep"),
        (b'["\\ud83d", ' + b"[" * 100_000 + b"]" * 100_001, "json-too-deep"),
        (b'{"body": "elsewhere"}', "missing-text"),
        (b'{"text": null}', "missing-text"),
        (b'{"text": 5}', "text-not-a-string"),
        (b'{"text": ["a"]}', "text-not-a-string"),
        (b"null", "missing-text"),
        (b"5", "text-not-a-string"),
        (b"[]", "text-not-a-string"),
    ],
)
def test_bad_json_is_dead(value: bytes, expected: str) -> None:
    assert code(decoder().decode(record(value))) == expected


@pytest.mark.parametrize(("value", "kind"), [("[]", "an array"), ("{}", "an object"), ("5", "a number")])
def test_what_is_found_instead_of_a_text_is_told_by_its_kind(value: str, kind: str) -> None:
    fate = decoder().decode(record(f'{{"text": {value}}}'.encode()))

    assert isinstance(fate, Dead)
    assert f"input.text finds {kind} in this event" in fate.error.message


def test_a_value_that_is_too_large_is_not_decoded() -> None:
    fate = decoder(max_value_bytes=10).decode(record(b'{"text": "more than ten"}'))

    assert code(fate) == "value-too-large"


def test_the_dead_tell_their_fields_and_no_value() -> None:
    """The guard names the fields when the expression is wrong; a customer's words stay out of it."""
    fate = decoded({"body": "CANARY", "subject": 1})

    assert isinstance(fate, Dead)
    assert (fate.field_names, fate.field_count) == (("body", "subject"), 2)
    assert "CANARY" not in fate.error.message


def test_several_texts_are_joined_by_a_blank_line() -> None:
    """Nulls and empty ones are left out; if all are null there is no text."""
    join = ["subject", "body"]

    assert decoded({"subject": "Boiler", "body": "Cold."}, text=join) == Message("Boiler\n\nCold.")
    assert decoded({"body": "Cold."}, text=join) == Message("Cold.")
    assert decoded({"subject": "", "body": "Cold."}, text=join) == Message("Cold.")
    assert decoded({"subject": None, "body": ""}, text=join) == Message("")
    assert code(decoded({"id": "1"}, text=join)) == "missing-text"


def test_where_says_what_is_a_message() -> None:
    """False, null and empty mean no; nothing is read of such an event, also not its missing text."""
    agents = {"author": "agent"}
    customers = {"author": "customer", "text": "Hello?"}

    assert decoded(agents, where="author == 'customer'") == Skipped(SkipReason.WHERE)
    assert decoded(customers, where="author == 'customer'") == Message("Hello?")
    assert decoded(customers, where="missing") == Skipped(SkipReason.WHERE)


def test_an_expression_that_fails_is_dead_where_it_decides() -> None:
    """Whether it is a message at all cannot be told, so that somebody must look; a label is just left out."""
    event = {"text": "a", "id": "1"}

    fate = decoded(event, where="contains(kind, 'mail')")
    assert code(fate) == "expression-failed"
    assert isinstance(fate, Dead)
    assert "input.where" in fate.error.message
    assert decoded(event, channel="lower(`5`)") == Message("a", "1")


def test_json_within_a_json_string() -> None:
    """from_json() opens it; what is no JSON is null."""
    nested = {"payload": json.dumps({"message": {"text": "Hello?", "id": 5}})}
    expressions = {"text": "from_json(payload).message.text", "id": "from_json(payload).message.id"}

    assert decoded(nested, **expressions) == Message("Hello?", "5")
    assert code(decoded({"payload": "{"}, **expressions)) == "missing-text"
    assert code(decoded({"payload": None}, **expressions)) == "missing-text"


def test_labels_are_scalars() -> None:
    """Numbers and booleans become strings; what has an inside is left out."""
    event = {
        "text": "a",
        "id": 17,
        "customer_id": {"nested": 1},
        "attributes": {"age": 3, "vip": True, "score": 0.5, "none": None, "list": [1], "map": {}},
    }

    assert decoded(event) == Message("a", "17", attributes={"age": "3", "vip": "true", "score": "0.5"})
    assert decoded({"text": "a", "attributes": "none"}) == Message("a")
    assert decoded({"text": "a", "plan": "gold"}, attributes="{plan: plan}") == Message(
        "a", attributes={"plan": "gold"}
    )


def test_long_numbers_are_labels_as_they_were_written() -> None:
    """Of any length; one that no expression asks for costs nobody the message."""
    value = b'{"text": "a", "id": 123456789012345678901234567890, "customer_id": 1e400, "x": %s}' % (b"9" * 5_000)

    fate = decoder(where="customer_id > `5`", attributes="{x: x}").decode(record(value))

    assert fate == Message("a", "123456789012345678901234567890", "1e400", attributes={"x": "9" * 5_000})


def test_expressions_may_ask_about_the_record() -> None:
    """Its topic, key, headers and time stand under `_record`."""
    about = "join('|', [_record.topic, _record.key, _record.headers.tenant, to_string(_record.timestamp)])"
    read = decoder("text", channel=about)

    fate = read.decode(record(b"a", (("tenant", b"north"),)))

    assert fate == Message("a", channel="customer-messages|c-9|north|1764000000000")


def test_the_first_rule_that_holds_is_named() -> None:
    """Rules see the event, and under `_message` what was read of it."""
    rules = {
        "legal": "mentions(_message.text, 'lawyer', 'small claims')",
        "broken": "contains(nothing, 'x')",
        "gold": "attributes.plan == 'gold'",
    }

    def rule(event: object) -> str | None:
        fate = decoded(event, rules=rules, text=["subject", "body"])
        assert isinstance(fate, Message)
        return fate.urgent_rule

    assert rule({"body": "You will hear from my LAWYER!", "attributes": {"plan": "gold"}}) == "legal"
    assert rule({"subject": "small\nclaims", "body": "court"}) == "legal"
    assert rule({"body": "The lawyers' ball was fun", "attributes": {"plan": "gold"}}) == "gold"
    assert rule({"body": "Hi"}) is None


def test_a_rule_may_ask_about_the_record() -> None:
    read = decoder("text", rules={"hotline": "_record.headers.line == 'emergency'"})

    fate = read.decode(record(b"a", (("line", b"emergency"),)))

    assert fate == Message("a", urgent_rule="hotline")


def test_a_rule_that_fails_is_told_by_its_name() -> None:
    """It cannot be known to hold; that it never does must not stay unnoticed."""
    failed: list[str] = []
    rules = Rules(always_urgent={"gold": "contains(plan, 'gold') || contains(text, 'fire')", "fire": "text == 'fire'"})
    read = Decoder(Input(format="json"), store(), rules, rule_failed=failed.append)

    fates = [read.decode(record(orjson.dumps(event))) for event in ({"text": "fire"}, {"text": "fire", "plan": "-"})]

    assert [fate.urgent_rule for fate in fates if isinstance(fate, Message)] == ["fire", "gold"]
    assert failed == ["gold"]


def test_wrong_settings_are_refused_at_the_start(tmp_path: Path) -> None:
    """With the setting's name: a schema that is none or missing, no registry."""
    (tmp_path / "bad.avsc").write_text("{}")

    with pytest.raises(SettingsError, match=r"input\.reader_schema.*bad\.avsc"):
        decoder(reader_schema=tmp_path / "bad.avsc")
    with pytest.raises(SettingsError, match=r"input\.schemas.*missing\.avsc"):
        SchemaStore(None, files=(tmp_path / "missing.avsc",))
    with pytest.raises(SettingsError, match=r"input\.format = avro needs a Schema Registry"):
        Decoder(Input(), SchemaStore(None), Rules())


def with_field(name: str, **more: object) -> str:
    schema = json.loads(CUSTOMER_MESSAGE)
    schema["fields"].append({"name": name, "type": "string", **more})
    return json.dumps(schema)


def test_a_reader_with_an_added_defaulted_field_reads_old_events(tmp_path: Path) -> None:
    """And the expressions see its default."""
    file = tmp_path / "reader.avsc"
    file.write_text(with_field("severity", default="none given"))

    read = decoder("avro", reader_schema=file, language="severity")
    fate = read.decode(record(written(EVENT, prefix=confluent_prefix(7))))

    assert isinstance(fate, Message)
    assert (fate.text, fate.language) == (EVENT["text"], "none given")


def test_an_old_reader_reads_events_with_an_added_field(tmp_path: Path) -> None:
    """The other way round; without a reader's schema, the new field can be asked for."""
    newer = with_field("severity", default="none given")
    file = tmp_path / "reader.avsc"
    file.write_text(CUSTOMER_MESSAGE)
    value = written({**EVENT, "severity": "high"}, newer, confluent_prefix(8))

    for given_settings, severity in (({"reader_schema": file}, None), ({}, "high")):
        read = Decoder(Input(language="severity", **given_settings), store(id8=newer), Rules())
        fate = read.decode(record(value))
        assert isinstance(fate, Message)
        assert (fate.text, fate.language) == (EVENT["text"], severity)


def test_a_reader_that_does_not_resolve_is_dead(tmp_path: Path) -> None:
    file = tmp_path / "reader.avsc"
    file.write_text(with_field("severity"))

    fate = decoder("avro", reader_schema=file).decode(record(written(EVENT, prefix=confluent_prefix(7))))

    assert code(fate) == "unresolvable-schema"


def test_a_wild_timestamp_kills_nobody() -> None:
    """fastavro would raise on it; the message is worth more than its time."""
    value = written({**EVENT, "sent_at": 2**62}, prefix=confluent_prefix(7))

    fate = decoder("avro").decode(record(value))

    assert isinstance(fate, Message)
    assert fate.sent_at is None


def test_avro_as_other_libraries_write_it() -> None:
    """datetimes, decimals, uuids, enums and bytes of a user's own schema reach the expressions as JSON would."""
    theirs = json.dumps(
        {
            "type": "record",
            "name": "Ticket",
            "fields": [
                {"name": "body", "type": ["null", "string"]},
                {"name": "key", "type": {"type": "string", "logicalType": "uuid"}},
                {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
                {"name": "day", "type": {"type": "int", "logicalType": "date"}},
                {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
                {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["MAIL", "CHAT"]}},
                {"name": "raw", "type": "bytes"},
            ],
        }
    )
    event = {
        "body": "Hello?",
        "key": str(GUID),
        "price": b"\x07\xcf",
        "day": 20_000,
        "at": 1_764_000_000_123_456,
        "kind": "CHAT",
        "raw": b'{"order": 5}',
    }
    expressions = {
        "text": "body",
        "id": "key",
        "channel": "kind",
        "language": "day",
        "customer_id": "from_json(raw).order",
        "sent_at": "at",
        "attributes": "{price: price}",
        "where": "price == `19.99` && sum([price, `1`]) < `21`",
    }

    read = Decoder(Input(**expressions), store(id9=theirs), Rules())
    fate = read.decode(record(written(event, theirs, confluent_prefix(9))))

    assert isinstance(fate, Message)
    assert (fate.text, fate.id, fate.channel, fate.customer_id) == ("Hello?", str(GUID), "CHAT", "5")
    assert (fate.language, fate.attributes) == ("2024-10-04", {"price": "19.99"})
    assert fate.sent_at is not None
    assert fate.sent_at.isoformat() == "2025-11-24T16:00:00.123000+00:00"


@settings(deadline=None)  # two cores, shared with a broker
@given(st.binary(max_size=200))
def test_no_bytes_escape_the_decoder(value: bytes) -> None:
    """Whatever stands in a value, decoding it gives one of the four fates and raises nothing."""
    _DECODERS[0].decode(record(confluent_prefix(7) + value))
    for read in _DECODERS[1:]:
        read.decode(record(value))


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["text", "a", "attributes"]), inner),
        max_leaves=8,
    )
)
def test_no_json_escapes_the_expressions(event: object) -> None:
    """Expressions meet every type where they did not expect it."""
    try:
        value = orjson.dumps(event)
    except orjson.JSONEncodeError:
        return  # hypothesis makes lone surrogates, which no bytes hold
    for read in _DECODERS[1:]:
        read.decode(record(value))


_DECODERS = [
    decoder("avro"),
    decoder("json"),
    decoder("text"),
    decoder("json", where="length(text) > `1` && a > text", rules={"r": "mentions(_message.text, 'a') || sum(a) < b"}),
    decoder("json", text=["join(' ', a[*].text)", "sort_by(a, &text)[0]"], sent_at="max(a)", attributes="@"),
]


def test_what_fastavro_writes_is_what_we_write() -> None:
    """The bytes are those of any other Avro library."""
    from io import BytesIO

    stream = BytesIO()
    schemaless_writer(stream, parse_schema(json.loads(CUSTOMER_MESSAGE)), EVENT)

    assert written(EVENT) == stream.getvalue()

import json
from pathlib import Path
from uuid import UUID

import pytest
from confluent_kafka.schema_registry import Schema, SchemaReference
from confluent_kafka.schema_registry.error import SchemaRegistryError

import schemas
from consumer import avro
from consumer.errors import PassingFault, RecordError, SettingsError, SurroundingsError, UnknownSchema
from consumer.schema_store import SchemaStore, open_store
from tests.consumer.fake_registry import FakeRegistry, answering

CUSTOMER_MESSAGE = schemas.avro("customer-message")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def code(store: SchemaStore, reference: int | UUID) -> str:
    with pytest.raises(RecordError) as dead:
        store.writer_schema(reference)
    return dead.value.code


def test_a_schema_is_looked_up_once() -> None:
    registry = FakeRegistry(id7=CUSTOMER_MESSAGE)
    store = SchemaStore(registry)

    assert store.writer_schema(7) is store.writer_schema(7)
    assert registry.calls == 1


def test_an_unknown_id_has_thirty_seconds_to_appear() -> None:
    """Asked for again and again meanwhile, so that a schema that was only late is found."""
    registry, clock = FakeRegistry(), Clock()
    store = SchemaStore(registry, clock=clock)

    for _ in range(3):
        with pytest.raises(PassingFault, match="does not know schema 7"):
            store.writer_schema(7)
        clock.now += 9.9
    registry.by_reference[7] = Schema(CUSTOMER_MESSAGE, "AVRO")

    assert store.writer_schema(7)


def test_an_id_that_stays_unknown_is_dead_and_remembered() -> None:
    """For five minutes without asking; then one question, whose answer may be another by now."""
    registry, clock = FakeRegistry(), Clock()
    store = SchemaStore(registry, clock=clock)
    with pytest.raises(PassingFault):
        store.writer_schema(7)

    clock.now += 30
    assert code(store, 7) == "unknown-schema-id"
    asked = registry.calls
    clock.now += 299
    assert code(store, 7) == "unknown-schema-id"
    assert registry.calls == asked

    clock.now += 2
    assert code(store, 7) == "unknown-schema-id"
    assert registry.calls == asked + 1

    clock.now += 301
    registry.by_reference[7] = Schema(CUSTOMER_MESSAGE, "AVRO")
    assert store.writer_schema(7)


def test_a_registry_that_is_away_does_not_use_up_the_patience() -> None:
    """Only "unknown" starts the thirty seconds, and nothing is dead while there is no answer."""
    registry, clock = FakeRegistry(), Clock()
    store = SchemaStore(registry, clock=clock)
    registry.fault = SchemaRegistryError(503, -1, "starting")
    for _ in range(5):
        clock.now += 60
        with pytest.raises(PassingFault, match="HTTP 503"):
            store.writer_schema(7)
    registry.fault = None
    clock.now += 60

    with pytest.raises(PassingFault, match="does not know"):
        store.writer_schema(7)


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [(SchemaRegistryError(503, -1, "starting"), PassingFault, "HTTP 503"), (None, UnknownSchema, "does not know")],
)
def test_a_fault_is_remembered_for_a_second(fault: Exception | None, kind: type[PassingFault], said: str) -> None:
    """A window's records of one schema ask once between them, and the next try asks anew."""
    registry, clock = FakeRegistry(), Clock()
    registry.fault = fault
    store = SchemaStore(registry, clock=clock)

    for _ in range(3):
        with pytest.raises(PassingFault, match=said) as told:
            store.writer_schema(7)
        assert type(told.value) is kind
    assert registry.calls == 1

    clock.now += 1.1
    registry.fault = None
    registry.by_reference[7] = Schema(CUSTOMER_MESSAGE, "AVRO")
    assert store.writer_schema(7)


def test_known_schemas_are_read_without_the_registry() -> None:
    registry = FakeRegistry(id7=CUSTOMER_MESSAGE)
    store = SchemaStore(registry)
    store.writer_schema(7)
    registry.fault = SchemaRegistryError(503, -1, "gone")

    assert store.writer_schema(7)


def test_schemas_that_cannot_be_used_are_dead_at_once() -> None:
    """They will not change under their id, so that there is nothing to wait for."""
    registry = FakeRegistry(id1='{"type": "array", "items": "null"}', id2="not JSON")
    registry.by_reference[3] = Schema("{}", "JSON")
    store = SchemaStore(registry)

    assert [code(store, each) for each in (1, 2, 3, 3)] == [
        "unsafe-schema",
        "unsafe-schema",
        "not-an-avro-schema",
        "not-an-avro-schema",
    ]
    assert registry.calls == 3


def test_references_to_other_schemas_are_resolved() -> None:
    """Each once, also where two schemas refer to the same third."""
    money = {"type": "record", "name": "shop.Money", "fields": [{"name": "cents", "type": "long"}]}
    item = {"type": "record", "name": "shop.Item", "fields": [{"name": "price", "type": "shop.Money"}]}
    fields = [
        {"name": "text", "type": "string"},
        {"name": "item", "type": "shop.Item"},
        {"name": "refund", "type": "shop.Money"},
    ]
    mail = {"type": "record", "name": "shop.Mail", "fields": fields}
    to_money, to_item = SchemaReference("shop.Money", "money", 1), SchemaReference("shop.Item", "item", 3)
    registry = FakeRegistry()
    registry.by_version["money", 1] = Schema(json.dumps(money), "AVRO")
    registry.by_version["item", 3] = Schema(json.dumps(item), "AVRO", references=[to_money])
    registry.by_reference[7] = Schema(json.dumps(mail), "AVRO", references=[to_item, to_money])

    schema = SchemaStore(registry).writer_schema(7)

    assert avro.read(b"\x02a\x06\x08", schema, None) == {
        "text": "a",
        "item": {"price": {"cents": 3}},
        "refund": {"cents": 4},
    }


def test_an_output_schema_that_is_not_registered_says_how() -> None:
    with pytest.raises(SurroundingsError, match=r"no classified-message .* under the subject answers-value; .*`shikyu"):
        SchemaStore(FakeRegistry()).id_of("answers", "classified-message", "AVRO")


def ask(url: str) -> None:
    with open_store(url, {"max.retries": "0", "timeout": "1"}, ()) as store:
        store.writer_schema(7)


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (401, {"error_code": 40101, "message": "Unauthorized"}, SurroundingsError, "refuses us .HTTP 401."),
        (403, {"error_code": 40301, "message": "Forbidden"}, SurroundingsError, "refuses us .HTTP 403."),
        (401, b"<html>", SurroundingsError, "refuses us .HTTP 401."),
        (404, {"error_code": 40403, "message": "Schema not found"}, PassingFault, "does not know schema 7"),
        (404, b"<html>no such page", SurroundingsError, "lack a path"),
        (404, {"status": 404}, SurroundingsError, "lack a path"),
        (200, b"<html>Welcome", SurroundingsError, "not as a Schema Registry"),
        (408, {}, PassingFault, "HTTP 408"),
        (429, {"error_code": 42901, "message": "slow down"}, PassingFault, "HTTP 429"),
        (500, {"error_code": 50001, "message": "store"}, PassingFault, "HTTP 500"),
        (503, b"", PassingFault, "HTTP 503"),
        (422, {"error_code": 42201, "message": "odd"}, SurroundingsError, "HTTP 422, code 42201: odd"),
    ],
)
def test_each_answer_of_a_registry_says_who_must_act(
    status: int, body: object, error: type[Exception], said: str
) -> None:
    """They come as one class from the client; none of them may dead-letter a record by itself."""
    with answering(status, body) as url, pytest.raises(error, match=said):
        ask(url)


ODD = UUID("00000000-0000-0000-0000-000000000001")


@pytest.mark.parametrize("status", [400, 404, 405, 422])
@pytest.mark.parametrize(("reference", "dead_of"), [(7, "unknown-schema-id"), (ODD, "unknown-schema-guid")])
def test_a_question_that_the_registry_refuses_costs_one_record(
    status: int, reference: int | UUID, dead_of: str
) -> None:
    """While it answers others: proxies refuse odd ids, and Apicurio GUIDs, without a registry's code."""
    registry, clock = FakeRegistry(), Clock()
    registry.fault = SchemaRegistryError(status, -1, "Unknown Schema Registry Error")
    store = SchemaStore(registry, clock=clock)

    with pytest.raises(UnknownSchema, match=f"does not know schema {reference}"):
        store.writer_schema(reference)
    clock.now += 31

    assert code(store, reference) == dead_of


def test_a_certificate_of_an_unknown_ca_says_how_to_name_it() -> None:
    """By the option's name; it is asked again, for certificates are renewed while services run."""
    registry = FakeRegistry()
    registry.fault = OSError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate")

    with pytest.raises(PassingFault, match=r"ssl\.ca\.location in registry\.options"):
        SchemaStore(registry, "https://registry").writer_schema(7)


def test_a_registry_that_is_not_there_is_a_passing_fault() -> None:
    """Its address is told, without the password that it may hold."""
    with pytest.raises(PassingFault, match=r"127\.0\.0\.1:1 did not answer .ConnectError") as away:
        ask("http://user:hunter2@127.0.0.1:1")

    assert "hunter2" not in str(away.value)


def test_wrong_registry_options_are_settings_errors() -> None:
    """By name, without the values: one may be a password."""
    with pytest.raises(SettingsError, match=r"basic\.auth\.usr") as unknown:
        open_store("http://localhost:1", {"basic.auth.usr": "hunter2"}, ())
    with pytest.raises(SettingsError, match="timeout"):
        open_store("http://localhost:1", {"timeout": "soon"}, ())

    assert "hunter2" not in str(unknown.value)


def test_a_schema_file_is_found_by_its_fingerprint(tmp_path: Path) -> None:
    file = tmp_path / "mail.avsc"
    file.write_text('{"type": "record", "name": "Mail", "fields": [{"name": "body", "type": "string"}]}')
    store = SchemaStore(None, files=(file,))

    assert store.single_object_schema(avro.fingerprint(file.read_text()))
    for event in schemas.EVENTS:
        assert store.single_object_schema(avro.fingerprint(schemas.avro(event)))


def test_connections_are_closed() -> None:
    registry = FakeRegistry()

    with SchemaStore(registry), SchemaStore(None):
        assert not registry.closed

    assert registry.closed

import json
import tracemalloc
from typing import Any

import pytest

from consumer import avro
from consumer.avro_safety import UnsafeSchema
from consumer.errors import RecordError


def record(name: str, *types: Any) -> dict[str, Any]:
    return {"type": "record", "name": name, "fields": [{"name": f"f{n}", "type": each} for n, each in enumerate(types)]}


def nested(levels: int) -> Any:
    """A boolean within that many records."""
    return record(f"N{levels}", nested(levels - 1)) if levels else "boolean"


def wide(levels: int) -> dict[str, Any]:
    """A schema of 10 ** levels values that take no bytes at all."""
    schema: dict[str, Any] = {"type": "record", "name": "L0", "fields": []}
    for level in range(1, levels + 1):
        first = [{"name": "f0", "type": schema}]
        others = [{"name": f"f{n}", "type": f"L{level - 1}"} for n in range(1, 10)]
        schema = {"type": "record", "name": f"L{level}", "fields": first + others}
    return schema


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "record", "name": "R", "fields": [{"name": "next", "type": ["null", "R"]}]}, "is recursive"),
        ({"type": "record", "name": "a.R", "fields": [{"name": "l", "type": {"type": "map", "values": "R"}}]}, "recur"),
        ({"type": "array", "items": "null"}, "next to no bytes"),
        ({"type": "array", "items": {"type": "record", "name": "E", "fields": []}}, "next to no bytes"),
        ({"type": "map", "values": wide(3)}, "next to no bytes"),
        ({"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}}, "next to no bytes"),
        ({"type": "array", "items": record("Beside", *["null"] * 20, "boolean")}, "next to no bytes"),
        ({"type": "array", "items": ["null", record("Rare", *["null"] * 20)]}, "next to no bytes"),
        ({"type": "array", "items": {"type": "array", "items": record("Inner", "null")}}, "next to no bytes"),
        ({"type": "array", "items": nested(5)}, "next to no bytes"),
        (wide(8), "makes more than 10000 values"),
        ({"type": "record"}, "is no Avro schema"),
        ("unknown", "is no Avro schema"),
    ],
)  # fmt: skip
def test_a_schema_that_could_take_the_process_down_is_refused(schema: object, said: str) -> None:
    """Recursion crashes fastavro; free items and values fill the memory from a handful of bytes."""
    with pytest.raises(UnsafeSchema, match=said):
        avro.parse(json.dumps(schema))


def test_a_schema_that_is_nested_too_deep_is_refused() -> None:
    text = '{"type": "array", "items": ' * 20_000 + '"int"' + "}" * 20_000

    with pytest.raises(UnsafeSchema, match="nested too deep"):
        avro.parse(text)


def test_ordinary_schemas_pass() -> None:
    """The same type twice is no recursion, and arrays and maps of small things are everyday."""
    address = {"type": "record", "name": "Address", "fields": [{"name": "street", "type": "string"}]}
    fields = [
        {"name": "home", "type": address},
        {"name": "work", "type": ["null", "Address"]},
        {"name": "flags", "type": {"type": "array", "items": "boolean"}},
        {"name": "tags", "type": {"type": "map", "values": ["null", "string"]}},
    ]

    avro.parse(json.dumps({"type": "record", "name": "shop.Mail", "fields": fields}))


def test_an_item_may_be_a_large_record_that_is_mostly_absent() -> None:
    """Its absence takes one byte and makes one value; where it is there, its own bytes pay for its fields."""
    large = record("Large", *[["null", "string"]] * 200)

    avro.parse(json.dumps({"type": "array", "items": record("Item", "string", ["null", large])}))


@pytest.mark.parametrize(
    "item",
    [
        nested(3),
        record("R", *["null"] * 11, "boolean"),
        ["null", record("Present", record("Within", *["null"] * 8))],
        {"type": "map", "values": "null"},
        {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2},
    ],
)
def test_no_byte_makes_a_kilobyte_of_values(item: Any) -> None:
    """The worst that a schema may ask for, a byte an item: twenty thousand of them."""
    schema = avro.parse(json.dumps({"type": "array", "items": item}))
    count = 20_000
    payload = (
        avro.write(count, avro.parse('"long"'), b"") + (b"\2" if isinstance(item, list) else b"\0") * count + b"\0"
    )

    tracemalloc.start()
    found = avro.read(payload, schema, None)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert isinstance(found, list)
    assert len(found) == count
    assert peak_bytes < 1000 * len(payload)


def test_the_fingerprint_is_the_specifications() -> None:
    """CRC-64-AVRO of "int" is 0x7275d51a3f395c8f in Avro's own test data; a single object carries it little-endian."""
    assert avro.fingerprint('"int"') == (0x7275D51A3F395C8F).to_bytes(8, "little")


@pytest.mark.parametrize(
    ("type_", "written", "found"),
    [
        ({"type": "long", "logicalType": "timestamp-millis"}, b"\x02", "1970-01-01T00:00:00.001Z"),
        ({"type": "long", "logicalType": "timestamp-micros"}, b"\xd0\x0f", "1970-01-01T00:00:00.001Z"),
        ({"type": "long", "logicalType": "local-timestamp-millis"}, b"\x02", "1970-01-01T00:00:00.001"),
        ({"type": "int", "logicalType": "date"}, b"\x02", "1970-01-02"),
        ({"type": "int", "logicalType": "date"}, b"\xfe\xff\xff\xff\x0f", None),
        ({"type": "long", "logicalType": "timestamp-millis"}, b"\xfe" + b"\xff" * 8 + b"\x01", None),
        ({"type": "string", "logicalType": "uuid"}, b"\x02x", "x"),
        ({"type": "int", "logicalType": "time-millis"}, b"\x02", 1),
    ],
)
def test_temporal_values_come_as_json_has_them(type_: object, written: bytes, found: object) -> None:
    """And never raise, however far out of range they are."""
    assert avro.read(written, avro.parse(json.dumps(type_)), None) == found


def test_bytes_that_are_left_are_an_error() -> None:
    """fastavro is silent about them."""
    schema = avro.parse('"int"')

    assert avro.read(b"\x02", schema, None) == 1
    with pytest.raises(RecordError) as left:
        avro.read(b"\x02\x00\x00", schema, None)
    assert (left.value.code, "2 bytes" in left.value.message) == ("trailing-bytes", True)


def test_a_decimal_is_a_number_that_shows_its_digits() -> None:
    """As JSON would have it; of any size, and never an error."""

    def read(unscaled: int, scale: int) -> Any:
        type_ = {"type": "bytes", "logicalType": "decimal", "precision": 60, "scale": scale}
        content = unscaled.to_bytes(25, "big", signed=True)
        return avro.read(bytes([50]) + content, avro.parse(json.dumps(type_)), None)

    assert (read(1999, 2), str(read(1999, 2)), str(read(2000, 2))) == (19.99, "19.99", "20.00")
    assert read(-(10**40) - 1, 0) == -(10**40) - 1
    assert str(read(10**40 + 1, 2)) == "1" + "0" * 38 + ".01"
    assert read(1, 400) == 0.0

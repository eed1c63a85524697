import json
from typing import Any

import fastavro
import pytest

import schemas


def avro(event: schemas.Event) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(schemas.avro(event))
    return parsed


@pytest.mark.parametrize("event", schemas.EVENTS)
def test_avro_schemas_are_valid_and_documented(event: schemas.Event) -> None:
    """One namespace; every field and type says what it is, and every enum can meet a symbol that it doesn't know."""
    fastavro.parse_schema(avro(event))
    assert avro(event)["namespace"] == "shikyu.events"
    for part in parts(avro(event)):
        if "name" in part:
            assert part.get("doc"), part["name"]
        if part.get("type") == "enum":
            assert part["default"] in part["symbols"]


@pytest.mark.parametrize("event", schemas.EVENTS)
def test_the_json_schema_says_what_the_avro_schema_says(event: schemas.Event) -> None:
    """Field by field: which there are, which are needed, what they may be, how they are described."""
    json_schema = json.loads(schemas.json_schema(event))

    assert json_schema["title"] == avro(event)["name"]
    assert {name: json_schema[name] for name in as_json(avro(event))} == as_json(avro(event))


@pytest.mark.parametrize("event", schemas.EVENTS)
def test_optional_fields_are_null_unless_given(event: schemas.Event) -> None:
    """A union's default is of its first branch, in Avro."""
    for part in parts(avro(event)):
        if isinstance(part.get("type"), list):
            assert part["type"][0] == "null"
            assert part["default"] is None


def test_the_same_type_is_the_same_in_every_event() -> None:
    """Code that is generated from two of the schemas has one class for it."""
    seen: dict[str, Any] = {}
    for event in schemas.EVENTS:
        for part in parts(avro(event)):
            if part.get("type") in ("enum", "record"):
                assert seen.setdefault(part["name"], part) == part


def parts(schema: Any) -> list[dict[str, Any]]:
    """The schema and everything within it that is an object."""
    if isinstance(schema, list):
        return [part for each in schema for part in parts(each)]
    if not isinstance(schema, dict):
        return []
    return [schema] + [part for key in ("fields", "type", "items", "values") for part in parts(schema.get(key))]


def as_json(type_: Any) -> dict[str, Any]:
    if isinstance(type_, list):
        inner = as_json(type_[1])
        symbols = {"enum": [*inner["enum"], None]} if "enum" in inner else {}
        return {**inner, "type": [inner["type"], "null"], **symbols}
    if isinstance(type_, str):
        names = {"string": "string", "double": "number", "int": "integer", "long": "integer", "boolean": "boolean"}
        return {"type": names[type_]}
    if "logicalType" in type_:
        return {"type": "string", "format": "date-time"}
    if type_["type"] == "map":
        return {"type": "object", "additionalProperties": as_json(type_["values"])}
    if type_["type"] == "enum":
        return {"type": "string", "enum": type_["symbols"]}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [field["name"] for field in type_["fields"] if "default" not in field],
        "properties": {field["name"]: described(field) for field in type_["fields"]},
    }


def described(field: dict[str, Any]) -> dict[str, Any]:
    default = {"default": field["default"]} if "default" in field else {}
    return {"description": field["doc"], **as_json(field["type"]), **default}

"""Refuses schemas with which a few bytes take the process down (a recursive one crashed fastavro, not just raised)."""

from dataclasses import dataclass
from typing import Any

# More values than an event needs that has no array and no map.
_MAX_VALUES = 10_000
# An array's item of nothing but nulls would be free: 5 bytes made 394 MB.
_MAX_VALUES_PER_BYTE = 100

_LEAST_BYTES = {"null": 0, "boolean": 1, "int": 1, "long": 1, "bytes": 1, "string": 1, "float": 4, "double": 8}


class UnsafeSchema(ValueError):
    """Says why, in words that follow `the schema`."""


@dataclass(frozen=True, slots=True)
class _Weight:
    """The least bytes that a value takes, and the most values that it becomes, arrays and maps left empty."""

    least_bytes: int
    values: int


def refuse_unsafe(parsed: Any, named: dict[str, Any]) -> None:
    """Raises UnsafeSchema; `parsed` and `named` are fastavro's."""
    _Scale(named).weigh(parsed)


class _Scale:
    def __init__(self, named: dict[str, Any]) -> None:
        self._named = named
        self._weights: dict[str, _Weight] = {}
        self._open: set[str] = set()

    def weigh(self, schema: Any) -> _Weight:
        weight = self._weigh(schema)
        if weight.values > _MAX_VALUES:
            raise UnsafeSchema(f"makes more than {_MAX_VALUES} values of one event")
        return weight

    def _weigh(self, schema: Any) -> _Weight:
        if isinstance(schema, list):
            branches = [self.weigh(branch) for branch in schema]
            return _Weight(1 + min(b.least_bytes for b in branches), 1 + max(b.values for b in branches))
        if isinstance(schema, str):
            return _Weight(_LEAST_BYTES[schema], 1) if schema in _LEAST_BYTES else self._named_type(schema)
        match schema["type"]:
            case "record" | "error" | "enum" | "fixed":
                return self._named_type(schema["name"])
            case "array":
                return self._repeated(self.weigh(schema["items"]), 0)
            case "map":
                return self._repeated(self.weigh(schema["values"]), 1)
            case primitive_or_nested:
                return self.weigh(primitive_or_nested)

    def _repeated(self, item: _Weight, key_bytes: int) -> _Weight:
        if item.values > _MAX_VALUES_PER_BYTE * (item.least_bytes + key_bytes):
            raise UnsafeSchema("has an array or map whose items take next to no bytes")
        return _Weight(1, 1)

    def _named_type(self, name: str) -> _Weight:
        if name in self._open:
            raise UnsafeSchema(f"is recursive (in {name})")
        if name not in self._weights:
            self._open.add(name)
            self._weights[name] = self._definition(self._named[name])
            self._open.remove(name)
        return self._weights[name]

    def _definition(self, schema: Any) -> _Weight:
        if schema["type"] == "enum":
            return _Weight(1, 1)
        if schema["type"] == "fixed":
            return _Weight(schema["size"], 1)
        fields = [self.weigh(each["type"]) for each in schema["fields"]]
        return _Weight(sum(f.least_bytes for f in fields), 1 + sum(f.values for f in fields))

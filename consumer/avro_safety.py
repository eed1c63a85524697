"""Refuses schemas with which a few bytes take the process down (a recursive one crashed fastavro, not just raised)."""

from typing import Any

# More values than an event needs beyond those that its bytes pay for.
_MOST_UNPAID_VALUES = 10_000
# A byte pays for a few records within each other, or a dozen nulls beside it: less than a kilobyte of memory.
_VALUES_PER_BYTE = 16
_VALUES_OF_A_RECORD = 4  # a dict takes the room of four

_LEAST_BYTES = {"null": 0, "boolean": 1, "int": 1, "long": 1, "bytes": 1, "string": 1, "float": 4, "double": 8}


class UnsafeSchema(ValueError):
    """Says why, in words that follow `the schema`."""


def refuse_unsafe(parsed: Any, named: dict[str, Any]) -> None:
    """Raises UnsafeSchema; `parsed` and `named` are fastavro's."""
    if _Scale(named).unpaid(parsed) > _MOST_UNPAID_VALUES:
        raise UnsafeSchema(f"makes more than {_MOST_UNPAID_VALUES} values of next to no bytes")


class _Scale:
    """
    Weighs a type by the most values that it becomes and that its bytes do not pay for; below 0, bytes are left over.

    No payload makes more values than it pays for by that much, for the items of arrays and maps have to pay in full.
    """

    def __init__(self, named: dict[str, Any]) -> None:
        self._named = named
        self._weights: dict[str, int] = {}
        self._open: set[str] = set()

    def unpaid(self, schema: Any) -> int:
        if isinstance(schema, list):
            return max(self.unpaid(branch) for branch in schema) - _VALUES_PER_BYTE
        if isinstance(schema, str):
            return _scalar(_LEAST_BYTES[schema]) if schema in _LEAST_BYTES else self._named_type(schema)
        match schema["type"]:
            case "record" | "error" | "enum" | "fixed":
                return self._named_type(schema["name"])
            case "array":
                return self._repeated(self.unpaid(schema["items"]))
            case "map":
                return self._repeated(self.unpaid(schema["values"]) + _scalar(_LEAST_BYTES["string"]))
            case primitive_or_nested:
                return self.unpaid(primitive_or_nested)

    def _repeated(self, item: int) -> int:
        if item > 0:
            raise UnsafeSchema("has an array or map whose items take next to no bytes")
        return _scalar(1)  # as an empty one, of which the end takes a byte

    def _named_type(self, name: str) -> int:
        if name in self._open:
            raise UnsafeSchema(f"is recursive (in {name})")
        if name not in self._weights:
            self._open.add(name)
            self._weights[name] = self._definition(self._named[name])
            self._open.remove(name)
        return self._weights[name]

    def _definition(self, schema: Any) -> int:
        if schema["type"] == "enum":
            return _scalar(1)
        if schema["type"] == "fixed":
            return _scalar(schema["size"])
        return _VALUES_OF_A_RECORD + sum(self.unpaid(each["type"]) for each in schema["fields"])


def _scalar(least_bytes: int) -> int:
    return 1 - _VALUES_PER_BYTE * least_bytes

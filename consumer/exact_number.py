"""A number that no float holds: expressions reckon with the nearest float, and a label shows all its digits."""

import json
from decimal import Decimal


class ExactNumber(float):
    """The float nearest to `exact` (infinite beyond its range), whose string is that of `exact`."""

    __slots__ = ("_exact",)
    _exact: Decimal | str

    def __new__(cls, exact: Decimal | str) -> "ExactNumber":
        number = super().__new__(cls, exact)
        number._exact = exact
        return number

    def __str__(self) -> str:
        return str(self._exact)


# JMESPath's functions know a type by this name alone, and take no subclass for a number.
ExactNumber.__name__ = "float"


def dumps(value: object) -> str:
    """`value` as compact JSON, each ExactNumber with all its digits, which json's own encoder takes for a float."""
    if isinstance(value, ExactNumber):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(str(name))}:{dumps(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dumps, value)) + "]"
    return json.dumps(value, default=str)

"""Of what stands in a row, the text and the label: 0 for one star to 4 for five."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

from consumer.cleaning import clean
from consumer.visible import visible

STARS = (1, 2, 3, 4, 5)
MOST_NAMED = 10
# In the place of stars, where somebody has judged the decision alone: shikyu's own words, as its corrections have them.
DECISIONS = {"urgent": -1, "routine": -2}
EMPTY, OUTSIDE = "empty", "outside"  # the rows that may be left out, and are counted
MAPPING = (
    "say what each label means, in a recipe by "
    'labels = {"furious" = 1, "upset" = 2, "neutral" = 3, "pleased" = 4, "delighted" = 5}, with FILES by '
    "--label furious=1 and so on"
)
ADD_IT = "mend it, or add it to the labels (of a recipe, or --label with FILES)"


class Unfit(ValueError):
    """
    Why a row cannot be used, never what it says; `kind` is None where the whole column must be meant otherwise.

    `label` stands in the place of a label, and may be a customer's word: it is for who knows how to tell. `instead` is
    what may be told of what stands in the place of stars.
    """

    def __init__(self, kind: str | None, why: str, label: str | None = None, instead: str | None = None) -> None:
        super().__init__(why)
        self.kind, self.label, self.instead = kind, label, instead


def joined(values: Sequence[object], columns: Sequence[str]) -> str:
    """The text of these columns, joined as the consumer joins them: by a blank line, nulls and empty ones left out."""
    for value, column in zip(values, columns, strict=True):
        if value is not None and not isinstance(value, str):
            raise Unfit(None, f"the text in {column!r} is a {type(value).__name__}: name a column of texts")
    text = "\n\n".join(value for value in values if value)  # type: ignore[misc]
    if not text.strip():
        kind = "null" if all(value is None for value in values) else "empty"
        raise Unfit(EMPTY, f"the text in {' and '.join(map(repr, columns))} is {kind}: fill it or remove the row")
    return text


def cleaned(text: str, steps: Sequence[str]) -> str:
    """As it is served: a text of which cleaning leaves nothing is an empty one."""
    rest = clean(text, steps)
    if not rest.strip():
        raise Unfit(EMPTY, f"{', '.join(steps)} leaves nothing of the text: fill it or remove the row")
    return rest


def label(value: Any, column: str, mapping: Mapping[str, int]) -> int:
    """By the `mapping` of labels to stars where there is one, else the number of stars itself, less one."""
    stars = mapping.get(spelled(value)) if mapping else _number(value)
    if stars in STARS:
        return int(stars) - 1
    raise _unfit(value, column, mapping)


def decided(value: Any, column: str) -> int:
    """One of DECISIONS' numbers."""
    if (found := DECISIONS.get(spelled(value))) is None:
        raise Unfit(
            OUTSIDE, f"{column!r} is neither {' nor '.join(DECISIONS)}, and there are no stars: fill one of them"
        )
    return found


def _unfit(value: Any, column: str, mapping: Mapping[str, int]) -> Unfit:
    number = math.nan if mapping else _number(value)
    todo = ADD_IT if mapping else f"stars are whole numbers from 1 to 5; else {MAPPING}"
    said = spelled(value)
    if not said.strip():
        return Unfit(OUTSIDE, f"{column!r} is empty: {todo}", instead="empty")
    if mapping:
        known = ", ".join(map(visible, islice(mapping, MOST_NAMED)))
        return Unfit(OUTSIDE, f"{column!r} is none of the labels {known}: {todo}", said)
    # A column that was mixed up could hold a customer's words or number, so only what could be stars is shown here.
    if abs(number) <= 10:
        return Unfit(OUTSIDE, f"{column!r} is {number:g}: {todo}", instead=f"{number:g}")
    kind = None if isinstance(value, str) and math.isnan(number) else OUTSIDE
    return Unfit(kind, f"{column!r} is no number of stars: {todo}", said, "what is no number of stars")


def spelled(value: object) -> str:
    """A value as a recipe spells it: 4.0 is 4, and true is a word."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float | Decimal) and math.isfinite(value) and value == int(value):
        return str(int(value))
    return "" if value is None else str(value)


def _number(value: Any) -> float:
    if isinstance(value, bool):
        return math.nan
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return math.nan

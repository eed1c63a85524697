"""What data.json holds, of made-up figures, by the very functions that the step calls."""

import json
from dataclasses import replace
from typing import Any

from training.data.sources import Limits
from training.preparing.inspection import Alike, Inspection, SourcePart, Split, Unused
from training.preparing.lengths import Lengths
from training.preparing.limits import checks

LENGTHS = Lengths(1000, 128, 30, 60, 90, 300, 0.25, (0, 64, 128, 512), (600, 150, 250))
SOURCES = {
    "own": SourcePart(500, (100,) * 5, 0.5, 3, 0.75),
    "public": SourcePart(500, (100,) * 5, 0.5, 1, 0.25),
}
PLACES = (("own.csv, line 2", "own.csv, line 1", 1.0),)
FOUND = Inspection(
    splits={
        "train": Split(1000, (200,) * 5, SOURCES, LENGTHS),
        "test": Split(10, (2,) * 5, {"own": SourcePart(10, (2,) * 5, 1, 3, 1)}, LENGTHS),
    },
    unused={"train": Unused(1003, 1, 2, ("own.csv, line 7",), ("own.csv, line 8", "own.csv, line 9"))},
    copies=Alike(30, 1000, 20, 10, 3, PLACES),
    test_in_train=Alike(2, 10, 2, 0, 0, PLACES),
    dropped=4,
    held_out=5,
    dropped_held_out=6,
    not_calibrating=("public",),
    max_length=128,
    tokenizer="a tokenizer learned from train's messages",
    unmeasured=None,
)


def inspection(promise: str | None = None, **changed: Any) -> dict[str, Any]:
    found = replace(FOUND, **changed)
    limits = checks(found, Limits(max_outside=0.1, max_test_in_train=0.5))
    whole = {**found.as_json(), "checks": [check.as_json() for check in limits], "promise": promise}
    made: dict[str, Any] = json.loads(json.dumps(whole, allow_nan=False))
    return made


def of_a_fit() -> dict[str, Any]:
    """The same of a model that reads 512 tokens, and of the training messages 128."""
    test = replace(FOUND.splits["test"], lengths=replace(LENGTHS, max_length=512))
    return inspection(max_length=512, splits={**FOUND.splits, "test": test})

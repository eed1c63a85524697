"""The pure middle of the way, where test_loop.py does not reach it: which faults end the reading of a window."""

from contextlib import nullcontext

import pytest

from consumer.answer import Steps
from consumer.errors import PassingFault, UnknownSchema
from consumer.records import Record


class Stages:
    def time(self, stage):
        return nullcontext()

    def batch(self, lengths): ...


class Asked:
    """Decodes nothing: each record's value says which fault it meets. Remembers what it was asked."""

    def __init__(self) -> None:
        self.values: list[bytes] = []

    def __call__(self, record):
        self.values.append(record.value)
        raise UnknownSchema("not yet") if record.value.startswith(b"new") else PassingFault("away")


def answer(decode, *values: bytes) -> None:
    records = [Record("in", 0, n, 0, None, value) for n, value in enumerate(values)]
    Steps(decode, None, None, None, Stages(), lambda: None).answer(records)


def test_a_registry_that_is_away_is_asked_once_a_window():
    """Each question may take seconds, and the loop must poll meanwhile."""
    asked = Asked()

    with pytest.raises(PassingFault, match="away"):
        answer(asked, b"away", b"away", b"new")

    assert asked.values == [b"away"]


def test_schemas_that_nobody_knows_yet_wait_side_by_side():
    """In turn, a window of a hundred new ids would wait a hundred times thirty seconds."""
    asked = Asked()

    with pytest.raises(UnknownSchema):
        answer(asked, b"new-1", b"new-2", b"new-1")

    assert asked.values == [b"new-1", b"new-2", b"new-1"]

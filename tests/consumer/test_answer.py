"""The pure middle of the way, where test_loop.py does not reach it: which faults end the reading of a window."""

from contextlib import nullcontext

import numpy as np
import pytest

from consumer.answer import Steps, decide_all
from consumer.errors import PassingFault, UnknownSchema
from consumer.records import Record, Tokens


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


class Counting:
    """A model whose batches of one are computed elsewhere; tells in which order it was asked."""

    def __init__(self, poison=None) -> None:
        self.told: list[str] = []
        self.poison = poison
        self.at_once = 1

    def batches(self, tokens):
        return [[place] for place in range(len(tokens))]

    def start(self, tokens):
        name = len(tokens[0].ids)
        self.told.append(f"start {name}")
        if name == self.poison:
            raise RuntimeError("engine")

        def finish():
            self.told.append(f"finish {name}")
            return np.full((1, 5), name, dtype=np.float32)

        return finish

    def infer(self, tokens):
        raise AssertionError("its answer was on the way")

    def healthy(self):
        return True

    def decide(self, logits, tokens, urgent_rules):
        return [float(row[0]) for row in logits]


def decided(model, *lengths):
    return decide_all(model, [Tokens(np.arange(length), False, 0.0) for length in lengths], [None] * len(lengths))


def test_the_next_batch_is_on_its_way_before_the_last_is_waited_for():
    """A GPU has one to compute while we lay out the one after."""
    model = Counting()

    assert decided(model, 1, 2, 3) == [1.0, 2.0, 3.0]
    assert model.told == ["start 1", "start 2", "finish 1", "start 3", "finish 2", "finish 3"]


def test_each_that_computes_has_a_batch_of_its_own():
    """Two of them, and one that waits for whichever is ready first."""
    model = Counting()
    model.at_once = 2

    assert decided(model, 1, 2, 3, 4) == [1.0, 2.0, 3.0, 4.0]
    assert model.told[:5] == ["start 1", "start 2", "start 3", "finish 1", "start 4"]


def test_what_fails_on_its_way_is_its_own_batch_s():
    """And not that of the batch which was waited for then."""
    first, second, third = decided(Counting(poison=2), 1, 2, 3)

    assert (first, third) == (1.0, 3.0)
    assert second.code == "inference-failed"

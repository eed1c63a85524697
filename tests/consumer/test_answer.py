"""The pure middle of the way, where test_loop.py does not reach it: which faults end the reading of a window."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.answer import Steps, decide_all
from consumer.errors import PassingFault, UnknownSchema
from consumer.records import Message, Record, Tokens


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
        self.portion: int | None = None

    def tokenize(self, texts):
        self.told.append(f"tokenize {len(texts)}")
        return [Tokens(np.arange(len(text)), False, 0.0) for text in texts]

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
    tokens, answers = decide_all(model, ["x" * length for length in lengths], [None] * len(lengths))
    assert [len(each.ids) for each in tokens] == list(lengths)
    return answers


def test_the_next_batch_is_on_its_way_before_the_last_is_waited_for():
    """A GPU has one to compute while we lay out the one after."""
    model = Counting()

    assert decided(model, 1, 2, 3) == [1.0, 2.0, 3.0]
    assert model.told == ["tokenize 3", "start 1", "start 2", "finish 1", "start 3", "finish 2", "finish 3"]


def test_what_comes_later_is_tokenized_while_a_gpu_computes():
    """Behind the first batch of a portion, its longest, the next one's texts are read."""
    model = Counting()
    model.portion = 2

    assert decided(model, 1, 2, 3, 4, 5) == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert " ".join(model.told) == (
        "tokenize 2 start 1 tokenize 2 start 2 finish 1 start 3 finish 2 tokenize 1 start 4 finish 3 start 5 finish 4 "
        "finish 5"
    )


class ByLength(Counting):
    """Batches of up to three, the longest first; a decision is a length and the rule that came with it."""

    def batches(self, tokens):
        order = sorted(range(len(tokens)), key=lambda place: -len(tokens[place].ids))
        return [order[start : start + 3] for start in range(0, len(order), 3)]

    def start(self, tokens):
        return lambda: np.array([[len(each.ids)] * 5 for each in tokens], dtype=np.float32)

    def decide(self, logits, tokens, urgent_rules):
        return [(int(row[0]), rule) for row, rule in zip(logits, urgent_rules, strict=True)]


@given(
    lengths=st.lists(st.integers(1, 30), max_size=20),
    portion=st.none() | st.integers(1, 25),
    at_once=st.integers(1, 4),
)
def test_each_text_has_its_own_answer_however_a_window_is_cut(lengths, portion, at_once):
    """And its own rule: in portions, in batches of another order than the texts', several of them on their way."""
    model = ByLength()
    model.portion, model.at_once = portion, at_once
    rules = [f"rule {place}" for place in range(len(lengths))]

    tokens, answers = decide_all(model, ["x" * length for length in lengths], rules)

    assert [len(each.ids) for each in tokens] == lengths
    assert answers == list(zip(lengths, rules, strict=True))


def test_each_that_computes_has_a_batch_of_its_own():
    """And another one that waits: who has a long one shall not keep the others from going on."""
    model = Counting()
    model.at_once = 2

    assert decided(model, 1, 2, 3, 4, 5) == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert model.told[1:7] == ["start 1", "start 2", "start 3", "start 4", "finish 1", "start 5"]


def test_what_fails_on_its_way_is_its_own_batch_s():
    """And not that of the batch which was waited for then."""
    first, second, third = decided(Counting(poison=2), 1, 2, 3)

    assert (first, third) == (1.0, 3.0)
    assert second.code == "inference-failed"


class Failing(Counting):
    """A model of which each batch fails in a thread of its own, as the engine's do."""

    def __init__(self) -> None:
        super().__init__()
        self.threads = ThreadPoolExecutor(1)

    def tokenize(self, texts):
        return [Tokens(np.arange(3), False, 0.0) for _ in texts]

    def start(self, tokens):
        return self.threads.submit(self.infer, tokens).result

    def infer(self, tokens):
        raise RuntimeError("engine")

    def healthy(self):
        return True


class Records(list):
    """A list that can be seen to go."""


def test_a_window_of_which_batches_failed_is_gone_without_a_collection():
    """The loop's collector rarely runs, and an error's traceback has all of the window that it came of."""
    records = Records(Record("in", 0, n, 0, None, b"text") for n in range(3))
    seen = weakref.ref(records)
    steps = Steps(lambda _: Message("text"), Failing(), None, lambda record, error: error, Stages(), lambda: None)
    gc.collect()
    gc.disable()
    try:
        answered = steps.answer(records)
        assert [fate.error.code for fate in answered.fates] == ["inference-failed"] * 3
        del records, answered
        assert seen() is None
    finally:
        gc.enable()

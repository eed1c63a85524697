"""A week of answers, cut into windows of about the same size."""

import json
from dataclasses import replace

import numpy as np
import pytest

from consumer.drift.compare import Expectation
from consumer.drift.gather import Gather, Messages
from consumer.drift.windows import MOST_WINDOWS, cut, judged
from consumer.flips.answers import Reader
from consumer.records import ModelVersion, Record, Tokens
from consumer.schema_store import SchemaStore, open_store
from consumer.settings import Output
from tests.consumer.drift.made_up import EVEN, labels_of, manifest, reference, window

MODEL = ModelVersion("made-up", "1", "int8")


def messages(*parts):
    values = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return Messages(np.arange(len(values["urgency"])) * 1000, values)


@pytest.mark.parametrize(
    ("count", "least", "sizes"),
    [(300, 2000, [300]), (4100, 2000, [2050, 2050]), (7001, 2000, [2334, 2334, 2333]), (1_000_000, 200, [10_000])],
)
def test_no_message_is_left_out_and_no_window_is_too_small(count, least, sizes):
    """Unless there are too few for one; of very many messages, windows are larger."""
    parts = cut(count, least)

    assert [place for part in parts for place in part] == list(range(count))
    assert [len(part) for part in parts][: len(sizes)] == sizes
    assert len(parts) <= MOST_WINDOWS


def test_the_window_in_which_it_began_is_told():
    """With its time."""
    generator = np.random.default_rng(1)
    expectation = Expectation(manifest(reference(generator, labels_of(generator, EVEN, 4000))), "int8")
    changed = window(generator, 1000)
    changed["urgency"] = changed["urgency"] ** 0.5
    found = judged(messages(window(generator, 1000), changed, window(generator, 1000)), expectation, 1000, 0.01)

    assert [each.drift.drifted for each in found] == [(), ("urgency",), ()]
    assert (found[1].first_ms, found[1].last_ms) == (1_000_000, 1_999_000)


def event(offset, **changes):
    told = {
        "source": {"topic": "in", "partition": 0, "offset": offset},
        "run": "live",
        "decision": "urgent",
        "satisfaction": "neutral",
        "urgency": 0.25,
        "text": "one two",
        "model": {"name": "made-up", "version": "1", "precision": "int8"},
        **changes,
    }
    return Record("urgent", 0, offset, 1_000 + offset, None, json.dumps(told).encode())


def gathered(*records, since_ms=0):
    def tokenize(texts):
        return [Tokens(np.arange(len(text.split()) + 2), False, 0.5) for text in texts]

    with open_store(None, {}, ()) as store:
        assert isinstance(store, SchemaStore)
        gather = Gather(Reader(Output(format="json"), store), tokenize, MODEL, since_ms)
        return gather.all(iter(records)), gather.passed_over


def test_answers_become_numbers_in_the_order_of_time():
    """Texts are measured by the artifact's tokenizer, for events do not tell their tokens."""
    found, passed = gathered(event(7, text="a b c"), event(3, satisfaction="very_satisfied", urgency=0.5))

    assert found.at_ms.tolist() == [1003, 1007]
    assert {name: column.tolist() for name, column in found.values.items()} == {
        "satisfaction": [4, 2],
        "urgency": [0.5, 0.25],
        "token_length": [4, 5],
        "unknown_share": [0.5, 0.5],
    }
    assert [*passed.runs, *passed.models, *passed.unreadable] == []


def test_answers_of_one_millisecond_stand_as_their_messages_did():
    """Topics are read one after the other: else one window is all urgent, the next all routine, and both drift."""
    urgent = [event(offset, urgency=0.9) for offset in (1, 2, 5, 6)]
    routine = [event(offset, urgency=0.1) for offset in (0, 3, 4, 7)]
    found, _ = gathered(*(replace(each, timestamp_ms=1_000) for each in (*urgent, *routine)))

    assert found.values["urgency"].tolist() == [0.1, 0.9, 0.9, 0.1, 0.1, 0.9, 0.9, 0.1]


def test_what_is_not_the_models_live_answer_is_passed_over_and_told():
    """Another model's scores have another reference; replays say nothing of live traffic."""
    other = {"name": "made-up", "version": "2", "precision": "int8"}
    found, passed = gathered(
        event(1),
        event(2, run="again"),
        event(3, model=other),
        event(4, satisfaction="unknown"),
        Record("urgent", 0, 5, 1_005, None, b"{}"),
        Record("urgent", 0, 6, 1_006, None, b"no JSON"),
        event(-900),
        since_ms=500,
    )

    assert found.at_ms.tolist() == [1001]
    assert passed.runs.total() == 1
    assert dict(passed.models) == {"made-up 2 int8": 1}
    assert passed.unreadable.total() == 3


def test_without_texts_their_features_are_left_out():
    """Of a part of the messages they would be another thing."""
    found, _ = gathered(event(1), event(2, text=None))

    assert set(found.values) == {"satisfaction", "urgency"}

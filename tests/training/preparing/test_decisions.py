import json

import numpy as np
import pytest

from consumer.errors import SettingsError
from tests.training.preparing.test_prepare import messages, recipe
from training.data.labels import DECISIONS
from training.preparing import splits
from training.preparing.prepare import prepare
from training.run_folder import RunFolder

pytestmark = pytest.mark.train

URGENT, ROUTINE = DECISIONS["urgent"], DECISIONS["routine"]
OWN = {"name": "own", "train": ["train.jsonl"], "test": ["test.jsonl"]}
CORRECTIONS = {"name": "corrections", "train": ["corrections.jsonl"], "decision": "decision", "calibrates": False}


def corrections(folder, *rows: tuple[str, int | None, str], name: str = "corrections.jsonl") -> None:
    told = ({"text": text, "stars": stars, "decision": decision} for text, stars, decision in rows)
    (folder / name).write_text("\n".join(map(json.dumps, told)))


@pytest.fixture
def folder(tmp_path):
    messages(tmp_path, "train.jsonl", "apple", 10)
    messages(tmp_path, "test.jsonl", "pear", 2)
    test = json.loads((tmp_path / "test.jsonl").read_text().splitlines()[0])["text"]
    own = json.loads((tmp_path / "train.jsonl").read_text().splitlines()[0])["text"]
    corrections(
        tmp_path,
        ("the boiler smells of gas", 1, "urgent"),
        ("water runs down the wall", None, "urgent"),
        ("where do I find my invoice", None, "routine"),
        (f"{test} ", None, "routine"),
        (own, None, "urgent"),
    )
    return tmp_path


def prepared(folder, **corrections: object):
    return prepare(recipe(data={"sources": [OWN, {**CORRECTIONS, **corrections}]}), folder)


def test_rows_without_stars_are_learned_from_by_their_decision_alone(folder):
    """
    Those with stars by these; those that stand in another split, nearly in the test, by neither.
    """
    made = prepared(folder)

    assert made.decided is not None
    assert list(made.decided.texts) == ["water runs down the wall", "where do I find my invoice"]
    assert made.decided.labels.tolist() == [URGENT, ROUTINE]
    assert "the boiler smells of gas" in list(made.train.texts)
    assert made.judged is None
    for name in ("everything", "train", "calibration", "test"):
        assert (getattr(made, name).labels >= 0).all()


def test_a_recipe_may_have_them_evaluated_alone(folder):
    """
    And those of test files always are.
    """
    corrections(folder, ("it burns", None, "urgent"), ("thank you", None, "routine"), name="later.jsonl")

    made = prepared(folder, learn_decisions=False, test=["later.jsonl"])

    assert made.decided is None
    assert made.judged is not None
    texts = ["it burns", "thank you", "water runs down the wall", "where do I find my invoice"]
    assert list(made.judged.texts)[:4] == texts
    assert made.judged.labels.tolist()[:4] == [URGENT, ROUTINE, URGENT, ROUTINE]
    assert made.judged.where(0) == "later.jsonl, line 1"
    assert made.judged.where(2) == "corrections.jsonl, line 2"


def test_what_is_only_measured_on_stands_nowhere_in_what_is_learned_from(folder):
    """
    Neither word for word nor nearly: it would measure memory.
    """
    own = json.loads((folder / "train.jsonl").read_text().splitlines()[1])["text"]
    corrections(folder, ("where do I find my invoice", None, "routine"), (f"{own}!!", None, "urgent"))

    made = prepared(folder, learn_decisions=False)

    assert made.decided is None
    assert list(made.judged.texts) == ["where do I find my invoice"]


def test_they_are_kept_with_the_splits(folder, tmp_path):
    """
    And another decision is other data: what was fitted has to be fitted anew.
    """
    made, run = prepared(folder), RunFolder(tmp_path / "run")
    splits.write(made, run)
    before, read = run.messages(), splits.read(run)

    assert read.decided is not None
    assert list(read.decided.texts) == list(made.decided.texts)
    np.testing.assert_array_equal(read.decided.labels, made.decided.labels)

    corrections(folder, ("water runs down the wall", None, "routine"))
    splits.write(prepared(folder), run)
    assert run.messages() != before


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([("water", None, "now")], "neither urgent nor routine, and there are no stars"),
        ([("water", None, None)], "neither urgent nor routine, and there are no stars"),
    ],
)
def test_a_row_with_neither_is_named(folder, rows, told):
    """
    By its line, never by its words.
    """
    corrections(folder, *rows)

    with pytest.raises(SettingsError, match=told) as error:
        prepared(folder)

    assert "corrections.jsonl, line 1" in str(error.value)
    assert "water" not in str(error.value)


def test_decisions_alone_are_no_data(folder):
    """
    How urgent shares itself out among the stars, nobody would say.
    """
    data = {"sources": [{**CORRECTIONS, "calibrates": True}]}
    corrections(folder, ("water runs down the wall", None, "urgent"))

    with pytest.raises(SettingsError, match="No training message has stars"):
        prepare(recipe(data=data), folder)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"validation": ["v.jsonl"], "calibrates": True}, "decision beside validation, which needs stars"),
        ({"decision": None, "learn_decisions": False}, "learn_decisions is about rows with a decision alone"),
    ],
)
def test_a_recipe_that_asks_too_much_of_decisions_is_refused(given, told):
    """
    Nothing is chosen by them.
    """
    with pytest.raises(ValueError, match=told):
        recipe(data={"sources": [OWN, {**CORRECTIONS, **given}]})

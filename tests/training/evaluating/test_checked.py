import numpy as np
import pytest

from consumer.manifest import Promise
from training.evaluating.answers import Answers
from training.evaluating.checked import kept_on
from training.operating.kept import verdict

pytestmark = pytest.mark.train


def promise(slices: str | None) -> Promise:
    return Promise(target=0.9, recall=0.9, confidence=0.95, calibration_size=300, needless=0.2, slices=slices)


def answered(urgent: list[bool]) -> Answers:
    return Answers(np.zeros((len(urgent), 5)), np.zeros(len(urgent)), np.array(urgent))


def test_each_slice_is_judged_however_small_and_each_precision_counts():
    """
    A slice of ten messages is a slice, as for `check`; two precisions in two slices are four tests.
    """
    answers = dict.fromkeys(("fp32", "int8"), answered([True] * 50 + [False] * 5 + [True] * 5))
    columns = {"shop": ["north"] * 50 + ["south"] * 10, "tongue": ["en"] * 60}

    found = kept_on(answers, np.zeros(60, dtype=np.int64), columns, dict.fromkeys(answers, promise("shop")))

    assert found["int8"] == {"south": verdict(5, 10, 0.9, 0.95, 4), "north": verdict(0, 50, 0.9, 0.95, 4)}
    assert found["int8"]["south"].outcome == "broken"


def test_without_slices_all_are_judged_together():
    """
    Whatever their columns are.
    """
    answers = {"fp32": answered([True] * 60)}

    found = kept_on(answers, np.zeros(60, dtype=np.int64), {"shop": ["a"] * 60}, {"fp32": promise(None)})

    assert found == {"fp32": {"": verdict(0, 60, 0.9, 0.95, 1)}}


def test_test_messages_with_too_many_slices_end_no_run():
    """
    Calibration messages had few enough; what comes later may have others.
    """
    columns = {"shop": [f"canary {row}" for row in range(60)]}

    assert kept_on({"fp32": answered([True] * 60)}, np.zeros(60, np.int64), columns, {"fp32": promise("shop")}) == {}

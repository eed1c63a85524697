from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from consumer.manifest import Promise
from consumer.records import ModelVersion
from training.evaluating.compared import Compared, Row
from training.evaluating.diff import Difference, McNemar
from training.evaluating.evaluate import Answered, Evaluation
from training.evaluating.paired import Paired
from training.measures.intervals import Estimate
from training.operating.kept import verdict
from training.reporting.tables import check_table, compare_table, diff_table

pytestmark = pytest.mark.train

GAIN = Estimate(-0.03, -0.05, -0.01)
EVALUATION = Evaluation(300, 0.6, 0.9, Answered(0.95, 0.8, 0.15), Answered(0.9, 0.7, 0.1))
SECOND = replace(EVALUATION, loss=0.8, operating_point=Answered(0.95, 0.8, 0.12))
COMPARED = Compared("int8", 80, 0.96, Estimate(0.2, 0.1, 0.3), 0.6, 0.95, 1234.5, 12_300_000, "validation")


def shown(table: object, width: int = 80) -> list[str]:
    console = Console(width=width, markup=False, highlight=False)
    with console.capture() as captured:
        console.print(table)
    return captured.get().splitlines()


def test_each_base_is_a_line_of_a_common_terminal_and_failures_stand_below():
    """
    Eighty columns hold every figure; a folder goes by its last part, and what failed by its reason.
    """
    rows = [
        Row("microsoft/deberta-v3-small", Path("a"), COMPARED),
        Row("/somewhere/deep/tiny", Path("b"), COMPARED),
        Row("no/such", Path("c"), None, "it is not there [really]"),
    ]

    *title, header, first, second, last = map(words, shown(compare_table(rows)))

    assert "of the validation messages with 3 to 5 stars, where 96% of those with 1 star are answered" in " ".join(
        title
    )
    assert header == "base model served needless (95 %) accuracy loss texts/s MB"
    assert first == "microsoft/deberta-v3-small int8 20.0% (10.0–30.0) 0.600 0.950 1,234 12.3"
    assert second.startswith("tiny ")
    assert last == "no/such failed: it is not there [really]"


def test_bases_compared_by_what_the_promise_rests_on_are_said_to_be():
    """
    The base was chosen by luck, too, and there is a way not to.
    """
    rows = [Row("a", Path("a"), replace(COMPARED, split="calibration"))]

    title, *_ = shown(compare_table(rows), width=400)

    assert title.startswith("needless: of the calibration messages")
    assert title.endswith("with [data] validation, others choose the base")


def words(line: str) -> str:
    return " ".join(line.split())


@pytest.mark.parametrize(
    ("test", "told"),
    [
        (McNemar(1, 9, 0.021), "1 by A alone, 9 by B alone; McNemar's exact p = 0.021, more than chance"),
        (McNemar(4, 5, 1.0), "4 by A alone, 5 by B alone; McNemar's exact p = 1, no more than chance may do"),
        (McNemar(0, 0, 1.0), "the same messages"),
    ],
)
def test_what_differs_is_told_in_words(test, told):
    """
    Beside the figures of both, which no common terminal breaks.
    """
    gained = Paired(GAIN, GAIN, GAIN, 0.95, GAIN)
    same = McNemar(0, 0, 1.0)
    found = Difference(300, 0.9, 0.95, 3, 12, same, test, EVALUATION, SECOND, gained)

    lines = shown(diff_table(ModelVersion("m", "1", "fp32"), ModelVersion("m", "2", "int8"), found))

    assert words(lines[0]) == "300 messages A: m 1 fp32 B: m 2 int8 B less A, points (95 %)"
    assert words(lines[3]) == "3 to 5 needlessly 15.0% 12.0% -3.0 (-5.0 to -1.0)"
    assert words(lines[5]) == "loss 0.900 0.800"
    assert "the same decision: 95.0%; 3 became urgent, 12 routine" in lines
    assert f"right decisions: {told}" in " ".join(line.strip() for line in lines)


def test_a_check_tells_what_was_answered_and_what_it_would_take():
    """
    Of the promise rounded down, slice by slice; how many messages only where these are too few.
    """
    promise = Promise(target=0.94996, recall=0.96, confidence=0.95, calibration_size=300, needless=0.2)
    found = {"int8": (promise, {"web": verdict(30, 100, 0.94996, 0.95, 2), "mail": verdict(0, 20, 0.94996, 0.95, 2)})}

    _, _, web, mail = map(words, shown(check_table(found, "channel"), width=120))

    assert web.startswith('int8 "web" 94.9% at 95% 70 of 100 = 70.0%')
    assert web.endswith(" broken")
    assert mail.startswith('int8 "mail" 94.9% at 95% 20 of 20 = 100.0%')
    assert f" {verdict(0, 20, 0.94996, 0.95, 2).needed} too few to tell" in mail


def test_a_check_fits_a_common_terminal_with_what_is_answered_needlessly():
    """
    A verdict stands in its line whole; what nobody would label is no number.
    """
    promise = Promise(target=0.9, recall=0.9, confidence=0.95, calibration_size=300, needless=0.2)
    near = replace(verdict(3, 31, 0.9, 0.95), needless=0.926)

    *_, line = map(words, shown(check_table({"int8": (promise, {"": near})}, None)))

    assert near.too_near
    assert line == "int8 90% at 95% 28 of 31 = 90.3% 74.2–98.0% 92.6% too many too few to tell"

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from consumer.records import ModelVersion
from training.evaluating.compared import Compared, Row
from training.evaluating.diff import Difference, McNemar
from training.evaluating.evaluate import Answered, Evaluation
from training.evaluating.intervals import Estimate
from training.evaluating.paired import Paired
from training.reporting.tables import compare_table, diff_table

pytestmark = pytest.mark.train

GAIN = Estimate(-0.03, -0.05, -0.01)
EVALUATION = Evaluation(300, 0.6, 0.9, Answered(0.95, 0.8, 0.15), Answered(0.9, 0.7, 0.1))
COMPARED = Compared("int8", 80, 0.96, Estimate(0.2, 0.1, 0.3), 0.6, 0.95, 1234.5, 12_300_000)


def shown(table: object) -> list[str]:
    console = Console(width=80, markup=False, highlight=False)
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

    assert "at the threshold that [promise] asks for" in " ".join(title)
    assert header == "base model served needless (95 %) loss texts/s MB"
    assert first == "microsoft/deberta-v3-small int8 20.0% (10.0% to 30.0%) 0.950 1,234 12.3"
    assert second.startswith("tiny ")
    assert last == "no/such failed: it is not there [really]"


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
    found = Difference(300, 0.9, 0.95, 3, 12, same, test, EVALUATION, replace(EVALUATION, loss=0.8), gained)

    lines = shown(diff_table(ModelVersion("m", "1", "fp32"), ModelVersion("m", "2", "int8"), found))

    assert words(lines[0]) == "300 messages A: m 1 fp32 B: m 2 int8 B less A, points (95 %)"
    assert words(lines[3]) == "3 to 5 needlessly 15.0% 15.0% -3.0 (-5.0 to -1.0)"
    assert "the same decision: 95.0%; 3 became urgent, 12 routine" in lines
    assert f"right decisions: {told}" in " ".join(line.strip() for line in lines)

import math

import pytest

from consumer.pages import in_words

pytestmark = pytest.mark.train

ESTIMATE = {"value": 0.9441, "low": 0.9163, "high": 0.9626}


def test_figures_are_written_as_people_read_them():
    """
    A percent sign never goes to the next line alone, and thousands are parted.
    """
    assert in_words.percent(0.94412) == "94.4\u00a0%"
    assert in_words.percent(0.66, 0) == "66\u00a0%"
    assert in_words.percent_range(ESTIMATE) == "91.6 to 96.3\u00a0%"
    assert in_words.figure_range(ESTIMATE, "–") == "0.92–0.96"
    assert in_words.count(3366.4) == "3,366"
    assert in_words.count_range(ESTIMATE, 500) == "458 to 481"
    assert in_words.figure(0.12345) == "0.123"
    assert in_words.figure(2000) == "2,000"
    assert in_words.percent_range(ESTIMATE, digits=0) == "92 to 96\u00a0%"
    assert in_words.figure(71_874_210_816.0, 4) == "71,874,210,816"
    assert [in_words.share(declared) for declared in (0.05, 0.025, 0.3)] == ["5\u00a0%", "2.5\u00a0%", "30\u00a0%"]
    assert in_words.points_more({"value": 0.0592, "low": -0.0008, "high": 0.1156}) == "5.9 points more (-0.1 to +11.6)"
    assert in_words.points_more({"value": -0.05, "low": -0.06, "high": -0.04}) == "5.0 points fewer (-6.0 to -4.0)"
    assert in_words.stars("very_unsatisfied") == "1\u00a0★"


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.9, "90"), (0.7 + 0.2, "90"), (0.95, "95"), (0.90331, "90.3"), (0.9499, "94.9"), (1.0, "100")],
)
def test_a_promise_is_never_rounded_up(share, words):
    """
    94.99 % is no 95 %.
    """
    assert in_words.at_least(share) == f"{words}\u00a0%"


def test_what_is_not_there_is_said_so():
    """
    None, NaN, and what a template looks for in vain.
    """
    for missing in (None, math.nan):
        for tell in (in_words.percent, in_words.at_least, in_words.count, in_words.figure):
            assert tell(missing) == "not measured"
    assert in_words.percent_range(None) == in_words.figure_range(None) == ""

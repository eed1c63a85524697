"""The page and the terminal tell what the figures hold."""

import io
import json
import re
from dataclasses import replace

import pytest
from rich.console import Console

from consumer.flips.count import Figures
from consumer.flips.limits import Limits
from consumer.flips.page import bars, finely, page, width
from consumer.flips.report import as_json
from consumer.flips.told import told
from tests.consumer.flips.made_up import answer, counted
from tests.consumer.flips.test_count import BEFORE, NOW, now


def terminal(found: Figures, *, with_text: bool = False, columns: int = 120) -> str:
    written = io.StringIO()
    console = Console(file=written, width=columns, markup=False, highlight=False)
    console.print(told(found, with_text=with_text), crop=False)
    return written.getvalue()


def test_the_page_tells_the_flips_the_work_and_the_limits():
    """In words, with both lists and every slice."""
    limits = Limits(max_flip_share=0.01, min_compared=10)

    shown = page(counted(NOW, BEFORE, messages_per_day=4800, limits=limits))

    assert "10.4\u00a0% of the decisions flip: 3 messages become urgent, 2 become routine." in re.sub(
        "[ \n]+", " ", shown
    )
    assert "1 of 2 limits not met" in shown
    assert '<dd class="value">+100</dd>' in shown
    for word in ("gold", "basic", "chat", "email", "id-47", "text 47", "in/0/47", "m 1 int8, threshold 0.5000"):
        assert word in shown, word
    assert "became urgent: 3 of 48, 6.25%" in terminal(counted(NOW, BEFORE))


def test_one_span_one_date_and_one_limit_are_told_as_one():
    """A drawing of one bar says nothing, and neither does one of none."""
    short = page(counted(NOW[:1], BEFORE[:1], limits=Limits(max_flip_share=1)))
    long = page(counted(NOW, BEFORE, limits=Limits(max_flip_share=0)))
    calm = page(counted(now({}), BEFORE))

    assert "All were written within a minute, from 2026-09-21 14:13 UTC" in short
    assert "written on 2026-09-21." in short
    assert "the limit is met" in short
    assert "<svg" not in short + calm
    assert "<svg" in long
    assert "written 2026-09-21 to 2026-09-23." in long
    assert "the limit is not met" in long
    assert 'href="#by-reason">What decided</a>' in long
    assert '<th class="name">now</th>' in long


def test_the_terminal_says_what_is_grave_first_and_what_it_leaves_out():
    """Several models on a side; how many flips there are beside those that are shown; thresholds, where these moved."""
    before = [answer(offset, 0.518) for offset in range(27)]
    now = [answer(each, 0.518, fate="routine", threshold=0.52 + 0.01 * (each % 2), run="new") for each in range(27)]

    lines = terminal(counted(now, before)).splitlines()

    assert lines[1] == "note: new was answered by 2 models, precisions or thresholds, counted together"
    assert lines[2].startswith("new against live")
    assert "became routine, the largest change of urgency first (5 of 27; --html and --json hold more):" in lines
    assert any("urgency 0.5180 -> 0.5180 (threshold 0.5000 -> 0.5200), model -> model" in line for line in lines)
    assert "threshold 0.5000 ->" not in terminal(counted(NOW, BEFORE))


def test_without_texts_neither_shows_any():
    """And the page says what it holds."""
    found = counted(NOW, BEFORE, with_text=False)

    assert "text 1" not in page(found) + terminal(found)
    assert "Holds no customer’s words" in page(found)
    assert "text 1" in terminal(counted(NOW, BEFORE), with_text=True)


def test_nothing_flipped_is_told_too():
    """With the interval that nothing leaves."""
    found = counted(now({}), BEFORE)

    assert "No decision flips." in page(found)
    assert "flipped: 0 of 48, 0.00% (0.00% to 7.41%)" in terminal(found)


def test_answers_that_tell_little_make_a_page():
    """Plain texts have neither channel nor threshold, nor a time."""
    bare = {
        "channel": None, "language": None, "attributes": {}, "at_ms": None, "threshold": None, "id": None, "text": None,
        "labels": (), "model": (None, None, None), "reason": None, "satisfaction": None,
    }  # fmt: skip
    found = counted([answer(0, 0.6, **bare)], [answer(0, 0.4, **bare)], slices=())

    shown = page(found)

    assert "tell neither channel nor language" in shown
    assert "tell no time" in shown
    assert "State <code>--messages-per-day" in shown
    assert "a model without a name, threshold not told" in terminal(found)
    assert "(threshold" not in shown


def test_what_one_side_does_not_tell_is_not_told_as_unmeasured():
    """As where one of them wrote plain texts, which have no threshold."""
    now = [answer(0, 0.6, threshold=None), replace(answer(1, 0.3), urgency=None)]
    found = counted(now, [answer(0, 0.4), answer(1, 0.7)])

    shown = page(found)

    assert "(threshold 0.500 → not told)" in shown
    assert "urgency 0.700 → <strong>not told</strong>" in shown
    assert "not measured" not in shown
    assert "m 1 int8, threshold not told: 1 answers" in terminal(found)


def test_the_json_holds_the_same():
    """Readable by any program."""
    found = counted(NOW, BEFORE)

    assert json.loads(as_json(found)) == json.loads(json.dumps(found))


def test_bars_fit_into_the_drawing():
    """Whatever their number."""
    for count in (0, 1, 43):
        drawn = bars([{"from": "x", "compared": 1, "to_urgent": each, "to_routine": 2} for each in range(count)])
        assert all(each["x"] >= 0 and each["x"] + each["width"] <= 360.5 for each in drawn["bars"])
        assert all(0 <= each["up"] <= 96 and 0 <= each["down"] <= 96 for each in drawn["bars"])


@pytest.mark.parametrize(
    ("share", "told_as"), [(0, "0"), (1, "100"), (0.1234, "12.3"), (0.00456, "0.46"), (0.0004, "0.040")]
)
def test_small_shares_keep_their_digits(share, told_as):
    """A tenth of a percent of a million is a thousand messages."""
    assert finely(share) == f"{told_as}\u00a0%"


def test_widths_are_told_in_words():
    """As people say them."""
    assert [width(each) for each in (60, 900, 3600, 14_400, 86_400, 604_800)] == [
        "a minute", "15 minutes", "an hour", "4 hours", "a day", "a week",
    ]  # fmt: skip

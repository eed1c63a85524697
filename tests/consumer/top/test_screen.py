"""A frame as it stands in a terminal."""

import io

from rich.console import Console

from consumer.top.screen import screen
from tests.consumer.top.made_up import answer, dead, frame


def shown(told: dict, width: int = 150) -> str:
    written = io.StringIO()
    Console(file=written, width=width, highlight=False, markup=False).print(screen(told, width))
    return written.getvalue()


def test_everything_of_a_frame_is_shown():
    """The partition that is furthest behind first, and the newest answer."""
    words = shown(frame(answer("first"), answer("second", fate="routine"), dead()))

    for each in (
        "2 of 3 consumers answer", "demo 3 int8", "12.3", "25.0 %", "40 ms", "1.5 s", "1,200", "95.0 %",
        "in/1 1,200 (90.0 s)  in/0 0", "3 seen in the topic: invalid-json 2, missing-text 1",
        "urgency 0.120 ALARM (limit 0.050)",
        "0.800", "neutral", "chat", "! http://a:1/metrics does not answer (refused)",
    ):  # fmt: skip
        assert each in words
    assert words.index("second") < words.index("first")
    assert words.index("dead-lettered") < words.index("second")


def test_what_is_not_known_is_a_dash():
    nothing = {"a_second": None, "urgent_share": None, "window_s": {"p50": None, "p99": None}, "promise": None}
    words = shown(frame(**nothing, lag=[], drift=[], models=[], problems=[], **{"from": "topics"}))

    assert words.count("–") >= 5
    assert "by the topics alone" in words
    assert "not known" in words


def test_texts_are_shown_only_where_they_were_asked_for():
    told = frame(answer("canary"), with_text=False)

    assert "canary" not in shown(told)
    assert "in/0/1/live" in shown(told)


def test_a_narrow_terminal_has_a_line_an_answer():
    """What else an answer tells is left out, and a long text cut."""
    lines = shown(frame(answer("word " * 100), answer("two\nlines")), width=60).splitlines()

    assert max(map(len, lines)) <= 60
    [first] = [line for line in lines if "word word" in line]
    [second] = [line for line in lines if "two ⏎ lines" in line]
    assert first.rstrip().endswith("…")
    assert "urgent" in first
    assert "urgent" in second


def test_many_partitions_are_told_by_those_that_are_behind():
    lag = [{"topic": "in", "partition": number, "records": number, "seconds": None} for number in range(100)]

    words = shown(frame(lag=lag))

    assert "in/99 99" in words
    assert "and 88 more" in words

"""How far a run is, and that no limit is met by a part of one."""

from dataclasses import replace

import pytest

from consumer.errors import LimitError, SurroundingsError
from consumer.flips.limits import Limits, require_met
from consumer.flips.standing import Standing, Standings, standing
from consumer.replay.entries import Ended, Known, Run, Span, Topics
from tests.consumer.flips.made_up import HOUR_MS, START_MS, answer, counted

WINDOW = (Span(topic="in", partition=0, start=0, end=50), Span(topic="in", partition=1, start=0, end=50))
RUN = Run(
    run="new", reads="input", live_group="g", group_id="g.new", window=WINDOW, partitions={"in": 2}, since_ms=None,
    until_ms=None, asked={}, model={}, options={}, topics=Topics(urgent="u", routine="r", dead_letters="d"),
    created_at="2026-11-30T00:00:00.000Z",
)  # fmt: skip
BEFORE = [answer(offset, 0.4, source=("in", offset % 2, offset // 2)) for offset in range(96)]
ALL = Limits(max_flip_share=1, max_missing=0, min_compared=1)


def ended(kind: str, *stopped: int) -> Known:
    spans = tuple(span.model_copy(update={"end": end}) for span, end in zip(WINDOW, stopped, strict=False))
    return Known({"new": RUN}, {"new": Ended(kind=kind, run="new", at="now", stopped=spans or None)})


def silent(run: Run) -> int:
    raise SurroundingsError("held back")


@pytest.mark.parametrize(
    ("known", "ask", "state", "left"),
    [
        (Known(), lambda _: 88, "begun", 88),
        (Known(), lambda _: 0, "done", 0),  # it was killed before it could say so
        (Known(), silent, "begun", None),
        (ended("done"), silent, "done", 0),
        (ended("cancelled"), lambda _: 7, "cancelled", 7),
        (ended("cancelled", 20, 10), silent, "cancelled", 70),
        (ended("cancelled", 50, 50), silent, "done", 0),
    ],
)
def test_how_far_a_run_is(known, ask, state, left):
    """By its record, where it stopped, and what Kafka holds of its progress."""
    found = standing(known, RUN, ask)

    assert (found.state, found.left) == (state, left)
    assert (found.unfinished is None) == (state == "done")


@pytest.mark.parametrize(
    ("state", "left", "told"),
    [
        ("begun", 88, "run new is not done: 88 of 100 are left"),
        ("cancelled", 88, "run new was cancelled: 88 of 100 are left"),
        ("begun", None, "run new is not done: Kafka does not tell how many of 100 are left"),
    ],
)
@pytest.mark.parametrize("side", ["is", "was"])
def test_no_limit_is_met_by_part_of_a_replay(state, left, told, side):
    """However well its few answers agree; and it is said before anything else."""
    found = counted(BEFORE, BEFORE, limits=ALL, standings=Standings({side: Standing(RUN, state, left)}))

    assert found["notes"][0] == told
    assert [limit["met"] for limit in found["limits"]] == [False] * 3
    with pytest.raises(LimitError) as refused:
        require_met(found["limits"], found["unfinished"])
    assert str(refused.value) == f"{told}: no limit is met by a part"
    require_met([], found["unfinished"])  # nobody set any


def test_what_is_missing_is_counted_against_the_window():
    """In partitions too of which the replay has nothing yet; without a window, between its first and its last."""
    part = [each for each in BEFORE if each.source[1] == 0][:12]

    of_window = counted(part, BEFORE, limits=ALL, standings=Standings({"is": Standing(RUN, "begun", 88)}))
    by_itself = counted(part, BEFORE, standings=Standings(unknown=("whether run new is done is not known: why",)))

    assert of_window["sides"]["is"]["missing"] == 96 - 12
    assert any("answered in the window of new have no answer there: it is not done" in n for n in of_window["notes"])
    assert by_itself["sides"]["is"]["missing"] == 0
    assert by_itself["notes"][0] == "whether run new is done is not known: why"


def test_what_lies_outside_of_the_window_is_not_missing():
    """By its offset, or by its time; and dead letters that are retried stand at other offsets than their messages."""
    short = RUN.model_copy(update={"window": (WINDOW[0].model_copy(update={"start": 10, "end": 20}),)})
    timed = RUN.model_copy(update={"since_ms": START_MS + 10 * HOUR_MS, "until_ms": START_MS + 30 * HOUR_MS})
    letters = RUN.model_copy(update={"reads": "dead-letters"})
    now = [replace(each, run="new") for each in BEFORE[20:24]]

    for run, missing in ((short, 10 - 2), (timed, 20 - 4), (letters, 0)):
        found = counted(now, BEFORE, standings=Standings({"is": Standing(run, "done", 0)}))
        assert found["sides"]["is"]["missing"] == missing, run

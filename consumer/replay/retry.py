"""Dead letters are retried once, unless somebody asks for it again."""

from collections.abc import Mapping
from typing import Any

from consumer.errors import SettingsError
from consumer.quarantine import Place
from consumer.replay import still_there
from consumer.replay.entries import Covered, Known, Run, Span
from consumer.replay.progress import Expired, committed, left, members, up_to


def passed_over(config: Mapping[str, Any], known: Known, proposed: Run) -> tuple[Covered, ...]:
    """
    What earlier runs have retried of this window of dead letters.

    Raises SettingsError while one of them is under way: what it is about to retry is not known yet.
    """
    earlier = [run for run in known.runs.values() if _is_of_these(run, proposed)]
    return _merged([_covered(config, known, run) for run in earlier], proposed.window)


def _is_of_these(run: Run, proposed: Run) -> bool:
    """Whether it was there for some of the same letters: not another group's, nor of a topic made anew since."""
    if run.reads != "dead-letters" or run.live_group != proposed.live_group:
        return False
    return any(
        span.place == mine.place
        and span.start < mine.end
        and mine.start < span.end
        and still_there.is_the_same(run, span.topic, proposed.topic_ids)
        for span in run.window
        for mine in proposed.window
    )


def _covered(config: Mapping[str, Any], known: Known, run: Run) -> Covered:
    return Covered(window=_retried(config, known, run), codes=run.codes, since_ms=run.since_ms, until_ms=run.until_ms)


def _retried(config: Mapping[str, Any], known: Known, run: Run) -> tuple[Span, ...]:
    ended = known.ended.get(run.run)
    if ended is not None and ended.kind == "done":
        return run.window
    if ended is not None and ended.stopped is not None:
        return ended.stopped
    if members(config, run.group_id):
        what = "was cancelled, and is still at work: wait until it has left" if ended else "is at work: wait until then"
        raise SettingsError(f"run {run.run} retries dead letters of this topic, and {what}")
    try:
        offsets = committed(config, run)
    except Expired as expired:
        raise SettingsError(
            f"how far run {run.run} retried dead letters of this topic is not known any more, for its offsets have "
            "expired: --again retries them all, those too that were answered then"
        ) from expired
    if ended is None and left(run, offsets):
        raise SettingsError(
            f"run {run.run} retries dead letters of this topic, and is not done: go on with it (shikyu dead-letters "
            f"retry --run {run.run}), or end it (shikyu replay cancel {run.run})"
        )
    return up_to(run, offsets)


def _merged(each: list[Covered], window: tuple[Span, ...]) -> tuple[Covered, ...]:
    """Of one kind of retries what touches the window, one span a partition: they all began where the topic began."""
    found = []
    for kind in dict.fromkeys((one.codes, one.since_ms, one.until_ms) for one in each):
        spans: dict[Place, list[Span]] = {}
        for one in each:
            if (one.codes, one.since_ms, one.until_ms) == kind:
                for span in one.window:
                    spans.setdefault(span.place, []).append(span)
        merged = tuple(span for wanted in window for span in _joined(spans.get(wanted.place, []), wanted))
        if merged:
            found.append(Covered(window=merged, codes=kind[0], since_ms=kind[1], until_ms=kind[2]))
    return tuple(found)


def _joined(spans: list[Span], wanted: Span) -> list[Span]:
    joined: list[Span] = []
    for span in sorted(spans, key=lambda one: one.start):
        if span.end <= wanted.start or span.start >= wanted.end or span.start >= span.end:
            continue
        if joined and span.start <= joined[-1].end:
            joined[-1] = joined[-1].model_copy(update={"end": max(joined[-1].end, span.end)})
        else:
            joined.append(span)
    return joined

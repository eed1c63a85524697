"""Dead letters are retried once, unless somebody asks for it again."""

from collections.abc import Mapping
from typing import Any

from consumer.errors import SettingsError
from consumer.replay.progress import Expired, committed, left
from consumer.replay.runs import Covered, Known, Run
from consumer.replay.start import Request
from consumer.settings import Settings


def passed_over(config: Mapping[str, Any], known: Known, settings: Settings, request: Request) -> tuple[Covered, ...]:
    """
    What earlier runs have retried of this topic.

    Raises SettingsError while one of them is under way: what it is about to retry is not known yet.
    """
    if request.codes is None or request.again:
        return ()
    earlier = [
        run
        for run in known.runs.values()
        if run.reads == "dead-letters" and any(span.topic == settings.dead_letters.topic for span in run.window)
    ]
    return tuple(_covered(config, known, run) for run in earlier)


def _covered(config: Mapping[str, Any], known: Known, run: Run) -> Covered:
    ended = known.ended.get(run.run)
    window = run.window
    if ended is None or ended.kind == "cancelled":
        try:
            offsets = committed(config, run)
        except Expired:  # how far it went nobody knows; what it may have retried is not retried a second time
            offsets = run.ends
        if ended is None and left(run, offsets):
            raise SettingsError(
                f"run {run.run} retries dead letters of this topic, and is not done: go on with it (shikyu "
                f"dead-letters retry --run {run.run}), or end it (shikyu replay cancel {run.run})"
            )
        window = tuple(span.model_copy(update={"end": offsets[span.place]}) for span in window)
    return Covered(window=window, codes=run.codes, since_ms=run.since_ms, until_ms=run.until_ms)

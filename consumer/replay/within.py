"""Which of the records between a run's offsets are not its own."""

from consumer.records import Record
from consumer.replay.entries import Covered, Run
from consumer.replay.letters import letter
from consumer.run_names import LIVE


def is_outside(run: Run, record: Record) -> bool:
    """
    By its time, which is not in the order of offsets where producers set it; one without a time is in the window.

    Of dead letters also by their code, and those that an earlier run has retried, that another run than the live one
    could not answer (which may have), or another group.
    """
    if _is_outside_of_time(run, record):
        return True
    if run.reads == "input":
        return False
    known = letter(record)
    if known is None or (run.codes and known.code not in run.codes):
        return True
    if known.run != LIVE or known.group_id != run.live_group:
        return True
    return any(_has(earlier, record, known.code) for earlier in run.passed_over)


def _is_outside_of_time(run: Run | Covered, record: Record) -> bool:
    at = record.timestamp_ms
    if at is None:
        return False
    return (run.since_ms is not None and at < run.since_ms) or (run.until_ms is not None and at >= run.until_ms)


def _has(earlier: Covered, record: Record, code: str) -> bool:
    """Whether that run retried it, or passed it over because one before it had."""
    place = (record.topic, record.partition)
    held = any(span.place == place and span.start <= record.offset < span.end for span in earlier.window)
    return held and (not earlier.codes or code in earlier.codes) and not _is_outside_of_time(earlier, record)

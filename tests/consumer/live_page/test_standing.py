"""How the promise stands, read by a thread of its own."""

import threading
from datetime import timedelta
from functools import cache

import pytest

from consumer.audit.promise import Promised
from consumer.errors import SurroundingsError
from consumer.live_page.standing import Standing, length, told
from consumer.report.figures import Figures
from consumer.settings import Audit
from tests.consumer.audit.live_window import KEY, lived
from tests.consumer.report.made_up import reported


@cache
def figures() -> Figures:
    messages = lived(1000, Audit(share=0.3, share_at_threshold=0.6, key=KEY))
    judged = [each for each in messages if each.decision.audit is not None]
    corrections = [each.correction(number) for number, each in enumerate(judged)]
    return reported(messages, corrections, Promised(0.5), drift={"verdict": "No drift.", "why": [], "more": []})


def until(standing: Standing, state: str, reading: threading.Semaphore) -> dict:
    assert reading.acquire(timeout=60)
    stop = threading.Event()
    for _ in range(6000):
        if standing.told["state"] == state:
            return standing.told
        stop.wait(0.01)
    raise AssertionError(standing.told)


def test_it_is_read_at_once_and_again_when_asked():
    """A fault is told, and is not the end."""
    reading, found = threading.Semaphore(0), [SurroundingsError("no broker answers"), figures(), figures()]

    def read():
        try:
            if isinstance(found[0], Exception):
                raise found[0]
            return found[0]
        finally:
            found.pop(0)
            reading.release()

    with Standing(read, timedelta(days=1)) as standing:
        first = until(standing, "failed", reading)
        assert first["problem"] == "no broker answers"
        standing.again()
        second = until(standing, "read", reading)
        standing.again()
        assert standing.told["state"] == "reading"
        third = until(standing, "read", reading)

    assert first["number"] < second["number"] < third["number"]
    assert found == []


def test_a_bug_is_told_without_its_message(capsys):
    from consumer import logs
    from consumer.settings import Log

    logs.configure(Log(format="json"))
    reading = threading.Semaphore(0)

    def read():
        reading.release()
        raise ValueError("canary")

    with Standing(read, timedelta(days=1)) as standing:
        assert "bug" in until(standing, "failed", reading)["problem"]
    assert "canary" not in capsys.readouterr().err


def test_what_is_told_holds_promise_estimate_drift_and_dead_letters():
    shown = told(figures())

    assert shown["promise"]["verdict"]
    assert "promised, live estimate" in shown["promise_line"]
    assert shown["live"]["low"] <= shown["live"]["value"] <= shown["live"]["high"]
    assert shown["dead_letters"]["codes"]
    assert shown["drift"]["verdict"]


@pytest.mark.parametrize(
    ("words", "of"),
    [
        ("day", timedelta(days=1)), ("7 days", timedelta(days=7)), ("hour", timedelta(hours=1)),
        ("1 hour 30 minutes", timedelta(minutes=90)), ("1 day 1 second", timedelta(days=1, seconds=1)),
    ],
)  # fmt: skip
def test_what_is_looked_at_is_told_in_words(words, of):
    assert length(of) == words

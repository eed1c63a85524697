"""Told to leave at the start is no failure; a window that was not published never passes for it."""

import gc
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from consumer import service
from consumer.errors import ToldToLeave
from consumer.garbage import LIVE_OBJECTS
from consumer.publish import Dropped
from consumer.settings import Settings
from consumer.stop import Stop


def run(monkeypatch, started) -> list[str]:
    monkeypatch.setattr(service, "_started", started)
    with capture_logs() as told:
        service.run(Settings(), None, None, None, Stop())
    return [line["event"] for line in told]


def raises(error: Exception):
    def call(*_, **__):
        raise error

    return call


def test_whoever_is_told_to_leave_at_the_start_just_leaves(monkeypatch):
    """What was opened until then is closed."""
    closed: list[str] = []

    def started(*arguments):
        arguments[-1].callback(closed.append, "source")
        raise ToldToLeave("told")

    assert run(monkeypatch, started) == ["told-to-leave-at-the-start"]
    assert closed == ["source"]


def test_what_ends_the_loop_is_told(monkeypatch):
    """The same errors mean something else behind the start."""
    for error in (ToldToLeave("told"), Dropped("not published")):
        with pytest.raises(type(error)):
            run(monkeypatch, lambda *_, error=error: SimpleNamespace(run=raises(error)))
    with pytest.raises(Dropped):
        run(monkeypatch, raises(Dropped("not published")))


def test_the_loop_runs_with_a_collector_that_rarely_looks(monkeypatch):
    """Else it runs dozens of times a window, and finds nothing."""
    thresholds: list[int] = []
    running = SimpleNamespace(run=lambda: thresholds.append(gc.get_threshold()[0]))

    run(monkeypatch, lambda *_: running)

    assert thresholds == [LIVE_OBJECTS]


def test_coordinator_that_is_away_at_the_start_is_left(monkeypatch):
    """The first producer's Dropped drops no window: there is none yet."""
    monkeypatch.setattr(service, "ExactlyOnce", raises(Dropped("stopped while the broker was away")))

    with pytest.raises(ToldToLeave):
        service._publisher(Settings(), {}, None, None, Stop(), {})

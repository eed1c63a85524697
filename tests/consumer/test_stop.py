"""Leaving has one deadline, however many of its steps hang."""

import threading
import time
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from consumer import stop as stops
from consumer.lifecycle.following import Following, following
from consumer.records import ModelVersion
from consumer.settings import Settings
from consumer.shadow.shadow import Shadow, beside
from consumer.stop import Stop
from consumer.tracing import tracing
from consumer.versions import Current


@pytest.fixture
def clock(monkeypatch) -> SimpleNamespace:
    """A monotonic clock that stands still until it is put forward."""
    made = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(stops, "time", SimpleNamespace(monotonic=lambda: made.now))
    return made


def test_steps_of_leaving_share_what_is_left_since_the_signal(clock):
    """Each has what it would like while there is enough, and nothing once all is spent."""
    stop = Stop()
    stop.request("SIGTERM")

    clock.now += 6
    assert stop.within(2) == 2
    clock.now += 2
    assert stop.within(2) == 1
    clock.now += 5
    assert stop.within(2) == 0


def test_without_a_signal_leaving_begins_with_its_first_step(clock):
    """An error ends the service too, whenever it comes."""
    stop = Stop()
    clock.now += 3600

    assert stop.within(2) == 2
    clock.now += 8
    assert stop.within(2) == 1


def test_what_does_not_stop_is_not_waited_for_one_after_another(monkeypatch, tmp_path):
    """A version that loads, a shadow and a collector hang at once: together they have what is left, and no more."""
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry.sdk.trace import TracerProvider

    released, hanging = threading.Event(), []

    def hang(*_: object) -> None:
        hanging.append(threading.current_thread().name)
        released.wait(60)

    for owner, name in ((Following, "_watch"), (Shadow, "_run"), (TracerProvider, "shutdown")):
        monkeypatch.setattr(owner, name, hang)
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    settings = Settings.model_validate({"shadow": {"artifact": tmp_path}, "tracing": {"enabled": True}})
    stop, left_s, answering = Stop(), 0.4, SimpleNamespace(model=ModelVersion("sample", "1", "int8"))
    with ExitStack() as leaving:
        leaving.callback(released.set)
        with (
            following(Current(tmp_path, "1"), answering, settings, None, lambda: None, stop.within),
            beside(settings, None, stop.within),
            tracing(settings, stop.within),
        ):
            stop.request("SIGTERM")
            stop.at -= stops.TOGETHER_S - left_s
            began = time.monotonic()
        took_s = time.monotonic() - began

    assert sorted(hanging) == ["last-spans", "models", "shadow"]
    assert took_s < 4  # one after another they would like five seconds

"""What two readings of /metrics say of the time between them."""

import math
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from consumer.errors import SettingsError
from consumer.watching import scrape
from consumer.watching.scrape import Consumers, quantile
from tests.service.process import free_port
from tests.service.watched import measured


def test_two_consumers_are_added_up_by_what_grew():
    """Of what was there before we looked nothing is told."""
    with ExitStack() as both:
        first, second = (both.enter_context(measured(topic)) for topic in ("a", "b"))
        first.answered(urgent=100, routine=100)
        consumers = Consumers([first.url, second.url])
        consumers.read()
        first.answered(urgent=3, routine=1)
        second.answered(urgent=0, routine=6, window_s=2.0)
        consumers.read()

        grown = [(labels["outcome"], value) for labels, value in consumers.grown("shikyu_records_total")]

    assert sum(value for outcome, value in grown if outcome == "urgent") == 3
    assert sum(value for outcome, value in grown if outcome == "routine") == 7
    assert consumers.over_s > 0
    assert {labels["topic"] for labels, _ in consumers.latest("shikyu_lag_records")} == {"a", "b"}
    windows = consumers.grown("shikyu_window_duration_seconds_bucket")
    assert 0.025 < quantile(0.4, windows) <= 0.05
    assert 1.0 < quantile(0.99, windows) <= 2.5


def told(monkeypatch, *values: float) -> Consumers:
    """A consumer whose records come to these, one at each reading."""
    coming = iter(values)
    series = ("shikyu_records_total", (("outcome", "urgent"),))
    monkeypatch.setattr(scrape, "ask", lambda _: [{series: next(coming)}])
    return Consumers(["http://a:1/metrics"])


def test_a_consumer_that_began_anew_is_counted_from_its_beginning(monkeypatch):
    consumers = told(monkeypatch, 50.0, 4.0)

    consumers.read()
    consumers.read()

    assert [value for _, value in consumers.grown("shikyu_records_total")] == [4.0]


def test_what_grew_is_that_of_the_last_minute(monkeypatch):
    now = iter([0.0, 30.0, 61.0, 95.0])
    monkeypatch.setattr(scrape, "time", SimpleNamespace(monotonic=lambda: next(now)))
    consumers = told(monkeypatch, 0.0, 10.0, 30.0, 60.0)

    for _ in range(4):
        consumers.read()

    assert (consumers.over_s, [value for _, value in consumers.grown("shikyu_records_total")]) == (65.0, [50.0])


def test_one_that_does_not_answer_is_told_and_hinders_no_other():
    gone = f"http://127.0.0.1:{free_port()}/metrics?token=secret"
    with measured() as there:
        consumers = Consumers([gone, there.url])
        consumers.read()

    assert (consumers.answering, list(consumers.problems)) == (1, [gone])
    assert "refused" in consumers.problems[gone]
    assert "secret" not in consumers.problems[gone]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://a/metrics", "metrics", "http://", "http://[", ""])
def test_only_addresses_of_the_web_are_asked(url):
    with pytest.raises(SettingsError, match="--metrics"):
        Consumers([url])


def buckets(**counts: float) -> list:
    bounds = {"low": "0.1", "high": "1.0", "beyond": "+Inf"}
    return [({"le": bounds[name]}, count) for name, count in counts.items()]


@pytest.mark.parametrize(
    ("share", "counts", "expected"),
    [
        (0.5, {"low": 10, "high": 10, "beyond": 10}, 0.05),
        (0.99, {"low": 0, "high": 100, "beyond": 100}, 0.991),
        (0.5, {"low": 50, "high": 100, "beyond": 100}, 0.1),
        (0.99, {"low": 0, "high": 0, "beyond": 5}, 1.0),
        (0.5, {"low": 0, "high": 0, "beyond": 0}, None),
    ],
)
def test_quantiles_are_prometheus_s(share, counts, expected):
    """Straight within a bucket; the highest bound for what is beyond."""
    found = quantile(share, buckets(**counts))

    assert found == expected or math.isclose(found, expected)


def test_of_no_bucket_nothing_is_known():
    assert quantile(0.5, []) is None

"""The service's own window slides over what it committed, and tells where it differs from the reference."""

import numpy as np
import pytest
from structlog.testing import capture_logs

from consumer.answer import Answered
from consumer.drift.compare import Expectation
from consumer.drift.live import BLOCKS, Live, watched
from consumer.metrics import Metrics
from consumer.records import Decision, ModelVersion, Satisfaction, Skipped, SkipReason
from consumer.settings import Drift as DriftSettings
from tests.consumer.drift.made_up import EVEN, labels_of, manifest, reference, window

MODEL = ModelVersion("made-up", "1", "int8")
CLASSES = tuple(Satisfaction)


@pytest.fixture(scope="module")
def made():
    generator = np.random.default_rng(1)
    return manifest(reference(generator, labels_of(generator, EVEN, 4000)))


def answered(seen, reason="model"):
    """As the loop commits it, with a record between two that is no message."""
    fates, texts = [], []
    for taken_for, urgency, tokens, unknown in zip(*seen.values(), strict=True):
        decision = Decision(CLASSES[int(taken_for)], EVEN, urgency, urgency > 0.5, 0.5, reason, False, MODEL)
        fates += [decision, Skipped(SkipReason.WHERE)]
        texts += [(int(tokens), float(unknown)), None]
    return Answered(tuple(fates), (), (), 0, tuple(texts))


def far(seen):
    """The same messages in a language that the tokenizer does not know."""
    return {**seen, "unknown_share": np.full(len(seen["urgency"]), 0.9), "urgency": seen["urgency"] * 0.3}


def test_a_window_is_told_when_it_is_full_and_with_each_tenth_after_that(made):
    """However the messages were committed: one, or thousands at a time."""
    generator, told = np.random.default_rng(2), []
    live = Live(Expectation(made, "int8"), 500, 0.01, told.append)

    for count in (1, 498):
        live.committed(answered(window(generator, count)))
    assert told == []
    live.committed(answered(window(generator, 1)))
    assert len(told) == 1
    live.committed(answered(window(generator, 120)))

    assert [drift.messages for drift in told] == [500] * 3
    assert not any(drift.drifted for drift in told)


def test_it_counts_what_one_look_at_the_window_would(made):
    """Ten blocks are the window."""
    generator, told = np.random.default_rng(3), []
    expectation = Expectation(made, "int8")
    live = Live(expectation, 500, 0.01, told.append)
    seen = window(generator, 1000)
    live.committed(answered(seen))

    last = {name: column[-500:] for name, column in seen.items()}
    counts = expectation.counted(last)
    found = {look.feature: look.distance for look in told[-1].looks}
    for name in expectation.features:
        assert counts[name].sum() == 500
    shares = np.cumsum(counts["urgency"] / 500) - np.cumsum(expectation.shares("urgency"))
    assert found["urgency"] == pytest.approx(np.abs(shares).max())


def test_drift_begins_and_ends_with_a_line_and_stands_in_the_metrics_meanwhile(made):
    """Answers by a rule or for want of a judgement count too: another script would hide behind them."""
    generator, metrics = np.random.default_rng(4), Metrics()

    def alarm(feature):
        return metrics.registry.get_sample_value("shikyu_drift_alarm", {"feature": feature})

    committed = watched(DriftSettings(window_messages=500), made, "int8", metrics.drift)
    assert alarm("urgency") is None
    with capture_logs() as told:
        committed(answered(window(generator, 500)))
        assert alarm("urgency") == 0
        committed(answered(far(window(generator, 500)), reason="fallback:unknown-tokens"))
        assert (alarm("urgency"), alarm("unknown_share"), alarm("token_length")) == (1, 1, 0)
        committed(answered(window(generator, 500)))

    assert alarm("urgency") == 0
    distances = {
        name: metrics.registry.get_sample_value(f"shikyu_drift_{name}", {"feature": "urgency"})
        for name in ("distance", "limit")
    }
    assert 0 < distances["distance"] <= distances["limit"]
    assert [line["event"] for line in told][-1] == "drift-over"
    assert {line["event"] for line in told} == {"drift", "drift-over"}
    assert "unknown_share" in next(line for line in told if line["event"] == "drift")["distance"]


def test_sliding_looks_without_drift_are_in_alarm_no_more_often_than_stated(made):
    """The rate is of looks, of which ten in a row see the same messages."""
    generator, told = np.random.default_rng(5), []
    live = Live(Expectation(made, "int8"), 500, 0.02, told.append)
    for _ in range(40):
        live.committed(answered(window(generator, 500)))

    assert len(told) == 40 * BLOCKS - BLOCKS + 1
    assert np.mean([bool(drift.drifted) for drift in told]) <= 0.02


def test_an_artifact_without_a_reference_is_served_and_not_watched():
    """It says once what to do."""
    metrics = Metrics()
    with capture_logs() as told:
        committed = watched(DriftSettings(), manifest(None), "int8", metrics.drift)
        committed(answered(window(np.random.default_rng(6), 10)))

    assert [line["event"] for line in told] == ["drift-not-watched"]
    assert "export it anew" in told[0]["why"]

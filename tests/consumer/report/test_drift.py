"""The report's section on drift: what it says where nothing can be measured, and what `shikyu drift` would say."""

from datetime import timedelta

import pytest

from consumer.drift import report as drift_report
from consumer.report.drift import drift
from consumer.settings import Settings

WEEK = timedelta(days=7)
FOUND = {
    "made_at": "2026-11-29T00:00:00.000Z",
    "since": "2026-11-22T00:00:00.000Z",
    "model": {"name": "ours", "version": "3", "precision": "int8"},
    "rate": 0.01,
    "messages": 4000,
    "drifted": ["token_length"],
    "features": ["token_length"],
    "satisfaction": {"found": {"neutral": 0.25}, "expected": {"neutral": 0.2}},
    "windows": [],
    "notes": ["texts were read in part"],
}


def of(artifact: object) -> Settings:
    return Settings.model_validate({"model": {"artifact": artifact}})


def test_without_a_model_nothing_is_measured():
    assert drift(of(None), WEEK) is None


def test_an_artifact_without_a_reference_says_what_to_do(tiny):
    found = drift(of(tiny), WEEK)

    assert found is not None
    assert found["verdict"] == "Not measured."
    assert found["why"] == []
    assert "export it anew" in found["more"][0]


@pytest.mark.parametrize(
    ("drifted", "verdict"), [(["token_length"], "Other messages than before: how long they are."), ([], "No drift.")]
)
def test_the_verdict_and_its_reasons_are_those_of_the_command(monkeypatch, tiny, drifted, verdict):
    monkeypatch.setattr(drift_report, "figures", lambda *_: {**FOUND, "drifted": drifted})

    found = drift(of(tiny), WEEK)

    assert found is not None
    assert found["verdict"] == verdict
    assert "neutral 25.0% (20.0%)" in found["why"][0]
    assert found["why"][-1].startswith("without any drift")
    assert found["more"] == ["texts were read in part"]

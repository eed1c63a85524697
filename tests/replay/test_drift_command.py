"""Drift as it is run: the service's own metrics, and the command that reads what it wrote."""

import json
import random
import shutil
import time

import numpy as np
import pytest

from consumer.classify import load
from consumer.drift.features import CLASS_PLACES, FEATURES
from tests.consumer.drift.made_up import reference_of
from tests.service.process import TINY, Service, flags, shikyu

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

WORDS = (
    "the parcel arrived on tuesday two days early thank you charged my card twice and nobody answers phone I want "
    "money back today how do change address of order this is third broken heater smoke works as described"
)
ELSEWHERE = "荷物 が 届きません もう 三週間 待っています すぐに 返金 して ください とても 困っています"


def texts(seed: int, count: int, words=WORDS) -> list[str]:
    chosen = random.Random(seed)
    return [" ".join(chosen.choices(words.split(), k=chosen.randint(3, 20))) for _ in range(count)]


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    """The tiny one, with a reference of such texts, whose labels say nothing."""
    model, calibration = load(TINY, "int8", threads=1), texts(1, 1500)
    decisions, tokens = model.classify(calibration), model.tokenize(calibration)
    columns = (
        [CLASS_PLACES[each.satisfaction] for each in decisions],
        [each.urgency for each in decisions],
        [len(each.ids) for each in tokens],
        [each.unknown_share for each in tokens],
    )
    seen = dict(zip(FEATURES, map(np.array, columns), strict=True))
    folder = tmp_path_factory.mktemp("artifact") / "referenced"
    shutil.copytree(TINY, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["reference"] = reference_of(seen, np.arange(1500) % 5).model_dump(mode="json")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def answer(service, past, sent: list[str], in_all: int) -> str:
    """Sends them, waits until so many were answered in all, and gives the metrics."""
    past.produce_values([json.dumps({"text": text}) for text in sent])
    until = time.monotonic() + 40
    while sum(past.live_offsets().values()) < in_all:
        assert time.monotonic() < until, service.log
        time.sleep(0.1)
    time.sleep(0.5)  # they are told after the commit
    return service.get("/metrics")[1]


def test_another_language_alarms_in_metrics_log_and_command(past, artifact, tmp_path):
    """And messages of the same kind do not. Most of the others are answered by no model: that hides nothing."""
    own = ["--model-artifact", str(artifact), "--drift-window-messages", "200", "--drift-rate", "0.001"]
    service = Service(tmp_path, *flags(past.bootstrap, past.topics, past.group), *own).ready()
    read = ["--kafka", f"bootstrap.servers={past.bootstrap}", "--output-format", "json", *own]
    read += ["--output-urgent", past.topics["urgent"], "--output-routine", past.topics["routine"]]

    metrics = answer(service, past, texts(2, 400), 400)
    assert 'shikyu_drift_alarm{feature="urgency"} 0.0' in metrics
    calm = shikyu("drift", "--since", "1h", *read)
    assert calm.returncode == 0, calm.stderr
    assert "no drift: 400 answers" in calm.stdout

    metrics = answer(service, past, texts(3, 250, ELSEWHERE), 650)
    assert 'shikyu_drift_alarm{feature="unknown_share"} 1.0' in metrics
    assert service.stop() == 0
    assert [event["event"] for event in service.events()].count("drift") > 0
    found = tmp_path / "drift.json"
    done = shikyu("drift", "--since", "1h", "--json", str(found), *read)

    assert done.returncode == 5, done.stderr
    assert "unknown_share" in done.stderr
    assert "DRIFT" in done.stdout
    figures = json.loads(found.read_text())
    windows = [each["features"]["unknown_share"] for each in figures["windows"]]
    assert sum(each["messages"] for each in figures["windows"]) == figures["messages"] == 650
    assert [each["drifted"] for each in windows] == [False, True, True]
    assert windows[-1]["distance"] > 0.8
    assert not any(word in done.stdout + found.read_text() for word in (*ELSEWHERE.split(), "parcel"))


def test_without_a_reference_it_says_what_to_do(past):
    """Before anything is read."""
    done = shikyu("drift", "--kafka", f"bootstrap.servers={past.bootstrap}", "--model-artifact", str(TINY))

    assert done.returncode == 4
    assert "export it anew" in done.stderr


def test_too_few_answers_are_none(past, artifact):
    """Nothing is told of a handful; what was passed over is."""
    topics = ["--output-urgent", past.topics["urgent"], "--output-routine", past.topics["routine"]]
    kafka = ["--kafka", f"bootstrap.servers={past.bootstrap}", "--output-format", "json"]
    done = shikyu("drift", *kafka, *topics, "--model-artifact", str(artifact))

    assert done.returncode == 2
    assert "0 live answers" in done.stderr

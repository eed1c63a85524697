"""Upgrade and rollback under load: every message once, and each event tells the version that answered it."""

import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Producer

from consumer import versions
from consumer.lifecycle import canary
from tests.consumer.lifecycle.made_up import TINY, version
from tests.delivery.checker import check, committed, read
from tests.service.process import Service

pytestmark = pytest.mark.kafka
PATIENCE_S = 60
OTHER = 1 - 1e-6  # of the threshold: enough to tell whose it is, and too little to flip a fifth


@pytest.fixture
def folder(tmp_path) -> Path:
    """Versions 1 and 2, whose thresholds differ, and 3, which finds everything urgent."""
    made = tmp_path / "models"
    made.mkdir()
    threshold = json.loads((TINY / "manifest.json").read_text())["precisions"]["int8"]["threshold"]
    version(made, "1", threshold)
    version(made, "2", threshold * OTHER)
    version(made, "3", 0.0)
    versions.use(made, "1")
    return made


def served(folder: Path, name: str) -> float:
    return json.loads((folder / name / "manifest.json").read_text())["precisions"]["int8"]["threshold"]


@contextmanager
def load(bootstrap: str, topic: str, rate: float) -> Iterator[list[int]]:
    """Messages without end until the block ends; what it yields has how many were sent, then."""
    producer, ended, sent = Producer({"bootstrap.servers": bootstrap}), threading.Event(), [0]
    texts = canary.texts(None)

    def produce() -> None:
        for number in itertools.count():
            value = json.dumps({"id": str(number), "text": texts[number % len(texts)]})
            producer.produce(topic, key=f"k{number % 20}", value=value)
            producer.poll(0)
            sent[0] += 1
            if ended.wait(1 / rate):
                return

    thread = threading.Thread(target=produce)
    thread.start()
    try:
        yield sent
    finally:
        ended.set()
        thread.join()
        assert producer.flush(PATIENCE_S) == 0


def told(service: Service, event: str, version: str, times: int = 1) -> None:
    """So often has the log told this of this version."""
    until = time.monotonic() + PATIENCE_S
    while sum(each["event"] == event and each["version"] == version for each in service.events()) < times:
        assert service.process.poll() is None, service.log
        assert time.monotonic() < until, service.log
        time.sleep(0.02)


def answered(start, more: int) -> None:
    """So many messages more than now are committed."""

    def total() -> int:
        return sum(committed(start.bootstrap, start.group, start.topics["input"]).values())

    until, wanted = time.monotonic() + PATIENCE_S, total() + more
    while total() < wanted:
        assert time.monotonic() < until
        time.sleep(0.2)


def test_upgrade_and_rollback_under_load_lose_and_double_nothing(start, folder):
    """
    There, back and there again, with a bad version in between, a kill while the last one is loaded, and a start over
    the bad one.
    """
    flags = ("--model-artifact", str(folder), "--model-watch-s", "0.05", "--delivery-slot", "0")
    service = start(*flags).ready(PATIENCE_S)
    with load(start.bootstrap, start.topics["input"], rate=40) as sent:
        answered(start, 20)
        versions.use(folder, "2")
        told(service, "model-swapped", "2")
        answered(start, 20)
        versions.use(folder, "3")
        told(service, "model-refused", "3")
        metrics = service.get("/metrics")[1]
        versions.use(folder, "2")
        versions.rollback(folder)
        versions.use(folder, "1")
        told(service, "model-swapped", "1")
        answered(start, 20)
        versions.use(folder, "2")
        told(service, "model-found", "2", times=2)
        service.process.kill()
        service.process.wait()
        versions.use(folder, "3")  # which a start refuses too
        successor = start(*flags).ready(PATIENCE_S)
        told(successor, "model-refused", "3")
        answered(start, 20)
    total, until = sent[0], time.monotonic() + PATIENCE_S
    while sum(committed(start.bootstrap, start.group, start.topics["input"]).values()) < total:
        assert time.monotonic() < until, successor.log
        time.sleep(0.05)

    verdict = check(start.bootstrap, start.group, start.topics)
    outputs = read(start.bootstrap, start.topics["urgent"], start.topics["routine"])
    events = [(json.loads(each.value()), dict(each.headers())) for each in outputs]
    by_offset = sorted((event["source"]["partition"], event["source"]["offset"], event["model"]["version"])
                       for event, _ in events)  # fmt: skip

    assert verdict.exactly_once(), verdict
    assert verdict.inputs == len(events) == total
    thresholds = {name: served(folder, name) for name in ("1", "2")}
    assert all(event["threshold"] == thresholds[event["model"]["version"]] for event, _ in events)
    assert all(headers["shikyu.model.version"].decode() == event["model"]["version"] for event, headers in events)
    for _partition, some in itertools.groupby(by_offset, key=lambda each: each[0]):
        assert [name for name, _ in itertools.groupby(each[2] for each in some)] == ["1", "2", "1", "2"]
    assert 'shikyu_model_swaps_total{outcome="refused"} 1.0' in metrics
    assert "shikyu_model_refused 1.0" in metrics
    assert 'shikyu_model_info{name="tiny",precision="int8",version="2"} 1.0' in metrics
    assert successor.stop() == 0


def test_a_shadow_answers_to_its_own_topic_and_its_death_changes_nothing(cluster, start, folder):
    """Its decisions are counted beside the live ones; of the live stream nobody could tell that it is there."""
    topic = f"{start.topics['input']}.shadow"
    cluster.create_topic(topic, 1)
    flags = ("--model-artifact", str(folder / "1"), "--shadow-artifact", str(folder / "3"), "--shadow-topic", topic)
    service = start(*flags).ready(PATIENCE_S)
    told(service, "shadow-ready", "3")

    def metric(line: str) -> float:
        return float(
            next(each for each in service.get("/metrics")[1].splitlines() if each.startswith(line)).split()[-1]
        )

    def total(name: str) -> float:
        lines = service.get("/metrics")[1].splitlines()
        return sum(float(each.split()[-1]) for each in lines if each.startswith(name))

    with load(start.bootstrap, start.topics["input"], rate=20) as sent:
        until = time.monotonic() + PATIENCE_S
        while metric('shikyu_shadow_records_total{outcome="answered"}') < 10:
            assert time.monotonic() < until, service.log
            time.sleep(0.05)
        [child] = [
            each for each in psutil.Process(service.process.pid).children() if "shadow" in " ".join(each.cmdline())
        ]
        child.kill()
        ended(service)
        answered(start, 10)
    count, until = sent[0], time.monotonic() + PATIENCE_S
    while sum(committed(start.bootstrap, start.group, start.topics["input"]).values()) < count:
        assert time.monotonic() < until, service.log
        time.sleep(0.05)
    compared, flipped = (
        total("shikyu_shadow_decisions_total"),
        metric('shikyu_shadow_decisions_total{live="routine",shadow="urgent"}'),
    )
    verdict = check(start.bootstrap, start.group, start.topics)
    live = {event_["source"]["offset"] for event_ in _events(start, start.topics["urgent"], start.topics["routine"])}
    shadow = _events(start, topic)

    assert verdict.exactly_once(), verdict
    assert len(shadow) >= 10
    assert {(each["run"], each["model"]["version"], each["decision"]) for each in shadow} == {("shadow", "3", "urgent")}
    assert {each["source"]["offset"] for each in shadow} <= live
    assert len({each["event_id"] for each in shadow}) == len(shadow)
    assert compared >= len(shadow)
    assert 0 < flipped < compared
    assert service.stop() == 0


def ended(service: Service) -> None:
    """The log says that the shadow is no more."""
    until = time.monotonic() + PATIENCE_S
    while not any(each["event"] == "shadow-ended" for each in service.events()):
        assert time.monotonic() < until, service.log
        time.sleep(0.02)


def _events(start, *topics: str) -> list[dict]:
    return [json.loads(each.value()) for each in read(start.bootstrap, *topics)]

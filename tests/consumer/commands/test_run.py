import http.client
import json
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

pytestmark = pytest.mark.kafka

CANARY = "canary-7f3a"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def get(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except ConnectionRefusedError:
        return 0, ""
    finally:
        connection.close()


def until(true: Callable[[], bool], limit_s: float = 40.0) -> None:
    end = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < end, "it did not come true in time"
        time.sleep(0.1)


@pytest.fixture
def flags(cluster, topics, name, tiny) -> list[str]:
    roles = topics(partitions=1)
    return [
        *("--model-artifact", str(tiny), "--model-precision", "fp32", "--model-threads", "1"),
        *("--input-topics", roles["input"], "--input-format", "json", "--output-format", "json"),
        *("--output-urgent", roles["urgent"], "--output-routine", roles["routine"]),
        *("--dead-letters-topic", roles["dead"], "--delivery-group-id", name),
        *("--kafka", f"bootstrap.servers={cluster.bootstrap_servers}"),
    ]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    running: list[subprocess.Popen[bytes]] = []

    def start(*flags: str, log_file: Path = tmp_path / "log") -> subprocess.Popen[bytes]:
        with log_file.open("ab") as log:
            process = subprocess.Popen([sys.executable, "-m", "consumer.cli", "run", *flags], stderr=log)
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()


def test_a_message_is_answered_told_of_and_not_repeated(cluster, name, flags, started, tmp_path) -> None:
    """From ready to SIGTERM: one record in, one out, counted, and its text in no log and no metric."""
    port = free_port()
    process = started(*flags, "--http-port", str(port), "--log-format", "json")
    until(lambda: get(port, "/readyz")[0] == 200)
    assert get(port, "/livez")[0] == 200

    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers})
    producer.produce(
        flags[flags.index("--input-topics") + 1], json.dumps({"text": f"Where is it? {CANARY}", "id": "1"})
    )
    producer.produce(flags[flags.index("--input-topics") + 1], b"\xff" + CANARY.encode())
    producer.flush(10)
    until(lambda: 'shikyu_records_total{outcome="dead_lettered"} 1.0' in get(port, "/metrics")[1])
    metrics = get(port, "/metrics")[1]

    outputs = Consumer(
        {"bootstrap.servers": cluster.bootstrap_servers, "group.id": f"{name}-reader", "auto.offset.reset": "earliest"}
    )
    outputs.subscribe([flags[flags.index("--output-urgent") + 1], flags[flags.index("--output-routine") + 1]])
    message = outputs.poll(20)
    outputs.close()
    assert message is not None
    assert json.loads(message.value())["id"] == "1"
    assert 'shikyu_transactions_total{outcome="committed"}' in metrics
    assert "shikyu_model_info{" in metrics
    assert re.search(rf'shikyu_group_info{{cluster_id="[\w-]+",group_id="{re.escape(name)}"}} 1', metrics)

    before = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0
    assert time.monotonic() - before < 10
    log = (tmp_path / "log").read_text(encoding="utf-8")
    events = [json.loads(line)["event"] for line in log.splitlines()]
    assert {"starting", "serving", "dead-lettered", "left"} <= set(events)
    assert CANARY not in log + metrics


def test_a_full_log_stops_nothing(cluster, flags, started) -> None:
    """The disk that standard error goes to is full: the log is lost, and messages are answered as before."""
    port = free_port()
    process = started(*flags, "--http-port", str(port), log_file=Path("/dev/full"))
    until(lambda: get(port, "/readyz")[0] == 200)

    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers})
    producer.produce(flags[flags.index("--input-topics") + 1], b"\xff")
    producer.flush(10)
    until(lambda: 'shikyu_records_total{outcome="dead_lettered"} 1.0' in get(port, "/metrics")[1])

    process.send_signal(signal.SIGTERM)
    assert process.wait(15) == 0


def test_a_missing_topic_is_told_and_not_created(flags, started, tmp_path) -> None:
    """Exit 3, saying how to create it."""
    process = started(*flags, "--http-port", "0", "--input-topics", "never-made")

    assert process.wait(60) == 3
    assert "never-made" in (tmp_path / "log").read_text(encoding="utf-8")
    assert "--create" in (tmp_path / "log").read_text(encoding="utf-8")

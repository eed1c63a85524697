"""Told to leave while it waits at the start, the service leaves at once: nothing has begun."""

import signal
import socket
import time
from collections.abc import Iterator

import pytest

from tests.service.process import Service, flags, free_port

ROLES = {role: role for role in ("input", "urgent", "routine", "dead")}


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of somebody who takes connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def leaves(service: Service, when: str, number: signal.Signals) -> None:
    until = time.monotonic() + 40
    while when not in service.log:
        assert time.monotonic() < until, service.log
        assert service.process.poll() is None, service.log
        time.sleep(0.02)
    began = time.monotonic()
    service.process.send_signal(number)

    assert service.ended() == 0, service.log
    assert time.monotonic() - began < 3
    assert "told-to-leave-at-the-start" in service.log
    assert "error" not in [event["level"] for event in service.events()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_no_broker_yet(tmp_path, number):
    """A container that is stopped before Kafka is up has not failed."""
    service = Service(tmp_path, *flags(f"127.0.0.1:{free_port()}", ROLES, "g"))

    leaves(service, '"waiting"', number)


def test_model_that_is_still_loaded(tmp_path):
    """A large one takes its time, and is no more a failure than a broker that is not up."""
    service = Service(tmp_path, *flags(f"127.0.0.1:{free_port()}", ROLES, "g"))

    leaves(service, '"starting"', signal.SIGTERM)


def test_registry_that_is_not_set_is_told_without_a_broker(tmp_path):
    """Whoever has to write a setting need not wait for Kafka to be told."""
    service = Service(tmp_path, *flags(f"127.0.0.1:{free_port()}", ROLES, "g"), "--output-format", "avro")

    assert service.ended() == 2, service.log
    [failed] = [event for event in service.events() if event["event"] == "failed"]
    assert "output.format = avro needs a Schema Registry" in failed["error"]
    assert "waiting" not in service.log


@pytest.mark.kafka
def test_registry_that_refuses_connections(start):
    """It is away, and would be asked again."""
    url = f"http://127.0.0.1:{free_port()}"
    service = start("--input-format", "avro", "--output-format", "avro", "--registry-url", url)

    leaves(service, '"waiting"', signal.SIGTERM)


@pytest.mark.kafka
def test_registry_that_is_silent(start, silent):
    """It keeps a question for seconds, which nobody waits for."""
    service = start("--input-format", "avro", "--output-format", "avro", "--registry-url", f"http://{silent}")

    leaves(service, '"waiting"', signal.SIGTERM)

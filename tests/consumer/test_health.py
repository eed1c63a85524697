import http.client
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from consumer import health as health_module
from consumer.errors import SettingsError, SurroundingsError
from consumer.health import Health, serve
from consumer.metrics import Metrics
from consumer.settings import Http


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    return Health(poll_limit_s=10, clock=clock)


@pytest.fixture
def port(health: Health) -> Iterator[int]:
    with serve(Http(port=free_port()), health, Metrics().registry) as port:
        yield port


def ask(port: int, path: str, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_alive_is_a_poll_loop_that_moves(health: Health, clock: Clock, port: int) -> None:
    """Before the first poll nothing is stuck; afterwards silence longer than the limit is."""
    clock.now = 1000.0
    assert ask(port, "/livez") == (200, "ok\n")

    health.polled()
    clock.now += 10.0
    assert ask(port, "/livez")[0] == 200

    clock.now += 1.0
    assert ask(port, "/livez") == (503, "no poll for 11 s\n")

    health.polled()
    assert ask(port, "/livez")[0] == 200


def test_ready_is_a_warm_model_and_a_known_assignment(health: Health, port: int) -> None:
    """It says what it still waits for."""
    assert ask(port, "/readyz") == (503, "the model is not warm yet\n")

    health.model_warm()
    assert ask(port, "/readyz")[0] == 503

    health.assignment_known()
    assert ask(port, "/readyz") == (200, "ok\n")

    health.assignment_known(False)
    assert ask(port, "/readyz")[0] == 503


def test_metrics_are_served(port: int) -> None:
    """As Prometheus scrapes them, with a query too."""
    assert "shikyu_window_records" in ask(port, "/metrics?name=x")[1]


def test_head_has_no_body(port: int) -> None:
    """But the same status."""
    assert ask(port, "/readyz", "HEAD") == (503, "")


@pytest.mark.parametrize(
    ("method", "path", "status"), [("POST", "/livez", 405), ("DELETE", "/metrics", 405), ("GET", "/", 404)]
)
def test_nothing_else_is_answered(port: int, method: str, path: str, status: int) -> None:
    """Only GET and HEAD of three paths."""
    assert ask(port, path, method)[0] == status


@pytest.mark.parametrize("host", ["é..b", "a\0b"])
def test_a_host_that_is_none_is_a_matter_of_the_settings(health: Health, host: str) -> None:
    """Exit 2, with the host: it is no name that a DNS could be asked for."""
    with (
        pytest.raises(SettingsError, match=r"http\.host is .*, which is no host's name"),
        serve(Http(host=host), health, Metrics().registry),
    ):
        pass


def test_a_taken_port_is_told_with_what_to_do(health: Health, port: int) -> None:
    """Exit 3: it is this host that is not as it must be."""
    with pytest.raises(SurroundingsError, match=rf"127\.0\.0\.1:{port} cannot be served .*http\.port"):
        serve(Http(port=port), health, Metrics().registry).__enter__()


def test_an_address_of_another_host_is_told(health: Health) -> None:
    """192.0.2.0/24 is nobody's."""
    with pytest.raises(SurroundingsError, match=r"http\.host"):
        serve(Http(host="192.0.2.1"), health, Metrics().registry).__enter__()


def test_port_0_serves_nothing(health: Health) -> None:
    """For those who want neither."""
    with serve(Http(port=0), health, Metrics().registry) as port:
        assert port == 0


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.0\r\n\r\n", b"414"),
        (b"GET /livez HTTP/1.0\r\n" + b"a: b\r\n" * 200 + b"\r\n", b"431"),
        (b"GET /livez HTTP/1.0\r\na: " + b"x" * 70_000 + b"\r\n\r\n", b"431"),
        (b"GET\r\n\r\n", b"400"),
    ],
)
def test_a_request_that_is_too_large_is_refused(port: int, request_: bytes, status: bytes) -> None:
    """By its line, by how many headers it has, and by how long one is."""
    with socket.create_connection(("127.0.0.1", port), 5) as client:
        client.sendall(request_)
        assert status in client.recv(200)


def test_a_client_that_sends_a_byte_now_and_then_is_cut_off(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte is in time, and the whole is not."""
    monkeypatch.setattr(health_module, "REQUEST_S", 0.5)
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), 5) as client, suppress(OSError):
        client.sendall(b"GET /livez HTTP/1.0\r\n")
        while time.monotonic() < began + 5 and not select.select([client], [], [], 0.05)[0]:
            client.sendall(b"a")
    assert time.monotonic() < began + 3


def test_more_connections_than_there_is_room_for_are_closed(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """And there is room again when they go."""
    monkeypatch.setattr(health_module, "REQUEST_S", 600)  # a machine that stands still ends none of them
    monkeypatch.setattr(health_module._Handler, "timeout", 600)
    with ExitStack() as held:
        for number in range(health_module.MOST_REQUESTS):
            here = (f"127.0.0.{2 + number // health_module.MOST_OF_A_CLIENT}", 0)
            held.enter_context(socket.create_connection(("127.0.0.1", port), source_address=here))
        with socket.create_connection(("127.0.0.1", port), 60) as last:
            assert last.recv(1) == b""  # at once, and not when its time is up
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with suppress(OSError, http.client.HTTPException):
            assert ask(port, "/livez")[0] == 200
            return
        time.sleep(0.05)
    raise AssertionError("no room was made")


def test_who_holds_connections_keeps_nobody_else_out(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The orchestrator's probes come from another address."""
    monkeypatch.setattr(health_module, "REQUEST_S", 600)
    monkeypatch.setattr(health_module._Handler, "timeout", 600)
    with ExitStack() as held:
        for _ in range(health_module.MOST_REQUESTS):
            held.enter_context(socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.2", 0)))
        assert ask(port, "/livez")[0] == 200


def test_a_silent_client_keeps_nobody_waiting(port: int) -> None:
    """A connection that never asks stands beside one that does."""
    with socket.create_connection(("127.0.0.1", port)):
        assert ask(port, "/livez")[0] == 200

"""What a peer may do instead of answering as a consumer does: it is told of that peer alone, and holds nobody up."""

import itertools
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pytest

from consumer.settings import Output, Settings
from consumer.watching import peers
from consumer.watching.frame import frame
from consumer.watching.scrape import Consumers
from consumer.watching.tail import Tail
from tests.service.process import free_port
from tests.service.watched import measured

PATIENCE_S = 60
OK = b"HTTP/1.1 200 OK\r\n\r\n"
OTHERWISE = "does not answer as shikyu's metrics do"


@contextmanager
def answering(*said: bytes, pieces: Iterable[bytes] = ()) -> Iterator[str]:
    """A peer that says this to whoever connects, and hangs up; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(PATIENCE_S)

        def answer() -> None:
            with listening.accept()[0] as one:
                one.settimeout(PATIENCE_S)
                one.recv(65536)  # else it hangs up with a reset, and what it said may be lost
                try:
                    for each in itertools.chain(said, pieces):
                        one.sendall(each)
                except OSError:  # who asked has left
                    pass

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/metrics"
        thread.join(PATIENCE_S)


@pytest.fixture
def patient(monkeypatch):
    """A machine that stands still is not what is asked about."""
    monkeypatch.setattr(peers, "ANSWER_S", PATIENCE_S)


def told_of(peer: str) -> str:
    """What is told of it beside one that answers, whose figures are told all the same."""
    with measured() as there:
        consumers = Consumers([peer, there.url])
        consumers.read()
        found = frame(consumers, Tail(Settings(output=Output(format="json"))), None, None)

    assert (consumers.answering, list(consumers.problems)) == (1, [peer])
    assert found["lag"] == [{"topic": "in", "partition": 0, "records": 7, "seconds": 3.5}]
    assert "canary" not in consumers.problems[peer]
    return consumers.problems[peer].removeprefix(f"{peer} ")


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"SSH-2.0-OpenSSH_9.6 canary\r\n", "does not answer (RemoteProtocolError)"),
        (b"HTTP/1.1 200 OK\r\nx: canary\x00\r\n\r\n", "does not answer (RemoteProtocolError)"),
        (
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\ncanary",
            "does not answer (RemoteProtocolError)",
        ),
        (b"", "does not answer (RemoteProtocolError)"),
        (OK + b"<html>canary</html> {", f"{OTHERWISE} (none of them is there)"),
        (OK + b"\xff canary", f"{OTHERWISE} (no UTF-8)"),
        (b"HTTP/1.1 404 canary\r\n\r\n", f"{OTHERWISE} (404)"),
        (
            b"HTTP/1.1 302 Found\r\nlocation: http://canary/\r\n\r\n",
            f"{OTHERWISE} (302, which is not followed: name the address that it leads to)",
        ),
    ],
)
def test_another_program_that_has_the_port_is_told(said, why):
    """What it said stays with it."""
    with answering(said) as peer:
        assert told_of(peer) == why


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('shikyu_records_total{outcome="urgent"} NaN', "shikyu_records_total is nan"),
        ('shikyu_lag_records{topic="in",partition="0"} +Inf', "shikyu_lag_records is inf"),
        ('shikyu_dead_letters_total{code="x"} 1e300', "shikyu_dead_letters_total is 1e+300"),
        ("shikyu_records_total 1", "shikyu_records_total lacks outcome"),
        ('shikyu_lag_seconds{outcome="canary"} 1', "shikyu_lag_seconds lacks topic and partition"),
        ('shikyu_lag_records{topic="in",partition="canary"} 1', "a label of shikyu_lag_records is no number"),
        (
            'shikyu_window_duration_seconds_bucket{le="nan"} 1',
            "a label of shikyu_window_duration_seconds_bucket is no number",
        ),
        ('shikyu_model_info{name="canary"', "they cannot be read"),
        ('shikyu_records_total{outcome="urgent"} canary', "they cannot be read"),
    ],
)
def test_a_sample_that_is_none_of_ours_is_told(line, why):
    """No figure is made of it, and nothing ends."""
    with answering(OK, f'shikyu_records_total{{outcome="routine"}} 1\n{line}\n'.encode()) as peer:
        assert told_of(peer) == f"{OTHERWISE} ({why})"


def test_what_nobody_watches_may_be_anything():
    """A consumer of another version has other series."""
    with answering(OK, b'other{ NaN\nshikyu_new NaN\nshikyu_records_total{outcome="urgent"} 2.0\n') as peer:
        consumers = Consumers([peer])
        consumers.read()

    assert [value for _, value in consumers.latest("shikyu_records_total")] == [2.0]


@pytest.mark.usefixtures("patient")
def test_more_than_could_be_ours_is_not_read_to_its_end():
    with answering(OK, pieces=itertools.repeat(b"x" * 65536)) as peer:
        assert told_of(peer) == f"{OTHERWISE} (more than 4,194,304 bytes)"


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\nx: ", OK])
def test_a_peer_that_drips_is_not_waited_for(monkeypatch, begun):
    """Each byte comes soon enough, and the whole never."""
    monkeypatch.setattr(peers, "ANSWER_S", 0.5)
    over = threading.Event()
    drops = iter(lambda: b"" if over.wait(0.05) else b"x", b"")
    with answering(begun, pieces=itertools.islice(drops, 1000)) as peer:
        consumers = Consumers([peer])
        consumers.read()
        over.set()

    assert list(consumers.problems.values()) == [f"{peer} {OTHERWISE} (not within 0.5 s)"]


@pytest.mark.usefixtures("patient")
def test_one_that_is_not_there_is_told_without_its_secrets():
    gone = f"http://127.0.0.1:{free_port()}/metrics?token=secret"

    assert told_of(gone).endswith("does not answer (Connection refused)")


def test_an_address_that_cannot_be_asked_is_told():
    assert told_of("http://a:port/metrics") == "does not answer (InvalidURL)"


def test_no_proxy_of_the_environment_is_asked(monkeypatch):
    """It would be told the address, and answer what it likes."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("NO_PROXY", "")
    with measured() as there:
        consumers = Consumers([there.url])
        consumers.read()

    assert consumers.problems == {}

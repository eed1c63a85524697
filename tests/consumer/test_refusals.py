"""Why a broker refuses us, told apart: real TLS servers, and librdkafka's own errors about them."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException
from structlog.testing import capture_logs

from consumer import refusals, surroundings
from consumer.errors import SurroundingsError
from consumer.refusals import Doorkeeper
from tests.tls import Authority, as_client, authority


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """An answer is here within milliseconds."""
    monkeypatch.setattr(surroundings, "LISTING_S", 0.4)
    monkeypatch.setattr(surroundings, "REFUSED_S", 0.5)


@pytest.fixture
def ours(tmp_path) -> Authority:
    return authority(tmp_path / "ours")


@contextmanager
def listening(ours: Authority, *hosts: str, long_ago: bool = False, wants_client: bool = False) -> Iterator[int]:
    """A server that shakes hands and says nothing more."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.certificate(*hosts, long_ago=long_ago).configure_cert(context)
    if wants_client:
        context.verify_mode = ssl.CERT_REQUIRED
        ours.ca.configure_trust(context)

    def shake(plain: socket.socket) -> None:
        try:
            with context.wrap_socket(plain, server_side=True) as held:
                held.recv(1000)
        except OSError:
            plain.close()

    def accept() -> None:
        while True:
            try:
                threading.Thread(target=shake, args=[server.accept()[0]], daemon=True).start()
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def refused(port: int, **options: str) -> str:
    config = {"bootstrap.servers": f"127.0.0.1:{port}", "security.protocol": "ssl"}
    given = {name.replace("_", "."): value for name, value in options.items()}
    with capture_logs(), pytest.raises(SurroundingsError) as told:
        surroundings.listed({**config, **given})
    return str(told.value)


def test_a_certificate_that_has_expired_is_named_as_such(ours):
    """librdkafka itself says of it what it says of the next two."""
    with listening(ours, "127.0.0.1", long_ago=True) as port:
        told = refused(port, ssl_ca_location=str(ours.path))

    assert f"127.0.0.1:{port} is out of date (certificate has expired): renew it" in told


def test_a_certificate_of_another_host_is_named_as_such(ours):
    """With where the right name belongs."""
    with listening(ours, "kafka.example.com") as port:
        told = refused(port, ssl_ca_location=str(ours.path))

    assert "was issued for another host" in told
    assert "advertised.listeners" in told


@pytest.mark.parametrize("other", [True, False])
def test_a_certificate_that_nobody_known_signed_is_named_as_such(ours, tmp_path, other):
    """Whether another CA is set, or the system's are asked."""
    options = {"ssl_ca_location": str(authority(tmp_path / "other").path)} if other else {}
    with listening(ours, "127.0.0.1") as port:
        told = refused(port, **options)

    assert "was signed by nobody known here" in told
    assert "ssl.ca.location" in told


def test_a_broker_that_wants_a_certificate_of_ours_is_told_as_such(ours, tmp_path):
    """None, one that has expired, and one of another CA."""
    foreign = authority(tmp_path / "other").issue("client", "client")
    old = ours.issue("old", "client", long_ago=True)
    with listening(ours, "127.0.0.1", wants_client=True) as port:
        ca = str(ours.path)
        told = [refused(port, ssl_ca_location=ca, **as_client(each)) for each in (old, foreign)]
        none = refused(port, ssl_ca_location=ca)

    assert "refuses this client's certificate (it wants one, and none is set)" in none
    assert "(it has expired: renew it)" in told[0]
    assert "(it does not know the CA that signed it)" in told[1]
    assert all("ssl.certificate.location" in each for each in (none, *told))


@pytest.mark.parametrize(
    ("words", "config", "expected"),
    [
        (
            (
                "_AUTHENTICATION: sasl_ssl://b:1/bootstrap: SASL authentication error: Authentication failed during "
                "authentication due to invalid credentials with SASL mechanism SCRAM-SHA-256 (after 3ms in state X)"
            ),
            {"sasl.username": "shikyu", "sasl.mechanism": "SCRAM-SHA-256", "sasl.password": "hunter2"},
            (
                "refuses the login of 'shikyu' by SCRAM-SHA-256 (Authentication failed during authentication due to "
                "invalid credentials with SASL mechanism SCRAM-SHA-256): check sasl.username, sasl.password"
            ),
        ),
        ("_AUTHENTICATION: no words", {"sasl.mechanisms": "PLAIN"}, "refuses the login by PLAIN (no reason given)"),
        (
            (
                "_TRANSPORT: ssl://b:1/bootstrap: SSL handshake failed: Disconnected: connecting to a PLAINTEXT broker "
                "listener? (after 1ms)"
            ),
            {"security.protocol": "ssl"},
            "does not seem to speak TLS there: security.protocol is ssl",
        ),
        ("_SSL: ssl://b:1/bootstrap: handshake odd (after 1ms)", {}, "TLS failed (handshake odd): check"),
        ("_TRANSPORT: SSL alert number 80", {}, "ends the TLS handshake with alert 80"),
        ("_AUTHENTICATION: Failed to acquire SASL OAUTHBEARER token: x", {}, "no OAUTHBEARER token was to be had"),
        ("_SSL: nowhere: certificate verify failed", {}, "cannot be trusted: check ssl.ca.location, its dates"),
    ],
)
def test_words_of_librdkafka_become_words_that_help(words, config, expected):
    """And hold no password."""
    told = refusals.why([words], config)

    assert told is not None
    assert expected in told
    assert "hunter2" not in told


def test_a_broker_that_is_away_is_no_refusal():
    """It is waited for."""
    assert refusals.why(["_TRANSPORT: b:1/bootstrap: Connect failed: Connection refused"], {}) is None
    assert not refusals.is_refusal("_TRANSPORT: b:1/bootstrap: Connect failed: Connection refused")
    assert not refusals.is_refusal("_TRANSPORT: SSL handshake failed: Disconnected: a PLAINTEXT broker listener?")
    assert not refusals.is_refusal("_SSL: handshake failed: Broken pipe")
    assert not refusals.is_refusal("_TRANSPORT: SSL alert number 80")


@pytest.mark.parametrize("pem", [True, False])
def test_a_ca_in_the_settings_or_a_folder_is_asked_too(ours, tmp_path, pem):
    """As librdkafka takes them."""
    config = {"ssl.ca.pem": ours.path.read_text()} if pem else {"ssl.ca.location": str(ours.path)}
    with listening(ours, "127.0.0.1") as port:
        words = f"_SSL: ssl://127.0.0.1:{port}/bootstrap: certificate verify failed"

        assert "cannot be trusted: check" in str(refusals.why([words], config))  # it has nothing against it by now


@pytest.fixture
def keeper(monkeypatch) -> SimpleNamespace:
    """A doorkeeper, its clock, and the errors that a new client is told; none when it is let in."""
    state = SimpleNamespace(now=0.0, errors=[], asked=0, keeper=Doorkeeper({"sasl.username": "shikyu"}))

    class Admin:
        def __init__(self, config, error_cb):
            self.error_cb = error_cb

        def list_topics(self, timeout):
            state.asked += 1
            for error in state.errors:
                self.error_cb(error)
            if state.errors:
                raise KafkaException(KafkaError(KafkaError._TRANSPORT))

        def poll(self, timeout): ...

    monkeypatch.setattr(refusals, "time", SimpleNamespace(monotonic=lambda: state.now))
    monkeypatch.setattr(refusals, "admin_client", Admin)
    return state


REFUSED, AWAY = KafkaError(KafkaError._AUTHENTICATION), KafkaError(KafkaError._TRANSPORT)


def test_a_password_that_ends_while_we_run_stops_the_stream(keeper):
    """Not at once, for a broker that starts may not know the user yet."""
    keeper.errors = [REFUSED]
    with capture_logs() as told:
        keeper.keeper.told(REFUSED)
        keeper.keeper.told(REFUSED)
    assert [line["event"] for line in told] == ["refused"]
    keeper.now = 29
    keeper.keeper.check()

    keeper.now = 31
    with pytest.raises(SurroundingsError, match="Kafka refuses the login of 'shikyu'"):
        keeper.keeper.check()


@pytest.mark.parametrize("errors", [[], [AWAY]])
def test_a_refusal_that_passed_stops_nothing(keeper, errors):
    """A new client is let in, or finds nobody: then it is asked again after the next refusal alone."""
    keeper.errors = errors
    keeper.keeper.told(REFUSED)
    for keeper.now in (31, 62, 93):
        keeper.keeper.check()

    assert keeper.asked == 1


def test_what_is_no_refusal_is_not_counted(keeper):
    """A broker that is away, or an identity provider: a token that was had goes on."""
    keeper.keeper.told(AWAY)
    keeper.keeper.told(KafkaError(KafkaError._AUTHENTICATION, "Failed to acquire SASL OAUTHBEARER token"))
    keeper.now = 100
    keeper.keeper.check()

    assert keeper.asked == 0

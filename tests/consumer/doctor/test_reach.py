"""From names to connections, without a broker."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import trustme

from consumer.doctor import reach
from consumer.doctor.examination import examined
from consumer.doctor.findings import Finding
from consumer.doctor.reach import Address, addresses
from consumer.doctor.seen import Seen
from consumer.settings import Settings

NOWHERE = "broker.invalid"  # a name that no DNS may know (RFC 6761)


def settings(servers: str, **more: str) -> Settings:
    return Settings.model_validate(
        {
            "kafka": {"options": {"bootstrap.servers": servers, **more}},
            "input": {"format": "json"},
            "output": {"format": "json"},
        }
    )


def test_addresses_are_read_as_librdkafka_reads_them():
    """With a protocol before them and without, IPv6, and the port that is meant where none is named."""
    written = "a:1, SASL_SSL://b.example.com:9093,[::1]:4,c"

    assert addresses(written) == [
        Address("a", 1), Address("b.example.com", 9093), Address("::1", 4), Address("c", 9092)
    ]  # fmt: skip
    assert str(addresses(written)[2]) == "[::1]:4"
    assert addresses("a:1:2") == []


def test_a_name_that_does_not_resolve_is_told_and_nothing_is_asked_there():
    """What leans on it is skipped, and says because of what; the rest is looked at all the same."""
    findings = list(examined(settings(f"{NOWHERE}:9092")))

    [resolve, artifact] = [each for each in findings if each.status == "fail"]
    assert (resolve.check, resolve.what, resolve.exit_code) == ("resolve", f"{NOWHERE}:9092", 3)
    assert "bootstrap.servers" in resolve.advice
    assert (artifact.check, artifact.exit_code) == ("artifact", 2)
    skipped = {each.check: each.value for each in findings if each.status == "skipped"}
    assert skipped["connect"] == "because resolve failed"
    assert skipped["tls"] == "because connect was skipped"
    assert {"login", "acl", "topics", "events", "speed"} <= set(skipped)


def test_one_name_of_several_is_enough():
    """librdkafka takes another; the wrong one is warned of."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        found = examined(settings(f"{NOWHERE}:1,127.0.0.1:{port}"))

        told = [next(found) for _ in range(4)]

    assert [(each.check, each.status) for each in told] == [
        ("settings", "ok"), ("resolve", "warn"), ("resolve", "ok"), ("connect", "warn")
    ]  # fmt: skip


@pytest.mark.parametrize("tls", [False, True])
def test_a_port_where_nobody_listens_is_told(tls):
    """At once, not after librdkafka has tried for ten seconds."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        found = examined(settings(f"127.0.0.1:{port}", **({"security.protocol": "ssl"} if tls else {})))

        failure = next(each for each in found if each.status == "fail")

    assert (failure.check, failure.what, failure.exit_code) == ("connect", f"127.0.0.1:{port}", 3)
    assert "does a broker run there" in failure.advice


def test_settings_that_are_wrong_are_told_first():
    """Nothing can be asked with them."""
    wrong = settings("127.0.0.1:1", **{"session.timeout.ms": "soon"})

    findings = list(examined(wrong))

    assert (findings[0].check, findings[0].status, findings[0].exit_code) == ("settings", "fail", 2)
    assert "session.timeout.ms" in findings[0].advice
    assert {each.status for each in findings[1:]} == {"skipped"}


@contextmanager
def shaking_hands(certificate: trustme.LeafCert) -> Iterator[str]:
    """The address of somebody who shows this certificate, and says no more."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)

    def serve() -> None:
        while True:
            try:
                plain, _ = listening.accept()
            except OSError:
                return
            try:
                context.wrap_socket(plain, server_side=True).close()
            except OSError:
                plain.close()

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def trusted(certificate: trustme.LeafCert, **more: str) -> Finding:
    with shaking_hands(certificate) as servers:
        seen = Seen(settings(servers, **{"security.protocol": "ssl", **more}))
        seen.connect()
        [finding] = reach.tls(seen)
    return finding


def test_a_certificate_that_ends_soon_is_warned_of(tmp_path: Path):
    """Two weeks before, and not earlier; one that nobody looks at is warned of too."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    now, known = datetime.now(UTC), {"ssl.ca.location": str(tmp_path / "ca.pem")}
    soon, later = (ca.issue_cert("127.0.0.1", not_after=now + timedelta(days=days)) for days in (13, 15))

    assert trusted(later, **known).status == "ok"
    told = trusted(soon, **known)
    assert (told.status, told.advice) == ("warn", "renew it before then")
    assert trusted(later).status == "fail"
    unseen = trusted(later, **{"enable.ssl.certificate.verification": "false"})
    assert (unseen.status, unseen.value) == ("warn", "its certificate is not looked at")


def test_where_the_brokers_send_their_clients_has_to_be_reached():
    """The first address may be a load balancer's, and those behind it another network's."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        seen = Seen(settings("127.0.0.1:1"))
        seen.connect()
        there = {1: ("127.0.0.1", port), 2: (NOWHERE, 9092), 3: ("127.0.0.1", 1)}
        brokers = {each: SimpleNamespace(id=each, host=host, port=at) for each, (host, at) in there.items()}
        seen.listing = SimpleNamespace(brokers=brokers)

        found = list(reach.brokers(seen))

    assert [each.status for each in found] == ["ok", "fail", "ok"]
    assert found[2].value == "as asked"
    assert "advertised.listeners" in found[1].advice

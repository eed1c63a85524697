"""From a name to a login: each step on the way to the brokers, by itself."""

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from consumer import certificates, surroundings
from consumer.doctor.findings import Finding, fail, ok, skipped, warn
from consumer.doctor.seen import Seen
from consumer.errors import SurroundingsError
from consumer.kafka_options import servers

CONNECT_S = 3.0
DEFAULT_PORT = 9092
SOON = timedelta(days=14)
_ADDRESS = re.compile(r"(?:\w+://)?(?:\[(?P<six>[^\]]+)\]|(?P<host>[^:\[\]]+))(?::(?P<port>\d+))?")
# How a listener without TLS ends a handshake.
_NO_TLS = (ssl.SSLEOFError, ConnectionResetError)


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def addresses(written: str) -> list[Address]:
    """Of bootstrap.servers, as librdkafka reads it; what is no address is left out."""
    found = [_ADDRESS.fullmatch(each.strip()) for each in written.split(",")]
    return [Address(each["six"] or each["host"], int(each["port"] or DEFAULT_PORT)) for each in found if each]


def resolve(seen: Seen) -> Iterator[Finding]:
    """One name of several that does not resolve is no failure: librdkafka takes another."""
    seen.connect()
    wanted = addresses(str(servers(seen.client)))
    if not wanted:
        yield fail("resolve", str(servers(seen.client)), "no address", "write kafka bootstrap.servers as host:port")
    found = [_resolved("resolve", address) for address in wanted]
    yield from _one_is_enough(found)


def connect(seen: Seen) -> Iterator[Finding]:
    found = [_connected("connect", each) for each in addresses(str(servers(seen.client)))]
    yield from _one_is_enough(found)


def tls(seen: Seen) -> Iterator[Finding]:
    """What each certificate is worth to Python's OpenSSL, which says more than librdkafka."""
    if not has_tls(seen.client):
        yield skipped("tls", "", f"security.protocol is {_protocol(seen.client)}")
        return
    found = [_trusted("tls", each, seen.client) for each in addresses(str(servers(seen.client))) if _answers(each)]
    yield from _one_is_enough(found)


def login(seen: Seen) -> Iterator[Finding]:
    what = str(servers(seen.client))
    try:
        seen.listing = surroundings.listed(seen.client)
    except SurroundingsError as error:
        yield fail("login", what, "Kafka does not let us in, or does not answer", error)
        return
    many = len(seen.listing.brokers)
    yield ok("login", what, f"{_as_whom(seen.client)}; {many} broker{'' if many == 1 else 's'}")


def brokers(seen: Seen) -> Iterator[Finding]:
    """At the addresses that they send their clients to, which need not be those that were asked."""
    asked = addresses(str(servers(seen.client)))
    for broker in sorted(seen.listing.brokers.values(), key=lambda each: int(each.id)):
        address = Address(str(broker.host), int(broker.port))
        yield _advertised(address, seen.client) if address not in asked else ok("brokers", str(address), "as asked")


def has_tls(client: Mapping[str, Any]) -> bool:
    return "ssl" in _protocol(client)


def _protocol(client: Mapping[str, Any]) -> str:
    return str(client.get("security.protocol", "plaintext")).lower()


def _as_whom(client: Mapping[str, Any]) -> str:
    if "sasl" in _protocol(client):
        mechanism = client.get("sasl.mechanism") or client.get("sasl.mechanisms") or "GSSAPI"
        user = client.get("sasl.username")
        return f"let in{f' as {user}' if user else ''} by {mechanism}"
    if any(name in client for name in ("ssl.certificate.location", "ssl.certificate.pem", "ssl.keystore.location")):
        return "let in by a certificate"
    return "let in, without a login"


def _resolved(check: str, address: Address) -> Finding:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        words = getattr(error, "strerror", None) or "no name of a host"
        return fail(
            check,
            str(address),
            f"the name does not resolve ({words})",
            f"is {address.host} spelt right in kafka bootstrap.servers, and does this machine's DNS (/etc/resolv.conf, "
            "in Kubernetes the namespace's search list) know it?",
        )
    return ok(check, str(address), ", ".join(sorted({str(each[4][0]) for each in found})))


def _connected(check: str, address: Address) -> Finding:
    try:
        with socket.create_connection((address.host, address.port), CONNECT_S):
            return ok(check, str(address), "takes connections")
    except TimeoutError:
        value = f"no answer within {CONNECT_S:.0f} s"
        advice = "a firewall, security group or NetworkPolicy may drop what is sent there: let this machine through"
    except OSError as error:
        value = f"no connection ({error.strerror or type(error).__name__})"
        advice = "does a broker run there, and is that the port of its listener? Check kafka bootstrap.servers"
    return fail(check, str(address), value, advice)


def _answers(address: Address) -> bool:
    return _connected("", address).status == "ok"


def _trusted(check: str, address: Address, client: Mapping[str, Any]) -> Finding:
    if str(client.get("enable.ssl.certificate.verification", "true")).lower() == "false":
        advice = "anybody may stand in for it: leave enable.ssl.certificate.verification out, and name the CA's file"
        return warn(check, str(address), "its certificate is not looked at", advice)
    try:
        until = certificates.valid_until(address.host, address.port, client)
    except ssl.SSLCertVerificationError as error:
        told = certificates.told(address.host, address.port, error)
        return fail(check, str(address), "its certificate is refused", told)
    except _NO_TLS:
        return _no_tls(check, address, client)
    except ssl.SSLError as error:
        if error.reason == "WRONG_VERSION_NUMBER":
            return _no_tls(check, address, client)
        # It may want a certificate of ours, which librdkafka shows it and says more about.
        return warn(check, str(address), f"the handshake ended early ({error.reason})", "the login below says more")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        return fail(check, str(address), f"no handshake ({why})", "check ssl.ca.location, and that a broker runs there")
    if until - datetime.now(UTC) < SOON:
        return warn(check, str(address), f"its certificate ends {until:%Y-%m-%d}", "renew it before then")
    return ok(check, str(address), f"its certificate is good until {until:%Y-%m-%d}")


def _no_tls(check: str, address: Address, client: Mapping[str, Any]) -> Finding:
    advice = f"security.protocol is {_protocol(client)}: name the port of a listener with TLS, or another protocol"
    return fail(check, str(address), "it speaks no TLS", advice)


def _advertised(address: Address, client: Mapping[str, Any]) -> Finding:
    steps = [_resolved, _connected]
    for step in steps:
        if (found := step("brokers", address)).status == "fail":
            advice = (
                f"the brokers send their clients there: set advertised.listeners to what this machine reaches, or let "
                f"it reach {address}"
            )
            return fail("brokers", str(address), found.value, advice)
    return _trusted("brokers", address, client) if has_tls(client) else found


def _one_is_enough(found: list[Finding]) -> Iterator[Finding]:
    some = any(each.status != "fail" for each in found)
    for each in found:
        yield warn(each.check, each.what, each.value, each.advice) if some and each.status == "fail" else each

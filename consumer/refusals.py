"""Why Kafka did not let this client in, in words that say what to do."""

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from confluent_kafka import KafkaError, KafkaException

from consumer import certificates
from consumer.admin import admin_client
from consumer.errors import SurroundingsError

log = structlog.get_logger()

REFUSED_S = 30.0  # a broker that has just started may not know every user yet
ANSWER_S = 3.0  # of a new client's question

# The alerts of TLS (RFC 8446) by which a broker refuses ours.
_ALERTS = {
    40: "it found no way to agree, most often for want of a certificate",
    42: "it calls it bad",
    43: "it takes no such kind",
    44: "it was revoked",
    45: "it has expired: renew it",
    46: "it does not accept it",
    48: "it does not know the CA that signed it",
    49: "it denies access",
    116: "it wants one, and none is set",
}
_ABOUT_US = "|".join(map(str, _ALERTS))
_REFUSAL = re.compile(
    rf"_AUTHENTICATION(?!.*Failed to acquire)|certificate verify failed|SSL alert number ({_ABOUT_US})\b"
)


class Doorkeeper:
    """Whether Kafka still lets us in: a password or a certificate can end meanwhile, and librdkafka asks for ever."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """`config` is a librdkafka client's."""
        self._config = config
        self._since: float | None = None

    def told(self, error: KafkaError) -> None:
        """librdkafka's error_cb, of any client."""
        if self._since is None and is_refusal(f"{error.name()}: {error.str()}"):
            self._since = time.monotonic()
            log.warning("refused", error=error.name())

    def check(self) -> None:
        """
        Raises SurroundingsError when a broker refused us REFUSED_S ago, and refuses a new client too.

        What let one in again, or answers by another broker, was passing.
        """
        if self._since is None or time.monotonic() - self._since < REFUSED_S:
            return
        self._since = None
        told: list[str] = []
        admin = admin_client(self._config, error_cb=lambda error: told.append(f"{error.name()}: {error.str()}"))
        try:
            admin.list_topics(timeout=ANSWER_S)
        except KafkaException:
            admin.poll(0)
            if any(map(is_refusal, told)) and (reason := why(told, self._config)):
                raise SurroundingsError(f"{reason}. Then start again") from None


def is_refusal(words: str) -> bool:
    """Whether an error of librdkafka's says that a broker is there, and does not want us: no waiting helps."""
    return bool(_REFUSAL.search(words))


def why(told: Sequence[str], config: Mapping[str, Any]) -> str | None:
    """
    What refused the connection, from librdkafka's `told` errors; None when nothing did, and brokers are just away.

    `config` is the client's. A broker whose certificate is refused is asked once more, for the reason.
    """
    words = "\n".join(told)
    if "Failed to acquire" in words:
        return "no OAUTHBEARER token was to be had: check sasl.oauthbearer.* and that the identity provider answers"
    if "_AUTHENTICATION" in words:
        return _login(words, config)
    if "certificate verify failed" in words:
        return certificates.reason(words, config)
    if alert := re.search(r"SSL alert number (\d+)", words):
        reason = _ALERTS.get(int(alert[1]))
        if reason is None:
            return f"the broker ends the TLS handshake with alert {alert[1]}: its log says why"
        return (
            f"the broker refuses this client's certificate ({reason}): check ssl.certificate.location, "
            "ssl.key.location and what the broker's truststore holds"
        )
    if "PLAINTEXT broker listener?" in words:
        protocol = config.get("security.protocol", "plaintext")
        return (
            f"the broker does not seem to speak TLS there: security.protocol is {protocol}, and its listener's another"
        )
    if "_SSL" in words:
        return f"TLS failed ({_line(words, '_SSL')}): check security.protocol and the ssl.* options"
    return None


def _login(words: str, config: Mapping[str, Any]) -> str:
    mechanism = config.get("sasl.mechanism") or config.get("sasl.mechanisms") or "GSSAPI"
    user = config.get("sasl.username")
    whose = f" of {user!r}" if user else ""
    return (
        f"Kafka refuses the login{whose} by {mechanism} ({_reason(words)}): check sasl.username, sasl.password and "
        "sasl.mechanism, and that Kafka knows the user"
    )


def _reason(words: str) -> str:
    """The broker's own, without addresses and times."""
    found = re.search(r"authentication error: (?:.*?: )?([^(\n]+)", words) or re.search(r"failed: ([^(\n]+)", words)
    return found[1].strip() if found else "no reason given"


def _line(words: str, code: str) -> str:
    found = re.search(rf"{code}: (?:\S+://\S+: )?([^(\n]+)", words)
    return found[1].strip() if found else code

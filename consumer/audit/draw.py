"""
Which messages are marked for people to check, and with which probability each was.

A draw depends on where a record stands in Kafka, its urgency and the settings, and on nothing else: what is read again
after a rewind, a restart or in a replay is marked as it was. So recall can be estimated without bias (Horvitz and
Thompson 1952): whoever was marked speaks for 1 / probability messages.
"""

from dataclasses import replace
from hashlib import blake2b
from math import sqrt

from consumer.answer import Mark
from consumer.errors import SettingsError
from consumer.records import Decision, Record
from consumer.settings import Audit

# A double holds 53 bits: with all 64, the largest number would round to 1, which no probability is above.
BITS, DROPPED_BITS = 53, 11


def unmarked(_record: Record, decision: Decision) -> Decision:
    return decision


def marking(settings: Audit) -> Mark:
    """A decision with its `audit`; as it was where the share is 0. Raises SettingsError for a share without a key."""
    if settings.share == 0:
        return unmarked
    require_key(settings)
    assert settings.key is not None
    key = blake2b(settings.key.encode()).digest()  # of whatever length; blake2b itself takes 64 bytes

    def mark(record: Record, decision: Decision) -> Decision:
        likely = probability(settings, decision.urgency, decision.threshold, urgent=decision.urgent)
        return replace(decision, audit=likely) if drawn(key, record) < likely else decision

    return mark


def require_key(settings: Audit) -> None:
    """Not asked of settings that nothing is marked by: who reads the marks needs no secret. Raises SettingsError."""
    if settings.share > 0 and settings.key is None:
        raise SettingsError(
            f"audit.share is {settings.share:g} and audit.key is not set: set SHIKYU_AUDIT_KEY to what "
            "`openssl rand -hex 32` says, the same for every consumer and for good"
        )


def probability(settings: Audit, urgency: float, threshold: float, *, urgent: bool) -> float:
    """
    In (0, 1]: `share` of urgent messages; of routine ones it rises to `share_at_threshold` by √(urgency / threshold).

    For the same work the error is least where the probability goes with the root of how likely a message was missed
    (Neyman 1934), which urgency tells. `share` is there for what the model does not know it misses.
    """
    if urgent:
        return settings.share
    nearness = 1.0 if urgency >= threshold else urgency / threshold
    return settings.share + max(0.0, settings.share_at_threshold - settings.share) * sqrt(nearness)


def drawn(key: bytes, record: Record) -> float:
    """In [0, 1), evenly spread and the same for the same coordinates."""
    place = f"{record.topic}/{record.partition}/{record.offset}".encode()  # a topic's name has no slash
    number = int.from_bytes(blake2b(place, key=key, digest_size=8).digest())
    return float((number >> DROPPED_BITS) / 2**BITS)

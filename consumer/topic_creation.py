"""Creates the topics that are missing, when somebody asks for it; `shikyu run` never does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.cimpl import NewTopic

from consumer.admin import admin_client
from consumer.errors import SettingsError, ShikyuError, SurroundingsError
from consumer.settings import Settings
from consumer.topic_configs import ROOM_FOR_REASONS_BYTES

Fate = Literal["created", "would create", "exists", "refused"]

ANSWER_S = 30.0
BROKERS_DEFAULT = -1  # as a replication factor (KIP-464)
KAFKAS_MAX_MESSAGE_BYTES = 1_048_588
_FORBIDDEN = {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED}


@dataclass(frozen=True, slots=True)
class Wanted:
    topic: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    wanted: Wanted
    fate: Fate
    error: KafkaError | None = None


def needed(settings: Settings, *, inputs: bool) -> list[str]:
    """What these settings need; of the inputs, if they are asked for, those that are named and no pattern."""
    named = [topic for topic in settings.input.topics if inputs and not topic.startswith("^")]
    outputs = (settings.output.urgent, settings.output.routine, settings.dead_letters.topic)
    return list(dict.fromkeys((*named, *outputs)))


def co_partitioned(inputs: Mapping[str, int]) -> int:
    """
    As many partitions as the input topics have, so that outputs stand in partitions of the same number.

    Raises SettingsError when there is no such number.
    """
    counts = set(inputs.values())
    if len(counts) == 1:
        return counts.pop()
    why = (
        f"the input topics differ in theirs ({', '.join(f'{topic}: {n}' for topic, n in sorted(inputs.items()))})"
        if counts
        else "no topic of input.topics is there to take the number from"
    )
    raise SettingsError(f"how many partitions the topics shall have is not known, for {why}: give --partitions")


def wanted(settings: Settings, names: Sequence[str], partitions: int, dead_letter_bytes: int | None) -> list[Wanted]:
    """`dead_letter_bytes` is None where nothing is known of the inputs, which then are as large as Kafka's default."""
    room = dead_letter_bytes or KAFKAS_MAX_MESSAGE_BYTES + ROOM_FOR_REASONS_BYTES
    roomy = {"max.message.bytes": str(room)}
    return [Wanted(name, partitions, roomy if name == settings.dead_letters.topic else {}) for name in names]


def create(
    config: Mapping[str, Any], missing: Sequence[Wanted], replication_factor: int, *, dry_run: bool
) -> list[Outcome]:
    """Asks Kafka for each; with `dry_run` Kafka only says whether it would."""
    if not missing:
        return []
    admin = admin_client(config)
    new = [NewTopic(each.topic, each.partitions, replication_factor, config=dict(each.config)) for each in missing]
    asked = admin.create_topics(new, validate_only=dry_run, request_timeout=ANSWER_S)
    done: Fate = "would create" if dry_run else "created"
    return [_outcome(each, done, _error(asked[each.topic])) for each in missing]


def refusal(outcomes: Sequence[Outcome], replication_factor: int) -> ShikyuError | None:
    """What to tell of the topics that Kafka refused; those that it refused for another reason come the next time."""
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    if not errors:
        return None
    error = errors[0]
    code = error.code()
    which = ", ".join(each.wanted.topic for each in outcomes if each.error is not None and each.error.code() == code)
    if code in _FORBIDDEN:
        return SurroundingsError(
            f"Kafka does not let this client create {which} ({error.name()}): grant CREATE on these topics or on the "
            "cluster, or have them created by somebody who may"
        )
    if code == KafkaError.INVALID_REPLICATION_FACTOR:
        asked = "the brokers' default" if replication_factor == BROKERS_DEFAULT else replication_factor
        return SettingsError(
            f"Kafka can't create {which} with a replication factor of {asked} ({error.str()}): give another "
            "--replication-factor"
        )
    return SurroundingsError(f"Kafka did not create {which} ({error.name()}: {error.str()})")


def _outcome(each: Wanted, done: Fate, error: KafkaError | None) -> Outcome:
    if error is None:
        return Outcome(each, done)
    if error.code() == KafkaError.TOPIC_ALREADY_EXISTS:
        return Outcome(each, "exists")
    return Outcome(each, "refused", error)


def _error(asked: Any) -> KafkaError | None:
    try:
        asked.result()
    except KafkaException as problem:
        return cast("KafkaError", problem.args[0])
    return None

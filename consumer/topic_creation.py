"""Creates the topics that are missing, when somebody asks for it; `shikyu run` never does."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from consumer.admin import admin_client
from consumer.errors import SettingsError, ShikyuError, SurroundingsError
from consumer.settings import Settings
from consumer.topics import missing

ANSWER_S = 30.0
LISTED_S = 10.0  # the controller answers before the brokers know
RETRY_S = 0.1
# Kept for ever, for they are few and what models learn from; and timed by the broker, for a burst is told by the time.
CORRECTIONS = {"cleanup.policy": "delete", "message.timestamp.type": "LogAppendTime", "retention.ms": "-1"}
BROKERS_DEFAULT = -1  # as a replication factor (KIP-464)
_FORBIDDEN = {KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What Kafka said to a new topic; no error is that it was created or, with a dry run, would be."""

    new: NewTopic
    error: KafkaError | None = None

    @property
    def exists(self) -> bool:
        """Somebody else was faster."""
        return self.error is not None and bool(self.error.code() == KafkaError.TOPIC_ALREADY_EXISTS)


def topic_names(settings: Settings, *, inputs: bool, corrections: bool = False) -> list[str]:
    """What these settings need; of the inputs, if they are asked for, those that are named and no pattern."""
    named = [topic for topic in settings.input.topics if inputs and not topic.startswith("^")]
    outputs = (settings.output.urgent, settings.output.routine, settings.dead_letters.topic)
    further = (*settings.shadow.topics, *((settings.corrections.topic,) if corrections else ()))
    return list(dict.fromkeys((*named, *outputs, *further)))


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


def not_co_partitioned(output: str, inputs: Sequence[str], counts: Mapping[str, int]) -> str | None:
    """How an output's number of partitions is not an input's; None when it is each one's."""
    others = [topic for topic in inputs if counts[topic] != counts[output]]
    if not others:
        return None
    return (
        f"{counts[output]} partitions where the input topic {others[0]} has {counts[others[0]]}, so that a key's "
        "answers stand in partitions of another number"
    )


def new_topics(
    settings: Settings, names: Sequence[str], partitions: int, replication_factor: int, dead_letter_bytes: int
) -> list[NewTopic]:
    """The dead-letter topic gets room for `dead_letter_bytes`, the others what the brokers' defaults say."""
    own = {
        settings.dead_letters.topic: {"max.message.bytes": str(dead_letter_bytes)},
        settings.corrections.topic: CORRECTIONS,
    }
    return [NewTopic(name, partitions, replication_factor, config=own.get(name, {})) for name in names]


def create(config: Mapping[str, Any], new: Sequence[NewTopic], *, dry_run: bool) -> list[Outcome]:
    """
    Asks Kafka for each of `new`, which are not none; with `dry_run` Kafka only says whether it would.

    Returns when those that were created are listed, or after LISTED_S: the next command looks for them at once.
    """
    admin = admin_client(config)  # kept until all is answered: with it go its questions
    asked = admin.create_topics(list(new), validate_only=dry_run, request_timeout=ANSWER_S)
    outcomes = [Outcome(each, _error(asked[each.topic])) for each in new]
    if not dry_run:
        _until_listed(admin, [each.new.topic for each in outcomes if each.error is None])
    return outcomes


def refusal(outcomes: Sequence[Outcome]) -> ShikyuError | None:
    """What to tell of the topics that Kafka refused; those that it refused for another reason come the next time."""
    errors = {each.new.topic: each.error for each in outcomes if each.error is not None and not each.exists}
    if not errors:
        return None
    error = next(iter(errors.values()))
    code = error.code()
    which = ", ".join(topic for topic, each in errors.items() if each.code() == code)
    if code in _FORBIDDEN:
        return SurroundingsError(
            f"Kafka does not let this client create {which} ({error.name()}): grant CREATE on these topics or on the "
            "cluster, or have them created by somebody who may"
        )
    if code == KafkaError.INVALID_REPLICATION_FACTOR:
        factor = outcomes[0].new.replication_factor
        asked = "the brokers' default" if factor == BROKERS_DEFAULT else factor
        return SettingsError(
            f"Kafka can't create {which} with a replication factor of {asked} ({error.str()}): give another "
            "--replication-factor"
        )
    return SurroundingsError(f"Kafka did not create {which} ({error.name()}: {error.str()})")


def _until_listed(admin: AdminClient, created: Sequence[str]) -> None:
    until = time.monotonic() + LISTED_S
    with suppress(KafkaException):  # they are created all the same
        while missing(admin.list_topics(timeout=LISTED_S), created) and time.monotonic() < until:
            time.sleep(RETRY_S)


def _error(asked: Any) -> KafkaError | None:
    try:
        asked.result()
    except KafkaException as problem:
        return cast("KafkaError", problem.args[0])
    return None

"""librdkafka's options: what delivery needs, what the user adds, and what would break the promise."""

from collections.abc import Iterator, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaException, Producer

from consumer import librdkafka
from consumer.errors import SettingsError
from consumer.names import Problem, nearest
from consumer.redaction import redact
from consumer.settings import DEFAULT_BOOTSTRAP_SERVERS, Kafka, Settings

ADDRESSES = ("bootstrap.servers", "metadata.broker.list")

# Each would quietly undo a promise, so each is refused with its reason.
OWNED: Mapping[str, str] = {
    "group.id": "it is delivery.group_id",
    "transactional.id": "it is made of delivery.application, delivery.group_id and delivery.slot",
    "transaction.timeout.ms": "it is delivery.transaction_timeout_s",
    "enable.auto.commit": "offsets are committed with the outputs, or not at all",
    "auto.commit.enable": "offsets are committed with the outputs, or not at all",
    "auto.commit.interval.ms": "offsets are committed with the outputs, or not at all",
    "enable.auto.offset.store": "offsets are committed with the outputs, or not at all",
    "isolation.level": "only committed records are read, or an aborted one would be answered",
    "enable.partition.eof": "the service reads without end",
    "acks": "an output counts as written when all in-sync replicas have it",
    "request.required.acks": "an output counts as written when all in-sync replicas have it",
    "enable.idempotence": "a retried output must not be written twice",
    "partitioner": "it is murmur2_random, Java's, so that outputs are co-partitioned with the input",
    "metadata.recovery.strategy": "with any other but none, committing can hang for good (librdkafka#5456)",
    "allow.auto.create.topics": "a misspelt topic would come into being instead of being refused",
    "logger": "librdkafka's log goes into shikyu's own",
    "on_commit": "it takes a function, which no setting can be",
    "on_delivery": "it takes a function, which no setting can be",
    "default.topic.config": "its options are written as consumer or producer options",
}

# KIP-848's brokers own these, and its static members are not let back in after a kill (DELIVERY.md).
REFUSED_BY_NEW_PROTOCOL = (
    "partition.assignment.strategy",
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "group.instance.id",
)

# Not Kafka's five minutes: for so long a group may wait for members that a broker's death has left in it.
MAX_POLL_INTERVAL_MS = 120_000
WINDOWS_PER_POLL_INTERVAL = 4
LARGEST_MESSAGE_BYTES = 1_000_000_000  # librdkafka's own limit


def consumer_config(settings: Settings) -> dict[str, Any]:
    """The consumer's whole configuration, callbacks and logger apart."""
    window_kib = settings.batching.max_window_bytes // 1024
    given = {**_for(settings.kafka, "consumer"), **settings.kafka.consumer}
    classic = given.get("group.protocol", "classic") == "classic"
    return {
        "client.id": settings.delivery.application,
        "auto.offset.reset": "earliest",
        "max.poll.interval.ms": max(MAX_POLL_INTERVAL_MS, _least_poll_interval_ms(settings)),
        # What is prefetched is thrown away by every rewind: one window ahead is enough.
        "queued.max.messages.kbytes": max(1024, window_kib),
        "fetch.wait.max.ms": 100,
        "topic.metadata.refresh.interval.ms": 30_000,  # added partitions are found within it
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 500,
        "statistics.interval.ms": 5_000,  # consumer/statistics.py reads them
        **({"partition.assignment.strategy": "cooperative-sticky"} if classic else {}),
        **given,
        "group.id": settings.delivery.group_id,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "isolation.level": "read_committed",
        "allow.auto.create.topics": False,
    }


def producer_config(settings: Settings, transactional_id: str | None) -> dict[str, Any]:
    """The producer's whole configuration; None as `transactional_id` is at-least-once's."""
    transactional: dict[str, Any] = {}
    if transactional_id is not None:
        transactional = {
            "transactional.id": transactional_id,
            "transaction.timeout.ms": round(settings.delivery.transaction_timeout_s * 1000),
        }
    return {
        "client.id": settings.delivery.application,
        "linger.ms": 2,
        # Only the broker judges a record's size: a dead letter is as large as what came, and what came may have been
        # far larger than max_value_bytes, or small on the wire because it was compressed.
        "message.max.bytes": LARGEST_MESSAGE_BYTES,
        "compression.type": "lz4",
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 500,
        "statistics.interval.ms": 0,
        **_for(settings.kafka, "producer"),
        **settings.kafka.producer,
        "acks": "all",
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
        "metadata.recovery.strategy": "none",
        **transactional,
    }


def transactional_id(settings: Settings, slot: str) -> str:
    return f"{settings.delivery.application}-{settings.delivery.group_id}-{slot}"


def client_config(settings: Settings) -> dict[str, Any]:
    """Of the producer's configuration what any client has: a login may stand under [kafka.producer] too."""
    scopes = librdkafka.properties()
    configuration = producer_config(settings, None)
    return {name: value for name, value in configuration.items() if scopes.get(name, "both") == "both"}


def servers(config: Mapping[str, Any]) -> object:
    """The address to show of a client with this configuration: without a password that may stand in it."""
    addresses = (config[name] for name in ADDRESSES if config.get(name))
    return redact("bootstrap.servers", next(addresses, DEFAULT_BOOTSTRAP_SERVERS))


def problems(settings: Settings) -> list[Problem]:
    """What is wrong with the options by name, and with those that shikyu's own settings depend on."""
    kafka = settings.kafka
    rooms = {"kafka.options": kafka.options, "kafka.consumer": kafka.consumer, "kafka.producer": kafka.producer}
    found = [problem for room, options in rooms.items() for name in options for problem in _named(room, name)]
    found += [problem for room, options in rooms.items() for problem in _logins_in_addresses(room, options)]
    return found + list(_group_problems(settings)) + list(_poll_interval_problems(settings))


def verify(settings: Settings) -> None:
    """
    Let librdkafka itself judge every value, without connecting to anything.

    Raises SettingsError in librdkafka's words.
    """
    clients = ((Consumer, consumer_config(settings)), (Producer, producer_config(settings, "lint")))
    for client, config in clients:
        offline = {k: v for k, v in config.items() if k not in ADDRESSES}
        try:
            # Its warning that no broker is configured is meant, and a file that is missing is told below.
            made = client({**offline, "log_level": 0})
        except KafkaException as error:
            raise SettingsError(
                f"librdkafka refuses the {client.__name__.lower()}'s options: {_words(error)}"
            ) from error
        except (TypeError, ValueError) as error:
            raise SettingsError(f"an option of the {client.__name__.lower()} has a wrong type: {error}") from error
        if isinstance(made, Consumer):
            made.close()


def _words(error: KafkaException) -> str:
    return str(error.args[0].str()) if error.args else "no reason given"


def _for(kafka: Kafka, client: librdkafka.Scope) -> dict[str, str]:
    # An option in the common section that only the other client has would make librdkafka warn at each start.
    scopes = librdkafka.properties()
    return {name: value for name, value in kafka.options.items() if scopes.get(name, "both") in {"both", client}}


def _logins_in_addresses(room: str, options: Mapping[str, str]) -> Iterator[Problem]:
    for name in ADDRESSES:
        if "@" in str(options.get(name, "")):
            # librdkafka takes the part before the @ for the host's, and tells it in each of its log lines.
            yield Problem(f"{room}.{name}", "holds an @: Kafka's addresses have no login; set sasl.username and others")


def _named(room: str, name: str) -> Iterator[Problem]:
    path = f"{room}.{name}"
    known = librdkafka.properties()
    if name in OWNED:
        yield Problem(path, f"is shikyu's own to set: {OWNED[name]}; leave it out")
    elif known and name not in known:
        yield Problem(path, f"is no librdkafka property{nearest(name, known)}")
    elif room != "kafka.options" and known.get(name, "both") not in {"both", room.removeprefix("kafka.")}:
        yield Problem(path, f"is a property of the {known[name]}; set it under kafka.{known[name]}")


def _given(settings: Settings, name: str) -> tuple[str, str] | None:
    """The consumer's value of an option that the user set, and where; its own section beats the common one."""
    for room, options in (("kafka.consumer", settings.kafka.consumer), ("kafka.options", settings.kafka.options)):
        if name in options:
            return f"{room}.{name}", options[name]
    return None


def _group_problems(settings: Settings) -> Iterator[Problem]:
    protocol = _given(settings, "group.protocol")
    if protocol is None or protocol[1] != "consumer":
        return
    for name in REFUSED_BY_NEW_PROTOCOL:
        given = _given(settings, name)
        if given is not None:
            reason = (
                "such a member is not let back in after a kill" if name == "group.instance.id" else "the broker sets it"
            )
            yield Problem(given[0], f"does not go with group.protocol=consumer ({reason}); leave one of the two out")


def _least_poll_interval_ms(settings: Settings) -> int:
    return round(WINDOWS_PER_POLL_INTERVAL * settings.batching.max_window_s * 1000)


def _poll_interval_problems(settings: Settings) -> Iterator[Problem]:
    given = _given(settings, "max.poll.interval.ms")
    if given is None:
        return
    path, value = given
    least = _least_poll_interval_ms(settings)
    if not value.isdecimal() or int(value) < least:
        yield Problem(
            path,
            f"is {redact(path, value)}, but must be {least} or more: {WINDOWS_PER_POLL_INTERVAL} times "
            f"batching.max_window_s ({settings.batching.max_window_s:g} s), or a slow window loses its partitions",
        )

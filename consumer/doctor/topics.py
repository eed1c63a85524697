"""The topics: whether they are there, kept safe enough to be written, and set as delivery needs them."""

from collections.abc import Collection, Iterator, Mapping

from confluent_kafka.admin._metadata import TopicMetadata

from consumer import topic_configs
from consumer.doctor.findings import Finding, fail, ok, skipped, warn
from consumer.doctor.seen import Seen
from consumer.errors import SurroundingsError
from consumer.kafka_options import producer_config, servers
from consumer.topic_configs import TopicConfig
from consumer.topic_creation import not_co_partitioned
from consumer.topics import how_to_create

WRONG = {
    "dead-letter-topic-too-small": "its max.message.bytes has no room for the largest dead letter",
    "output-topic-compacted": "its cleanup.policy is compact",
}


def presence(seen: Seen) -> Iterator[Finding]:
    if not seen.named_inputs:
        advice = "its topics may come; is the pattern right?"
        yield warn("topics", seen.settings.input.topics[0], "the pattern matches no topic", advice)
    for topic in dict.fromkeys((*seen.named_inputs, *seen.outputs)):
        if seen.is_there(topic):
            yield _kept(topic, seen.listing.topics[topic])
        else:
            options = " --inputs" * (topic in seen.named_inputs)
            advice = how_to_create([topic], str(servers(seen.client)), options)
            yield fail("topics", topic, "missing, or not to be seen", advice)


def settings(seen: Seen) -> Iterator[Finding]:
    """Those that Kafka tells (DESCRIBE_CONFIGS), against what delivery needs."""
    there = [topic for topic in dict.fromkeys((*seen.inputs, *seen.outputs)) if seen.is_there(topic)]
    seen.configs = topic_configs.read(seen.client, there)
    counts = {name: len(topic.partitions) for name, topic in seen.listing.topics.items()}
    for topic in there:
        if topic not in seen.configs:
            yield skipped(
                "topic-settings", topic, "Kafka does not tell them: grant DESCRIBE_CONFIGS to have them looked at"
            )
    replicas = {topic: _fewest_replicas(seen.listing.topics[topic]) for topic in there}
    found = [
        *_unsafe(seen, replicas),
        *_misfits(seen.inputs, seen.settings.dead_letters.topic, seen.configs),
        *_too_small(seen),
        *_no_record(seen),
        *_other_numbers(seen, there, counts),
    ]
    yield from found
    worse = {each.what for each in found}
    for topic in there:
        if topic in seen.configs and topic not in worse:
            yield ok("topic-settings", topic, _as_set(seen.configs[topic]))


def _kept(name: str, topic: TopicMetadata) -> Finding:
    partitions = topic.partitions.values()
    without = [each.id for each in partitions if each.leader < 0]
    if without:
        advice = f"partitions {_listed(without)} can be neither read nor written: which of their brokers is down?"
        return fail("topics", name, f"{len(without)} of {len(partitions)} partitions have no leader", advice)
    behind = [each.id for each in partitions if len(each.isrs) < len(each.replicas)]
    value = f"{len(partitions)} partition{'' if len(partitions) == 1 else 's'}, replication {_fewest_replicas(topic)}"
    if behind:
        advice = f"replicas of partitions {_listed(behind)} are behind: is a broker down, or a disk full?"
        return warn("topics", name, f"{value}, {len(behind)} under-replicated", advice)
    return ok("topics", name, value)


def _unsafe(seen: Seen, replicas: Mapping[str, int]) -> Iterator[Finding]:
    """Each record is acknowledged by all in-sync replicas, and refused where there are too few."""
    for topic in seen.outputs:
        least = seen.configs[topic].min_insync_replicas if topic in seen.configs else None
        if least is None:
            continue
        in_sync = min((len(each.isrs) for each in seen.listing.topics[topic].partitions.values()), default=least)
        if replicas[topic] < least:
            advice = (
                f"Kafka refuses every record (NOT_ENOUGH_REPLICAS): give the topic {least} replicas "
                f"(kafka-reassign-partitions.sh), or set its min.insync.replicas to {replicas[topic]}"
            )
            value = f"replication {replicas[topic]} is below min.insync.replicas = {least}"
            yield fail("topic-settings", topic, value, advice)
        elif in_sync < least:
            advice = (
                "Kafka refuses records (NOT_ENOUGH_REPLICAS) until more replicas are in sync: which broker is down?"
            )
            value = f"{in_sync} in sync is below min.insync.replicas = {least}"
            yield fail("topic-settings", topic, value, advice)


def _misfits(inputs: Collection[str], dead_letters: str, known: Mapping[str, TopicConfig]) -> Iterator[Finding]:
    for each in topic_configs.misfits(inputs, dead_letters, known):
        value = f"{WRONG[each.event]} ({_as_set(known[each.topic])})"
        if each.event == "dead-letter-topic-too-small" and not each.is_default:
            yield fail("topic-settings", each.topic, value, each.advice)
        else:
            yield warn("topic-settings", each.topic, value, each.advice)


def _too_small(seen: Seen) -> Iterator[Finding]:
    """An answer holds its message."""
    most = max((seen.configs[topic].max_message_bytes for topic in seen.inputs if topic in seen.configs), default=0)
    for topic in dict.fromkeys((seen.settings.output.urgent, seen.settings.output.routine)):
        if topic in seen.configs and 0 < seen.configs[topic].max_message_bytes < most:
            advice = (
                f"answers to the largest messages are refused, and dead-lettered: set its max.message.bytes to {most} "
                "or more, as the input has it"
            )
            value = f"its max.message.bytes is below the input's ({_as_set(seen.configs[topic])})"
            yield warn("topic-settings", topic, value, advice)


def _no_record(seen: Seen) -> Iterator[Finding]:
    for topic in seen.outputs:
        if topic in seen.configs:
            try:
                topic_configs.fitted(producer_config(seen.settings, None), {topic: seen.configs[topic]})
            except SurroundingsError as error:
                yield fail("topic-settings", topic, _as_set(seen.configs[topic]), error)


def _other_numbers(seen: Seen, there: Collection[str], counts: Mapping[str, int]) -> Iterator[Finding]:
    for topic in dict.fromkeys((seen.settings.output.urgent, seen.settings.output.routine)):
        if topic in there and (words := not_co_partitioned(topic, seen.inputs, counts)):
            advice = "if whoever reads them counts on that, create the topic anew with as many as the input has"
            yield warn("topic-settings", topic, words, advice)


def _fewest_replicas(topic: TopicMetadata) -> int:
    return min((len(each.replicas) for each in topic.partitions.values()), default=0)


def _as_set(config: TopicConfig) -> str:
    told = {
        "max.message.bytes": config.max_message_bytes,
        "cleanup.policy": "compact" if config.compacted else "delete",
    }
    if config.min_insync_replicas is not None:
        told["min.insync.replicas"] = config.min_insync_replicas
    return ", ".join(f"{name}={value}" for name, value in told.items())


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers[:10])) + (" …" if len(numbers) > 10 else "")

"""What Kafka lets this client do: each right by itself, asked by what changes nothing."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin._acl import AclOperation

from consumer import surroundings
from consumer.admin import admin_client
from consumer.doctor.findings import Finding, fail, ok, skipped, warn
from consumer.doctor.seen import Seen
from consumer.kafka_options import producer_config, transactional_id
from consumer.slot import likely

ANSWER_S = 5.0
# Longer than brokers let a transaction last (transaction.max.timeout.ms): they refuse it once they have looked at who
# asks, and before they take any note of the id.
TOO_LONG_MS = 2**31 - 1
OURS = "doctor"  # nobody's slot


def topics(seen: Seen) -> Iterator[Finding]:
    needed = {**dict.fromkeys(seen.outputs, AclOperation.WRITE), **dict.fromkeys(seen.named_inputs, AclOperation.READ)}
    for topic, may in surroundings.rights(seen.client, needed).items():
        what = f"{needed[topic].name} on topic {topic}"
        if may is False:
            yield _forbidden(seen, what, f"--operation {needed[topic].name} --topic {topic}")
        elif may or seen.is_there(topic):
            yield ok("acl", what, "granted" if may else "not told by Kafka, and not refused")
        else:
            yield skipped("acl", what, "because the topic is not there")


def group(seen: Seen) -> Iterator[Finding]:
    name = seen.settings.delivery.group_id
    what = f"READ on group {name}"
    admin = admin_client(seen.client)  # kept until all is answered: with it go its questions
    asked = admin.describe_consumer_groups([name], include_authorized_operations=True, request_timeout=ANSWER_S)
    try:
        allowed = asked[name].result().authorized_operations or ()
    except KafkaException as problem:
        code = problem.args[0].code()
        if code == KafkaError.GROUP_AUTHORIZATION_FAILED:
            yield _forbidden(seen, what, f"--operation READ --group {name}")
        elif code == KafkaError.GROUP_ID_NOT_FOUND:
            yield ok("acl", what, "not refused; there is no such group yet")
        else:
            yield warn("acl", what, f"Kafka does not tell ({problem.args[0].name()})", "ask again; are all brokers up?")
        return
    if AclOperation.DESCRIBE in allowed and AclOperation.READ not in allowed:
        yield _forbidden(seen, what, f"--operation READ --group {name}")
    else:
        yield ok("acl", what, "granted" if allowed else "not told by Kafka, and not refused")


def transactions(seen: Seen) -> Iterator[Finding]:
    """
    By an id of our own, for the live one's owner must not notice; where ids are granted one by one, by the live one's.

    That only while nobody is in the group: should a broker let transactions last for ever, asking would fence him.
    """
    delivery = seen.settings.delivery
    if delivery.guarantee == "at-least-once":
        yield skipped("acl", "transactional id", "delivery.guarantee is at-least-once, which needs none")
        return
    prefix = transactional_id(seen.settings, "")
    what = f"WRITE on transactional ids {prefix}*"
    may, words = _may_begin(seen, OURS)
    if may is False and _is_empty(seen.client, delivery.group_id):
        slot = likely(delivery.slot)
        what = f"WRITE on transactional id {transactional_id(seen.settings, slot)}"
        may, words = _may_begin(seen, slot)
    elif may is False:
        advice = (
            "the group has members, whose ids are not asked about: where ids are granted one by one, see that each "
            f"is; else grant WRITE on {prefix} (prefixed)"
        )
        yield warn("acl", what, f"not granted to {transactional_id(seen.settings, OURS)}", advice)
        return
    if may is False:
        yield _forbidden(seen, what, f"--operation WRITE --transactional-id {prefix} --resource-pattern-type prefixed")
    elif may:
        yield ok("acl", what, "granted")
    else:
        advice = "do all brokers run, and has __transaction_state as many in-sync replicas as they ask for?"
        yield fail("acl", what, f"the transaction coordinator does not answer ({words})", advice)


def _may_begin(seen: Seen, slot: str) -> tuple[bool | None, str]:
    """Whether Kafka would let this producer begin; None, and its words, where it does not say."""
    config = producer_config(seen.settings, transactional_id(seen.settings, slot))
    # What it was asked for kills it, which librdkafka would write to standard error at any log level.
    silent = logging.getLogger("shikyu.doctor")
    silent.disabled = True
    producer = Producer({**config, "transaction.timeout.ms": TOO_LONG_MS, "log_level": 0}, logger=silent)
    try:
        producer.init_transactions(ANSWER_S)
    except KafkaException as problem:
        error = problem.args[0]
        verdicts = {
            KafkaError.INVALID_TRANSACTION_TIMEOUT: True,
            KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED: False,
        }
        return verdicts.get(error.code()), str(error.name())
    return True, ""


def _is_empty(client: Mapping[str, Any], name: str) -> bool:
    """Whether nobody is in the group, for sure."""
    admin = admin_client(client)
    try:
        return not admin.describe_consumer_groups([name], request_timeout=ANSWER_S)[name].result().members
    except KafkaException as problem:
        return bool(problem.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND)


def _forbidden(seen: Seen, what: str, options: str) -> Finding:
    user = seen.client.get("sasl.username") or "NAME"
    how = f"grant it: kafka-acls.sh --add --allow-principal User:{user} {options} (docs/security.md has the whole list)"
    return fail("acl", what, "not granted", how)

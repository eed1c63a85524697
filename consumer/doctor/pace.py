"""Whether the model keeps up with what comes."""

import math
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin._listoffsets import OffsetSpec

from consumer.admin import admin_client
from consumer.at_least_once import PASSING
from consumer.doctor.findings import Finding, fail, ok, skipped, warn
from consumer.doctor.seen import Seen
from consumer.errors import LimitError, SurroundingsError
from consumer.kafka_options import consumer_config
from consumer.quarantine import Place
from consumer.replay.progress import members
from consumer.replay.reader import reader_config

ANSWER_S = 10.0
SPEC: Any = OffsetSpec  # whose makers have no types
GROWTH_S = 3.0  # between two looks at the ends, at least
LONG_S = 3600.0
RETRY_S = 0.2


@dataclass(frozen=True, slots=True)
class Pace:
    """`comes_per_s` are records, transactions' markers among them; `does_per_s` are messages of one consumer."""

    comes_per_s: float
    does_per_s: float
    lag_records: int
    consumers: int
    partitions: int


def ends(seen: Seen) -> Iterator[Finding]:
    """Tells nothing: it is looked at now, for growth to be seen later."""
    if seen.places:
        with suppress(KafkaException):  # `speed` says that it is not known
            seen.note_ends(_offsets(seen.client, seen.places, SPEC.latest()))
    yield from ()


def speed(seen: Seen) -> Iterator[Finding]:
    """Beside what came meanwhile; takes at least GROWTH_S since `ends`."""
    if not seen.ends or not seen.per_s:
        yield skipped("speed", "", "because it is not known how much comes, or how much the model does")
        return
    time.sleep(max(0.0, seen.ends_at + GROWTH_S - time.monotonic()))
    group = seen.settings.delivery.group_id
    try:
        now = _offsets(seen.client, list(seen.ends), SPEC.latest())
        took_s = time.monotonic() - seen.ends_at
        came = sum(max(0, now[place] - end) for place, end in seen.ends.items())
        pace = Pace(came / took_s, seen.per_s, _lag(seen, now), max(1, members(seen.client, group)), len(now))
    except KafkaException as problem:
        value = f"Kafka does not say how far the group is ({problem.args[0].name()})"
        yield warn("speed", f"group {group}", value, "ask again; are all brokers up?")
        return
    except SurroundingsError as error:
        yield warn("speed", f"group {group}", "Kafka does not say who is in it", str(error))
        return
    yield verdict(f"group {group}", pace)


def verdict(what: str, pace: Pace) -> Finding:
    """Consumers are taken to be as fast as this machine was now."""
    does = pace.does_per_s * pace.consumers
    each = f"{pace.consumers} × {pace.does_per_s:,.1f}" if pace.consumers > 1 else f"{pace.does_per_s:,.1f}"
    value = f"{pace.comes_per_s:,.1f} come a second, the model does {each}; {pace.lag_records:,} wait"
    if pace.comes_per_s > does:
        advice = f"the lag grows by {pace.comes_per_s - does:,.1f} a second: {_more(pace, pace.comes_per_s)}"
        return fail("speed", what, value, advice, LimitError)
    if not pace.lag_records:
        return ok("speed", what, value)
    left_s = pace.lag_records / (does - pace.comes_per_s) if does > pace.comes_per_s else math.inf
    if left_s > LONG_S:
        needed = pace.comes_per_s + pace.lag_records / LONG_S
        advice = f"that takes {_time(left_s)} to work off; for an hour: {_more(pace, needed)}"
        return warn("speed", what, value, advice)
    return ok("speed", what, f"{value}, for {_time(left_s)}")


def _more(pace: Pace, needed_per_s: float) -> str:
    consumers = math.ceil(needed_per_s / pace.does_per_s)
    few = f", and give the input more partitions than its {pace.partitions}" if consumers > pace.partitions else ""
    return f"run {consumers} such consumers{few}, or see docs/performance.md"


def _offsets(client: Mapping[str, Any], places: Collection[Place], spec: OffsetSpec) -> dict[Place, int]:
    admin = admin_client(client)  # kept until all is answered: with it go its questions
    asked = admin.list_offsets({TopicPartition(*place): spec for place in places}, request_timeout=ANSWER_S)
    return {(each.topic, each.partition): answer.result().offset for each, answer in asked.items()}


def _lag(seen: Seen, now: Mapping[Place, int]) -> int:
    """From what is committed; where nothing is, from where reading would begin."""
    config = consumer_config(seen.settings)
    consumer = Consumer(reader_config(seen.client, seen.settings.delivery.group_id))
    try:
        answers = _committed(consumer, [TopicPartition(*each) for each in now])
    finally:
        consumer.close()
    for each in answers:
        if each.error is not None:
            raise KafkaException(each.error)
    committed = {(each.topic, each.partition): each.offset for each in answers if each.offset >= 0}
    new = [place for place in now if place not in committed]
    if new and str(config["auto.offset.reset"]) in ("earliest", "smallest", "beginning"):
        committed |= _offsets(seen.client, new, SPEC.earliest())
    return sum(max(0, end - committed.get(place, end)) for place, end in now.items())


def _committed(consumer: Consumer, places: list[TopicPartition]) -> Sequence[TopicPartition]:
    """Again while the group's coordinator is on its way: on a new cluster, it comes into being by being asked for."""
    until = time.monotonic() + ANSWER_S
    while True:
        try:
            answers: Sequence[TopicPartition] = consumer.committed(places, timeout=ANSWER_S)
        except KafkaException as problem:
            if problem.args[0].code() not in PASSING or time.monotonic() > until:
                raise
            time.sleep(RETRY_S)
        else:
            return answers


def _time(seconds: float) -> str:
    if math.isinf(seconds):
        return "for ever"
    return (
        f"{seconds:.0f} s"
        if seconds < 60
        else f"{seconds / 60:.0f} min"
        if seconds < LONG_S
        else f"{seconds / 3600:.1f} h"
    )

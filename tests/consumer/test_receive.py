"""What Kafka delivers becomes a record of ours, whatever stands in its headers."""

from contextlib import closing

import pytest
from confluent_kafka import Consumer, Producer

from consumer import receive
from consumer.kafka_records import HEADERS_DROPPED, record_of
from consumer.quarantine import Quarantine
from consumer.receive import POLL_S, Source
from consumer.records import Record
from consumer.sizing import Limits, Sizer
from consumer.window import Fence, Window, generation_and_member


class Message:
    """As confluent-kafka gives it; `headers` raises as the binding does for a name that is not UTF-8."""

    def __init__(self, headers=()) -> None:
        self._headers = headers

    def topic(self):
        return "in"

    def partition(self):
        return 2

    def offset(self):
        return 7

    def timestamp(self):
        return (1, 1234)

    def key(self):
        return b"k"

    def value(self):
        return b"v"

    def headers(self):
        if self._headers is None:
            b"\xff".decode()
        return list(self._headers)


def test_headers_pass_through_with_duplicates_and_nulls():
    """In their order, byte for byte."""
    headers = (("a", b"1"), ("a", b"\xff"), ("b", None))

    assert record_of(Message(headers)).headers == headers


def test_header_whose_name_is_not_utf8_costs_the_headers_and_not_the_message():
    """The binding gives all headers or none: a partition must not stand still for it."""
    record = record_of(Message(None))

    assert record.value == b"v"
    assert [name for name, _ in record.headers] == [HEADERS_DROPPED]


def test_next_offset_of_each_partition_is_one_past_its_last_record():
    """One less, and the last record is answered again after a restart; one more, and a record is never read."""
    records = [Record("in", partition, offset, 0, b"k", b"v") for partition, offset in [(0, 7), (1, 3), (0, 8), (1, 9)]]

    offsets = Window(records, Fence(None, 0), 0.0).next_offsets()

    assert {(p.topic, p.partition): p.offset for p in offsets} == {("in", 0): 9, ("in", 1): 10}


def test_group_metadata_tells_generation_and_member():
    """Of a member, and of nobody."""
    assert generation_and_member(b"CGMDv2:\x05\x00\x00\x00group\0member\0\0") == (5, "member")
    assert generation_and_member(b"CGMDv2:\xff\xff\xff\xffgroup\0\0\0") == (-1, "")


@pytest.mark.kafka
def test_a_lone_record_waits_for_no_other(cluster, name, monkeypatch):
    """What has arrived is taken with it; what has not, nobody waits for."""
    asked = []

    class Asked(Consumer):
        def poll(self, timeout=-1.0):
            found = super().poll(timeout)
            asked.append((timeout, found is not None))
            return found

    monkeypatch.setattr(receive, "Consumer", Asked)
    cluster.create_topic(name, 1)
    producer = Producer({"bootstrap.servers": cluster.bootstrap_servers})
    producer.produce(name, b"where is my parcel")
    assert producer.flush(30) == 0
    sizer = Sizer(Limits(100, 10**6, 10**6), latency_target_s=1, max_window_s=10, tokens_per_s=10**6, max_tokens=128)
    settings = {"bootstrap.servers": cluster.bootstrap_servers, "group.id": name, "enable.auto.commit": False}

    with closing(Source({**settings, "auto.offset.reset": "earliest"}, Quarantine(100))) as source:
        source.join([name])
        windows = iter(lambda: source.receive(sizer).records, None)
        [record] = next(records for records in windows if records)

    assert record.value == b"where is my parcel"
    assert asked[-2:] == [(POLL_S, True), (0.0, False)]

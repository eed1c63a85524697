"""
A broker that answers with the error of one's choice: the mock cluster inside librdkafka, driven through ctypes.

It knows no fencing, no visibility and no lasting offsets: what delivery promises is tested on the real broker.
"""

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition

# The protocol's numbers of the requests whose replies tests choose.
PRODUCE = 0
OFFSET_COMMIT = 8
INIT_PRODUCER_ID = 22
ADD_PARTITIONS_TO_TXN = 24
ADD_OFFSETS_TO_TXN = 25
END_TXN = 26
TXN_OFFSET_COMMIT = 28

_POINTER, _NUMBER, _TEXT = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
_KAFKA_PRODUCER = 0


def _library() -> ctypes.CDLL:
    package = Path(find_spec("confluent_kafka").origin).parent
    bundled = sorted(package.parent.glob("confluent_kafka.libs/librdkafka*")) or sorted(
        package.glob(".dylibs/*rdkafka*")
    )
    return ctypes.CDLL(str(bundled[0]))


class Connected(Producer):
    """One that knows its broker and the input: else librdkafka may look for the coordinator half a second later."""

    def __init__(self, *arguments, **options) -> None:
        super().__init__(*arguments, **options)
        with suppress(KafkaException):
            self.list_topics("in", timeout=1)
            self.list_topics(timeout=1)


class MockCluster:
    """One broker, the coordinator of everything. Topics come into being, with four partitions, when asked for."""

    def __init__(self) -> None:
        self._library = _library()
        self._returns: threading.Timer | None = None
        problem = ctypes.create_string_buffer(256)
        config = self._call("conf_new", _POINTER)
        self._owner = self._call("new", _POINTER, _KAFKA_PRODUCER, _POINTER(config), problem, ctypes.c_size_t(256))
        if not self._owner:
            raise RuntimeError(problem.value.decode())
        self._cluster = self._call("mock_cluster_new", _POINTER, _POINTER(self._owner), 1)
        self.bootstrap_servers = self._call("mock_cluster_bootstraps", _TEXT, _POINTER(self._cluster)).decode()

    def fail(self, request: int, *codes: int) -> None:
        """The next requests of this kind get these error codes, one each in turn; 0 lets one pass."""
        errors = (_NUMBER * len(codes))(*codes)
        self._ask("push_request_errors_array", None, ctypes.c_int16(request), ctypes.c_size_t(len(codes)), errors)

    def heal(self, request: int) -> None:
        """What `fail` left for requests of this kind is forgotten."""
        self._ask("clear_request_errors", None, ctypes.c_int16(request))

    def read(self, topic: str) -> list[tuple[bytes, bytes]]:
        """Key and value of a topic's records, those of aborted transactions included: the mock hides none."""
        config = {"bootstrap.servers": self.bootstrap_servers, "group.id": "reader", "enable.partition.eof": True}
        reader, records = Consumer({**config, "fetch.wait.max.ms": 10}), []
        partitions = reader.list_topics(topic, timeout=5).topics[topic].partitions
        reader.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions])
        ended = 0
        while ended < len(partitions):
            for message in reader.consume(100, 0.1):
                ended += message.error() is not None
                records += [(message.key(), message.value())] if message.error() is None else []
        reader.close()
        return records

    def down(self) -> None:
        self._ask("broker_set_down", _NUMBER, 1)

    def up_in(self, seconds: float) -> None:
        """The broker is back after a while."""
        self._returns = threading.Timer(seconds, self._ask, ["broker_set_up", _NUMBER, 1])
        self._returns.start()

    @contextmanager
    def counted(self) -> Iterator[list[int]]:
        """The kinds of the requests that came while the block ran, in order; filled when it is left."""
        kinds: list[int] = []
        self._ask("start_request_tracking", None)
        try:
            yield kinds
        finally:
            many = ctypes.c_size_t()
            requests = ctypes.cast(self._ask("get_requests", _POINTER, ctypes.byref(many)), ctypes.POINTER(_POINTER))
            places = range(many.value)
            kinds += [self._call("mock_request_api_key", ctypes.c_int16, _POINTER(requests[at])) for at in places]
            self._call("mock_request_destroy_array", None, requests, many)
            self._ask("stop_request_tracking", None)

    def slow(self, round_trip_ms: int) -> None:
        """The broker is there, and takes its time."""
        self._ask("broker_set_rtt", _NUMBER, 1, round_trip_ms)

    def close(self) -> None:
        if self._returns is not None:
            self._returns.join()
        self._ask("cluster_destroy", None)
        self._call("destroy", None, _POINTER(self._owner))

    def _ask(self, name: str, result, *arguments):
        return self._call(f"mock_{name}", result, _POINTER(self._cluster), *arguments)

    def _call(self, name: str, result, *arguments):
        function = self._library[f"rd_kafka_{name}"]  # by item: a function of its own for each call
        function.restype = result
        return function(*arguments)

"""Customers' messages in Avro, and in between what nobody meant to send."""

import io
import json
import threading
import urllib.request
from collections.abc import Callable, Mapping

import fastavro
from confluent_kafka import Producer

import schemas

UNANSWERABLE = "the model fails on this"
PLANTED = "planted"  # a header that says what must become of a record: dead, or skipped
POISON_EVERY = 34
SKIPPED_EVERY = 500
KEYS = 60
MAGIC = b"\0"


def _event(schema: object, text: str, identifier: str) -> bytes:
    written = io.BytesIO()
    rest = {"customer_id": None, "channel": None, "language": "en", "sent_at": None, "attributes": {}}
    fastavro.schemaless_writer(written, schema, {**rest, "id": identifier, "text": text})
    return written.getvalue()


# From a whole value (magic, schema id, event) to one that can never be read.
POISONS: Mapping[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "short": lambda whole: whole[:3],
    "wrong magic": lambda whole: b"\x07" + whole[1:],
    "truncated": lambda whole: whole[:-4],
    "trailing": lambda whole: whole + b"more",
    "not UTF-8": lambda whole: whole.replace(b"message", b"mess\xff\xfee"),
    "asks for a terabyte": lambda whole: whole[:5] + b"\x80\x80\x80\x80\x80\x80\x02" + whole[6:],
    "noise": lambda whole: whole[:5] + bytes(range(200, 256)),
}


class Feed:
    """Produces numbered records by an idempotent producer, so that a broker's death doubles none of the inputs."""

    def __init__(self, bootstrap: str, topic: str, registry_url: str) -> None:
        self.ends: dict[int, int] = {}
        self.sent = 0
        self._topic = topic
        self._schema = fastavro.parse_schema(json.loads(schemas.avro("customer-message")))
        with urllib.request.urlopen(f"{registry_url}/subjects/{topic}-value/versions/latest") as answer:
            self._prefix = MAGIC + int(json.load(answer)["id"]).to_bytes(4, "big")
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "linger.ms": 2,
                "reconnect.backoff.ms": 50,
                "reconnect.backoff.max.ms": 500,
                "log_level": 0,
            }
        )
        self._thread = threading.Thread(target=lambda: None)
        self._thread.start()

    def more(self, count: int) -> None:
        """Begins to send so many; those from before come first."""
        self._thread.join()
        self._thread = threading.Thread(target=self._send, args=[range(self.sent, self.sent + count)], daemon=True)
        self.sent += count
        self._thread.start()

    def look(self) -> None:
        """Hears from Kafka what it has taken: then `ends` are the input's."""
        self._producer.poll(0)

    def finish(self) -> None:
        """Until Kafka has them all."""
        self._thread.join()
        assert self._producer.flush(60) == 0, "Kafka did not take every record"

    def _send(self, numbers: range) -> None:
        kinds = list(POISONS)
        for number in numbers:
            key: str | None = f"customer {number % KEYS}"
            value: bytes | None = self._prefix + _event(self._schema, f"message {number}", str(number))
            headers: list[tuple[str, str | bytes | None]] = [("traceparent", f"00-{number}")]
            if number % SKIPPED_EVERY == SKIPPED_EVERY - 1:
                value = None
                headers.append((PLANTED, "skipped"))
            elif number % POISON_EVERY == POISON_EVERY - 1:
                turn = number // POISON_EVERY % (len(kinds) + 1)
                if turn < len(kinds):
                    value = POISONS[kinds[turn]](value or b"")
                else:
                    value = self._prefix + _event(self._schema, UNANSWERABLE, str(number))
                headers.append((PLANTED, "dead"))
            elif number % 777 == 0:
                key = None
            self._produce(key, value, headers)

    def _produce(self, key: str | None, value: bytes | None, headers: list[tuple[str, str | bytes | None]]) -> None:
        while True:
            try:
                self._producer.produce(self._topic, key=key, value=value, headers=headers, on_delivery=self._delivered)
                self._producer.poll(0)
                return
            except BufferError:
                self._producer.poll(0.1)

    def _delivered(self, error: object, message: object) -> None:
        assert error is None, error
        self.ends[message.partition()] = message.offset() + 1  # type: ignore[attr-defined]

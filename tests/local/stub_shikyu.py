"""
A stand-in for the `shikyu` command: it answers by the length of the text, with faults on demand.

STUB_FAULT: lose (drops one message), double (writes one twice), exit (ends with code 4 at once).
"""

import argparse
import os
import signal
import sys
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from confluent_kafka import Consumer, Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError

import schemas

FAULT = os.environ.get("STUB_FAULT", "")
EVENTS = {"customer-messages": "customer-message", "urgent": "classified-message", "routine": "classified-message"}


class Ready(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def register(registry):
    for topic, event in EVENTS.items():
        registry.register_schema(f"{topic}-value", Schema(schemas.avro(event), "AVRO"))


def run(options, registry):
    Thread(target=HTTPServer(("127.0.0.1", options.http_port), Ready).serve_forever, daemon=True).start()
    servers = {"bootstrap.servers": options.kafka.removeprefix("bootstrap.servers=")}
    consumer = Consumer({**servers, "group.id": "stub", "auto.offset.reset": "earliest"})
    consumer.subscribe(["customer-messages"])
    producer = Producer(servers)
    conf = {"auto.register.schemas": False, "use.latest.version": True}
    encode = AvroSerializer(registry, schemas.avro("classified-message"), conf=conf)
    decode = AvroDeserializer(registry)
    number = 0
    while True:
        message = consumer.poll(0.05)
        producer.poll(0)
        if message is None or message.error():
            continue
        try:
            event = decode(message.value(), SerializationContext(message.topic(), MessageField.VALUE))
        except (SerializationError, EOFError):
            producer.produce("customer-messages.dead-letter", message.value(), message.key(), headers=why(message))
            continue
        number += 1  # of what can be read: what comes third is chance
        topic = "urgent" if len(event["text"]) % 2 else "routine"
        value = encode(answer(event, message, topic), SerializationContext(topic, MessageField.VALUE))
        for _ in range(copies(number)):
            producer.produce(topic, value, message.key())


def copies(number):
    if number == 3 and "lose" in FAULT:
        return 0
    return 2 if number == 4 and "double" in FAULT else 1


def why(message):
    said = {"topic": message.topic(), "partition": message.partition(), "offset": message.offset()}
    said |= {"stage": "deserialize", "exception.message": "the stub cannot read it"}
    return [(f"__connect.errors.{name}", str(value).encode()) for name, value in said.items()]


def answer(event, message, topic):
    now = datetime.now(UTC)
    source = {"topic": message.topic(), "partition": message.partition(), "offset": message.offset()}
    classes = ("very_unsatisfied", "unsatisfied", "neutral", "satisfied", "very_satisfied")
    return {
        **{name: event[name] for name in ("id", "text", "customer_id", "channel", "language", "sent_at", "attributes")},
        "event_id": f"{message.topic()}/{message.partition()}/{message.offset()}/live",
        "satisfaction": "neutral",
        "probabilities": dict.fromkeys(classes, 0.2),
        "urgency": 0.4,
        "decision": topic,
        "threshold": 0.5,
        "reason": "model",
        "truncated": False,
        "attempt": 1,
        "model": {"name": "stub", "version": "1", "precision": "fp32"},
        "source": {**source, "timestamp": datetime.fromtimestamp(message.timestamp()[1] / 1000, UTC)},
        "classified_at": now,
    }


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    parser = argparse.ArgumentParser()
    parser.add_argument("words", nargs="+")
    for flag in ("--config", "--registry-url"):
        parser.add_argument(flag, required=True)
    parser.add_argument("--kafka")
    parser.add_argument("--http-port", type=int)
    options = parser.parse_args()
    registry = SchemaRegistryClient({"url": options.registry_url, "timeout": 5})
    if options.words == ["schemas", "register"]:
        register(registry)
        return
    if FAULT == "exit":
        print("the stub ends here", flush=True)
        time.sleep(0.2)
        sys.exit(4)
    run(options, registry)


if __name__ == "__main__":
    main()

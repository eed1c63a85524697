"""
A consumer as a process of its own, with the real delivery and a model that answers at once.

`python -m tests.delivery.worker '{"bootstrap": …, "group": …, "topics": {…}}'`. For the tests alone:
`kill` and `stop` name a place and how often it may be passed before this process kills or stops itself there,
`slow` and `seconds` the window whose model takes its time; `variant` makes it wrong in one way.
"""

import json
import logging
import os
import signal
import sys
import time
import zlib
from datetime import datetime
from types import SimpleNamespace

import numpy as np
import structlog

from consumer.answer import Steps
from consumer.at_least_once import AtLeastOnce
from consumer.errors import RecordError
from consumer.exactly_once import ExactlyOnce
from consumer.guard import Guard
from consumer.kafka_options import consumer_config, producer_config
from consumer.loop import Loop
from consumer.quarantine import Quarantine
from consumer.receive import Source
from consumer.records import Dead, Decision, Message, ModelVersion, OutputRecord, Satisfaction, Tokens
from consumer.settings import Settings
from consumer.sizing import Limits, Sizer
from consumer.watchdog import Watchdog
from tests.delivery.variants import VARIANTS


class Model:
    """Urgent is what a checksum says; `slow` makes one window take its time."""

    def __init__(self, seconds: float, slow: int) -> None:
        self.windows, self.seconds, self.slow = 0, seconds, slow

    at_once, portion = 1, None

    def tokenize(self, texts):
        return [Tokens(np.array([zlib.crc32(text.encode()) % 5]), False, 0.0) for text in texts]

    def batches(self, tokens):
        self.windows += bool(tokens)
        return [list(range(len(tokens)))] if tokens else []

    def start(self, tokens):
        return lambda: self.infer(tokens)

    def infer(self, tokens):
        if self.windows == self.slow:
            time.sleep(self.seconds)
        return np.array([[float(each.ids[0])] for each in tokens], dtype=np.float32)

    def decide(self, logits, tokens, urgent_rules):
        version = ModelVersion("fake", "1", "fp32")
        return [
            Decision(Satisfaction.NEUTRAL, (0.2,) * 5, 0.5, bool(row[0] == 0), 0.5, "model", False, version)
            for row in logits
        ]

    def healthy(self):
        return True


class Places:
    """Kills or stops this process when it has been somewhere often enough; says where it has been."""

    def __init__(self, plan: dict) -> None:
        self.plan, self.visits = plan, {}

    def __call__(self, place: str) -> None:
        self.visits[place] = self.visits.get(place, 0) + 1
        print(json.dumps({"place": place, "t": time.time()}), flush=True)
        for what, number in (("kill", signal.SIGKILL), ("stop", signal.SIGSTOP)):
            if self.plan.get(what) == [place, self.visits[place]]:
                os.kill(os.getpid(), number)


class Silent:
    def polled(self, source): ...
    def committed(self, window, answered): ...
    def aborted(self): ...
    def waited(self): ...
    def batch(self, lengths): ...

    def time(self, stage):
        import contextlib

        return contextlib.nullcontext()


def decode(record):
    if record.value.startswith(b"poison"):
        return Dead(RecordError("bad", "deserialize", "it is bad"))
    return Message(text=record.value.decode())


def steps(topics: dict, model: Model) -> Steps:
    def encode(record, message, decision, now: datetime):
        source = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        value = json.dumps({"source": source, "at": now.isoformat()}).encode()
        return OutputRecord(topics[decision.decision], record.key, value, record.headers)

    def dead_letter(record, error):
        place = {"topic": record.topic, "partition": str(record.partition), "offset": str(record.offset)}
        headers = tuple((f"__connect.errors.{name}", value.encode()) for name, value in place.items())
        return OutputRecord(topics["dead"], record.key, record.value, headers)

    return Steps(decode, model, encode, dead_letter, Silent(), lambda: None)


def main(plan: dict) -> None:
    state = SimpleNamespace(stopping=False)
    signal.signal(signal.SIGTERM, lambda *_: setattr(state, "stopping", True))
    topics, options = plan["topics"], {"bootstrap.servers": plan["bootstrap"], **plan.get("options", {})}
    session = str(plan.get("session_ms", 1500))
    if "variant" in plan:
        VARIANTS[plan["variant"]]()
    settings = Settings.model_validate(
        {
            "input": {"topics": [topics["input"]]},
            "delivery": {"group_id": plan["group"], "transaction_timeout_s": plan.get("transaction_timeout_s", 10)},
            "kafka": {"options": options, "consumer": {"session.timeout.ms": session, "heartbeat.interval.ms": "300"}},
        }
    )
    visit, stopping = Places(plan), lambda: state.stopping
    source = Source(consumer_config(settings), Quarantine(settings.batching.max_window_records), visit=visit)
    if plan.get("guarantee") == "at-least-once":
        publisher = AtLeastOnce(producer_config(settings, None), source.commit, stopping, visit=visit)
    else:
        identity = f"shikyu-{plan['group']}-{plan.get('slot', 0)}"
        publisher = ExactlyOnce(producer_config(settings, identity), Watchdog(), stopping, visit=visit)
    source.join([topics["input"]])
    limits = Limits(plan.get("records", 50), 1_000_000, 1_000_000)
    sizer = Sizer(limits, latency_target_s=1, max_window_s=1, tokens_per_s=1e6, max_tokens=1)
    model = Model(plan.get("seconds", 0.0), plan.get("slow", 0))
    Loop(source, steps(topics, model), publisher, Guard(1.0, "nothing"), sizer, Silent(), stopping, visit).run()
    publisher.close()
    source.close()


if __name__ == "__main__":
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    main(json.loads(sys.argv[1]))

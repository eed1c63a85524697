"""
The second model beside the first: what waits is answered while the loop has nothing in hand, to a topic of its own.

Best effort, and at most once: what does not fit is dropped and counted, and what was in hand at an end is not answered.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal, Protocol

import structlog
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as KafkaMessage

from consumer.answer import Answered
from consumer.encode import Encoder
from consumer.errors import PassingFault, ShikyuError
from consumer.kafka_options import producer_config
from consumer.logs import kafka_logger
from consumer.publish import fatal_is_told
from consumer.records import Decision, ModelVersion, OutputRecord
from consumer.run_names import SHADOW
from consumer.schema_store import SchemaStore, open_store
from consumer.settings import Settings
from consumer.shadow.beside import NOBODY, Beside
from consumer.shadow.child import Child, arguments
from consumer.shadow.share import place
from consumer.shadow.waiting import Item, Waiting
from consumer.window import Window

log = structlog.get_logger()

TAKE_S = 0.1  # between two looks whether to leave
GRACE_S = 0.01  # so long the loop has waited before it counts as idle: in a backlog it never does
FLUSH_S = 1.0
REGISTRY_S = 1.0
CLOSE_S = 2.0

Outcome = Literal["answered", "failed", "dropped"]


class Told(Protocol):
    """What is counted of it."""

    def shadow_model(self, model: ModelVersion) -> None: ...

    def shadowed(self, outcome: Outcome) -> None: ...

    def compared(self, live: Decision, shadow: Decision) -> None: ...


class Shadow:
    """The loop's side, which takes no time, and the thread's, which takes its own."""

    def __init__(self, settings: Settings, told: Told, waiting: Waiting | None = None) -> None:
        self._settings = settings
        self._share = settings.shadow.share
        self._told = told
        self._waiting = waiting or Waiting()
        self._idle = threading.Event()
        self._windows = 0  # that the loop had in hand
        self._closed = threading.Event()
        self._is_over = False  # nobody takes what waits any more
        self._child: Child | None = None
        self._told_of: set[str] = set()  # errors of Kafka's
        self._thread = threading.Thread(target=self._run, name="shadow", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self, within_s: float = CLOSE_S) -> None:
        until = time.monotonic() + within_s
        self._closed.set()
        if self._child is not None:
            self._child.end(within_s)  # whoever waits for its answer waits no longer
        self._thread.join(max(0.0, until - time.monotonic()))

    # The loop's side.
    def waits(self) -> None:
        self._idle.set()

    def works(self) -> None:
        self._windows += 1
        self._idle.clear()

    def committed(self, window: Window, answered: Answered) -> None:
        """Of what was decided, the share is offered; what finds no room is dropped."""
        for record, message, fate in zip(window.records, answered.messages, answered.fates, strict=False):
            if not isinstance(fate, Decision) or message is None or place(record) >= self._share:
                continue
            # What it came in is as large as input.max_value_bytes, and no event needs it.
            if self._is_over or not self._waiting.offer(Item(replace(record, value=None), message, fate)):
                self._told.shadowed("dropped")

    # The thread's.
    def _run(self) -> None:
        try:
            self._answer_all()
        except ShikyuError as error:
            self._ended(str(error))
        except KafkaException as problem:
            self._ended(problem.args[0].name())
        except Exception as error:  # noqa: BLE001 - whatever it is, the first model goes on, and its words may be a text
            self._ended(type(error).__name__)
        finally:
            self._is_over = True

    def _ended(self, why: str) -> None:
        if self._closed.is_set():
            return
        self._is_over = True
        while self._waiting.take(0) is not None:
            self._told.shadowed("dropped")
        log.warning("shadow-ended", why=why)

    def _answer_all(self) -> None:
        settings = self._settings
        with (
            Child(arguments(settings)) as child,
            open_store(settings.registry.url, settings.registry.options, ()) as store,
            _producer(settings) as producer,
        ):
            self._child = child
            if self._closed.is_set():
                return  # and `close` has not seen it
            model = child.ready()
            encoder = self._encoder(settings, store)
            self._told.shadow_model(model)
            log.info("shadow-ready", version=model.version, precision=model.precision)
            while encoder is not None and not self._closed.is_set():
                item = self._waiting.take(TAKE_S)
                if item is not None and self._until_idle():
                    self._answer(item, child, encoder, producer)
                with fatal_is_told():
                    producer.poll(0)

    def _encoder(self, settings: Settings, store: SchemaStore) -> Encoder | None:
        """Once the registry is there; None when told to leave before."""
        while not self._closed.is_set():
            try:
                return _encoder(settings, store)
            except PassingFault:
                self._closed.wait(REGISTRY_S)
        return None

    def _until_idle(self) -> bool:
        """Whether the loop has nothing in hand, for GRACE_S; false when told to leave meanwhile."""
        while not self._closed.is_set():
            windows = self._windows
            if self._idle.wait(TAKE_S):
                time.sleep(GRACE_S)
                if self._idle.is_set() and windows == self._windows:
                    return True
        return False

    def _answer(self, item: Item, child: Child, encoder: Encoder, producer: Producer) -> None:
        decision = child.ask(item.message)
        if decision is None:
            self._told.shadowed("failed")
            return
        self._told.compared(item.live, decision)
        output = encoder.encode(
            item.record, item.message, decision, run=SHADOW, attempt=1, classified_at=datetime.now(UTC)
        )
        self._produce(output, producer)

    def _produce(self, output: OutputRecord, producer: Producer) -> None:
        def report(error: KafkaError | None, _message: KafkaMessage) -> None:
            self._told.shadowed("answered" if error is None else "failed")
            if error is not None:
                self._refused(error)

        try:
            producer.produce(
                output.topic, key=output.key, value=output.value, headers=list(output.headers), on_delivery=report
            )
        except BufferError:
            self._told.shadowed("dropped")
        except KafkaException as problem:
            self._told.shadowed("failed")
            self._refused(problem.args[0])

    def _refused(self, error: KafkaError) -> None:
        """Each kind is told once. After a fatal one this producer takes nothing any more."""
        if error.name() not in self._told_of:
            self._told_of.add(error.name())
            log.warning("shadow-refused", error=error.name(), topic=self._settings.shadow.topic)
        if error.fatal():
            self._ended(error.name())
            self._closed.set()


def _encoder(settings: Settings, store: SchemaStore) -> Encoder:
    """Events as the first model's, all to one topic, under the schema of the urgent ones."""
    topic = settings.shadow.topic
    output = settings.output.model_copy(update={"urgent": topic, "routine": topic})
    return Encoder(
        output, store, application=settings.delivery.application, registered_as={topic: settings.output.urgent}
    )


@contextmanager
def _producer(settings: Settings) -> Iterator[Producer]:
    """In no transaction, so that the first model's never waits for it."""
    producer = Producer(producer_config(settings, None), logger=kafka_logger())
    try:
        yield producer
    finally:
        with suppress(KafkaException), fatal_is_told():
            producer.flush(FLUSH_S)
        producer.purge()


@contextmanager
def beside(settings: Settings, told: Told, within: Callable[[float], float]) -> Iterator[Beside]:
    """
    The second model while the block lasts, where the settings name one.

    At its end it has CLOSE_S to go, or what `within` makes of it.
    """
    if settings.shadow.artifact is None:
        yield NOBODY
        return
    shadow = Shadow(settings, told)
    shadow.start()
    try:
        yield shadow
    finally:
        shadow.close(within(CLOSE_S))

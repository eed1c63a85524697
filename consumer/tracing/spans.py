"""
A window as spans: `process` of what was received, and a `send` for each topic that its outputs go to.

Both link to the contexts that messages bring in `traceparent`, and neither has one of them as its parent: a window is
of many traces. The header itself is passed on, as every header of the input is (encode.py).
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import (
    Link,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    get_current_span,
    use_span,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from consumer.publish import Publisher
from consumer.records import Headers, OutputRecord, Record
from consumer.tracing import names
from consumer.version import version
from consumer.window import Window

TRACEPARENT = "traceparent"
_w3c = TraceContextTextMapPropagator()
MOST_BYTES = 512  # of a traceparent, which has 55: older versions of OpenTelemetry take minutes for a long one
Attributes = dict[str, AttributeValue]


class Spans:
    """Tracing by OpenTelemetry. Names and attributes are those of names.py."""

    def __init__(self, provider: TracerProvider, group_id: str) -> None:
        self._tracer = provider.get_tracer("shikyu", version(), names.SCHEMA_URL)
        self._group_id = group_id

    @contextmanager
    def process(self, window: Window) -> Iterator[None]:
        """A window may have no record, where a bounded reading ended: that is no span."""
        if not window.records:
            yield
            return
        topic = _one({record.topic for record in window.records})
        span = self._tracer.start_span(
            _name(names.PROCESS, topic),
            context=Context(),  # a root, whatever is current
            kind=SpanKind.CONSUMER,
            attributes=_of_window(window.records, topic, self._group_id),
            links=[link for record in window.records if (link := _to_message(record)) is not None],
        )
        with _ended([span]), use_span(span, record_exception=False, set_status_on_exception=False):
            yield

    @contextmanager
    def send(self, outputs: Sequence[OutputRecord]) -> Iterator[None]:
        """One span for each topic, as long as the whole transaction; children of the window's."""
        by_topic: dict[str, list[OutputRecord]] = {}
        for output in outputs:
            by_topic.setdefault(output.topic, []).append(output)
        spans = [
            self._tracer.start_span(
                _name(names.SEND, topic),
                kind=SpanKind.PRODUCER,
                attributes={**_operation(names.SEND, len(sent)), names.DESTINATION_NAME: topic},
                links=[Link(context) for each in sent if (context := creation_context(each.headers)) is not None],
            )
            for topic, sent in by_topic.items()
        ]
        with _ended(spans):
            yield

    def publishing(self, publisher: Publisher) -> Publisher:
        return _Sending(publisher, self)


class _Sending:
    """A publisher whose every attempt is told, those that Kafka refuses too."""

    def __init__(self, publisher: Publisher, spans: Spans) -> None:
        self._publisher = publisher
        self._spans = spans

    def publish(
        self, outputs: Sequence[OutputRecord], window: Window, *, flush_before: Collection[int] = frozenset()
    ) -> None:
        with self._spans.send(outputs):
            self._publisher.publish(outputs, window, flush_before=flush_before)

    def close(self) -> None:
        self._publisher.close()


def creation_context(headers: Headers) -> SpanContext | None:
    """
    What the message's own producer said of its span; None where it said nothing, or nothing that can be read.

    `tracestate` stays out of it: it may hold anything that a producer puts there, and links are exported.
    """
    given = [value for name, value in headers if name.lower() == TRACEPARENT and value is not None]
    if not given or len(given[-1]) > MOST_BYTES:
        return None
    carrier = {TRACEPARENT: given[-1].decode("ascii", "replace")}
    found = get_current_span(_w3c.extract(carrier, Context())).get_span_context()
    return found if found.is_valid else None


def _to_message(record: Record) -> Link | None:
    context = creation_context(record.headers)
    if context is None:
        return None
    return Link(context, {names.DESTINATION_NAME: record.topic, **_place(record)})


def _of_window(records: Sequence[Record], topic: str | None, group_id: str) -> Attributes:
    found = {**_operation(names.PROCESS, len(records)), names.CONSUMER_GROUP: group_id}
    if topic is None:
        return found
    found[names.DESTINATION_NAME] = topic
    if len(records) == 1:
        return {**found, **_place(records[0])}
    partition = _one({str(record.partition) for record in records})
    return found if partition is None else {**found, names.PARTITION_ID: partition}


def _operation(operation: str, count: int) -> Attributes:
    return {
        names.SYSTEM: names.KAFKA,
        names.OPERATION_NAME: operation,
        names.OPERATION_TYPE: operation,
        names.MESSAGE_COUNT: count,
    }


def _place(record: Record) -> Attributes:
    return {names.PARTITION_ID: str(record.partition), names.OFFSET: record.offset}


def _name(operation: str, destination: str | None) -> str:
    """What a window of several topics is of has no one name."""
    return operation if destination is None else f"{operation} {destination}"


def _one(found: Collection[str]) -> str | None:
    return next(iter(found)) if len(found) == 1 else None


@contextmanager
def _ended(spans: Sequence[Span]) -> Iterator[None]:
    """Ends them, with the class of what was raised and never its words: those of a library could hold a text."""
    try:
        yield
    except BaseException as error:
        for span in spans:
            span.set_status(StatusCode.ERROR)
            span.set_attribute(names.ERROR_TYPE, _class_of(error))
        raise
    finally:
        for span in spans:
            span.end()


def _class_of(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"

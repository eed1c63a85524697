"""What a window's way looks like to OpenTelemetry, on the real loop."""

import subprocess
import sys
from dataclasses import replace

import pytest

pytest.importorskip("opentelemetry.sdk")

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NonRecordingSpan, SpanKind, StatusCode, use_span

from consumer.errors import SettingsError
from consumer.publish import Dropped, Rejected
from consumer.records import OutputRecord, Record
from consumer.settings import Settings
from consumer.settings_check import must_be_right
from consumer.tracing import UNTRACED, tracing
from consumer.tracing.export import exported
from consumer.tracing.spans import Spans, creation_context
from consumer.window import Window
from tests.consumer.test_loop import ListPublisher, ListSource, loop

CANARY = "xyzzy-canary-4711"
PARENTS = [f"00-{n:032x}-{n:016x}-01".encode() for n in range(1, 9)]
ENABLED = Settings.model_validate({"tracing": {"enabled": True}, "registry": {"url": "http://registry:8081"}})
BATCH = {"messaging.system": "kafka", "messaging.batch.message_count": 3}


def at_most(seconds: float) -> float:
    return seconds


def record(offset: int, value: bytes | None, partition: int = 0, **more) -> Record:
    return Record(more.pop("topic", "in"), partition, offset, 0, CANARY.encode(), value, **more)


def traced(*records: Record, replies=(), told: InMemorySpanExporter):
    """The loop, with what it tells; and its source."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(told))
    spans, source = Spans(provider, "my-group"), ListSource(*records)
    made = loop(source, spans.publishing(ListPublisher(*replies)))
    made.tracing = spans
    encode = made.steps.encode
    passed_on = lambda record, *rest: replace(encode(record, *rest), headers=record.headers)  # noqa: E731
    made.steps = replace(made.steps, encode=passed_on)
    return made, source


@pytest.fixture
def told():
    return InMemorySpanExporter()


def headers(parent: bytes | None):
    return (("traceparent", parent), ("other", CANARY.encode()))


def test_a_window_is_one_process_span_and_a_send_for_each_topic(told):
    """Names, kinds and attributes are those of the conventions; a dead letter's topic is a destination like others."""
    records = [record(7, b"vip"), record(8, None), record(9, b"bad")]
    made, source = traced(*records, told=told)

    made.step(source.window)

    found = {span.name: span for span in told.get_finished_spans()}
    assert set(found) == {"process in", "send urgent", "send dead:bad"}
    assert found["process in"].kind is SpanKind.CONSUMER
    assert dict(found["process in"].attributes) == {
        **BATCH,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "in",
        "messaging.destination.partition.id": "0",
        "messaging.consumer.group.name": "my-group",
    }
    assert found["send urgent"].kind is SpanKind.PRODUCER
    assert dict(found["send urgent"].attributes) == {
        **BATCH,
        "messaging.batch.message_count": 1,
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": "urgent",
    }
    assert {found[name].parent.span_id for name in ("send urgent", "send dead:bad")} == {
        found["process in"].context.span_id
    }


def test_spans_link_to_the_messages_contexts_and_have_none_as_parent(told):
    """With where each stands, whatever is current; what is no context is no link."""
    given = [PARENTS[0], PARENTS[1], CANARY.encode(), b"\xff", None, b"00-" + b"0" * 32 + b"-" + b"1" * 16 + b"-01"]
    records = [record(n, b"vip" if n else b"a", n, headers=headers(value)) for n, value in enumerate(given)]
    made, source = traced(*records, told=told)

    with use_span(NonRecordingSpan(creation_context(headers(PARENTS[7])))):
        made.step(source.window)

    found = {span.name: span for span in told.get_finished_spans()}
    process = found["process in"]
    assert process.parent is None
    assert process.context.trace_id not in (1, 2)
    assert [(link.context.trace_id, link.context.span_id, dict(link.attributes)) for link in process.links] == [
        (
            n + 1,
            n + 1,
            {
                "messaging.destination.name": "in",
                "messaging.destination.partition.id": str(n),
                "messaging.kafka.offset": n,
            },
        )
        for n in range(2)
    ]
    assert [link.context.trace_id for link in found["send urgent"].links] == [2]
    assert [link.context.trace_id for link in found["send routine"].links] == [1]


def test_what_differs_between_records_is_said_of_none(told):
    """A window of several topics has no destination; a lone record has its offset."""
    for window in ([record(1, b"a"), record(1, b"a", topic="other")], [record(5, b"a", partition=2)]):
        made, source = traced(*window, told=told)
        made.step(source.window)

    several, alone = (span for span in told.get_finished_spans() if span.kind is SpanKind.CONSUMER)
    assert several.name == "process"
    assert {"messaging.destination.name", "messaging.destination.partition.id"} & set(several.attributes) == set()
    assert alone.attributes["messaging.destination.partition.id"] == "2"
    assert alone.attributes["messaging.kafka.offset"] == 5


def test_what_goes_wrong_is_told_by_its_class(told):
    """Of each attempt to publish, and of the window when it is dropped; a window that came through is well."""
    refused, dropped = Rejected({0: "INVALID_RECORD"}, ()), Dropped(CANARY)
    made, source = traced(record(0, b"a"), replies=(refused, None), told=told)
    made.step(source.window)
    made, source = traced(record(0, b"a"), replies=(dropped,), told=told)
    made.step(source.window)
    made, source = traced(record(0, b"away"), told=told)
    made.step(source.window)

    statuses = [(span.name, span.attributes.get("error.type")) for span in told.get_finished_spans()]
    assert statuses == [
        ("send routine", "consumer.publish.Rejected"),
        ("send dead:output-refused", None),
        ("process in", None),
        ("send routine", "consumer.publish.Dropped"),
        ("process in", "consumer.publish.Dropped"),
        ("process in", "consumer.errors.PassingFault"),
    ]
    for span in told.get_finished_spans():
        assert (span.status.status_code is StatusCode.ERROR) == ("error.type" in span.attributes)
        assert span.status.description is None
        assert span.events == ()


def test_no_span_holds_a_text_a_key_or_a_header(told):
    """Whatever becomes of the record, and whatever is raised."""
    for value, reply in ((CANARY.encode(), None), (b"vip", RuntimeError(CANARY)), (b"bad", Dropped(CANARY))):
        one = record(0, value, headers=(*headers(PARENTS[0]), ("tracestate", f"a={CANARY}".encode())))
        made, source = traced(one, replies=(reply,), told=told)
        if isinstance(reply, RuntimeError):
            with pytest.raises(RuntimeError):
                made.step(source.window)
        else:
            made.step(source.window)

    everything = "".join(span.to_json() for span in told.get_finished_spans())
    assert len(told.get_finished_spans()) == 6
    assert CANARY not in everything
    assert CANARY not in "".join(str(link.context) for span in told.get_finished_spans() for link in span.links)


def test_no_records_are_no_span(told):
    """The end of a bounded reading is a window without any, and an empty poll is none at all."""
    made, _ = traced(told=told)

    with made.tracing.process(Window((), None, 0.0, ends={("in", 0): 5})):
        pass

    assert told.get_finished_spans() == ()


def test_the_last_traceparent_is_the_one():
    """As Kafka's own clients read a header that comes twice; names are as HTTP's, in any case."""
    found = creation_context((("traceparent", PARENTS[0]), ("Traceparent", PARENTS[1])))

    assert (found.trace_id, found.is_remote) == (2, True)
    assert creation_context(()) is None


def test_every_message_of_a_window_has_its_link(monkeypatch):
    """OpenTelemetry's own 128 would leave most of them out; who sets its variable has what it says."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    for said, count in ((None, 300), ("5", 5)):
        told = InMemorySpanExporter()  # of each its own: a provider takes it along when it ends
        if said:
            monkeypatch.setenv("OTEL_SPAN_LINK_COUNT_LIMIT", said)
        with exported("mine", most_links=2000, within=at_most) as provider:
            provider.add_span_processor(SimpleSpanProcessor(told))
            records = [record(n, b"a", headers=(("traceparent", PARENTS[0]),)) for n in range(300)]
            with Spans(provider, "g").process(ListSource(*records).window):
                pass
        assert len(told.get_finished_spans()[-1].links) == count


def test_the_service_is_called_as_the_settings_or_the_environment_say(monkeypatch):
    """The environment's name beats ours."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    with exported("mine", most_links=1, within=at_most) as provider:
        assert provider.resource.attributes["service.name"] == "mine"
    monkeypatch.setenv("OTEL_SERVICE_NAME", "theirs")
    with exported("mine", most_links=1, within=at_most) as provider:
        assert provider.resource.attributes["service.name"] == "theirs"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("OTEL_TRACES_EXPORTER", "oltp", "OTEL_TRACES_EXPORTER is 'oltp'"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc', and shikyu speaks http/proto"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-1", "OpenTelemetry refuses one of the OTEL_"),
    ],
)
def test_a_variable_that_is_wrong_is_named(monkeypatch, variable, value, said):
    """Before the group is joined."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=said), tracing(ENABLED, at_most):
        pass
    with pytest.raises(SettingsError, match=said):  # `shikyu config lint` and the doctor, too
        must_be_right(ENABLED)


def test_switched_off_nothing_is_told_and_opentelemetry_is_not_loaded():
    """Serving without traces costs neither time nor memory."""
    with tracing(Settings(), at_most) as off:
        publisher = ListPublisher()
        assert off is UNTRACED
        assert off.publishing(publisher) is publisher
    code = "import sys, consumer.tracing; print([name for name in sys.modules if name.startswith('opentelemetry')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_without_the_extra_it_says_so(monkeypatch):
    """And what to do."""
    for name in ("consumer.tracing.export", "consumer.tracing.spans", "opentelemetry.sdk.trace"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with (
        pytest.raises(SettingsError, match=r"needs the otel extra .* pip install '\.\[otel\]'"),
        tracing(ENABLED, at_most),
    ):
        pass


def test_an_output_without_headers_has_no_link(told):
    made, _ = traced(told=told)

    with made.tracing.send([OutputRecord("urgent", None, b"", ())]):
        pass

    assert told.get_finished_spans()[0].links == ()

"""Where spans go: as OpenTelemetry's own OTEL_* variables say, by its own SDK, and never in the way of a window."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from opentelemetry.environment_variables import OTEL_TRACES_EXPORTER
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.environment_variables import (
    OTEL_EXPORTER_OTLP_PROTOCOL,
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL,
    OTEL_SPAN_LINK_COUNT_LIMIT,
)
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter

from consumer.errors import SettingsError
from consumer.names import nearest
from consumer.version import version

PROTOCOL = "http/protobuf"
EXPORTERS = ("otlp", "console", "none")
FLUSH_S = 2.0  # for the last spans, when the group is left already


@contextmanager
def exported(application: str, *, most_links: int, within: Callable[[float], float]) -> Iterator[TracerProvider]:
    """
    The SDK, with what OTEL_* say; `application` is the service's name where they name none.

    At the end the last spans have FLUSH_S to go, or what `within` makes of it: a collector that is away holds nobody
    up. Raises SettingsError.
    """
    exporters = _exporters()
    try:
        provider = TracerProvider(
            resource=_resource(application), span_limits=_limits(most_links), shutdown_on_exit=False
        )
        for exporter in exporters:
            provider.add_span_processor(BatchSpanProcessor(exporter))
    except ValueError as wrong:
        raise SettingsError(f"OpenTelemetry refuses one of the OTEL_* variables ({wrong}): put it right") from wrong
    try:
        yield provider
    finally:
        closing = threading.Thread(target=provider.shutdown, name="last-spans", daemon=True)
        closing.start()
        closing.join(within(FLUSH_S))


def _exporters() -> list[SpanExporter]:
    named = os.environ.get(OTEL_TRACES_EXPORTER) or "otlp"
    return [made for name in dict.fromkeys(named.split(",")) if (made := _exporter(name.strip().lower())) is not None]


def _exporter(name: str) -> SpanExporter | None:
    if name == "none":
        return None
    if name == "console":
        return ConsoleSpanExporter()
    if name != "otlp":
        raise SettingsError(
            f"{OTEL_TRACES_EXPORTER} is {name!r}{nearest(name, EXPORTERS)}: take one of {', '.join(EXPORTERS)}"
        )
    for variable in (OTEL_EXPORTER_OTLP_TRACES_PROTOCOL, OTEL_EXPORTER_OTLP_PROTOCOL):
        protocol = os.environ.get(variable)
        if protocol and protocol != PROTOCOL:
            raise SettingsError(f"{variable} is {protocol!r}, and shikyu speaks {PROTOCOL}: name that, or leave it out")
    return OTLPSpanExporter()


def _resource(application: str) -> Resource:
    ours = Resource.create({SERVICE_NAME: application, SERVICE_VERSION: version()})
    return ours.merge(OTELResourceDetector().detect())  # create() lets what it is given beat the environment


def _limits(most_links: int) -> SpanLimits:
    """OpenTelemetry's 128 links would leave most messages of a long window without one, and say nothing."""
    return SpanLimits() if os.environ.get(OTEL_SPAN_LINK_COUNT_LIMIT) else SpanLimits(max_links=most_links)

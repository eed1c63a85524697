"""Traces as a user has them: `shikyu run`, a real Kafka, and a collector that takes OTLP over HTTP."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytest.importorskip("opentelemetry.sdk")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.delivery.checker import read
from tests.service.process import Service, flags
from tests.service.test_run import CANARY, consumed, event, produce

pytestmark = pytest.mark.kafka
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01".encode()


class Collector:
    """Keeps the bodies that it was sent."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        bodies = self.bodies

        class Take(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def spans(self) -> dict[str, list]:
        """By their names."""
        found: dict[str, list] = {}
        for body in self.bodies:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        found.setdefault(span.name, []).append(span)
        return found


@pytest.fixture
def collector() -> Iterator[Collector]:
    running = Collector()
    yield running
    running.server.shutdown()
    running.server.server_close()


def test_a_message_is_followed_through_its_window_to_its_topic(cluster, name, topics, tmp_path, collector):
    """Its traceparent is on the output as it came, and both spans link to it; texts, keys and headers stay out."""
    roles = topics()
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_SERVICE_NAME": "desk",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    service = Service(
        tmp_path, *flags(cluster.bootstrap_servers, roles, name, "--tracing-enabled"), variables=variables
    )
    start = type("Start", (), {"bootstrap": cluster.bootstrap_servers, "group": name, "topics": roles})
    try:
        service.ready()
        trace = [("traceparent", TRACEPARENT), ("tracestate", f"a={CANARY}".encode()), ("note", CANARY.encode())]
        bad = b'{"text": "' + CANARY.encode()
        produce(start.bootstrap, roles["input"], event(1, CANARY), bad, key=CANARY, headers=trace)
        consumed(start, 2, within_s=60)
    finally:
        assert service.stop() == 0, service.log

    outputs = read(start.bootstrap, roles["urgent"], roles["routine"], roles["dead"])
    sent = {f"send {message.topic()}" for message in outputs}
    spans = collector.spans()

    assert [dict(message.headers())["traceparent"] for message in outputs] == [TRACEPARENT] * 2
    assert len(sent) == 2
    assert set(spans) == {f"process {roles['input']}", *sent}
    for each in (span for same in spans.values() for span in same):
        assert {(link.trace_id.hex(), link.span_id.hex()) for link in each.links} == {(TRACE, PARENT)}
        assert each.trace_id.hex() != TRACE
    assert sum(len(each.links) for each in spans[f"process {roles['input']}"]) == 2
    assert b"desk" in collector.bodies[0]
    assert CANARY.encode() not in b"".join(collector.bodies)
    assert CANARY not in service.log


def test_a_collector_that_is_away_holds_nobody_up(cluster, name, topics, tmp_path):
    """Answers come all the same, and the process leaves in time."""
    roles = topics()
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_BSP_SCHEDULE_DELAY": "100"}
    service = Service(
        tmp_path, *flags(cluster.bootstrap_servers, roles, name, "--tracing-enabled"), variables=variables
    )
    start = type("Start", (), {"bootstrap": cluster.bootstrap_servers, "group": name, "topics": roles})
    try:
        service.ready()
        produce(start.bootstrap, roles["input"], event(1, CANARY), headers=[("traceparent", TRACEPARENT)])
        consumed(start, 1, within_s=60)
    finally:
        assert service.stop() == 0, service.log
    assert CANARY not in service.log

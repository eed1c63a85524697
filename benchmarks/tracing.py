"""
What traces cost: the stream with a model that answers at once, with the code as it is and with its one line taken out.

    python -m benchmarks.tracing                  # the sample model's tokenizer; nothing is fetched

A real Kafka, JSON in and out, exactly once, and a backlog that is there before a consumer starts, with a traceparent on
each message. Three ways in turns, each round in another order: `without`, the same `Loop.step` but for its `with
self.tracing.process(window)`, which is cut out of its own source; `off`, as it is served; `on`, with spans sent to a
collector that throws them away. Processor time is the process's own, and disturbed less by neighbours than a rate.
"""

import ast
import inspect
import json
import os
import statistics
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click
from confluent_kafka import ConsumerGroupTopicPartitions, Producer
from confluent_kafka.admin import AdminClient
from rich.console import Console
from rich.table import Table

from benchmarks.ending import ended_by_limits
from benchmarks.machine import machine
from benchmarks.texts import lengths, texts
from consumer import loop
from local.cluster import Cluster

ROOT = Path(__file__).parents[1]
MODEL = ROOT / "artifacts" / "sample"
WITHOUT, OFF, ON = "without", "off", "on"
WAYS = (WITHOUT, OFF, ON)
PARTITIONS = 4
PATIENCE_S = 300.0
console = Console(stderr=True)


def without_the_line() -> None:
    """Loop.step as it would be if there were no traces."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(loop.Loop.step)))
    whole = ast.unparse(tree)
    tree = ast.fix_missing_locations(_Without().visit(tree))
    assert "tracing" in whole
    assert "tracing" not in ast.unparse(tree)
    made: dict[str, object] = {}
    exec(compile(tree, inspect.getfile(loop), "exec"), vars(loop), made)  # noqa: S102 - our own source, less a line
    loop.Loop.step = made["step"]  # type: ignore[method-assign, assignment]


class _Without(ast.NodeTransformer):
    def visit_With(self, node: ast.With) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        return node.body if "self.tracing" in ast.unparse(node.items[0]) else node


class _Bin(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@contextmanager
def collector() -> Iterator[str]:
    """A collector that throws away; its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Bin)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def produce(bootstrap: str, topic: str, count: int) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 50, "queue.buffering.max.messages": 1_000_000})
    for number, text in enumerate(texts(lengths(None), count, seed=count)):
        trace = f"00-{number + 1:032x}-{number + 1:016x}-01".encode()
        producer.produce(topic, json.dumps({"text": text}), key=str(number), headers={"traceparent": trace})
    assert producer.flush(120) == 0


def committed(admin: AdminClient, group: str) -> int:
    asked = ConsumerGroupTopicPartitions(group)
    found = admin.list_consumer_group_offsets([asked])[group].result(20).topic_partitions or []
    return sum(max(each.offset, 0) for each in found)


def run(cluster: Cluster, folder: Path, way: str, group: str, count: int, endpoint: str) -> tuple[float, float]:
    """(messages a second, processor seconds for 1,000 messages), from the first commit seen to the last."""
    command = [
        *(sys.executable, "-m", "benchmarks.tracing_app", way, "run", "--model-artifact", str(MODEL)),
        *("--kafka", f"bootstrap.servers={cluster.bootstrap_servers}", "--delivery-group-id", group),
        *("--input-topics", "in", "--output-urgent", "urgent", "--output-routine", "routine"),
        *("--dead-letters-topic", "dead", "--input-format", "json", "--output-format", "json", "--http-port", "0"),
        "--tracing-enabled" if way == ON else "--no-tracing-enabled",
    ]
    variables = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
    admin = AdminClient({"bootstrap.servers": cluster.bootstrap_servers})
    with (folder / f"{group}.log").open("wb") as log:
        child = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=log, stderr=log)
        try:
            until = time.monotonic() + PATIENCE_S
            while not (first := committed(admin, group)):
                _must_go_on(child, until, Path(log.name))
            began, used = time.monotonic(), _cpu_s(child.pid)
            while (last := committed(admin, group)) < count:
                _must_go_on(child, until, Path(log.name))
            took, used = time.monotonic() - began, _cpu_s(child.pid) - used
        finally:
            child.terminate()
            child.wait(30)
    return (last - first) / took, 1000 * used / (last - first)


def _must_go_on(child: "subprocess.Popen[bytes]", until: float, log: Path) -> None:
    if child.poll() is not None or time.monotonic() > until:
        raise click.ClickException(f"the consumer did not go on: {log.read_text()[-2000:]}")
    time.sleep(0.05)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def a_call_ns(times: int = 200_000) -> float:
    """Of what stands in the loop when traces are off, alone: nanoseconds a window."""
    from consumer.tracing import UNTRACED
    from consumer.window import Fence, Window

    window = Window((), Fence(b"", 0), 0.0)
    began = time.perf_counter_ns()
    for _ in range(times):
        with UNTRACED.process(window):
            pass
    return (time.perf_counter_ns() - began) / times


def ratios(found: Mapping[str, Sequence[float]], way: str) -> list[float]:
    """Of each round: what it was in this way over what it was without the line."""
    return [one / other for one, other in zip(found[way], found[WITHOUT], strict=True)]


@click.command()
@click.option("--records", default=30_000, show_default=True)
@click.option("--rounds", default=6, show_default=True)
def main(records: int, rounds: int) -> None:
    """Messages a second and processor time with traces off and on, over those of the code without traces."""
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    cpu: dict[str, list[float]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as made, collector() as endpoint:
        folder = Path(made)
        with Cluster(folder / "cluster") as cluster:
            for topic in ("in", "urgent", "routine", "dead"):
                cluster.create_topic(topic, PARTITIONS)
            produce(cluster.bootstrap_servers, "in", records)
            for number in range(rounds):
                for way in (*WAYS[number % 3 :], *WAYS[: number % 3]):
                    rate, seconds = run(cluster, folder, way, f"{way}-{number}", records, endpoint)
                    rates[way].append(rate)
                    cpu[way].append(seconds)
                last = ", ".join(f"{way} {each[-1]:,.0f}/s {cpu[way][-1]:.3f} s" for way, each in rates.items())
                console.print(f"round {number + 1} of {rounds}: {last}", highlight=False)
    table = Table("", "messages a second", "over without", "CPU s a 1,000", "over without", title=machine())
    for way in WAYS:
        parts = (rates[way], ratios(rates, way), cpu[way], ratios(cpu, way))
        table.add_row(way, *(f"{statistics.median(each):.3f} ({min(each):.3f}-{max(each):.3f})" for each in parts))
    console.print(table)
    nanoseconds = a_call_ns()
    console.print(f"the call that is left when traces are off: {nanoseconds:.0f} ns a window", highlight=False)
    click.echo(
        json.dumps({"benchmark": "tracing", "machine": machine(), "rates": rates, "cpu": cpu, "ns": nanoseconds})
    )


if __name__ == "__main__":
    ended_by_limits(main)

"""
What traces cost: the loop with a model that answers at once, with the code as it is and with its one line taken out.

    python -m benchmarks.tracing                  # half a minute; the sample model's tokenizer, nothing is fetched

All of a window's way but Kafka, whose own work would only make the share smaller: JSON is decoded, texts are
tokenized, answers encoded, metrics counted. Three ways in turns, window by window, by the thread's processor time:
`without`, the same `Loop.step` but for its `with self.tracing.process(window)`, which is cut out of its own source;
`off`, as it is served; `on`, with every span made, linked to each message, serialized for OTLP and thrown away.
"""

import ast
import inspect
import json
import statistics
import textwrap
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import click
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from rich.console import Console
from rich.table import Table

from benchmarks.instant import Instant
from benchmarks.machine import machine
from benchmarks.texts import lengths, texts
from consumer import classify, logs, loop
from consumer.answer import Steps
from consumer.decode import Decoder
from consumer.encode import Encoder
from consumer.errors import RecordError
from consumer.guard import Guard
from consumer.health import Health
from consumer.job import Job, encoding
from consumer.metrics import Metrics
from consumer.records import OutputRecord, Record
from consumer.rule_failures import RuleFailures
from consumer.schema_store import open_store
from consumer.settings import Log, Settings
from consumer.sizing import Limits, Sizer
from consumer.tracing import UNTRACED, Tracing
from consumer.tracing.spans import Spans
from consumer.watch import Watch
from consumer.window import Fence, Window

MODEL = Path(__file__).parents[1] / "artifacts" / "sample"
WITHOUT, OFF, ON = "without", "off", "on"
WAYS = (WITHOUT, OFF, ON)
FORMATS = {"input": {"format": "json"}, "output": {"format": "json"}}
console = Console(stderr=True)


class _Without(ast.NodeTransformer):
    def visit_With(self, node: ast.With) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        return node.body if "self.tracing" in ast.unparse(node.items[0]) else node


def without_the_line() -> Callable[[loop.Loop, Window], None]:
    """Loop.step as it would be if there were no traces."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(loop.Loop.step)))
    assert "tracing" in ast.unparse(tree)
    tree = ast.fix_missing_locations(_Without().visit(tree))
    assert "tracing" not in ast.unparse(tree)
    made: dict[str, Callable[[loop.Loop, Window], None]] = {}
    exec(compile(tree, inspect.getfile(loop), "exec"), vars(loop), made)  # noqa: S102 - our own source, less a line
    return made["step"]


class ThrownAway(SpanExporter):
    """Spans as bytes, which is what the exporter's thread does with them."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        encode_spans(spans).SerializeToString()
        return SpanExportResult.SUCCESS


class Nowhere:
    """Both of Kafka's ends: owns everything, takes everything."""

    rebalances = 0

    def owns(self, _: Window) -> bool:
        return True

    def mark(self, _: Window) -> None: ...

    def unmark(self) -> None: ...

    def committed(self, _: Window) -> None: ...

    def publish(
        self, outputs: Sequence[OutputRecord], window: Window, *, flush_before: Collection[int] = frozenset()
    ) -> None: ...

    def close(self) -> None: ...


def loop_of(tracing: Tracing) -> loop.Loop:
    settings = Settings.model_validate(FORMATS)
    classify._backend = lambda *_: Instant()  # noqa: SLF001 - a benchmark changes what a setting should not
    model, metrics, kafka = classify.load(MODEL), Metrics(), Nowhere()
    store = open_store(None, {}, ())
    decoder = Decoder(settings.input, store, settings.rules, rule_failed=RuleFailures(metrics.rule_failed))

    def dead(record: Record, error: RecordError) -> OutputRecord:
        raise AssertionError(f"{record.offset}: {error.code}")

    encode = encoding(Encoder(settings.output, store), Job())
    steps = Steps(decoder.decode, model, encode, dead, metrics, lambda: None)
    limits = Limits(10**6, 10**9, 10**9)
    sizer = Sizer(limits, latency_target_s=1, max_window_s=1, tokens_per_s=1e6, max_tokens=model.max_length)
    watch = Watch(metrics, Health(60))
    source: object = kafka  # what is not asked for here needs no fake
    return loop.Loop(
        source,  # type: ignore[arg-type]
        steps, tracing.publishing(kafka), Guard(1.0, "text"), sizer, watch, lambda: False, tracing=tracing,
    )  # fmt: skip


def windows(size: int, count: int) -> list[Window]:
    written = texts(lengths(), size * count, seed=size)
    now_ms = int(time.time() * 1000)
    records = [
        Record("in", place % 3, place, now_ms, b"key", json.dumps({"text": text}).encode(),
               (("traceparent", f"00-{place + 1:032x}-{place + 1:016x}-01".encode()),))
        for place, text in enumerate(written)
    ]  # fmt: skip
    return [Window(records[at : at + size], Fence(b"", 0), time.monotonic()) for at in range(0, len(records), size)]


def seconds(size: int, count: int) -> dict[str, list[float]]:
    """Of each window in each way: processor seconds, in turns that begin with another way each time."""
    provider = TracerProvider(span_limits=SpanLimits(max_links=size), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(ThrownAway()))
    loops = {WITHOUT: loop_of(UNTRACED), OFF: loop_of(UNTRACED), ON: loop_of(Spans(provider, "bench"))}
    steps = {WITHOUT: without_the_line(), OFF: loop.Loop.step, ON: loop.Loop.step}
    took: dict[str, list[float]] = {way: [] for way in WAYS}
    for number, window in enumerate(windows(size, count)):
        for way in (*WAYS[number % 3 :], *WAYS[: number % 3]):
            began = time.thread_time()
            steps[way](loops[way], window)
            took[way].append(time.thread_time() - began)
    return took


def over_without(took: Mapping[str, Sequence[float]], way: str) -> tuple[float, float, float]:
    """The median of the parts' ratios, with the lowest and the highest: ten parts, each of many windows."""
    part = len(took[way]) // 10
    cut = [slice(at, at + part) for at in range(part // 5, len(took[way]) - part + 1, part)]
    found = [statistics.median(took[way][each]) / statistics.median(took[WITHOUT][each]) for each in cut]
    return statistics.median(found), min(found), max(found)


def a_call_ns(times: int = 200_000) -> float:
    """Of the one line, by the thread's processor time."""
    window = Window((), Fence(b"", 0), 0.0)
    began = time.thread_time_ns()
    for _ in range(times):
        with UNTRACED.process(window):
            pass
    return (time.thread_time_ns() - began) / times


@click.command()
@click.option("--size", "sizes", type=int, multiple=True, default=(1, 50), show_default=True, help="Records a window.")
@click.option("--windows", "count", default=1500, show_default=True, help="Of each size, in each way.")
def main(sizes: Sequence[int], count: int) -> None:
    """Processor time of a window with traces off and on, over that of the code without traces."""
    logs.configure(Log(level="warning"))
    table = Table("records a window", "traces", "median, ms", "over without", title=machine())
    told = []
    for size in sizes:
        took = seconds(size, count)
        for way in WAYS:
            median, (ratio, low, high) = 1000 * statistics.median(took[way]), over_without(took, way)
            table.add_row(str(size), way, f"{median:.3f}", f"{ratio:.4f} ({low:.4f} to {high:.4f})")
            told.append({"size": size, "way": way, "ms": median, "ratio": ratio, "low": low, "high": high})
    console.print(table)
    alone = a_call_ns()
    console.print(f"what is left of traces when they are off, alone: {alone:.0f} ns a window", highlight=False)
    click.echo(json.dumps({"benchmark": "tracing", "machine": machine(), "found": told, "call_ns": alone}))


if __name__ == "__main__":
    main()

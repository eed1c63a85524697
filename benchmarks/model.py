"""
How many messages a second the model answers: shikyu, optimum and transformers in turns, on the same texts.

    python -m benchmarks.model                     # deberta-v3-base's shape, random weights: nothing is fetched
    python -m benchmarks.model --rounds 20 --contender "shikyu int8" --contender "packed, one scale a batch"

Each contender has a process of its own, loaded and warmed once; rounds go through all of them in turns, forth and back,
so that what else the machine does falls on all. Needs the environment of locks/optimum.txt for two of them
(`make .venv-optimum/made`).
"""

import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import click
from rich.console import Console
from rich.table import Table

from benchmarks.checkpoint import OPTIMUM, ROOT, SIZES, checkpoint, environment, graphs
from benchmarks.contender import KINDS
from benchmarks.ending import ended_by_limits
from benchmarks.machine import machine
from benchmarks.products import product_session, useful_flops
from benchmarks.texts import MAX_LENGTH, lengths, texts
from consumer.batching import batches
from consumer.cores import usable_cores
from consumer.cpu_backend import BY_OPENVINO, is_computable, require_computable
from consumer.engine import saturates
from consumer.tokenization import Tokenizer

RECORDS, TOKENS = 32, 512  # as shikyu finds on two cores with VNNI; what it is for others is in LOG.md
SORTED = "sorted"
ORDERS = {
    "one at a time": lambda sizes: [[place] for place in range(len(sizes))],
    "32 as they come": lambda sizes: [
        list(range(start, min(start + RECORDS, len(sizes)))) for start in range(0, len(sizes), RECORDS)
    ],
    SORTED: lambda sizes: batches(sizes, TOKENS, len(sizes)),
}
ONE_SCALE = "packed, one scale a batch"  # what int8 would be if answers might depend on batch-mates; never served
INT8_BF16 = "shikyu int8-bf16"  # OpenVINO, where the processor has bf16 and no AMX
CONTENDERS = tuple(KINDS)
# What we aim for on two cores, with VNNI and with AVX2 alone: ours over theirs, at least.
RATIOS = (
    (("shikyu fp32", SORTED), ("pipeline", "one at a time"), 3.5, 3.5),
    (("shikyu fp32", SORTED), ("pipeline", "32 as they come"), 4.5, 6.0),
    (("shikyu int8", SORTED), ("pipeline", "one at a time"), 9.0, 5.0),
    (("shikyu int8", SORTED), ("pipeline", "32 as they come"), 11.0, 9.0),
    (("shikyu int8", SORTED), ("optimum int8", "32 as they come"), 3.5, 3.5),
    (("shikyu int8", SORTED), ("optimum int8", "one at a time"), 1.8, 1.8),
    (("shikyu int8", SORTED), ("optimum int8", SORTED), 1.8, 1.8),
    (("shikyu int8", SORTED), (ONE_SCALE, SORTED), 0.9, 0.9),
    ((INT8_BF16, SORTED), ("pipeline", "one at a time"), 9.0, None),
    ((INT8_BF16, SORTED), ("pipeline", "32 as they come"), 11.0, None),
    ((INT8_BF16, SORTED), ("optimum int8", "32 as they come"), 3.5, None),
    ((INT8_BF16, SORTED), ("shikyu int8", SORTED), 1.15, None),  # what another engine has to be worth
)
SHARES = {"fp32": 0.8, "int8": None}  # of one large product's rate, and what we aim for
console = Console(stderr=True)
Course = tuple[str, str]


class Contender:
    """A process that answers windows of texts and says how long it took."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._log = folder / f"{kind}.log"
        script = ROOT / "benchmarks" / "contender.py"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [str(_python_of(kind)), str(script), kind, str(folder), str(usable_cores())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment(),
            )
        self.versions: dict[str, str] = self._read()

    def seconds(self, windows: Sequence[Sequence[str]]) -> float:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"windows": windows, "max_tokens": TOKENS}) + "\n")
        self._process.stdin.flush()
        return float(self._read()["seconds"])

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            self.__exit__()  # nobody else does while it is being made
            said = self._log.read_text(errors="replace")[-2000:]
            raise click.ClickException(f"{self._process.args!r} ended with {code}:\n{said}")
        found: dict[str, Any] = json.loads(line)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.__exit__(None, None, None)  # closes its pipes, and waits


def _python_of(kind: str) -> Path:
    """Of the environment that it runs in."""
    return OPTIMUM if kind.startswith("optimum") else Path(sys.executable)


@dataclass(frozen=True, slots=True)
class Measured:
    """Messages a second by contender and order, a value a round; `products` operations a second by precision."""

    rates: dict[Course, list[float]]
    products: dict[str, list[float]]
    versions: dict[str, dict[str, str]]

    def ratio(self, ours: Course, theirs: Course) -> float:
        pairs = zip(self.rates[ours], self.rates[theirs], strict=True)
        return statistics.median(mine / other for mine, other in pairs)


def measured(folder: Path, written: Sequence[str], rounds: int, kinds: Sequence[str]) -> Measured:
    words = Tokenizer((folder / "tokenizer.json").read_bytes(), MAX_LENGTH)
    sizes = [len(each.ids) for each in words.encode(written)]
    products = {precision: product_session(precision) for precision in SHARES if f"shikyu {precision}" in kinds}
    courses = [(kind, order) for kind in kinds for order in ORDERS if _asked(kind, order)]
    asked = {(kind, order): windows_of(kind, order, written, sizes) for kind, order in courses}
    found = Measured({course: [] for course in courses}, {precision: [] for precision in products}, {})
    with ExitStack() as stack:
        contenders = {kind: stack.enter_context(Contender(kind, folder)) for kind in kinds}
        found.versions.update({kind: each.versions for kind, each in contenders.items()})
        for (kind, _), windows in asked.items():  # a fourth, in its own shapes: what lays out memory is in no figure
            contenders[kind].seconds(windows[::4] if len(windows) > 1 else [windows[0][::4]])
        for number in range(rounds):
            for precision, product in products.items():
                found.products[precision].append(product())
            for kind, order in courses[:: 1 if number % 2 == 0 else -1]:
                windows = asked[kind, order]
                found.rates[kind, order].append(sum(map(len, windows)) / contenders[kind].seconds(windows))
            last = ", ".join(f"{kind} {order} {rates[-1]:.1f}" for (kind, order), rates in found.rates.items())
            console.print(f"round {number + 1} of {rounds}: {last}", highlight=False)
    return found


def windows_of(kind: str, order: str, written: Sequence[str], sizes: Sequence[int]) -> list[list[str]]:
    """What a contender is asked in an order: all texts where they are sorted, else a fourth of them."""
    some = list(range(len(written))) if order == SORTED else quarter_of(sizes)
    cut = ORDERS[order]([sizes[place] for place in some])
    if order == SORTED and not kind.startswith("optimum"):
        cut = [list(range(len(some)))]  # it sorts by itself
    return [[written[some[place]] for place in window] for window in cut]


def quarter_of(sizes: Sequence[int]) -> list[int]:
    """Places of a fourth of the texts, in their order and as long on average: who does not sort needs no more."""
    ranked = sorted(range(len(sizes)), key=sizes.__getitem__)
    return sorted(ranked[1::8] + ranked[6::8])


def _asked(kind: str, order: str) -> bool:
    """Who sorts has more than a pipeline; what is never served is only held against ours sorted."""
    if kind == "pipeline":
        return order != SORTED
    return order == SORTED or kind != ONE_SCALE


def shown(found: Measured, shares: Mapping[str, float], machine_name: str, size: str) -> None:
    table = Table("messages a second", *ORDERS, title=machine_name)
    for kind in found.versions:
        cells = [found.rates.get((kind, order)) for order in ORDERS]
        table.add_row(
            kind,
            *(f"{statistics.median(each):.1f} ({min(each):.1f}–{max(each):.1f})" if each else "" for each in cells),
        )
    with_aims = size == "base"
    ratios = Table("ratio, paired by round", "median", *(["aim"] if with_aims else []))
    for ours, theirs, with_vnni, with_avx2 in RATIOS:
        if ours in found.rates and theirs in found.rates:
            aim = [f"{with_avx2 if saturates() else with_vnni}"] if with_aims else []
            ratios.add_row(f"{' '.join(ours)} over {' '.join(theirs)}", f"{found.ratio(ours, theirs):.2f}", *aim)
    for precision, share in shares.items():
        what = f"shikyu {precision} sorted, share of one large product's rate"
        least = SHARES[precision]
        ratios.add_row(what, f"{share:.0%}", *([f"{least:.0%}"] if with_aims and least else []))
    for each in (table, ratios):
        console.print(each)


@click.command()
@click.option(
    "--texts",
    "count",
    default=144,
    show_default=True,
    help="In each round, sorted among themselves; a fourth of them where none are sorted.",
)
@click.option("--rounds", default=3, show_default=True)
@click.option("--size", type=click.Choice(list(SIZES)), default="base", show_default=True)
@click.option(
    "--contender",
    "kinds",
    type=click.Choice(CONTENDERS),
    multiple=True,
    help="Who takes part; once for each. All without it.",
)
def main(count: int, rounds: int, size: str, kinds: Sequence[str]) -> None:
    """Messages a second of the model alone, from text to probabilities."""
    kinds = list(dict.fromkeys(kinds)) or [kind for kind in KINDS if kind != INT8_BF16 or is_computable(BY_OPENVINO)]
    if INT8_BF16 in kinds:
        require_computable([BY_OPENVINO], "name others with --contender")
    for kind in kinds:
        if not (python := _python_of(kind)).exists():
            raise click.ClickException(
                f"{kind} needs {python}: make {python.parents[1].name}/made, or name the others with --contender"
            )
    written = texts(lengths(), count, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        random = checkpoint(Path(folder), size, with_optimum=any(kind.startswith("optimum") for kind in kinds))
        graphs(Path(folder), random)
        config = random.config
        del random  # of 740 MB in fp32
        bytes_of = {name: (Path(folder) / name).stat().st_size for name in ("model.onnx", "model_quantized.onnx")}
        found = measured(Path(folder), written, rounds, kinds)
        words = Tokenizer((Path(folder) / "tokenizer.json").read_bytes(), MAX_LENGTH)
    flops = useful_flops(config, [len(each.ids) for each in words.encode(written)]) / count
    shares = {}
    for precision, best in found.products.items():
        pairs = zip(found.rates[f"shikyu {precision}", SORTED], best, strict=True)
        shares[precision] = statistics.median(rate * flops / most for rate, most in pairs)
    shown(found, shares, machine(), size)
    click.echo(
        json.dumps(
            {
                "benchmark": "model",
                "machine": machine(),
                "size": size,
                "texts": count,
                "rates": {f"{kind}, {order}": rates for (kind, order), rates in found.rates.items()},
                "ratios": {
                    f"{' '.join(ours)} / {' '.join(theirs)}": round(found.ratio(ours, theirs), 3)
                    for ours, theirs, *_ in RATIOS
                    if ours in found.rates and theirs in found.rates
                },
                "share_of_product": {precision: round(share, 3) for precision, share in shares.items()},
                "bytes": bytes_of,
                "versions": found.versions,
            }
        )
    )


if __name__ == "__main__":
    ended_by_limits(main)

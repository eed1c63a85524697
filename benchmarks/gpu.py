"""
The model on a GPU beside transformers' own, both in half precision, from text to logits.

    python -m benchmarks.gpu                       # deberta-v3-base's shape, random weights: nothing is fetched

Rounds go through both in turns, on the same texts: transformers' eager attention in batches of 32 as they come, and
shikyu in portions that are sorted by length, each tokenized while the GPU computes the one before, with the tokens at
once that a measurement finds; `--tokens 45` for texts of 45 tokens each, of which the aims speak. Then `--texts` go
through once to count what is no number, and `--compare` of them in fp32, to see how many labels are the same: random
weights have close calls only, so that an `--artifact` of yours says more. `--device cpu` shows that it runs.
"""

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.checkpoint import SIZES, artifact
from benchmarks.machine import machine
from benchmarks.texts import MAX_LENGTH, alike, lengths, texts
from consumer.ahead import ahead
from consumer.batch_budget import GPU_BUDGETS, fastest
from consumer.batching import batches
from consumer.classify import GPU_MAX_BATCH_RECORDS
from consumer.manifest import CHECKPOINT_FILE, CONFIG_FILE, TOKENIZER_FILE
from consumer.tokenization import Tokenizer
from consumer.torch_backend import TorchBackend
from consumer.version import version as shikyus_version

THEIRS, OURS = "transformers, eager fp16, 32 as they come", "shikyu fp16, sorted"
RECORDS, WINDOW = 32, 5000  # in a window no text comes twice
TIMES, A_SECOND, AGREEING = 8.0, 20_000, 0.999  # what we aim for, on an H200 and at 45 tokens
console = Console(stderr=True)

Answer = Callable[[Sequence[str]], NDArray[np.float32]]


class Ours:
    """An artifact's checkpoint by the consumer's own backend."""

    def __init__(self, folder: Path, device: str, precision: str, max_tokens: int | None = None) -> None:
        config = json.loads((folder / CONFIG_FILE).read_bytes())
        self._words = Tokenizer((folder / TOKENIZER_FILE).read_bytes(), MAX_LENGTH)
        self._backend = TorchBackend((folder / CHECKPOINT_FILE).read_bytes(), config, device, precision)
        self.max_tokens = max_tokens or GPU_BUDGETS[0]

    def measure(self, some: Sequence[str]) -> None:
        """Finds how many tokens at once are the fastest."""
        sizes = sum(len(each.ids) for each in self._words.encode(some))

        def rate(budget: int) -> float:
            self.max_tokens = budget
            began = time.perf_counter()
            self.logits(some)
            return sizes / (time.perf_counter() - began)

        self.max_tokens, _ = fastest(rate, GPU_BUDGETS)

    def logits(self, some: Sequence[str]) -> NDArray[np.float32]:
        """(texts, 5), in their order."""
        found, at_once = np.empty((len(some), 5), np.float32), self._backend.at_once
        for (places, _), finish in ahead(lambda batch: self._backend.start(batch[1]), self._batches(some), at_once):
            found[places] = finish()
        return found

    def _batches(self, some: Sequence[str]) -> Iterator[tuple[list[int], list[NDArray[np.int64]]]]:
        """Places and tokens of each. As a consumer does, the next texts are tokenized while the GPU computes these."""
        for start in range(0, len(some), GPU_MAX_BATCH_RECORDS):
            ids = [each.ids for each in self._words.encode(some[start : start + GPU_MAX_BATCH_RECORDS])]
            for batch in batches([len(each) for each in ids], self.max_tokens, GPU_MAX_BATCH_RECORDS):
                yield [start + place for place in batch], [ids[place] for place in batch]


def parts(some: Sequence[str], size: int) -> Iterator[list[str]]:
    return (list(some[start : start + size]) for start in range(0, len(some), size))


def theirs(folder: Path, device: str) -> Answer:
    """What transformers does with the same checkpoint."""
    words = transformers.AutoTokenizer.from_pretrained(folder)
    kind = transformers.AutoModelForSequenceClassification
    model = kind.from_pretrained(folder, dtype=torch.float16, attn_implementation="eager").to(device)

    @torch.inference_mode()
    def answer(some: Sequence[str]) -> NDArray[np.float32]:
        rows = []
        for batch in parts(some, RECORDS):
            asked = words(batch, padding=True, truncation=True, max_length=MAX_LENGTH, return_tensors="pt")
            rows.append(model(**asked.to(device)).logits.float().cpu().numpy())
        return np.concatenate(rows)

    return answer


def rates(contenders: dict[str, Answer], some: Sequence[str], rounds: int) -> dict[str, list[float]]:
    """Texts a second of each, a value a round."""
    for answer in contenders.values():
        answer(some)  # kernels are chosen, and memory is laid out
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name, answer in list(contenders.items())[:: -1 if number % 2 else 1]:  # forth and back
            began = time.perf_counter()
            answer(some)
            found[name].append(len(some) / (time.perf_counter() - began))
        last = ", ".join(f"{name} {each[-1]:,.0f}" for name, each in found.items())
        console.print(f"round {number + 1} of {rounds}: {last}", highlight=False)
    return found


def no_numbers(ours: Ours, shares: NDArray[np.float64], count: int) -> Iterator[int]:
    """Of each window of so many texts, how many have a logit that is none."""
    for number, size in enumerate(min(WINDOW, count - start) for start in range(0, count, WINDOW)):
        yield int((~np.isfinite(ours.logits(texts(shares, size, seed=number)))).any(axis=1).sum())


@click.command()
@click.option("--artifact", "given", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Or random.")
@click.option("--size", type=click.Choice(list(SIZES)), default="base", show_default=True)
@click.option("--device", type=click.Choice(["cuda", "cpu"]), default="cuda", show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--timed", default=20_000, show_default=True, help="Texts of a round.")
@click.option("--texts", "count", default=1_000_000, show_default=True, help="Looked at for what is no number.")
@click.option(
    "--tokens",
    type=click.IntRange(3, MAX_LENGTH),
    help="Of each text, by the sample's tokenizer; else as reviews have.",
)
@click.option("--compare", default=20_000, show_default=True, help="Texts that are answered in fp32, too.")
def main(
    given: Path | None, size: str, device: str, rounds: int, timed: int, count: int, tokens: int | None, compare: int
) -> None:
    """Texts a second, what is no number, and how many labels are fp32's."""
    shares = alike(tokens) if tokens else lengths()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given or artifact(Path(temporary) / "artifact", size)
        ours = Ours(folder, device, "fp16")
        some = texts(shares, timed, seed=0)
        ours.measure(some[:WINDOW])
        found = rates({THEIRS: theirs(folder, device), OURS: ours.logits}, some, rounds)
        bad = sum(no_numbers(ours, shares, count))
        asked = texts(shares, compare, seed=-1)
        exact = Ours(folder, device, "fp32", ours.max_tokens).logits(asked)
        same = float(np.mean(ours.logits(asked).argmax(axis=1) == exact.argmax(axis=1)))
    times = statistics.median(mine / other for mine, other in zip(found[OURS], found[THEIRS], strict=True))
    name = torch.cuda.get_device_name() if device == "cuda" else "no GPU: these say nothing of speed"
    table = Table("", "came", "aim", title=f"{name}; {machine()}")
    for each, aim in ((THEIRS, ""), (OURS, f"{A_SECOND:,}")):
        came = f"{statistics.median(found[each]):,.0f} ({min(found[each]):,.0f} to {max(found[each]):,.0f})"
        table.add_row(f"{each}, texts a second", came, aim)
    table.add_row(f"over {THEIRS}", f"{times:.2f}", f"{TIMES:g}")
    table.add_row(f"no numbers, of {count:,} texts", f"{bad:,}", "0")
    table.add_row(f"labels as in fp32, of {compare:,}", f"{same:.2%}", f"{AGREEING:.1%}")
    console.print(table)
    told: dict[str, Any] = {"benchmark": "gpu", "gpu": name, "machine": machine(), "size": str(given or size)}
    told |= {"rates": found, "times": round(times, 3), "max_tokens": ours.max_tokens, "no_numbers": bad, "texts": count}
    told |= {"same_labels": same, "compared": compare, "tokens": tokens}
    versions = {name: version(name) for name in ("torch", "transformers", "tokenizers")}
    versions |= {"shikyu": shikyus_version(), "cuda": str(torch.version.cuda)}
    click.echo(json.dumps({**told, "versions": versions}))


if __name__ == "__main__":
    main()

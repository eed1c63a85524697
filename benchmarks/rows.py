"""
What `shikyu-train data` takes of memory and time for more and more made-up rows: `python -m benchmarks.rows`.

Peak resident memory counts pages of the Arrow files that the texts lie in, which the system takes back when it needs
them; peak anonymous memory does not, and is what must fit. Neither may grow as the texts do.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from rich.console import Console
from rich.table import Table

RECIPE = """
name = "rows"
output = "artifact"
[data]
train = ["train.parquet"]
test = ["test.parquet"]
[model.config]
hidden_size = 64
num_hidden_layers = 1
num_attention_heads = 2
"""
WORDS, FEWEST, MOST = 20_000, 5, 60
ROWS_AT_ONCE = 10_000
TEST_ROWS = 2000
LOOK_EVERY_S = 0.05


def write(path: Path, rows: int, seed: int) -> int:
    """Rows with stars and texts of made-up words, the first ones common. Returns the texts' bytes."""
    generator = np.random.default_rng(seed)
    letters = np.random.default_rng(0).integers(ord("a"), ord("z") + 1, (WORDS, 12), dtype=np.uint8)
    words = np.array([bytes(some[: 2 + number % 10]).decode() for number, some in enumerate(letters)])
    size = 0
    schema = pa.schema([("text", pa.string()), ("stars", pa.int64())])
    with pq.ParquetWriter(path, schema) as writer:
        for count in (min(ROWS_AT_ONCE, rows - start) for start in range(0, rows, ROWS_AT_ONCE)):
            texts = list(_texts(generator, words, count))
            size += sum(map(len, texts))
            writer.write_batch(pa.record_batch([texts, generator.integers(1, 6, count)], schema=schema))
    return size


def _texts(generator: np.random.Generator, words: np.ndarray, count: int) -> Iterator[str]:
    for length in generator.integers(FEWEST, MOST, count).tolist():
        yield " ".join(words[(WORDS * generator.random(length) ** 3).astype(np.int64)])


def measured(folder: Path) -> tuple[float, float, float]:
    """Seconds, peak resident and peak anonymous megabytes of the step in a process of its own."""
    command = [sys.executable, "-m", "training.cli", "data", str(folder / "recipe.toml")]
    began, anonymous = time.perf_counter(), 0.0
    child = os.posix_spawn(sys.executable, command, os.environ)
    while True:
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            break
        anonymous = max(anonymous, _anonymous_mb(child))
        time.sleep(LOOK_EVERY_S)
    if code := os.waitstatus_to_exitcode(status):
        raise click.ClickException(f"shikyu-train data ended with {code}; it says above why.")
    return time.perf_counter() - began, usage.ru_maxrss * 1024 / 1e6, anonymous


def _anonymous_mb(child: int) -> float:
    lines = Path(f"/proc/{child}/status").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("RssAnon:"))


@click.command()
@click.option("--rows", type=click.IntRange(min=1000), multiple=True, default=(10_000, 100_000, 1_000_000))
def main(rows: tuple[int, ...]) -> None:
    """Measure it, one number of training rows after the other."""
    table = Table("rows", "MB of text", "seconds", "peak MB", "of them anonymous")
    for count in rows:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            (folder / "recipe.toml").write_text(RECIPE)
            size = write(folder / "train.parquet", count, seed=1)
            write(folder / "test.parquet", TEST_ROWS, seed=2)
            seconds, resident, anonymous = measured(folder)
        table.add_row(f"{count:,}", f"{size / 1e6:,.0f}", *(f"{each:,.0f}" for each in (seconds, resident, anonymous)))
    Console().print(table)


if __name__ == "__main__":
    main()

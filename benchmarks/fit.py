"""
How much quicker `fit` is than a plain script with the same Trainer, on the same texts, from the same model.

The plain script: fp32, rows in random order, DataCollatorWithPadding. Both learn from the same rows in turn, round by
round, so that what else the machine does falls on both; at the end the loss of both on the same unseen rows is told.
"""

import gzip
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from transformers import (
    DataCollatorWithPadding,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainingArguments,
    set_seed,
)

from training.fitting import precision
from training.fitting.fit import Examples, fit, predict, soft_targets
from training.fitting.model import from_checkpoint
from training.fitting.watched import quiet_libraries
from training.operating.calibrate import loss

UNSEEN = 1000
RATE = 2e-5  # constant, since a round begins a new schedule
Rows = tuple[list[list[int]], NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Setting:
    batch: int
    max_length: int
    seed: int


def drawn_rows(reviews: Path, words: PreTrainedTokenizerBase, count: int, setting: Setting) -> Rows:
    """Token ids and labels of reviews drawn at random."""
    with gzip.open(reviews / "train.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    chosen = np.random.default_rng(setting.seed).permutation(len(rows))[:count]
    texts = [rows[row]["text"] for row in chosen]
    ids = words(texts, truncation=True, max_length=setting.max_length)["input_ids"]
    return ids, np.array([rows[row]["stars"] - 1 for row in chosen], dtype=np.int64)


def plainly(model: PreTrainedModel, words: PreTrainedTokenizerBase, rows: Rows, setting: Setting, work: Path) -> float:
    """Rows a second, by what most people would write."""
    trainer = Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(work),
            per_device_train_batch_size=setting.batch,
            num_train_epochs=1,
            save_strategy="no",
            disable_tqdm=True,
            dataloader_pin_memory=False,
            **_same(setting),
        ),
        train_dataset=[
            {"input_ids": ids, "attention_mask": [1] * len(ids), "labels": int(label)}
            for ids, label in zip(*rows, strict=True)
        ],
        data_collator=DataCollatorWithPadding(words),
    )
    return float(trainer.train().metrics["train_samples_per_second"])


def by_fit(model: PreTrainedModel, words: PreTrainedTokenizerBase, rows: Rows, setting: Setting, work: Path) -> float:
    """Rows a second, by `shikyu-train fit` with its own defaults."""
    options: dict[str, Any] = {
        **precision.options("auto", {}, model.config.hidden_size),
        **_same(setting),
        "per_device_train_batch_size": setting.batch,
        "num_train_epochs": 1,
        "save_strategy": "no",
    }
    ids, labels = rows
    return fit(model, words, Examples(ids, soft_targets(labels, 0.0)), work, options)["train_samples_per_second"]


def _same(setting: Setting) -> dict[str, Any]:
    cpu = not torch.accelerator.is_available()
    return {
        "learning_rate": RATE,
        "lr_scheduler_type": "constant",
        "seed": setting.seed,
        "use_cpu": cpu,
        "report_to": "none",
    }


def measured(base: str, reviews: Path, rounds: int, texts: int, setting: Setting) -> dict[str, Any]:
    """Alternating which goes first; the two models go on from round to round."""
    ways: dict[str, Callable[..., float]] = {"plain": plainly, "fit": by_fit}
    models = {}
    for name in ways:
        set_seed(setting.seed)  # the same new head
        models[name], words = from_checkpoint(base)
    ids, labels = drawn_rows(reviews, words, UNSEEN + rounds * texts, setting)
    rates: dict[str, list[float]] = {name: [] for name in ways}
    processor_s = dict.fromkeys(ways, 0.0)
    with tempfile.TemporaryDirectory() as work:
        for number in range(rounds):
            rows = slice(UNSEEN + number * texts, UNSEEN + (number + 1) * texts)
            for name in list(ways) if number % 2 else reversed(list(ways)):
                folder, began_s = Path(work) / f"{name}-{number}", time.process_time()
                rates[name].append(ways[name](models[name], words, (ids[rows], labels[rows]), setting, folder))
                processor_s[name] += time.process_time() - began_s
            click.echo(
                f"round {number + 1}: " + ", ".join(f"{name} {rates[name][-1]:.1f}/s" for name in ways), err=True
            )
    unseen = ids[:UNSEEN], labels[:UNSEEN]
    by_processor = {"ratio_by_processor_time": round(processor_s["plain"] / processor_s["fit"], 2)}
    return {**_told(rates), **by_processor, **{f"{name}_loss": round(_loss(models[name], unseen), 4) for name in ways}}


def _told(rates: dict[str, list[float]]) -> dict[str, Any]:
    ratios: Sequence[float] = [ours / plain for ours, plain in zip(rates["fit"], rates["plain"], strict=True)]
    return {
        **{f"{name}_texts_per_second": round(statistics.median(each), 1) for name, each in rates.items()},
        "ratio": round(statistics.median(ratios), 2),
        "ratio_from": round(min(ratios), 2),
        "ratio_to": round(max(ratios), 2),
    }


def _loss(model: PreTrainedModel, rows: Rows) -> float:
    model.cpu().eval()  # type: ignore[no-untyped-call]
    return loss(predict(model, rows[0]), rows[1])


@click.command()
@click.option("--reviews", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--base", required=True, help="A folder or a Hub checkpoint.")
@click.option("--rounds", default=6, show_default=True)
@click.option("--texts", default=512, show_default=True, help="In each round.")
@click.option("--batch", default=8, show_default=True)
@click.option("--max-length", default=128, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(reviews: Path, base: str, rounds: int, texts: int, batch: int, max_length: int, seed: int) -> None:
    """Prints rates, their ratio by rounds (median, least, most) and by processor time, and both losses, as JSON."""
    quiet_libraries()
    setting = Setting(batch, max_length, seed)
    told = measured(base, reviews, rounds, texts, setting)
    bits = precision.told(precision.options("auto", {}, from_checkpoint(base)[0].config.hidden_size))
    Console().print_json(json.dumps({"precision": bits, "batch": batch, "threads": torch.get_num_threads(), **told}))


if __name__ == "__main__":
    main()

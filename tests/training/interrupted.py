"""
A tiny fit that ends in the middle: `python -m tests.training.interrupted FOLDER STEP` kills itself after a checkpoint.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from transformers import DebertaV2Model

from training.fitting import fit, tokenizer
from training.fitting.model import classifier, config_from_scratch
from training.fitting.order import Draw
from training.fitting.pretrain import pretrain
from training.fitting.resumable import ResumableTrainer
from training.progress import Say

SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "position_buckets": 16,
    "initializer_range": 0.2,
}
WORDS = ("lost", "late", "plain", "good", "great")
TEXTS = [f"{word} parcel {'very ' * (number % 7)}number {number}" for number in range(10) for word in WORDS]
LABELS = np.array([0, 1, 2, 3, 4] * 10)
COUNTS = np.array([16, 12, 10, 8, 4])  # of each class in an epoch
OPTIONS: Mapping[str, Any] = {
    "seed": 3,
    "num_train_epochs": 3,
    "per_device_train_batch_size": 5,
    "gradient_accumulation_steps": 2,
    "learning_rate": 1e-2,
    "logging_steps": 3,
    "save_steps": 4,
    "save_total_limit": 10,
    "use_cpu": True,
}


def fitted(
    work: Path,
    ways: fit.Ways,
    rows: int = len(TEXTS),
    say: Say = print,
    judge: Callable[[Any], Mapping[str, float]] | None = None,
    judged_by: Mapping[str, Any] = MappingProxyType({}),
    validation_rows: int = len(TEXTS),
    **options: Any,
) -> torch.nn.Module:
    """Dropout in the model, dropped tokens in the texts: what a resumed fit must draw again."""
    words = tokenizer.train(TEXTS, 60)
    torch.manual_seed(3)
    model = classifier(config_from_scratch(SIZES, len(words)), None)
    ids = words(TEXTS[:rows])["input_ids"]
    examples = fit.Examples(ids, fit.soft_targets(LABELS[:rows], 0.1), 0.2, words.mask_token_id)
    judged = fit.Examples(ids[:validation_rows], fit.soft_targets(LABELS[:validation_rows], 0.0))
    validation = None if judge is None else fit.Validation(judged, judge, judged_by)
    fit.fit(model, words, examples, work, {**OPTIONS, **options}, ways, validation, say)
    return model


def pretrained(work: Path, **options: Any) -> torch.nn.Module:
    words = tokenizer.train(TEXTS, 60)
    torch.manual_seed(3)
    ids = words(TEXTS)["input_ids"]
    encoder = DebertaV2Model(config_from_scratch(SIZES, len(words)))
    pretrain(encoder, words, ids, work, {**OPTIONS, **options}, 0.3)
    return encoder


def after_checkpoint(step: int, end: Callable[[], None]) -> Any:
    """`ResumableTrainer._save_checkpoint` that ends the fit when that step's checkpoint is there."""
    save = ResumableTrainer._save_checkpoint

    def saved(trainer: ResumableTrainer, *args: Any) -> None:
        save(trainer, *args)
        if trainer.state.global_step == step:
            end()

    return saved


WAYS = fit.Ways(average_last=0.6, layer_decay=0.9, draw=Draw(LABELS, COUNTS))

if __name__ == "__main__":
    torch.set_num_threads(1)
    ResumableTrainer._save_checkpoint = after_checkpoint(  # type: ignore[method-assign]
        int(sys.argv[2]), lambda: os.kill(os.getpid(), signal.SIGKILL)
    )
    fitted(Path(sys.argv[1]), WAYS)

"""Fit a sequence classifier with transformers' Trainer, on soft targets so that labels and teachers mix."""

import hashlib
import json
import tempfile
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import (
    DataCollatorWithPadding,
    EarlyStoppingCallback,
    EvalPrediction,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    TrainingArguments,
)

from training.fitting import balance, checkpoints
from training.fitting.arguments import told, training_arguments
from training.fitting.average import WeightAverage
from training.fitting.loss import CLASSES, cross_entropy
from training.fitting.order import Draw
from training.fitting.push_at_save import pushing
from training.fitting.resumable import ResumableTrainer
from training.fitting.watched import Watched
from training.progress import Say

TOLD = "told what is kept"  # beside an interruption
ARGUMENTS = "training_args.json"  # beside train_results.json


def soft_targets(labels: NDArray[np.int64], smoothing: float) -> NDArray[np.float32]:
    """
    (rows, 5): the label keeps 1 - smoothing, its neighbours in stars share the rest.

    One star off is a smaller mistake than four, and people disagree by one.
    """
    distance = np.abs(np.arange(CLASSES)[None, :] - labels[:, None])
    near = (distance == 1).astype(np.float64)
    near /= near.sum(axis=1, keepdims=True)
    targets: NDArray[np.float64] = (1 - smoothing) * (distance == 0) + smoothing * near
    return targets.astype(np.float32)


class Rows(torch.utils.data.Dataset[dict[str, Any]]):
    """
    Token ids, at 4 bytes each in a file without a name, for there may be a million rows.

    The file lies in `scratch` and is gone with the last who reads it; the system takes its pages back when it must.
    """

    def __init__(self, token_ids: Iterable[Sequence[int]], scratch: Path | None = None) -> None:
        lengths = array("i")
        with tempfile.TemporaryFile(dir=scratch) as file:
            for ids in token_ids:
                lengths.append(len(ids))
                file.write(np.asarray(ids, dtype=np.int32).data)
            file.flush()
            # Copied on writing: torch takes no array that it may not write to.
            self._ids = torch.from_numpy(np.memmap(file, dtype=np.int32, mode="c"))
        self._starts = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])

    def __len__(self) -> int:
        return len(self._starts) - 1

    def lengths(self) -> list[int]:
        """In tokens."""
        lengths: list[int] = np.diff(self._starts).tolist()
        return lengths

    def digest(self) -> bytes:
        """SHA-256 of all that a fit learns from."""
        whole = hashlib.sha256(self._starts.tobytes())
        whole.update(self._ids.numpy().data)
        return whole.digest()

    def __getitem__(self, row: int) -> dict[str, Any]:
        ids = self._ids[self._starts[row] : self._starts[row + 1]].long()
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


class Examples(Rows):
    """Rows with their soft targets; `token_dropout` of a text's own tokens are masked anew at every look."""

    def __init__(
        self,
        token_ids: Iterable[Sequence[int]],
        targets: NDArray[np.float32],
        token_dropout: float = 0.0,
        mask_id: int | None = None,
        scratch: Path | None = None,
    ) -> None:
        super().__init__(token_ids, scratch)
        self._targets = torch.from_numpy(targets)
        self._token_dropout = token_dropout if mask_id is not None else 0.0
        self._mask_id = mask_id

    def digest(self) -> bytes:
        whole = hashlib.sha256(super().digest() + f"{self._token_dropout!r} {self._mask_id}".encode())
        whole.update(self._targets.numpy().data)
        return whole.digest()

    def __getitem__(self, row: int) -> dict[str, Any]:
        example = super().__getitem__(row)
        if self._token_dropout:
            dropped = torch.rand(len(example["input_ids"])) < self._token_dropout
            dropped[0] = dropped[-1] = False  # [CLS] and [SEP] stay
            example["input_ids"] = example["input_ids"].masked_fill(dropped, self._mask_id or 0)
        return {**example, "labels": self._targets[row]}


@dataclass(frozen=True, slots=True)
class Ways:
    """
    How to fit beyond TrainingArguments.

    For skewed messages: `log_prior` in the loss, how each epoch may `draw`, and what is `put_back` in the end.
    """

    average_last: float = 0.0
    layer_decay: float = 1.0
    patience: int | None = None
    log_prior: NDArray[np.float32] | None = None
    draw: Draw | None = None
    put_back: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class Validation:
    """
    Examples that choose between checkpoints, by what `judge` makes of their logits.

    `judged_by` are its settings: checkpoints that were chosen by others, or on other examples, are not gone on from.
    """

    examples: Examples
    judge: Callable[[EvalPrediction], Mapping[str, float]]
    judged_by: Mapping[str, Any] = field(default_factory=dict)


def fit(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Examples,
    work: Path,
    options: Mapping[str, Any],
    ways: Ways = Ways(),
    validation: Validation | None = None,
    say: Say = lambda _: None,
) -> dict[str, float]:
    """
    Train `model` in place and leave it in eval mode; `options` are TrainingArguments under their own names.

    Goes on from the last whole checkpoint in `work`, and leaves train_results.json and trainer_state.json there.
    """
    arguments = training_arguments("fit.arguments", work, options, validated=validation is not None)
    if ways.put_back is not None:
        balance.head_bias(model, CLASSES)
    made_from = _made_from(model, examples, options, ways, validation)
    with Watched("fit", say) as watched:
        trainer = _trainer(model, tokenizer, examples, arguments, ways, validation, say)
        watched.watch(trainer)
        results = run_to_end(trainer, made_from, say)
        if trainer.average is not None:
            _take_average(trainer, trainer.average)
    if ways.put_back is not None:
        balance.add_to_head(model, ways.put_back)
    model.cpu().eval()  # type: ignore[no-untyped-call]
    return results


def _trainer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Examples,
    arguments: TrainingArguments,
    ways: Ways,
    validation: Validation | None,
    say: Say,
) -> ResumableTrainer:
    patience = [] if ways.patience is None else [EarlyStoppingCallback(ways.patience)]
    return ResumableTrainer(
        model=model,
        args=arguments,
        train_dataset=examples,
        eval_dataset=None if validation is None else validation.examples,
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_loss_func=cross_entropy(ways.log_prior),
        compute_metrics=None if validation is None else validation.judge,
        callbacks=[*pushing(arguments, say), *patience],
        average=WeightAverage(ways.average_last) if ways.average_last else None,
        layer_decay=ways.layer_decay,
        draw=ways.draw,
    )


def _made_from(
    model: PreTrainedModel,
    examples: Examples,
    options: Mapping[str, Any],
    ways: Ways,
    validation: Validation | None,
) -> str:
    settings = {**checkpoints.deciding(options), **_as_json(ways)}
    chosen_by = () if validation is None else (validation.examples.digest(), validation.judged_by)
    return checkpoints.fingerprint(model, examples.digest(), settings, *chosen_by)


def run_to_end(trainer: ResumableTrainer, made_from: str, say: Say) -> dict[str, float]:
    """From the beginning, or from the last whole checkpoint; the figures by the Trainer's names."""
    work, rows = trainer.work, cast("Sized", trainer.train_dataset)
    checkpoint = checkpoints.to_go_on_from(work, made_from, say)
    if checkpoint is not None:
        say(f"fit: {work.name} goes on from {checkpoint.name}")
    try:
        done = trainer.train(None if checkpoint is None else str(checkpoint))
    except KeyboardInterrupt as error:
        error.add_note(TOLD)
        say(f"fit: interrupted; the same command {checkpoints.latest(work)}")
        raise
    results = {**done.metrics, "epoch": trainer.state.epoch or 0.0, "train_samples": len(rows)}
    with checkpoints.writing(work / "train_results.json"):
        trainer.save_metrics("train", results, combined=False)
        trainer.save_state()
        if trainer.is_world_process_zero():
            (work / ARGUMENTS).write_text(json.dumps(told(trainer.args), indent=2) + "\n", encoding="utf-8")
    return results


def _as_json(ways: Ways) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(asdict(ways), default=np.ndarray.tolist))
    return found


def _take_average(trainer: ResumableTrainer, average: WeightAverage) -> None:
    """In the place of the last weights; in that of the best ones only if validation likes it better."""
    best, model = trainer.state.best_metric, trainer.accelerator.unwrap_model(trainer.model)
    if best is None or not trainer.args.load_best_model_at_end:
        average.apply(model)
        return
    chosen = {name: weight.detach().clone() for name, weight in model.state_dict().items()}
    average.apply(model)
    name = str(trainer.args.metric_for_best_model).removeprefix("eval_")
    reached = trainer.evaluate()[f"eval_{name}"]
    if reached > best if trainer.args.greater_is_better else reached < best:
        return
    model.load_state_dict(chosen)


@torch.inference_mode()
def predict(model: PreTrainedModel, token_ids: Sequence[Sequence[int]], batch_size: int = 64) -> NDArray[np.float32]:
    """Logits (rows, 5) by torch, for choices made while training; what is shipped is measured by the consumer."""
    order = sorted(range(len(token_ids)), key=lambda row: len(token_ids[row]))
    logits = np.empty((len(token_ids), CLASSES), dtype=np.float32)
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        longest = max(len(token_ids[row]) for row in rows)
        ids, mask = torch.zeros(len(rows), longest, dtype=torch.long), torch.zeros(len(rows), longest)
        for place, row in enumerate(rows):
            ids[place, : len(token_ids[row])] = torch.tensor(token_ids[row])
            mask[place, : len(token_ids[row])] = 1
        logits[rows] = model(input_ids=ids, attention_mask=mask).logits.float().numpy()
    return logits

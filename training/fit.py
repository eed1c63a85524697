"""Fit a sequence classifier with transformers' Trainer, on soft targets so that labels and teachers mix."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import (
    DataCollatorWithPadding,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from consumer.records import Satisfaction
from training.arguments import training_arguments

CLASSES = len(Satisfaction)


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


class Examples(torch.utils.data.Dataset[dict[str, Any]]):
    """Token ids with their soft targets; `token_dropout` of a text's own tokens are masked anew at every look."""

    def __init__(
        self,
        token_ids: Sequence[Sequence[int]],
        targets: NDArray[np.float32],
        token_dropout: float = 0.0,
        mask_id: int | None = None,
    ) -> None:
        self._ids = [torch.tensor(ids, dtype=torch.long) for ids in token_ids]
        self._targets = torch.from_numpy(targets)
        self._token_dropout = token_dropout if mask_id is not None else 0.0
        self._mask_id = mask_id

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, row: int) -> dict[str, Any]:
        ids = self._ids[row]
        if self._token_dropout:
            dropped = torch.rand(len(ids)) < self._token_dropout
            dropped[0] = dropped[-1] = False  # [CLS] and [SEP] stay
            ids = ids.masked_fill(dropped, self._mask_id or 0)
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": self._targets[row]}


class WeightAverage(TrainerCallback):
    """The mean of the weights over the last `share` of the steps (Izmailov et al., arXiv:1803.05407)."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._sums: dict[str, Tensor] = {}
        self._count = 0

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        del args, control
        if state.global_step <= (1 - self._share) * state.max_steps:
            return
        self._count += 1
        for name, weight in kwargs["model"].named_parameters():
            value = weight.detach().to(torch.float64)
            self._sums[name] = self._sums[name] + value if name in self._sums else value.clone()

    def apply(self, model: torch.nn.Module) -> None:
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if self._count:
                    weight.copy_(self._sums[name] / self._count)


def soft_cross_entropy(outputs: Any, labels: Tensor, num_items_in_batch: Tensor | None = None) -> Tensor:
    del num_items_in_batch  # texts weigh the same in every batch
    loss: Tensor = -(torch.log_softmax(outputs.logits.float(), dim=-1) * labels).sum(-1).mean()
    return loss


def fit(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Examples,
    work: Path,
    options: Mapping[str, Any],
    *,
    average_last: float = 0.0,
) -> None:
    """Train `model` in place and leave it in eval mode; `options` are TrainingArguments under their own names."""
    average = WeightAverage(average_last)
    trainer = Trainer(
        model=model,
        args=training_arguments("fit.arguments", work, options),
        train_dataset=examples,
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_loss_func=soft_cross_entropy,
        callbacks=[average] if average_last else [],
    )
    trainer.train()
    average.apply(model)
    model.eval()  # type: ignore[no-untyped-call]


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

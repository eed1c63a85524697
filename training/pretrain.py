"""Masked-language modelling on the project's own texts: what words go together, before any label is seen."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from transformers import (
    DataCollatorForLanguageModeling,
    DebertaV2Config,
    DebertaV2Model,
    DebertaV2Tokenizer,
    Trainer,
)

from training.arguments import training_arguments

IGNORED = -100  # the collator's label of tokens that were not masked


class MaskedWords(nn.Module):
    """DeBERTa-v2 with a tied output layer that is computed for the masked tokens alone: a third of the time."""

    def __init__(self, config: DebertaV2Config) -> None:
        super().__init__()
        self.deberta = DebertaV2Model(config)
        self.transform = nn.Sequential(
            nn.Linear(config.hidden_size, config.hidden_size), nn.GELU(), nn.LayerNorm(config.hidden_size)
        )
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)
        self.decoder.weight = self.deberta.embeddings.word_embeddings.weight

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> dict[str, Tensor]:
        hidden = self.deberta(input_ids=input_ids, attention_mask=attention_mask)[0]
        masked = labels != IGNORED
        logits = self.decoder(self.transform(hidden[masked]))
        return {"loss": nn.functional.cross_entropy(logits, labels[masked])}


def pretrain(
    config: DebertaV2Config,
    tokenizer: DebertaV2Tokenizer,
    token_ids: Sequence[Sequence[int]],
    work: Path,
    options: Mapping[str, Any],
    mask_share: float,
) -> DebertaV2Model:
    """An encoder that has learned to fill gaps in the texts; `options` are TrainingArguments under their own names."""
    model = MaskedWords(config)
    trainer = Trainer(
        model=model,
        args=training_arguments("pretrain.arguments", work, options),
        train_dataset=[{"input_ids": list(ids), "attention_mask": [1] * len(ids)} for ids in token_ids],
        data_collator=DataCollatorForLanguageModeling(tokenizer, mlm_probability=mask_share),
    )
    trainer.train()
    return model.deberta

"""Masked-language modelling on the project's own texts: what words go together, before any label is seen."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from transformers import (
    DataCollatorForLanguageModeling,
    DebertaV2Model,
    PreTrainedTokenizerBase,
)

from training.fitting import checkpoints
from training.fitting.arguments import training_arguments
from training.fitting.fit import Rows, run_to_end
from training.fitting.resumable import ResumableTrainer
from training.fitting.watched import Watched
from training.progress import Say

IGNORED = -100  # the collator's label of tokens that were not masked


class MaskedWords(nn.Module):
    """DeBERTa-v2 with a tied output layer that is computed for the masked tokens alone: a third of the time."""

    def __init__(self, encoder: DebertaV2Model) -> None:
        super().__init__()
        config = encoder.config
        self.deberta = encoder
        self.transform = nn.Sequential(
            nn.Linear(config.hidden_size, config.hidden_size), nn.GELU(), nn.LayerNorm(config.hidden_size)
        )
        self.decoder = nn.ParameterDict({"bias": nn.Linear(config.hidden_size, config.vocab_size).bias})

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> dict[str, Tensor]:
        hidden = self.deberta(input_ids=input_ids, attention_mask=attention_mask)[0]
        masked = labels != IGNORED
        words = self.deberta.embeddings.word_embeddings.weight  # tied, with no second name in checkpoints
        logits = nn.functional.linear(self.transform(hidden[masked]), words, self.decoder["bias"])
        return {"loss": nn.functional.cross_entropy(logits, labels[masked])}


def pretrain(
    encoder: DebertaV2Model,
    tokenizer: PreTrainedTokenizerBase,
    token_ids: Iterable[Sequence[int]],
    work: Path,
    options: Mapping[str, Any],
    mask_share: float,
    say: Say = lambda _: None,
) -> None:
    """
    Teach the encoder to fill gaps in the texts; `options` are TrainingArguments under their own names.

    Goes on from the last whole checkpoint in `work`.
    """
    model = MaskedWords(encoder)
    arguments = training_arguments("pretrain.arguments", work, options)
    work.mkdir(parents=True, exist_ok=True)
    rows = Rows(token_ids, work)
    settings = {**checkpoints.deciding(options), "mask_share": mask_share}
    made_from = checkpoints.fingerprint(model, rows.digest(), settings)
    with Watched("pretrain", say) as watched:
        trainer = ResumableTrainer(
            model=model,
            args=arguments,
            train_dataset=rows,
            data_collator=DataCollatorForLanguageModeling(tokenizer, mlm_probability=mask_share),
        )
        watched.watch(trainer)
        run_to_end(trainer, made_from, say)
    encoder.cpu()

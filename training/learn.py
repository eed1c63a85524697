"""From messages to a fitted classifier, as a recipe says."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from transformers import DebertaV2Config, DebertaV2Model, PreTrainedModel, PreTrainedTokenizerBase, set_seed

from training import model, tokenizer
from training.data import Labelled
from training.fit import Examples, fit, soft_targets
from training.pretrain import pretrain
from training.recipe import SCRATCH, Recipe


@dataclass(frozen=True, slots=True)
class Start:
    """Where each fit begins: a tokenizer, and a configuration with its pretrained encoder, or a checkpoint's name."""

    tokenizer: PreTrainedTokenizerBase
    config: DebertaV2Config | None
    encoder: DebertaV2Model | None
    base: str


def start(recipe: Recipe, texts: Sequence[str], work: Path) -> Start:
    """Tokenizer and encoder from the texts alone, or the recipe's checkpoint. No label is looked at."""
    if recipe.model.base != SCRATCH:
        _, words = model.from_checkpoint(recipe.model.base)
        return Start(words, None, None, recipe.model.base)
    own = tokenizer.train(texts, recipe.model.vocab_size, lower_case=recipe.model.lower_case)
    config = model.config_from_scratch(recipe.model.config, len(own))
    if not recipe.pretrain.wanted:
        return Start(own, config, None, SCRATCH)
    set_seed(recipe.seed)
    ids = encode(own, texts, recipe.model.max_length)
    options = {"seed": recipe.seed, **recipe.pretrain.arguments}
    return Start(
        own, config, pretrain(config, own, ids, work / "pretrain", options, recipe.pretrain.mask_share), SCRATCH
    )


def learn(recipe: Recipe, begin: Start, messages: Labelled, work: Path) -> PreTrainedModel:
    """A classifier fitted on the messages; the same recipe, start and messages give the same one."""
    set_seed(recipe.seed)
    fresh = (
        model.from_checkpoint(begin.base)[0] if begin.config is None else model.classifier(begin.config, begin.encoder)
    )
    examples = Examples(
        encode(begin.tokenizer, messages.texts, recipe.model.max_length),
        soft_targets(messages.labels, recipe.fit.label_smoothing),
        recipe.fit.token_dropout,
        begin.tokenizer.mask_token_id,
    )
    options = {"seed": recipe.seed, **recipe.fit.arguments}
    return fit(fresh, begin.tokenizer, examples, work / "fit", options, average_last=recipe.fit.average_last)


def encode(words: PreTrainedTokenizerBase, texts: Sequence[str], max_length: int) -> list[list[int]]:
    ids: list[list[int]] = words(list(texts), truncation=True, max_length=max_length)["input_ids"]
    return ids

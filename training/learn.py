"""From messages to a fitted classifier, as a recipe says."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from transformers import (
    DebertaV2Config,
    DebertaV2Model,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    set_seed,
)

from training import model, tokenizer
from training.data import Labelled
from training.fit import Examples, fit, soft_targets
from training.pretrain import pretrain
from training.recipe import SCRATCH, Recipe
from training.teach import fit_teacher, fragments, taught


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
    fresh: PreTrainedModel = (
        model.from_checkpoint(begin.base)[0] if begin.config is None else model.classifier(begin.config, begin.encoder)
    )
    texts, targets = lessons(recipe, messages)
    examples = Examples(
        encode(begin.tokenizer, texts, recipe.model.max_length),
        targets,
        recipe.fit.token_dropout,
        begin.tokenizer.mask_token_id,
    )
    options = {"seed": recipe.seed, **recipe.fit.arguments}
    fit(fresh, begin.tokenizer, examples, work / "fit", options, average_last=recipe.fit.average_last)
    return fresh


def lessons(recipe: Recipe, messages: Labelled) -> tuple[list[str], NDArray[np.float32]]:
    """Texts with soft targets (rows, 5): the messages, and what a teacher makes of them when one is wanted."""
    own = soft_targets(messages.labels, recipe.fit.label_smoothing)
    plan = recipe.teach
    if not plan.fragments_per_message:
        return list(messages.texts), own
    teacher = fit_teacher(messages)
    made = fragments(messages.texts, round(plan.fragments_per_message * len(messages)), recipe.seed)
    mixed = (1 - plan.weight) * own + plan.weight * taught(teacher, messages.texts, plan.sharpness)
    return [*messages.texts, *made], np.concatenate([mixed, taught(teacher, made, plan.sharpness)]).astype(np.float32)


def encode(words: PreTrainedTokenizerBase, texts: Sequence[str], max_length: int) -> list[list[int]]:
    ids: list[list[int]] = words(list(texts), truncation=True, max_length=max_length)["input_ids"]
    return ids

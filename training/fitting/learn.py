"""From messages to a fitted classifier, as a recipe says."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import (
    DebertaV2Config,
    DebertaV2Model,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    set_seed,
)

from consumer.errors import SettingsError
from training import processes
from training.data.labelled import Labelled
from training.fitting import allowed, balance, model, precision, tokenizer
from training.fitting.fit import Examples, Validation, Ways, fit, soft_targets
from training.fitting.metrics_of_fit import judge
from training.fitting.order import Draw
from training.fitting.pretrain import pretrain
from training.fitting.push_at_save import without_push
from training.fitting.teach import fit_teacher, fragments, taught, taught_in_folds
from training.fitting.word_vectors import word_vectors
from training.progress import Say
from training.recipe import SCRATCH, Recipe

TEXTS_AT_ONCE = 1000
MEASURED = "measured.json"  # beside the checkpoints of pretraining


@dataclass(frozen=True, slots=True)
class Start:
    """
    Where each fit begins: a tokenizer, and a configuration with its pretrained encoder, or a checkpoint's place.

    `measured` is precision.options'.
    """

    tokenizer: PreTrainedTokenizerBase
    config: DebertaV2Config | None
    encoder: DebertaV2Model | None
    base: str
    revision: str | None = None
    measured: Path | None = None


def start(recipe: Recipe, texts: Sequence[str], work: Path, say: Say = lambda _: None) -> Start:
    """Tokenizer and encoder from the texts alone, or the recipe's checkpoint. No label is looked at."""
    measured = work / MEASURED
    if recipe.model.base != SCRATCH:
        _, words = model.from_checkpoint(recipe.model.base, recipe.model.revision)
        if recipe.fit.token_dropout and words.mask_token_id is None:
            raise SettingsError(
                f"[fit] token_dropout puts a mask in the place of tokens, and the base model {recipe.model.base!r} has "
                "no token for it: leave it out, or take another base model."
            )
        return Start(words, None, None, recipe.model.base, recipe.model.revision, measured)
    own = tokenizer.train(texts, recipe.model.vocab_size, lower_case=recipe.model.lower_case)
    config = model.config_from_scratch(recipe.model.config, len(own))
    if not (recipe.pretrain.word_vectors or recipe.pretrain.of_masked_words):
        return Start(own, config, None, SCRATCH, measured=measured)
    set_seed(recipe.seed)
    encoder = DebertaV2Model(config)
    if recipe.pretrain.word_vectors:
        say("start: word vectors")
        ids = encode(own, texts, recipe.model.max_length)
        model.begin_with(encoder, *word_vectors(ids, len(own), model.token_width(encoder), recipe.seed))
    if recipe.pretrain.of_masked_words:
        ids = encode(own, texts, recipe.model.max_length)
        options = _options(recipe, without_push(recipe.pretrain.arguments), config, measured)
        pretrain(encoder, own, ids, work, options, recipe.pretrain.mask_share, say)
    return Start(own, config, encoder, SCRATCH, measured=measured)


def learn(
    recipe: Recipe,
    begin: Start,
    messages: Labelled,
    work: Path,
    calibration: Labelled,
    validation: Labelled | None = None,
    say: Say = lambda _: None,
    *,
    shipped: bool = True,
    decided: Labelled | None = None,
) -> PreTrainedModel:
    """
    A classifier fitted on the messages; the same recipe, start and messages give the same one.

    It speaks for the class shares of the calibration messages, of which nothing else is looked at. Validation messages
    choose between its checkpoints. An interrupted one goes on from the last of them in `work`. Of `decided` ones the
    decision alone is known, and learned from.
    """
    set_seed(recipe.seed)
    fresh = _fresh(begin)
    work.mkdir(parents=True, exist_ok=True)
    texts, plain = lessons(recipe, messages)
    targets = _weighed(messages, plain)
    draw = _draw(recipe, _classes(messages, targets))
    in_epoch = targets if draw is None else balance.seen(targets, draw)
    if decided is not None:  # they have no class that could be drawn more or less often
        texts = [*texts, *decided.texts]
        spread = allowed.spread(decided, balance.class_shares(in_epoch))
        targets, in_epoch = np.concatenate([targets, spread]), np.concatenate([in_epoch, spread])
        draw = None if draw is None else draw.with_all_of(len(decided))
    learned = balance.spoken_for(in_epoch, recipe.fit.balance)
    in_loss = _in_loss(recipe, targets, in_epoch)
    in_loss = in_loss if decided is None else allowed.wide(in_loss, decided)
    given = recipe.fit.arguments if shipped else without_push(recipe.fit.arguments)
    fit(
        fresh,
        begin.tokenizer,
        _examples(recipe, begin, texts, in_loss, work),
        work,
        _options(recipe, given, fresh.config, begin.measured),
        _ways(recipe, in_epoch, draw, balance.moved(learned, np.array(calibration.class_shares()))),
        None if validation is None else _validation(recipe, begin, validation, learned),
        say,
    )
    return fresh


def _fresh(begin: Start) -> PreTrainedModel:
    if begin.config is None:
        fresh, _ = model.from_checkpoint(begin.base, begin.revision)
        if not torch.accelerator.is_available():  # on CPUs the fused kernel takes longer (benchmarks/LOG.md)
            fresh.set_attn_implementation("eager")
        return fresh
    return model.classifier(begin.config, begin.encoder)


def _examples(recipe: Recipe, begin: Start, texts: Sequence[str], targets: NDArray[np.float32], work: Path) -> Examples:
    return Examples(
        encode(begin.tokenizer, texts, recipe.fit.max_length or recipe.model.max_length),
        targets,
        recipe.fit.token_dropout,
        begin.tokenizer.mask_token_id,
        work,
    )


def _options(
    recipe: Recipe, given: Mapping[str, Any], config: PreTrainedConfig, measured: Path | None
) -> dict[str, Any]:
    width = int(getattr(config, "hidden_size", 0)) or 1
    bits = processes.decided(lambda: precision.options(recipe.fit.precision, given, width, measured))
    return {"seed": recipe.seed, **bits, **given}


def _classes(messages: Labelled, targets: NDArray[np.float32]) -> NDArray[np.int64]:
    """(rows,): messages' own, whatever their smoothed and taught targets say; of all others, the likeliest."""
    return np.concatenate([messages.labels, targets[len(messages) :].argmax(axis=1)])


def _ways(
    recipe: Recipe, in_epoch: NDArray[np.float32], draw: Draw | None, to_calibration: NDArray[np.float32]
) -> Ways:
    plan = recipe.fit
    return Ways(
        average_last=plan.average_last,
        layer_decay=plan.layer_decay,
        patience=plan.patience,
        log_prior=balance.log_prior(in_epoch) if plan.balance == "prior" else None,
        draw=draw,
        put_back=to_calibration,
    )


def _draw(recipe: Recipe, classes: NDArray[np.int64]) -> Draw | None:
    """None where an epoch has every row once."""
    counts, most = balance.counted(classes), recipe.fit.max_per_class
    if recipe.fit.balance == "resample":
        return Draw(classes, balance.evenly(counts))
    return None if most is None or most >= counts.max() else Draw(classes, np.minimum(counts, most))


def _in_loss(recipe: Recipe, targets: NDArray[np.float32], in_epoch: NDArray[np.float32]) -> NDArray[np.float32]:
    return targets * balance.class_weights(in_epoch) if recipe.fit.balance == "weights" else targets


def _weighed(messages: Labelled, targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """Targets that sum to their row's weight; made-up pieces of the messages weigh 1."""
    weights = np.ones(len(targets), dtype=np.float32)
    weights[: len(messages)] = messages.weights
    return targets * weights[:, None]


def _validation(recipe: Recipe, begin: Start, messages: Labelled, learned: NDArray[np.float64]) -> Validation:
    """`learned` are the class shares that the fit's logits speak for."""
    own = messages.class_shares()
    ids = encode(begin.tokenizer, messages.texts, recipe.model.max_length)
    judged_by: dict[str, Any] = {
        "recall": recipe.promise.recall,
        "model_shares": learned.tolist(),
        "own_shares": own,
        "live_shares": recipe.promise.live_shares or own,
    }
    if recipe.promise.unsatisfied_weight != 1:  # else as it always was: what these were compared with is kept
        judged_by["unsatisfied_weight"] = recipe.promise.unsatisfied_weight
    return Validation(Examples(ids, soft_targets(messages.labels, 0.0)), judge(**judged_by), judged_by)


def lessons(recipe: Recipe, messages: Labelled) -> tuple[Sequence[str], NDArray[np.float32]]:
    """Texts with soft targets (rows, 5): the messages, and what a teacher makes of them when one is wanted."""
    own = soft_targets(messages.labels, recipe.fit.label_smoothing)
    plan = recipe.teach
    if not plan.fragments_per_message and plan.folds is None:
        return messages.texts, own
    teacher = fit_teacher(messages) if plan.fragments_per_message else None
    if plan.folds is None:
        said = taught(teacher, messages.texts, plan.sharpness)
    else:
        shares = _shares_drawn(recipe, messages.labels)
        said = taught_in_folds(messages, plan.folds, plan.sharpness, recipe.seed, shares)
    mixed = ((1 - plan.weight) * own + plan.weight * said).astype(np.float32)
    if teacher is None:
        return messages.texts, mixed
    made = fragments(messages.texts, round(plan.fragments_per_message * len(messages)), recipe.seed)
    return [*messages.texts, *made], np.concatenate([mixed, taught(teacher, made, plan.sharpness)])


def _shares_drawn(recipe: Recipe, classes: NDArray[np.int64]) -> list[float] | None:
    """Of the classes in an epoch, for which a teacher is to speak; None where they are the messages' own."""
    draw = _draw(recipe, classes)
    return None if draw is None else (draw.counts / draw.counts.sum()).tolist()


def encode(words: PreTrainedTokenizerBase, texts: Sequence[str], max_length: int) -> Iterator[list[int]]:
    """A thousand texts at a time, for there may be a million."""
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        yield from words(list(texts[start : start + TEXTS_AT_ONCE]), truncation=True, max_length=max_length)[
            "input_ids"
        ]

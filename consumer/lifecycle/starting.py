"""
What a start serves: the version that `current` names, or one before it where that one is broken or decides otherwise.

It is held against versions that were current before, as a consumer that runs holds it against the one that answers.
Nothing is written down for that, so that it is the same where the folder may only be read.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol

import structlog

from consumer import versions
from consumer.classify import Classifier
from consumer.errors import ArtifactError, BackendError, LimitError, RecordError, ToldToLeave
from consumer.lifecycle import canary
from consumer.lifecycle.following import Told
from consumer.model_settings import loaded
from consumer.records import Decision
from consumer.settings import Model, Settings
from consumer.versions import Current

log = structlog.get_logger()

MOST_ASKED = 3  # each is loaded for it
BAD = (ArtifactError, BackendError, RecordError)  # a version that cannot be loaded, or that fails on a text
BATCH_TOKENS = 1024  # of those: what is fastest is not worth measuring


class Sound(Protocol):
    def __call__(self, version: str, max_batch_tokens: int | None = None) -> Classifier:
        """A version, verified, its name too, and warm. Raises ArtifactError, or BackendError for want of memory."""


def first(settings: Settings, current: Current, told: Told, stop: Callable[[], bool] = lambda: False) -> Classifier:
    """
    Loaded and warm. Where it is not the version that `current` names, that one is told of as refused.

    One model at a time is in memory. Raises what was wrong where neither that one nor one before it can be served,
    ToldToLeave between two of them.
    """

    def sound(version: str, max_batch_tokens: int | None = None) -> Classifier:
        if stop():
            raise ToldToLeave("told to leave while the model was loaded")
        artifact = current.folder / version
        classifier = loaded(settings, artifact, max_batch_tokens=max_batch_tokens)
        versions.require_own_name(artifact, classifier.model.version)
        return classifier

    older = [name for name in current.before if (current.folder / name).is_dir()]
    try:
        return _accepted(current, older[:MOST_ASKED], sound, settings.model, told)
    except (*BAD, LimitError) as problem:
        if not older:
            raise
        kind = BackendError if isinstance(problem, BackendError) else ArtifactError
        why = str(problem)  # and no more of it, for its frames would hold that model in memory beside the next
    for name in older:
        with suppress(*BAD):
            classifier = sound(name)
            told.swap("refused")
            told.refused(True)
            log.warning("model-refused", version=current.version, serving=name, why=why)
            return classifier
    raise kind(f"{why} (of {', '.join(older)}, which were current before, none can be served either)")


def _accepted(current: Current, older: Sequence[str], sound: Sound, model: Model, told: Told) -> Classifier:
    """
    LimitError where it decides otherwise than each of the older ones. One that decides alike is enough: the last one
    may have been refused everywhere, and this one be what mends it.
    """
    if not current.with_canary or not older:
        return sound(current.version)
    texts = canary.texts(model.canary)
    before = _answers(older, sound, texts)
    nearest = next(before, None)  # answered and let go before the new one is loaded, so that memory holds one model
    newcomer = sound(current.version)
    if nearest is None:
        return newcomer
    decisions = canary.answered(newcomer, texts)
    found = canary.flips(nearest, decisions)
    told.canary(found.share)
    if found.share <= model.max_flip_share:
        return newcomer
    del newcomer  # before another is loaded
    if any(canary.flips(each, decisions).share <= model.max_flip_share for each in before):
        return sound(current.version)
    raise found.too_many(model.max_flip_share)


def _answers(older: Sequence[str], sound: Sound, texts: Sequence[str]) -> Iterator[list[Decision]]:
    """Of each that can be served, when it is asked for."""
    for version in older:
        with suppress(*BAD):
            yield canary.answered(sound(version, BATCH_TOKENS), texts)

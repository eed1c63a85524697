"""The model that the settings name, loaded as they say."""

from pathlib import Path

from consumer.classify import Classifier, load
from consumer.errors import SettingsError
from consumer.settings import Settings
from consumer.versions import artifact_in


def loaded(settings: Settings, version: Path | None = None, *, max_batch_tokens: int | None = None) -> Classifier:
    """
    In the place of the one that the settings name, `version`; its batches as large as measured, unless they are given.

    Raises SettingsError when none is named, and what `load` raises.
    """
    model, batching = settings.model, settings.batching
    folder = version or model.artifact
    if folder is None:
        raise SettingsError("model.artifact is not set: name the model's folder, for example --model-artifact my-model")
    return load(
        folder,
        model.precision,
        model.threads,
        device=model.device,
        truncate=model.truncate,
        when_unsure=model.when_unsure,
        max_unknown_share=model.max_unknown_share,
        max_batch_tokens=batching.max_batch_tokens or max_batch_tokens,
        max_batch_records=batching.max_batch_records,
        public_key=model.public_key,
    )


def pinned(settings: Settings) -> Settings:
    """With the very artifact that is current now: a run has one model from its beginning to its end."""
    if settings.model.artifact is None:
        return settings
    model = settings.model.model_copy(update={"artifact": artifact_in(settings.model.artifact)})
    return settings.model_copy(update={"model": model})

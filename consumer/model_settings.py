"""The model that the settings name, loaded as they say."""

from consumer.classify import Classifier, load
from consumer.errors import SettingsError
from consumer.settings import Settings


def loaded(settings: Settings) -> Classifier:
    """Raises SettingsError when none is named, and what `load` raises."""
    model, batching = settings.model, settings.batching
    if model.artifact is None:
        raise SettingsError("model.artifact is not set: name the model's folder, for example --model-artifact my-model")
    return load(
        model.artifact,
        model.precision,
        model.threads,
        device=model.device,
        truncate=model.truncate,
        when_unsure=model.when_unsure,
        max_unknown_share=model.max_unknown_share,
        max_batch_tokens=batching.max_batch_tokens,
        max_batch_records=batching.max_batch_records,
        public_key=model.public_key,
    )

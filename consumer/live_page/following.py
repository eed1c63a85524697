"""The model that the settings name, for trials: of a folder of versions always the one that is current."""

from collections.abc import Sequence

from consumer.classify import Classifier
from consumer.errors import SettingsError
from consumer.model_settings import loaded
from consumer.records import Decision, ModelVersion
from consumer.settings import Settings
from consumer.versions import artifact_in


class Following:
    """One model in memory at most. For one thread at a time; `model` may be asked for by any."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingsError when no model is named, and what `load` raises."""
        if settings.model.artifact is None:
            raise SettingsError("model.artifact is not set: name the model's folder")
        self._settings = settings
        self._named = settings.model.artifact
        self._artifact = artifact_in(self._named)
        self._classifier: Classifier | None = loaded(settings, self._artifact)
        self.model: ModelVersion = self._classifier.model

    def follow(self) -> None:
        """Loads what is current where it is another now. Raises what `load` raises; the next call tries again."""
        artifact = artifact_in(self._named)
        if self._classifier is None or artifact != self._artifact:
            self._classifier = None  # before the other is loaded, for memory may not be enough for two
            self._classifier = loaded(self._settings, artifact)
            self._artifact, self.model = artifact, self._classifier.model

    def classify(self, texts: Sequence[str]) -> list[Decision]:
        if self._classifier is None:
            self.follow()
        assert self._classifier is not None
        return self._classifier.classify(texts)

"""Trials are by the version that is current."""

from pathlib import Path

import pytest

from consumer import versions
from consumer.errors import ArtifactError
from consumer.live_page import following
from consumer.live_page.following import Following
from consumer.live_page.trial import tried
from consumer.records import ModelVersion
from consumer.settings import Model, Settings
from tests.consumer.live_page.asking import Words


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Of three versions, of which the third cannot be loaded."""

    def loaded(_: Settings, artifact: Path) -> Words:
        if artifact.name == "3":
            raise ArtifactError("version 3 is damaged")
        words = Words()
        words.model = ModelVersion("fake", artifact.name, "fp32")
        read.append(artifact.name)
        return words

    read: list[str] = []
    monkeypatch.setattr(following, "loaded", loaded)
    for version in ("1", "2", "3"):
        (tmp_path / version).mkdir()
    versions.use(tmp_path, "1")
    return tmp_path, read


def test_a_trial_after_a_swap_is_by_the_other_version(folder):
    """Which is loaded once."""
    place, read = folder
    model = Following(Settings(model=Model(artifact=place)))
    assert tried(model, "help", with_words=True)["model"] == "fake 1 fp32"

    versions.use(place, "2")
    found = [tried(model, "help", with_words=True)["model"] for _ in range(2)]

    assert (found, model.model.version, read) == (["fake 2 fp32"] * 2, "2", ["1", "2"])


def test_a_version_that_cannot_be_loaded_is_told_until_it_can(folder):
    place, read = folder
    model = Following(Settings(model=Model(artifact=place)))

    versions.use(place, "3")
    for _ in range(2):
        with pytest.raises(ArtifactError, match="damaged"):
            tried(model, "help", with_words=False)
    versions.use(place, "1")

    assert tried(model, "help", with_words=False)["model"] == "fake 1 fp32"
    assert read == ["1", "1"]

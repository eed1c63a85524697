"""What `current` names takes the place of what answers, or is refused and changes nothing."""

import shutil
import threading
import time
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from consumer import versions
from consumer.classify import load
from consumer.drift.live import Watched
from consumer.lifecycle.answering import Answering
from consumer.lifecycle.following import Following, following
from consumer.metrics import Metrics
from consumer.settings import Settings
from tests.consumer.lifecycle.made_up import version


def settings(folder: Path, **model) -> Settings:
    return Settings.model_validate({"model": {"artifact": folder, "threads": 1, "watch_s": 0.05, **model}})


class Scene:
    """Version 1 answers; `look` is what the thread does, here and now."""

    def __init__(self, folder: Path, **model) -> None:
        self.folder = folder
        version(folder, "1")
        self.current = versions.use(folder, "1")
        self.answering = Answering(load(folder, threads=1, max_batch_tokens=256))
        self.metrics, self.followed = Metrics(), []
        self.following = Following(
            self.current, self.answering, self.load, settings(folder, **model), self.metrics, self.follow
        )

    def load(self, artifact: Path):
        return load(artifact, threads=1, max_batch_tokens=256)

    def follow(self) -> None:
        self.followed.append(self.answering.model.version)

    def turned(self) -> str:
        """What answers once the thread has looked and the loop has turned."""
        self.following.look()
        self.following.turn()
        return self.answering.model.version

    def metric(self, metric: str, /, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(metric, labels)


@pytest.fixture
def scene(tmp_path) -> Scene:
    return Scene(tmp_path)


def test_a_new_version_answers_after_the_next_turn_and_not_before(scene):
    version(scene.folder, "2")
    versions.use(scene.folder, "2")

    with capture_logs() as logs:
        scene.following.look()
        assert scene.answering.model.version == "1"
        assert scene.following.turn()

    assert scene.answering.model.version == "2"
    assert not scene.following.turn()
    assert scene.followed == ["2"]
    assert [each["event"] for each in logs] == ["model-found", "model-swapped"]
    assert scene.metric("shikyu_model_swaps_total", outcome="swapped") == 1
    assert scene.metric("shikyu_canary_flip_share") == 0


def test_rollback_swaps_back(scene):
    version(scene.folder, "2")
    versions.use(scene.folder, "2")
    assert scene.turned() == "2"

    versions.rollback(scene.folder)

    assert scene.turned() == "1"
    assert scene.followed == ["2", "1"]


def test_what_is_wanted_whatever_it_decides_is_not_held_against_the_canary(scene):
    """`use --no-canary` and a rollback: else a consumer that began with the bad one would keep it."""
    version(scene.folder, "2", threshold=0.0)
    versions.use(scene.folder, "2", with_canary=False)
    assert scene.turned() == "2"
    assert scene.metric("shikyu_canary_flip_share") > 0.2

    versions.rollback(scene.folder)

    assert scene.turned() == "1"
    versions.use(scene.folder, "2")
    assert scene.turned() == "1"


def test_a_version_that_is_withdrawn_while_it_loads_answers_nobody(scene):
    """Loading takes its time."""
    version(scene.folder, "2")
    versions.use(scene.folder, "2")
    load_it = scene.following._load

    def withdrawn(artifact: Path):
        versions.rollback(scene.folder)
        return load_it(artifact)

    scene.following._load = withdrawn

    assert scene.turned() == "1"
    scene.following._load = load_it
    assert scene.turned() == "1"
    assert scene.followed == []


def damaged(folder: Path) -> None:
    (version(folder, "2") / "model_quantized.onnx").write_bytes(b"no model")


def misnamed(folder: Path) -> None:
    version(folder, "3").rename(folder / "2")


def absent(folder: Path) -> None:
    """Nobody put it there."""


def deciding_otherwise(folder: Path) -> None:
    version(folder, "2", threshold=0.0)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (damaged, "8 bytes, and the manifest says"),
        (misnamed, "holds version 3"),
        (absent, "no folder"),
        (deciding_otherwise, "canary decisions flip"),
    ],
)
def test_a_bad_version_changes_nothing_and_is_tried_again_only_when_current_is_written(scene, bad, why):
    """The old one goes on; the log and the metrics say so, once."""
    bad(scene.folder)
    versions.use(scene.folder, "2")

    with capture_logs() as logs:
        assert [scene.turned() for _ in range(3)] == ["1", "1", "1"]

    refusals = [each for each in logs if each["event"] == "model-refused"]
    assert [(each["version"], each["serving"]) for each in refusals] == [("2", "1")]
    assert why in refusals[0]["why"]
    assert scene.metric("shikyu_model_swaps_total", outcome="refused") == 1
    assert scene.metric("shikyu_model_refused") == 1

    shutil.rmtree(scene.folder / "2", ignore_errors=True)
    version(scene.folder, "2")
    assert scene.turned() == "1"
    versions.use(scene.folder, "2")
    assert scene.turned() == "2"
    assert scene.metric("shikyu_model_refused") == 0


def test_going_back_from_a_refused_version_needs_no_swap(scene):
    """And ends the refusal, which is told once."""
    damaged(scene.folder)
    versions.use(scene.folder, "2")
    scene.turned()

    versions.rollback(scene.folder)

    with capture_logs() as logs:
        assert scene.turned() == "1"
        versions.use(scene.folder, "1")
        assert scene.turned() == "1"
    assert logs == [{"event": "refusal-ended", "log_level": "info", "version": "2", "serving": "1"}]
    assert (scene.metric("shikyu_model_refused"), scene.followed) == (0, [])


def test_going_back_from_what_the_start_refused_is_told_too(scene):
    """The one that answers is then not the one that was current."""
    refused = versions.use(scene.folder, "2")
    scene.following = Following(
        refused, scene.answering, scene.load, settings(scene.folder), scene.metrics, scene.follow
    )

    versions.rollback(scene.folder)

    with capture_logs() as logs:
        assert scene.turned() == "1"
    assert [(each["event"], each["version"]) for each in logs] == [("refusal-ended", "2")]


def test_a_version_that_is_ready_is_not_taken_when_current_names_another_meanwhile(scene):
    """The loop may be long in coming to its next turn."""
    version(scene.folder, "2")
    versions.use(scene.folder, "2")
    scene.following.look()
    versions.rollback(scene.folder)

    assert scene.turned() == "1"
    assert scene.followed == []


def test_an_unsigned_version_is_refused_where_signatures_are_asked_for(tmp_path):
    """By the same loading as at the start: the key is the settings'."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = tmp_path / "public.pem"
    public = Ed25519PrivateKey.generate().public_key()
    key.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    folder = tmp_path / "models"
    folder.mkdir()
    scene = Scene(folder)
    scene.load = lambda artifact: load(artifact, threads=1, public_key=key)
    scene.following._load = scene.load
    version(folder, "2")
    versions.use(folder, "2")

    with capture_logs() as logs:
        assert scene.turned() == "1"
    assert "not signed" in logs[-1]["why"]


def test_a_current_that_cannot_be_read_is_told_once(scene):
    (scene.folder / "current").write_text("")

    with capture_logs() as logs:
        assert [scene.turned() for _ in range(2)] == ["1", "1"]
    assert [each["event"] for each in logs] == ["current-unreadable"]


def test_the_thread_follows_by_itself_and_ends_with_the_block(scene):
    """While the loop only turns."""
    version(scene.folder, "2")
    with following(
        scene.current, scene.answering, settings(scene.folder), scene.metrics, scene.follow, lambda s: s
    ) as turn:
        versions.use(scene.folder, "2")
        until = time.monotonic() + 60
        while not turn():
            assert time.monotonic() < until
            time.sleep(0.01)

    assert scene.answering.model.version == "2"
    assert "models" not in {thread.name for thread in threading.enumerate()}


def test_drift_and_the_models_metrics_are_those_of_the_one_that_answers(scene):
    """What was held against the last one's reference is not told of this one."""
    drift = Watched(settings(scene.folder).drift, scene.metrics.drift)
    scene.metrics._drift_alarm.labels("urgency").set(1)

    scene.metrics.model(scene.answering.model)
    drift.follow(scene.answering.classifier.manifest, "int8")

    assert scene.metric("shikyu_drift_alarm", feature="urgency") is None
    assert scene.metric("shikyu_model_info", name="tiny", version="1", precision="int8") == 1

"""What is looked at again, and when."""

from pathlib import Path

import orjson
import pytest

from consumer import versions
from consumer.manifest import MANIFEST_FILE
from consumer.records import ModelVersion
from consumer.settings import Model, Output, Settings
from consumer.watching import observer
from consumer.watching.lag import Lag
from consumer.watching.observer import Observer
from consumer.watching.tail import Tail
from tests.service.watched import measured

SAMPLE = Path(__file__).parents[3] / "artifacts" / "sample"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Of two versions that promise 0.91 and 0.92, of which the first is current; without Kafka."""
    monkeypatch.setattr(observer, "lag", lambda _: Lag({}, "here"))
    monkeypatch.setattr(observer, "PROMISE_EVERY_S", float("inf"))
    for version in ("1", "2"):
        manifest = orjson.loads((SAMPLE / MANIFEST_FILE).read_bytes())
        manifest["version"] = version
        for each in manifest["precisions"].values():
            each["promise"]["recall"] = 0.9 + int(version) / 100
        (tmp_path / version).mkdir()
        (tmp_path / version / MANIFEST_FILE).write_bytes(orjson.dumps(manifest))
    versions.use(tmp_path, "1")
    return tmp_path


def watching(folder: Path, *urls: str) -> Observer:
    settings = Settings(model=Model(artifact=folder), output=Output(format="json"))
    return Observer(settings, urls, Tail(settings))


def test_after_a_swap_the_promise_is_that_of_the_model_that_answers(folder):
    with measured() as one:
        looks = watching(folder, one.url)
        one.metrics.model(ModelVersion("shikyu-sample", "1", "int8"))
        assert looks.look()["promise"] == {"recall": 0.91, "model": "shikyu-sample 1 int8"}

        versions.use(folder, "2")
        one.metrics.model(ModelVersion("shikyu-sample", "2", "int8"))

        found = looks.look()
    assert (found["models"], found["promise"]["model"]) == (["shikyu-sample 2 int8"], "shikyu-sample 2 int8")
    assert (found["promise"]["recall"], found["problems"]) == (0.92, [])


def test_while_the_same_model_answers_its_promise_is_read_once(folder, monkeypatch):
    read = []
    promised = observer.promised
    monkeypatch.setattr(observer, "promised", lambda *given: read.append(1) or promised(*given))
    with measured() as one:
        looks = watching(folder, one.url)
        found = [looks.look()["promise"]["recall"] for _ in range(3)]

    assert (found, len(read)) == ([0.91] * 3, 1)


def test_where_no_consumer_says_which_model_answers_it_is_read_now_and_then(folder, monkeypatch):
    looks = watching(folder)
    assert looks.look()["promise"]["recall"] == 0.91
    versions.use(folder, "2")
    assert looks.look()["promise"]["recall"] == 0.91

    monkeypatch.setattr(observer, "PROMISE_EVERY_S", -1.0)

    assert looks.look()["promise"]["recall"] == 0.92


def test_a_promise_that_cannot_be_read_is_told_and_hinders_nothing_else(folder, monkeypatch):
    """Nor is the old one shown for it; and it comes back."""
    monkeypatch.setattr(observer, "PROMISE_EVERY_S", -1.0)
    looks = watching(folder)
    looks.look()
    manifest = folder / "1" / MANIFEST_FILE
    content = manifest.read_bytes()

    manifest.unlink()
    found = looks.look()
    assert (found["promise"], len(found["problems"])) == (None, 1)
    assert MANIFEST_FILE in found["problems"][0]

    manifest.write_bytes(content)
    found = looks.look()
    assert (found["promise"]["recall"], found["problems"]) == (0.91, [])


@pytest.mark.parametrize(
    ("group_id", "cluster_id", "says"),
    [
        ("shikyu", "here", None),
        ("shikyu", "", None),  # of a Kafka that tells no name
        ("other\n", "here", 'is a consumer of group "other⏎", and delivery.group_id is shikyu: its figures'),
        ("shikyu", "there", 'of another Kafka, "there", than bootstrap.servers leads to, here: its figures'),
    ],
)
def test_another_streams_consumer_is_told_from_this_ones(folder, group_id, cluster_id, says):
    """On one machine each has the same port by default, and whoever began first has it."""
    with measured() as one:
        one.metrics.group(group_id, cluster_id)

        told = watching(folder, one.url).look()["problems"]

    assert [says in each and each.startswith(one.url) for each in told] == [True] * (says is not None)


def test_a_key_that_is_gone_is_told_too(folder):
    settings = Settings(model=Model(artifact=folder, public_key=folder / "gone.pem"), output=Output(format="json"))

    found = Observer(settings, [], Tail(settings)).look()

    assert found["promise"] is None
    assert "gone.pem" in found["problems"][0]

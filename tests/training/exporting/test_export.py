"""From a model to an artifact, all or nothing."""

import json
import os
import stat

import pytest

pytest.importorskip("torch")

import onnx
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from consumer import load
from consumer.artifact import read_manifest, verify
from consumer.errors import ArtifactError, SurroundingsError
from consumer.manifest import Description
from tests.tiny_artifact import TEXTS, make, random_model, tiny_tokenizer
from training.exporting import export

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("made") / "tiny")


@pytest.fixture
def ready(made):
    """What write_artifact took to make it."""
    manifest = read_manifest(made)
    description = Description(**{name: getattr(manifest, name) for name in Description.model_fields})
    return description, {name: (made / name).read_bytes() for name in manifest.files}


def test_the_artifact_is_served_and_is_a_checkpoint_too(made):
    """The consumer's decisions come from transformers' own logits for the same folder."""
    theirs, words = AutoModelForSequenceClassification.from_pretrained(made), AutoTokenizer.from_pretrained(made)
    classifier = load(made, "fp32", threads=1)

    for text in TEXTS:
        tokens = classifier.tokenize([text])
        encoded = words(text, truncation=True, max_length=64, return_tensors="pt")
        assert tokens[0].ids.tolist() == encoded["input_ids"][0].tolist()
        assert classifier.infer(tokens)[0] == pytest.approx(theirs(**encoded).logits[0].tolist(), abs=2e-5)
    assert list(theirs.config.id2label.values()) == list(classifier.manifest.labels)


def test_the_checkpoint_names_no_folder_of_its_maker(tmp_path):
    """config.json would otherwise tell where the model was loaded from."""
    model = random_model(300)
    model.config.name_or_path = str(tmp_path)

    files = export.checkpoint_files(model, tiny_tokenizer())

    assert str(tmp_path).encode() not in b"".join(files.values())


def test_the_committed_artifact_is_what_this_code_makes(made, tiny):
    """tests/artifacts/tiny is made by tests/tiny_artifact.py; make it again when this fails on purpose."""
    theirs, ours = load(tiny, "fp32", threads=1), load(made, "fp32", threads=1)

    for before, now in zip(theirs.classify(TEXTS), ours.classify(TEXTS), strict=True):
        assert now.urgency == pytest.approx(before.urgency, abs=1e-5)
    assert json.loads((made / "config.json").read_bytes()) == json.loads((tiny / "config.json").read_bytes())
    graphs = (onnx.load(folder / "model_quantized.onnx").graph for folder in (tiny, made))
    kinds_before, kinds_now = ([node.op_type for node in graph.node] for graph in graphs)
    assert kinds_now == kinds_before


def test_an_existing_folder_is_refused_unless_replaced(ready, tmp_path):
    """And when it is replaced, nothing of the old one stays."""
    description, files = ready
    folder = tmp_path / "artifact"
    folder.mkdir()
    for name in ("manifest.json", "old"):
        (folder / name).write_text("old")

    with pytest.raises(ArtifactError, match="exists: name another folder, or say --replace"):
        export.write_artifact(folder, description, files)
    export.write_artifact(folder, description, files, replace=True)

    assert verify(folder, "int8").manifest.name == "tiny"
    assert [path.name for path in tmp_path.iterdir()] == ["artifact"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


def test_a_folder_that_is_no_artifact_is_never_replaced(ready, tmp_path):
    """It may hold anything, such as the messages that the model was made from."""
    (tmp_path / "messages.csv").write_text("text,stars")

    with pytest.raises(ArtifactError, match="is no artifact to replace"):
        export.write_artifact(tmp_path, *ready, replace=True)

    assert (tmp_path / "messages.csv").read_text() == "text,stars"


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("a file too few", pytest.raises(ArtifactError, match="do not fit together")),
        ("a file too many", pytest.raises(ArtifactError, match="do not fit together")),
        ("a full disk", pytest.raises(SurroundingsError, match=r"artifact cannot be written \(No space left")),
    ],
)
def test_what_fails_leaves_nothing_behind(ready, tmp_path, monkeypatch, broken, told):
    """Neither the folder nor a half-written one beside it; what stood there before still does."""
    description, files = ready
    folder = tmp_path / "artifact"
    export.write_artifact(folder, description, files)
    if broken == "a file too few":
        files.pop("tokenizer.json")
    elif broken == "a file too many":
        files["notes.txt"] = b""
    else:
        monkeypatch.setattr(os, "fsync", full_disk)

    with told:
        export.write_artifact(folder, description, files, replace=True)

    assert [path.name for path in tmp_path.iterdir()] == ["artifact"]
    assert verify(folder, "fp32").manifest.name == "tiny"


def full_disk(handle):
    raise OSError(28, "No space left on device")

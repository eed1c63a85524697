"""An artifact is verified before a byte of it is used, and what is wrong is said with what to do."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from consumer.artifact import best_precision, read_manifest, verify
from consumer.classify import load
from consumer.errors import ArtifactError

Change = Callable[[dict[str, Any]], None]


@pytest.fixture
def folder(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny, tmp_path / "artifact"))


def rewrite(folder: Path, change: Change) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def replace(folder: Path, name: str, content: bytes) -> None:
    """The file and its entry, as somebody would who makes a wrong artifact in earnest."""
    (folder / name).write_bytes(content)
    entry = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    rewrite(folder, lambda manifest: manifest["files"].update({name: entry}))


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_committed_artifact_is_whole(tiny, precision):
    """Both precisions are there, and the checkpoint, which may be absent, is."""
    artifact = verify(tiny, precision)

    assert artifact.version.precision == precision
    assert hashlib.sha256(artifact.model).hexdigest() == artifact.manifest.files[artifact.served.model_file].sha256
    assert not (tiny / "model.safetensors").exists()
    assert sum(file.stat().st_size for file in tiny.iterdir()) < 300_000


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "README.md", "model_quantized.onnx"])
def test_a_changed_byte_is_refused(folder, name):
    """Also in a file that this precision does not need: who changed it may have changed more."""
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)

    with pytest.raises(
        ArtifactError, match=rf"{name} has SHA-256 [0-9a-f]+, and the manifest says .*make the artifact"
    ):
        verify(folder, "fp32")


def test_a_file_cut_short_is_refused(folder):
    """As a copy that broke off leaves it."""
    (folder / "model.onnx").write_bytes((folder / "model.onnx").read_bytes()[:-1])

    with pytest.raises(ArtifactError, match="bytes, and the manifest says"):
        verify(folder, "fp32")


@pytest.mark.parametrize("name", ["model.onnx", "config.json", "tokenizer.json", "eval_results.json", "README.md"])
def test_a_missing_file_is_refused(folder, name):
    """Of the served precision, or shared."""
    (folder / name).unlink()

    with pytest.raises(ArtifactError, match=f"lacks {name}"):
        verify(folder, "fp32")


def test_the_other_precision_may_be_absent(folder):
    """Who serves int8 does not download fp32."""
    (folder / "model.onnx").unlink()

    assert verify(folder, "int8").precision == "int8"
    with pytest.raises(ArtifactError, match=r"lacks model\.onnx, which fp32 needs; it has all of int8: set model\."):
        verify(folder, "fp32")


@pytest.mark.parametrize("name", ["notes.txt", "pytorch_model.bin", "weights.pkl", "modeling.py", "model.onnx.data"])
def test_a_file_that_belongs_to_none_is_refused(folder, name):
    """Whatever it is, a pickle and code above all, nobody answers for it."""
    (folder / name).write_text("mine")

    with pytest.raises(ArtifactError, match=f"holds {name}, which its manifest does not know; remove"):
        verify(folder, "fp32")


def test_a_folder_within_is_refused(folder):
    """An artifact is flat."""
    (folder / ".cache").mkdir()

    with pytest.raises(ArtifactError, match="no plain file"):
        verify(folder, "fp32")


@pytest.mark.parametrize("name", ["model.onnx", "manifest.json"])
def test_a_symbolic_link_is_refused(folder, name, tmp_path):
    """What it points to could change after it was verified."""
    (folder / name).rename(tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)

    with pytest.raises(ArtifactError, match="symbolic link"):
        verify(folder, "fp32")


def test_the_folder_itself_may_be_a_link(folder, tmp_path):
    """`current` pointing to a version is how people switch."""
    (tmp_path / "current").symlink_to(folder)

    assert verify(tmp_path / "current", "fp32").manifest.name == "tiny"


def wrong(*path: str | int, value: Any) -> Change:
    def change(manifest: dict[str, Any]) -> None:
        target: Any = manifest
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = value

    return change


def dump(**config: Any) -> bytes:
    return json.dumps(config).encode()


LABELS = ["very_unsatisfied", "unsatisfied", "neutral", "satisfied", "very_satisfied"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (wrong("manifest_version", value=2), "manifest_version 2, and this shikyu reads 1; install"),
        (wrong("manifest_version", value=None), "manifest_version None"),
        (wrong("labels", value=LABELS[::-1]), "labels.*in this order"),
        (wrong("labels", value=LABELS[:2]), "labels.*in this order"),
        (wrong("labels", value=["NEGATIVE", "POSITIVE"]), "wrong at labels"),
        (wrong("text_cleaning", value=["strip-html"]), "strip-html, which this version of shikyu cannot do"),
        (wrong("class_shares", "live", value=[0.5, 0.2, 0.2, 0.2, 0.2]), "class_shares.live.*not to 1"),
        (wrong("class_shares", "live", 0, value=0.0), "class_shares.live.0"),
        (wrong("precisions", "fp32", "temperature", value=0.0), "precisions.fp32.temperature"),
        (wrong("precisions", "fp32", "threshold", value=1.5), "precisions.fp32.threshold"),
        (wrong("precisions", "fp32", "files", value=["../model.onnx"]), "precisions.fp32.files"),
        (wrong("precisions", "fp32", "files", value=["a.bin", "b.bin"]), "exactly one must end in .onnx"),
        (wrong("precisions", "fp32", "files", value=["other.onnx"]), "belong to no precision"),
        (wrong("shared_files", value=["config.json"]), "leave out tokenizer.json"),
        (
            wrong("checkpoint_files", value=["manifest.json", "model.safetensors"]),
            "cannot hold the hash of manifest.json",
        ),
        (
            wrong("checkpoint_files", value=["manifest.sig", "model.safetensors"]),
            "cannot hold the hash of manifest.sig",
        ),
        (wrong("files", "a/b", value={"size": 1, "sha256": "0" * 64}), "wrong at files"),
        (wrong("threshhold", value=0.5), "wrong at threshhold.*, or install the shikyu that goes with it"),
        (wrong("class_shares", "unsatisfied_weight", value=0), "class_shares.unsatisfied_weight"),
        (wrong("class_shares", "unsatisfied_weight", value=5e-324), "class_shares.unsatisfied_weight"),
        (wrong("name", value="a\nb"), "wrong at name"),
        (wrong("manifest_version", value=True), "manifest_version True"),
        (wrong("manifest_version", value=1.0), "manifest_version 1.0"),
        (wrong("max_length", value="64"), "wrong at max_length: Input should be a valid integer"),
        (wrong("precisions", "fp32", "threshold", value="0.5"), "precisions.fp32.threshold"),
        (wrong("precisions", "fp32", "servable", value=1), "precisions.fp32.servable"),
        (wrong("training_data", "rows", value=True), "training_data.rows"),
        (wrong("files", "model.onnx", "size", value=1.0), "files.model.onnx.size"),
        (lambda manifest: manifest["files"].pop("model.onnx"), "no size and hash for model.onnx"),
    ],
)
def test_a_wrong_manifest_is_refused(folder, change, says):
    """It names the field and what is wrong with it."""
    rewrite(folder, change)

    with pytest.raises(ArtifactError, match=says):
        verify(folder, "fp32")


def test_a_manifest_that_says_a_thing_twice_is_refused(folder):
    """One reader would take the first, and another the last."""
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"servable"', '"servable": false, "servable"'))

    with pytest.raises(ArtifactError, match=r"manifest\.json says 'servable' 2 times in one object"):
        verify(folder, "fp32")


@pytest.mark.parametrize("content", ["", "[]", "{", '{"manifest_version": 1}', "[" * 100_000, "\udcff"])
def test_a_manifest_that_is_none_is_refused(folder, content):
    """Whatever stands there, the answer is an ArtifactError."""
    (folder / "manifest.json").write_bytes(content.encode("utf-8", "surrogateescape"))

    with pytest.raises(ArtifactError, match=r"manifest\.json"):
        verify(folder, "fp32")


def test_a_folder_without_a_manifest_is_no_artifact(tmp_path):
    """A checkpoint from the hub, for example."""
    with pytest.raises(ArtifactError, match=r"has no manifest\.json, so it is no artifact"):
        verify(tmp_path, "fp32")
    with pytest.raises(ArtifactError, match="is no folder"):
        verify(tmp_path / "none", "fp32")
    with pytest.raises(ArtifactError, match="is no folder"):
        verify(tmp_path / ("a" * 300), "fp32")


def test_a_precision_that_cannot_be_served_is_refused(folder):
    """Absent or barred by its gate; either way it says what can be."""
    rewrite(folder, wrong("precisions", "int8", "servable", value=False))

    with pytest.raises(ArtifactError, match=r"marks int8 as not servable.*can serve fp32: set model\.precision"):
        verify(folder, "int8")
    with pytest.raises(ArtifactError, match="has no fp16; it can serve fp32"):
        verify(folder, "fp16")
    assert best_precision(read_manifest(folder)) == "fp32"


def test_a_gpu_is_told_of_no_precision_that_it_does_not_have(folder):
    """int8 is for CPUs."""
    with pytest.raises(ArtifactError, match="has no fp16; it can serve fp32: set"):
        verify(folder, "fp16", model_file="model.safetensors")


@pytest.mark.parametrize(
    ("id2label", "says"),
    [
        (dict(enumerate(LABELS[::-1])), "0: very_satisfied, 1: satisfied, .* the manifest has 0: very_unsatisfied"),
        ({str(n): f"{5 - n} stars" for n in range(5)}, "0: 5 stars, 1: 4 stars"),
        ({str(n): f"LABEL_{n}" for n in range(5)}, "0: LABEL_0"),
        (dict(enumerate(LABELS[:2])), "0: very_unsatisfied, 1: unsatisfied, and"),
        (None, "id2label is none"),
        (LABELS, "id2label is none"),
    ],
)
def test_classes_in_another_order_are_refused(folder, id2label, says):
    """They would load, and turn every decision round. A name that says nothing cannot say that the order is right."""
    config = json.loads((folder / "config.json").read_text())
    config["id2label"] = id2label
    replace(folder, "config.json", json.dumps(config).encode())

    with pytest.raises(ArtifactError, match=says):
        verify(folder, "fp32")


def test_int8_is_the_first_choice(tiny):
    """As `shikyu run` chooses."""
    assert best_precision(read_manifest(tiny)) == "int8"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("model.onnx", b"no protobuf", "cannot load the model"),
        ("tokenizer.json", b"{}", r"cannot read tokenizer\.json"),
        ("config.json", b"[]", "no JSON object"),
        ("config.json", b'{"max_relative_positions": 1e999}', r"config\.json is no JSON"),
        ("config.json", b"[" * 100_000, r"config\.json is no JSON"),
        ("config.json", dump(id2label=dict(enumerate(LABELS)), position_buckets=1), "position_buckets is 1"),
    ],
)
def test_what_was_hashed_rightly_can_still_be_no_model(folder, name, content, says):
    """Hashes say that nothing changed, not that it was ever right."""
    replace(folder, name, content)

    with pytest.raises(ArtifactError, match=says):
        load(folder, "fp32", threads=1)

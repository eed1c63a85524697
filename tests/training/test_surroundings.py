"""An artifact with int8-bf16 on a machine that cannot compute it, which training's may be and a CI's is."""

import json
import re
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest

from consumer.artifact import read_manifest
from consumer.errors import SurroundingsError
from consumer.manifest import Description
from training import cli
from training.steps.evaluate import evaluate
from training.steps.operate import operate

pytestmark = pytest.mark.train

ROOT = Path(__file__).parents[2]
SAMPLE, MESSAGES = ROOT / "artifacts" / "sample", ROOT / "training" / "sample" / "test.jsonl"
INT8, FILE = "model_quantized.onnx", "model_int8_bf16.onnx"


@pytest.fixture
def artifact(tmp_path, monkeypatch) -> Path:
    """The sample with int8-bf16 as well; nothing computes it here."""
    folder = shutil.copytree(SAMPLE, tmp_path / "artifact")
    shutil.copy(folder / INT8, folder / FILE)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["precisions"]["int8-bf16"] = {**manifest["precisions"]["int8"], "files": [FILE]}
    manifest["reference"]["precisions"]["int8-bf16"] = manifest["reference"]["precisions"]["int8"]
    manifest["files"][FILE] = manifest["files"][INT8]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    monkeypatch.setitem(sys.modules, "consumer.openvino_backend", None)
    return folder


@pytest.mark.parametrize("command", ["check", "evaluate"])
def test_it_is_said_before_any_message_is_read_and_others_can_be_asked(artifact, capsys, command):
    """Else hours of answers by the others would end with it, and be told to nobody."""
    assert cli.main([command, str(artifact), str(MESSAGES)]) == 3

    told = capsys.readouterr()
    assert re.search(r"needs the openvino extra .*, or name another with --precision$", told.err, re.MULTILINE)
    assert told.out == ""
    assert cli.main([command, str(artifact), str(MESSAGES), "--precision", "int8"]) in {0, 6}


def test_it_is_calibrated_anew_where_its_file_is_left_out(artifact, tmp_path, capsys):
    """Nothing is left out of the new artifact that was not left out of the old one."""
    new = ["recalibrate", str(artifact), str(MESSAGES), "--out", str(tmp_path / "new"), "--version", "2"]

    assert cli.main([*new, "--recall", "0.9"]) == 3
    told = capsys.readouterr()
    assert f"a copy of the artifact without {FILE}" in told.err
    assert told.out == ""
    assert not (tmp_path / "new").exists()
    (artifact / FILE).unlink()
    assert cli.main([*new, "--recall", "0.9"]) == 0
    now = read_manifest(tmp_path / "new")
    assert set(now.precisions) == {"fp32", "int8"}
    assert now.versions["onnxruntime"] == version("onnxruntime")
    assert now.versions["torch"] == read_manifest(SAMPLE).versions["torch"]


@pytest.mark.parametrize("step", [operate, evaluate])
def test_a_step_that_scores_says_so_first(artifact, step):
    """Where a run was begun on another machine: no message is looked at, and there is none."""
    manifest = json.loads((artifact / "manifest.json").read_bytes())
    made = {"description": {name: manifest[name] for name in Description.model_fields}}
    folder = SimpleNamespace(read_json=lambda *_: made)
    recipe = SimpleNamespace(export=SimpleNamespace(precisions=("fp32", "int8-bf16")))

    with pytest.raises(
        SurroundingsError, match=r"or leave it out of export\.precisions and go on from `shikyu-train gr"
    ):
        step(SimpleNamespace(recipe=recipe, folder=folder))

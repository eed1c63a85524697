"""A run from a base model of the Hub's, whole: what was run can be told from the artifact alone."""

import json
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub.utils import _http

from consumer.artifact import read_manifest
from tests.training.local_hub import lead_client, local_hub
from training import cli
from training.data import read
from training.fitting import loading, tokenizer
from training.fitting.model import classifier, config_from_scratch, save
from training.recipe import Recipe

pytestmark = pytest.mark.train

SAMPLE = Path(__file__).parents[2] / "training" / "sample" / "train-w1.jsonl"
BASE = "somebody/base"
SIZES = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "position_buckets": 8}
RECIPE = """
name = "from-the-hub"
output = "artifact"

[data]
train = ["{train}"]

[data.limits]
max_cut = 1.0

[model]
base = "somebody/base"
revision = "v1"
max_length = 32

[fit.arguments]
max_steps = 1
per_device_train_batch_size = 16
logging_steps = 1

[export]
precisions = ["fp32"]

[promise]
recall = 0.5
"""


@pytest.fixture
def hub(monkeypatch, tmp_path):
    monkeypatch.setenv("DISABLE_SAFETENSORS_CONVERSION", "1")  # it would ask a service beside the Hub
    monkeypatch.setattr(_http, "time", SimpleNamespace(sleep=lambda seconds: None))  # not everybody's sleep
    with local_hub() as running:
        lead_client(monkeypatch, running.url, tmp_path / "hub")
        yield running


def test_the_artifact_tells_what_was_run(hub, tmp_path, capsys):
    """
    The base model's commit, the recipe with its defaults, every training argument as it was resolved; and no place.
    """
    (tmp_path / "train.jsonl").write_text("\n".join(SAMPLE.read_text("utf-8").splitlines()[:250]), "utf-8")
    (tmp_path / "recipe.toml").write_text(RECIPE.format(train=tmp_path / "train.jsonl"))
    words = tokenizer.train(read([tmp_path / "train.jsonl"]).texts, 200, lower_case=True)
    save(classifier(config_from_scratch(SIZES, len(words)), None), words, tmp_path / "base")
    commit = hub.add(BASE, {path.name: path.read_bytes() for path in (tmp_path / "base").iterdir()})
    hub.repositories[BASE].branches["v1"] = commit
    hub.repositories[BASE].commit("main", {"model.safetensors": None})

    assert cli.main(["run", str(tmp_path / "recipe.toml")]) == 0

    artifact = tmp_path / "artifact"
    assert f"start: asking {hub.url} for {BASE}" in capsys.readouterr().out.splitlines()[0]
    assert (read_manifest(artifact).base_model, read_manifest(artifact).base_revision) == (BASE, commit)
    assert f"Fine-tuned from `{BASE}` at `{commit}`" in (artifact / "README.md").read_text("utf-8")
    was = Recipe.model_validate(tomllib.loads((artifact / "recipe.toml").read_text("utf-8")))
    assert (was.model.revision, was.fit.arguments["max_steps"], was.promise.confidence) == ("v1", 1, 0.95)
    assert was.data.train == ["train.jsonl"]
    fit = json.loads((artifact / "fit.json").read_text())
    assert fit["base_revision"] == commit
    assert fit["fit"].items() >= {"max_steps": 1, "adam_beta2": 0.999, "seed": 0, "device": "cpu"}.items()
    for name in ("recipe.toml", "fit.json", "manifest.json", "README.md"):
        assert str(tmp_path) not in (artifact / name).read_text("utf-8"), name


def test_a_hub_that_does_not_answer_is_named_before_the_wait(hub, monkeypatch, tmp_path, capsys):
    """
    How long it will be asked, and by which setting; each time that it is asked anew; and at the end what can be done.
    """
    monkeypatch.setattr(loading, "PAUSE_S", 0)
    (tmp_path / "train.jsonl").write_text('{"text": "a", "stars": 1}')
    with local_hub() as gone:
        pass
    lead_client(monkeypatch, gone.url, tmp_path / "hub")
    (tmp_path / "recipe.toml").write_text(RECIPE.format(train="train.jsonl"))
    waits = "a Hub that does not answer is given up after 3 times 10 s (HF_HUB_ETAG_TIMEOUT)"
    again = f"start: {gone.url} did not answer (ConnectError), {{}} of 3 times; asking again"
    asked = [f"start: asking {gone.url} for {BASE}; {waits}", again.format(1), again.format(2)]

    assert cli.main(["data", str(tmp_path / "recipe.toml"), "--json"]) == 5  # one message keeps no promise

    looked_at = capsys.readouterr()
    assert looked_at.err.splitlines()[:3] == asked
    assert "did not answer (ConnectError)" in json.loads(looked_at.out)["unmeasured"]

    assert cli.main(["run", str(tmp_path / "recipe.toml")]) == 3

    told = capsys.readouterr()
    assert told.out.splitlines() == asked
    assert "did not answer (ConnectError): check the network" in told.err
    assert "HF_HUB_OFFLINE=1 takes what the Hub's cache has" in told.err

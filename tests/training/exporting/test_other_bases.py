"""From a checkpoint of another architecture to an artifact in one run."""

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from consumer.classify import load
from tests.tiny_padded import padded_tokenizer, random_padded
from training import cli
from training.fitting.model import from_checkpoint

pytestmark = pytest.mark.train

SAMPLE = Path(__file__).parents[3] / "training" / "sample"
TEXTS = ["Where is my parcel?", "Three weeks. THREE. I want my money back, today!", "", "thanks " * 100]
RECIPE = """
name = "other"
output = "artifact"

[data]
train = ["train.jsonl"]

[data.limits]
max_cut = 1

[model]
base = "{base}"
max_length = 32

[fit.arguments]
max_steps = 2

[promise]
recall = 0.4

[gate]
min_agreement = 0.0
max_more_needless = 1.0
"""


def checkpoint(folder, kind, **changes):
    words = padded_tokenizer(kind)
    model = random_padded(kind, vocab_size=len(words), pad_token_id=words.pad_token_id, **changes)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return str(folder)


def recipe(folder, base):
    rows = (SAMPLE / "train-w1.jsonl").read_text("utf-8").splitlines()[:200]
    (folder / "train.jsonl").write_text("\n".join(rows), "utf-8")
    (folder / "recipe.toml").write_text(RECIPE.format(base=base))
    return str(folder / "recipe.toml")


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_is_fitted_exported_and_served_with_transformers_answers(tmp_path, kind):
    """The artifact's text goes through tokenizer, padded graph and head as through transformers' own."""
    assert cli.main(["run", recipe(tmp_path, checkpoint(tmp_path / "base", kind))]) == 0

    theirs = AutoModelForSequenceClassification.from_pretrained(tmp_path / "artifact").eval()
    words = AutoTokenizer.from_pretrained(tmp_path / "artifact")
    classifier = load(tmp_path / "artifact", "fp32", threads=1)
    logits = classifier.infer(classifier.tokenize(TEXTS))
    for text, ours in zip(TEXTS, logits, strict=True):
        encoded = words(text, truncation=True, max_length=32, return_tensors="pt")
        with torch.inference_mode():
            assert ours == pytest.approx(theirs(**encoded).logits[0].tolist(), abs=2e-5)
    for precision in ("fp16", "int8"):
        assert len(load(tmp_path / "artifact", precision, threads=1).classify(TEXTS)) == len(TEXTS)


def test_texts_longer_than_its_positions_are_refused_before_the_fit(tmp_path, capsys):
    """They would stop the stream at the first long message."""
    base = checkpoint(tmp_path / "base", "roberta", max_position_embeddings=32)

    assert cli.main(["run", recipe(tmp_path, base)]) == 2

    told = capsys.readouterr()
    assert "it has positions for 31 tokens, and [model] max_length is 32" in told.err
    assert "fit:" not in told.out


def test_a_kind_that_is_not_covered_is_refused_before_the_fit(tmp_path, capsys):
    """By name, with what to start from."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text(json.dumps({"model_type": "gpt2"}))

    assert cli.main(["run", recipe(tmp_path, tmp_path / "base")]) == 2

    assert "could not be exported: it is a gpt2, and DeBERTa-v2, v3 and bert," in capsys.readouterr().err


def test_a_checkpoint_in_half_precision_is_fitted_in_fp32(tmp_path):
    """deberta-v3-base is kept in fp16, in which steps as small as the fit's are lost."""
    base = checkpoint(tmp_path / "base", "bert")
    half = random_padded("bert").half()
    half.save_pretrained(base)

    assert {each.dtype for each in load_file(tmp_path / "base" / "model.safetensors").values()} == {torch.float16}
    assert {each.dtype for each in from_checkpoint(base)[0].parameters()} == {torch.float32}

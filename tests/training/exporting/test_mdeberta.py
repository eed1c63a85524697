"""mDeBERTa-v3 goes the packed way: DeBERTa-v3's shape, many languages, a quarter of a million words."""

import io
import json

import numpy as np
import pytest

pytest.importorskip("torch")

import sentencepiece

from consumer.onnx_backend import OnnxBackend
from consumer.tokenization import Tokenizer
from tests.tiny_artifact import TEXTS, random_model
from training.exporting.describe import model_files
from training.exporting.graphs import fp32_onnx
from training.exporting.int8 import int8_onnx
from training.exporting.same_logits import logits
from training.feasible import require_exportable
from training.fitting.model import from_checkpoint
from training.recipe import Recipe
from training.scoring.score import score

pytestmark = pytest.mark.train

VOCABULARY = 251_000  # mDeBERTa's, in which the last few hundred have no word
MANY = (
    "Wo bleibt mein Päckchen? Ich warte seit drei Wochen!",
    "¿Dónde está mi pedido?",
    "商品が届きません。返金してください。",
    "Где моя посылка?",
    "لم يصل طلبي بعد",
    "मेरा ऑर्डर कहाँ है?",
)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A checkpoint as the Hub has it: no tokenizer.json but spm.model, and pos_att_type as one word."""
    folder = tmp_path_factory.mktemp("mdeberta")
    learned = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*TEXTS, *MANY] * 2),
        model_writer=learned,
        vocab_size=300,
        hard_vocab_limit=False,
        character_coverage=1.0,
        minloglevel=2,
        **{f"{name}_id": place for place, name in enumerate(("pad", "bos", "eos", "unk"))},
        **{
            f"{name}_piece": f"[{piece}]"
            for name, piece in zip(("pad", "bos", "eos", "unk"), ("PAD", "CLS", "SEP", "UNK"), strict=True)
        },
    )
    (folder / "spm.model").write_bytes(learned.getvalue())
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false, "vocab_type": "spm"}')
    random_model(VOCABULARY, hidden_size=16, intermediate_size=16).save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "pos_att_type": "p2c|c2p"}))
    return str(folder)


def test_it_is_packed_and_answers_in_every_language_as_transformers_does(base):
    """Same ids, same logits, from the artifact's files alone."""
    require_exportable(
        Recipe.model_validate({"name": "m", "output": "o", "data": {"train": ["x"]}, "model": {"base": base}})
    )
    model, words = from_checkpoint(base)

    fp32 = fp32_onnx(model)
    files = {**model_files(model, words), "model.onnx": fp32, "model_quantized.onnx": int8_onnx(fp32)}

    ids = [np.array(words(text)["input_ids"]) for text in MANY]
    ours = Tokenizer(files["tokenizer.json"], 128).encode(MANY)
    assert [each.ids.tolist() for each in ours] == [each.tolist() for each in ids]
    assert all(each.unknown_share == 0 for each in ours)
    scored = score(files, "model.onnx", MANY, 128).logits
    assert np.abs(scored - logits(model, ids)).max() <= 2e-5
    assert np.abs(score(files, "model_quantized.onnx", MANY, 128).logits - scored).max() < 0.1 * np.abs(scored).max()


def test_the_last_of_its_words_have_their_own_embedding(base):
    """An id beyond 2 ** 16, or beyond any other model's vocabulary, is looked up as it is."""
    model, _ = from_checkpoint(base)
    texts = [np.array([1, number, 2]) for number in (5, 65_541, 128_105, VOCABULARY - 1)]

    found = OnnxBackend(fp32_onnx(model), model.config.to_dict(), 1).logits(texts)

    assert np.abs(found - logits(model, texts)).max() <= 2e-5
    assert len({tuple(row) for row in found.round(4).tolist()}) == len(texts)

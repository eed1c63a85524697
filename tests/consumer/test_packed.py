"""The packed model gives transformers' logits: in torch, and through ONNX Runtime."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.onnx_backend import OnnxBackend
from consumer.packed import PackedDeberta, refuse_uncovered, skew
from consumer.packing import Distances, pack
from tests.tiny_artifact import random_model
from training.exporting.graphs import fp32_onnx

pytestmark = pytest.mark.train

VOCABULARY = 300
LARGEST_DIFFERENCE = 2e-5
FIXED = (1, 2, 512, 3, 129, 37, 128, 127, 256, 64)

lengths = st.lists(st.one_of(st.integers(1, 40), st.sampled_from([127, 128, 129, 300, 512])), min_size=1, max_size=4)

SHAPES = {
    "deberta-v3": {},
    "few buckets, long texts": {"position_buckets": 16, "max_position_embeddings": 64},
    "no buckets": {"position_buckets": -1, "max_position_embeddings": 512},
    "relative embeddings not normed, one layer": {"norm_rel_ebd": "none", "num_hidden_layers": 1},
    "projections of their own for positions": {"share_att_key": False},
    "content to position alone": {"pos_att_type": ["c2p"]},
    "position to content alone, with a projection of its own": {"pos_att_type": ["p2c"], "share_att_key": False},
    "no positions in attention": {"pos_att_type": []},
    "positions named in one text": {"pos_att_type": "c2p|\t P2C|"},
    "a convolution, as deberta-v2-xlarge has one": {"conv_kernel_size": 3, "conv_act": "gelu"},
    "a wide convolution in groups": {"conv_kernel_size": 7, "conv_groups": 4, "num_hidden_layers": 3},
    "words narrower than the model": {"embedding_size": 16},
}


class Pair:
    """transformers' model, and ours of the same weights."""

    def __init__(self, theirs=None, **changes):
        self.theirs = theirs or random_model(VOCABULARY, seed=1, **changes)
        self.distances = Distances.of(self.theirs.config.to_dict())
        self.packed = PackedDeberta(self.theirs.state_dict(), self.theirs.config.to_dict())
        self.onnx = OnnxBackend(fp32_onnx(self.theirs), self.theirs.config.to_dict(), threads=1)

    @torch.inference_mode()
    def expected(self, texts):
        width = max(len(text) for text in texts)
        ids, mask = np.zeros((len(texts), width), np.int64), np.zeros((len(texts), width), np.int64)
        for row, text in enumerate(texts):
            ids[row, : len(text)], mask[row, : len(text)] = text, 1
        return self.theirs(torch.from_numpy(ids), torch.from_numpy(mask)).logits.numpy()

    @torch.inference_mode()
    def ours(self, texts):
        return self.packed(*(torch.from_numpy(np.array(each)) for each in pack(texts, self.distances).values())).numpy()

    def check(self, texts):
        expected = self.expected(texts)
        assert np.abs(self.ours(texts) - expected).max() <= LARGEST_DIFFERENCE
        assert np.abs(self.onnx.logits(texts) - expected).max() <= LARGEST_DIFFERENCE


@pytest.fixture(scope="module", params=list(SHAPES))
def pair(request):
    return Pair(**SHAPES[request.param])


def texts_of(lengths, seed=0):
    generator = np.random.default_rng(seed)
    return [generator.integers(3, VOCABULARY, length) for length in lengths]


def test_equals_transformers_on_texts_of_1_to_512_tokens(pair):
    """In one batch of all lengths, and each of them alone."""
    texts = texts_of(FIXED)

    pair.check(texts)
    for text in texts:
        pair.check([text])


def test_equals_transformers_on_any_batch():
    """Whatever the lengths and their mixture, for DeBERTa-v3's shape."""
    pair = Pair()

    @settings(max_examples=15, deadline=None)
    @given(lengths, st.integers(0, 2**32 - 1))
    def check(lengths, seed):
        pair.check(texts_of(lengths, seed))

    check()


@pytest.mark.parametrize(("part", "factor"), [("query_proj", 300), ("key_proj", 300), ("LayerNorm", 30)])
def test_equals_transformers_where_activations_are_extreme(part, factor):
    """Scores of thousands, of which a softmax leaves one; a mask that is only large would let absent tokens in."""
    pair = Pair()
    with torch.no_grad():
        for name, weight in pair.theirs.named_parameters():
            if part in name and name.endswith("weight"):
                weight *= factor
    extreme = Pair(pair.theirs)
    texts = texts_of((1, 64, 2, 130))

    logits = extreme.expected(texts)

    assert np.isfinite(logits).all()
    largest = LARGEST_DIFFERENCE * max(1, np.abs(logits).max())
    assert np.abs(extreme.ours(texts) - logits).max() <= largest
    assert np.abs(extreme.onnx.logits(texts) - logits).max() <= largest


def test_the_difference_would_be_seen():
    """Logits differ from text to text by far more than what is let pass."""
    logits = Pair().expected(texts_of([20, 20, 20]))

    assert np.abs(logits[0] - logits[1]).max() > 1000 * LARGEST_DIFFERENCE


@pytest.mark.parametrize("before", [0, 1])
def test_skew_takes_the_distance_of_each_pair(before):
    """[i, j] of the result is [i, j - i + S - 1], of a part of something larger too."""
    scores = torch.arange((before + 1) * 2 * 4 * 7).reshape(before + 1, 2, 4, 7)[before:]

    skewed = skew(scores)

    for i in range(4):
        for j in range(4):
            assert skewed[0, :, i, j].tolist() == scores[0, :, i, j - i + 3].tolist()


@pytest.mark.parametrize(
    "changes",
    [
        {"position_biased_input": True},
        {"type_vocab_size": 2},
        {"hidden_act": "relu"},
        {"pooler_hidden_act": "tanh"},
        {"relative_attention": False},
        {"position_buckets": 2},
        {"num_hidden_layers": 0},
    ],
)
def test_what_is_not_covered_is_refused(changes):
    """By name and value, and with what to start from; never with wrong logits."""
    with pytest.raises(ValueError, match=f"{next(iter(changes))} is .*start from a DeBERTa-v3 checkpoint"):
        refuse_uncovered(random_model(VOCABULARY, **changes).config.to_dict())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"pos_att_type": ["c2p", "p2p"]}, "pos_att_type has p2p, and c2p and p2c are known"),
        ({"conv_kernel_size": 3, "num_hidden_layers": 1}, "num_hidden_layers is 1, not 2 or more"),
        ({"conv_kernel_size": 4}, "conv_kernel_size is 4, not odd"),
    ],
)
def test_what_cannot_be_told_by_its_name_alone_is_refused(changes, says):
    """A kind of attention that is not known, and convolutions where there is no place for them."""
    with pytest.raises(ValueError, match=says):
        refuse_uncovered(random_model(VOCABULARY, **changes).config.to_dict())


@pytest.mark.parametrize("silent", ["relative_attention", "position_biased_input"])
def test_where_a_configuration_is_silent_transformers_default_counts(silent):
    """Both are what the packed model is not, so they must be said."""
    config = random_model(VOCABULARY).config.to_dict()
    del config[silent]

    with pytest.raises(ValueError, match=silent):
        refuse_uncovered(config)

"""The packed model gives transformers' logits: in torch, and through ONNX Runtime."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
import torch.nn.functional as F  # noqa: N812 - as torch's own documentation imports it
from hypothesis import given, settings
from hypothesis import strategies as st

from consumer import packed, packing
from consumer.onnx_backend import OnnxBackend
from consumer.packed import FirstTokenLayer, PackedDeberta, PackedLayer, Weights, refuse_uncovered, skew
from consumer.packing import Distances, pack
from tests.tiny_artifact import random_model
from training.exporting.graphs import fp32_onnx

pytestmark = pytest.mark.train

VOCABULARY = 300
LARGEST_DIFFERENCE = 2e-5
FIXED = (1, 2, 512, 3, 129, 37, 128, 127, 256, 64)

# Short ones for themselves too, for of 1 to 512 few are.
lengths = st.lists(st.one_of(st.integers(1, 40), st.integers(1, 512)), min_size=1, max_size=6)

SHAPES = {
    "deberta-v3": {},
    "few buckets, long texts": {"position_buckets": 16, "max_position_embeddings": 64},
    "no buckets": {"position_buckets": -1, "max_position_embeddings": 512},
    "relative embeddings not normed, one layer": {"norm_rel_ebd": "none", "num_hidden_layers": 1},
    "projections of their own for positions": {"share_att_key": False},
    "content to position alone": {"pos_att_type": ["c2p"]},
    "content to position alone, with a projection of its own": {"pos_att_type": ["c2p"], "share_att_key": False},
    "position to content alone": {"pos_att_type": ["p2c"]},
    "position to content alone, with a projection of its own": {"pos_att_type": ["p2c"], "share_att_key": False},
    "no positions in attention": {"pos_att_type": []},
    "positions named in one text": {"pos_att_type": "c2p|\t P2C|"},
    "a convolution, as deberta-v2-xlarge has one": {"conv_kernel_size": 3, "conv_act": "gelu"},
    "a wide convolution in groups": {"conv_kernel_size": 7, "conv_groups": 4, "num_hidden_layers": 3},
    "words narrower than the model": {"embedding_size": 16},
    "a convolution of narrow words, and projections of their own": {
        "conv_kernel_size": 3,
        "conv_act": "relu",
        "embedding_size": 16,
        "share_att_key": False,
    },
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


def test_equals_transformers_on_any_batch(pair):
    """Whatever the lengths and their mixture."""

    @settings(max_examples=10, deadline=None)
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


def query_bias_that_is_not_scaled(patch, made):
    patch.setattr(Weights, "pair", lambda self, name, scale=1.0: (self[f"{name}.weight"] * scale, self[f"{name}.bias"]))
    return made()


def positions_without_the_query_s_bias(_, made):  # the key's moves all scores of a row alike, which no softmax sees
    model = made()
    layer = model.layers[0]
    layer.position_query -= layer.query_key_value.bias.chunk(3)[0]
    return model


def positions_of_key_and_query_swapped(_, made):
    model = made()
    for layer in model.layers:
        layer.position_key, layer.position_query = layer.position_query, layer.position_key
    return model


def layer_norms_swapped(_, made):
    model = made()
    model.last.output_norm, model.last.norm = model.last.norm, model.last.output_norm
    return model


def distances_one_too_far(patch, made):
    patch.setattr(packed, "skew", lambda scores: skew(scores.roll(1, -1)))
    return made()


def distances_of_the_last_layer_reversed(patch, made):
    table = PackedLayer.table
    patch.setattr(FirstTokenLayer, "table", lambda self, positions, rows: table(self, positions, rows.flip(0)))
    return made()


def absent_tokens_let_in(patch, made):
    patch.setattr(packing, "ABSENT", np.float32(-1))
    return made()


def relative_embeddings_not_normed(_, made):
    return made(norm_rel_ebd="none")


def gelu_by_tanh(patch, made):
    approximate = SimpleNamespace(gelu=partial(F.gelu, approximate="tanh"), linear=F.linear)
    patch.setattr(packed, "F", approximate)
    return made()


BROKEN = [
    query_bias_that_is_not_scaled,
    positions_without_the_query_s_bias,
    positions_of_key_and_query_swapped,
    layer_norms_swapped,
    distances_one_too_far,
    distances_of_the_last_layer_reversed,
    absent_tokens_let_in,
    relative_embeddings_not_normed,
    gelu_by_tanh,
]


@pytest.mark.parametrize("broken", BROKEN, ids=lambda each: each.__name__)
def test_a_broken_variant_is_seen(monkeypatch, broken):
    """By far more than what is let pass, in texts as the other tests have them."""
    theirs = random_model(VOCABULARY, conv_kernel_size=3)
    state, config = theirs.state_dict(), theirs.config.to_dict()
    texts = texts_of(FIXED)
    pair = Pair(theirs)
    right = pair.expected(texts)
    pair.packed = broken(monkeypatch, lambda **changes: PackedDeberta(state, {**config, **changes}))

    assert np.abs(pair.ours(texts) - right).max() > 10 * LARGEST_DIFFERENCE


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

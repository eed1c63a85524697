"""A padded graph gives transformers' logits, through ONNX Runtime, whatever else is in the batch."""

import numpy as np
import onnx
import pytest

pytest.importorskip("torch")

from transformers import BertConfig, DistilBertConfig

from consumer.errors import ArtifactError
from consumer.onnx_backend import OnnxBackend
from tests.tiny_padded import KINDS, random_padded
from training.exporting import graphs
from training.exporting.int8 import int8_onnx
from training.exporting.padded import longest, refuse_uncovered
from training.exporting.same_logits import logits, random_texts, require_same_logits

pytestmark = pytest.mark.train

LARGEST_DIFFERENCE = 2e-5
MIXED = (1, 2, 512, 3, 129, 37)


class Pair:
    """transformers' model, and its graph."""

    def __init__(self, kind, **changes):
        self.theirs = random_padded(kind, **changes)
        self.config = self.theirs.config.to_dict()
        self.fp32 = graphs.fp32_onnx(self.theirs)
        self.onnx = OnnxBackend(self.fp32, self.config, threads=1)

    def texts(self, lengths):
        return random_texts(self.theirs, lengths)


@pytest.fixture(scope="module", params=sorted(KINDS))
def pair(request):
    return Pair(request.param)


def test_equals_transformers_on_texts_of_1_to_512_tokens(pair):
    """In one batch of all lengths, in one of equal lengths, and each of them alone."""
    for batch in (pair.texts(MIXED), pair.texts([40, 40]), *([text] for text in pair.texts(MIXED))):
        assert np.abs(pair.onnx.logits(batch) - logits(pair.theirs, batch)).max() <= LARGEST_DIFFERENCE


def test_batch_mates_do_not_matter(pair):
    """However much padding they bring."""
    texts = pair.texts(MIXED)

    together = pair.onnx.logits(texts)
    alone = np.concatenate([pair.onnx.logits([text]) for text in texts])

    assert np.abs(together - alone).max() < 1e-5
    assert np.abs(together[0] - together[1]).max() > 0.01, "all texts look alike, so nothing was shown"


def test_fp16_and_int8_are_near_fp32(pair):
    """Of padding that sees nothing too, as in a window far from any word, every logit is a number."""
    texts = pair.texts(MIXED)
    exact = pair.onnx.logits(texts)

    for made, share in ((graphs.fp16_onnx, 0.01), (int8_onnx, 0.1)):
        rounded = OnnxBackend(made(pair.fp32), pair.config, 1).logits(texts)
        assert 0 < np.abs(rounded - exact).max() < share * np.abs(exact).max()


def test_a_mask_in_fp16_can_be_added_to(pair):
    """The smallest float would be −inf there, and a row of −inf alone no number after the softmax."""
    half = onnx.load_from_string(graphs.fp16_onnx(pair.fp32)).graph
    constants = [each for node in half.node for each in [item.t for item in node.attribute if item.HasField("t")]]
    numbers = [onnx.numpy_helper.to_array(each) for each in (*constants, *half.initializer)]
    halves = [np.abs(each).max() for each in numbers if each.dtype == np.float16]

    assert 1e4 < max(halves) < np.finfo(np.float16).max / 2


def test_the_model_is_as_it_was_after_the_export(pair):
    """The graph is traced with plain attention; who goes on training keeps what was there."""
    assert pair.theirs.config._attn_implementation == "sdpa"
    assert not pair.theirs.training


def test_a_graph_of_other_weights_is_refused(pair):
    """The check that every run makes before anything is calibrated."""
    assert require_same_logits(pair.theirs, pair.fp32, 64) <= LARGEST_DIFFERENCE
    with pytest.raises(ArtifactError, match=f"from the {pair.theirs.config.model_type}'s own"):
        require_same_logits(random_padded(pair.theirs.config.model_type, initializer_range=0.21), pair.fp32, 64)


def test_a_graph_that_answers_no_number_is_refused(pair, monkeypatch):
    """It is not larger than the limit, either."""
    monkeypatch.setattr(OnnxBackend, "logits", lambda self, texts: np.full((len(texts), 5), np.nan, np.float32))

    with pytest.raises(ArtifactError, match="logits are up to nan"):
        require_same_logits(pair.theirs, pair.fp32, 64)


def test_longer_than_its_positions_is_known_beforehand(pair):
    """RoBERTa counts on from the padding's id: 514 positions hold 512 tokens, and not one more."""
    most = longest(pair.theirs.config)

    assert most == 512
    if pair.theirs.config.model_type == "modernbert":
        return  # whose positions are turned, not looked up
    with pytest.raises(Exception, match=r"out of data bounds|invalid expand shape"):
        pair.onnx.logits(pair.texts([most + 1]))


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (DistilBertConfig(), "it is a distilbert, and DeBERTa-v2, v3 and bert, modernbert, roberta, xlm-roberta are"),
        (BertConfig(is_decoder=True), "is_decoder is true"),
        (BertConfig(pad_token_id=None), "pad_token_id is None"),
    ],
)
def test_what_is_not_covered_is_refused(config, says):
    """By name, and with what to start from."""
    with pytest.raises(ValueError, match=says):
        refuse_uncovered(config)

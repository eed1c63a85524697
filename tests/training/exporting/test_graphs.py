"""One graph a precision."""

import logging

import numpy as np
import onnx
import pytest

pytest.importorskip("torch")

from consumer.onnx_backend import OnnxBackend
from tests.tiny_artifact import random_model
from training.exporting import graphs

pytestmark = pytest.mark.train

TEXTS = [np.random.default_rng(length).integers(3, 300, length) for length in (1, 5, 60, 200)]


@pytest.fixture(scope="module")
def model():
    return random_model(300, hidden_size=64, num_hidden_layers=3)


@pytest.fixture(scope="module")
def fp32(model):
    return graphs.fp32_onnx(model)


def test_only_what_is_asked_for_is_made(model, fp32):
    """fp16 is of no use where only CPUs serve."""
    assert dict(graphs.graphs(model, ["fp32"])) == {"fp32": fp32}
    assert [name for name, _ in graphs.graphs(model, ["int8", "fp32", "fp16"])] == ["fp32", "fp16", "int8"]


def test_int8_is_near_fp32(model, fp32):
    """Per channel and dynamic: logits differ by a few hundredths of what they are."""
    config = model.config.to_dict()

    exact = OnnxBackend(fp32, config, 1).logits(TEXTS)
    for reduce_range in (True, False):
        rounded = OnnxBackend(graphs.int8_onnx(fp32, reduce_range=reduce_range), config, 1).logits(TEXTS)
        assert np.abs(rounded - exact).max() < 0.1 * np.abs(exact).max()


def test_every_large_product_becomes_int8_and_no_gemm_is_left(fp32, caplog):
    """The quantizer passes over Gemm in silence, and the classifier's few weights stay fp32."""
    with caplog.at_level(logging.WARNING):
        quantized = onnx.load_from_string(graphs.int8_onnx(fp32))

    kinds = [node.op_type for node in quantized.graph.node]
    # Two layers of qkv, output, up and down; the last with its query apart; the pooler.
    assert kinds.count("MatMulInteger") == 2 * 4 + 5 + 1
    assert "Gemm" not in kinds
    assert not caplog.records


def test_a_model_too_small_to_quantize_is_refused():
    """It would come out as fp32 under int8's name."""
    small = graphs.fp32_onnx(random_model(300, hidden_size=8, intermediate_size=8))

    with pytest.raises(ValueError, match="nothing to quantize"):
        graphs.int8_onnx(small)


def test_fp16_is_nearer_and_half_the_size(model, fp32):
    """Every weight is in half precision; what goes in and comes out is as in fp32."""
    half = graphs.fp16_onnx(fp32)
    config = model.config.to_dict()

    exact, rounded = OnnxBackend(fp32, config, 1).logits(TEXTS), OnnxBackend(half, config, 1).logits(TEXTS)

    assert 0 < np.abs(rounded - exact).max() < 0.01 * np.abs(exact).max()
    assert rounded.dtype == np.float32
    assert len(half) < 0.6 * len(fp32)
    kinds = {each.data_type for each in onnx.load_from_string(half).graph.initializer}
    assert onnx.TensorProto.FLOAT not in kinds

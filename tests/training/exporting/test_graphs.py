"""One graph a precision."""

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


@pytest.mark.parametrize("name", ["first_rows", "logits"])
def test_what_has_no_axes_is_not_exported(model, monkeypatch, name):
    """It would have the example's size, and every other batch another one."""
    monkeypatch.delitem(graphs.AXES, name)

    with pytest.raises(KeyError, match=name):
        graphs.fp32_onnx(model)


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

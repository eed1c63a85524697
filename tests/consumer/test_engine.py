"""Which processors saturate; tests/consumer/test_without_vnni.py asks one that does."""

import platform
from pathlib import Path

import pytest

from consumer.engine import PRODUCT, saturates


@pytest.mark.train
def test_the_product_is_what_it_is_said_to_be():
    """Bytes that nobody can read are made anew."""
    pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    kinds = {"x": (TensorProto.UINT8, ["m", "k"]), "w": (TensorProto.INT8, ["k", "n"])}
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info(name, *kind) for name, kind in kinds.items()],
        [helper.make_tensor_value_info("y", TensorProto.INT32, ["m", "n"])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="")

    assert model.SerializeToString() == PRODUCT


@pytest.mark.skipif(platform.system() != "Linux" or platform.machine() != "x86_64", reason="asks Linux on x86")
def test_x86_saturates_without_vnni_alone():
    """Linux tells what its processor can."""
    flags = set(Path("/proc/cpuinfo").read_text().split())

    assert saturates() == (not flags & {"avx512_vnni", "avx_vnni"})

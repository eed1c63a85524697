"""What products allow: the operations that a model's texts need, and the rate of one large product alone."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from transformers import DebertaV2Config

from consumer.cores import usable_cores
from consumer.engine import onnxruntime, saturates

PRODUCT = (1024, 768, 3072)


def useful_flops(config: DebertaV2Config, sizes: Sequence[int]) -> float:
    """What the texts need, without padding: products by weights and attention's own, 2 operations a multiplication."""
    n, hidden, inner = np.asarray(sizes, float), config.hidden_size, config.intermediate_size
    by_layer = n * (4 * hidden**2 + 2 * hidden * inner) + 2 * n * n * hidden + 2 * n * (2 * n - 1) * hidden
    last = n * 2 * hidden**2 + 2 * hidden**2 + 2 * hidden * inner + 4 * n * hidden
    return float(2 * ((config.num_hidden_layers - 1) * by_layer + last + hidden**2).sum())


def product_session(precision: str) -> Callable[[], float]:
    """Operations a second of a large product alone, in the same engine, one on each core as the model's are."""
    rows, inner, columns = PRODUCT
    constants: dict[str, Any]
    if precision == "fp32":
        x: NDArray[Any] = np.ones((rows, inner), np.float32)
        constants, node = {"w": np.ones((inner, columns), np.float32)}, helper.make_node("MatMul", ["x", "w"], ["y"])
    else:
        x = np.ones((rows, inner), np.uint8)
        constants = {
            "w": np.ones((inner, columns), np.int8),
            "step": np.float32(0.01),
            "scale": np.full(columns, 0.001, np.float32),
            "zero": np.uint8(128),
            "zeros": np.zeros(columns, np.int8),
        }
        node = helper.make_node("MatMulIntegerToFloat", ["x", *constants], ["y"], domain="com.microsoft")
    graph = helper.make_graph(
        [node],
        "product",
        [helper.make_tensor_value_info("x", helper.np_dtype_to_tensor_dtype(x.dtype), [rows, inner])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [rows, columns])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=onnx.IR_VERSION_2021_7_30)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    if saturates():  # as the backend has it
        options.add_session_config_entry("session.x64quantprecision", "1")
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    cores = usable_cores()

    def times_a_second(_: object) -> float:
        began, times = time.perf_counter(), 0
        while time.perf_counter() - began < 1:
            session.run(None, {"x": x})
            times += 1
        return times / (time.perf_counter() - began)

    def rate() -> float:
        with ThreadPoolExecutor(cores) as threads:
            return 2 * rows * inner * columns * sum(threads.map(times_a_second, range(cores)))

    return rate

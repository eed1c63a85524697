"""ONNX Runtime, which calls nobody, and what this machine's processor makes of its products."""

import base64
import os
from functools import cache

import numpy as np

# ONNX Runtime 1.32 keeps an id of the device in the home folder and would tell Microsoft how it is used. It looks once,
# when it is loaded.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
import onnxruntime  # type: ignore[import-untyped]

__all__ = ["onnxruntime", "saturates"]

# One MatMulInteger of x (m, k) uint8 by w (k, n) int8; a test makes it anew.
PRODUCT = base64.b64decode(
    "CAgSADpiChgKAXgKAXcSAXkiDU1hdE11bEludGVnZXISAWdaFQoBeBIQCg4IAhIKCgMSAW0KAxIBa1oVCgF3EhAKDggDEgoKAxIBawoDEgFuYhUK"
    "AXkSEAoOCAYSCgoDEgFtCgMSAW5CBAoAEBE="
)
ROWS, COLUMNS = 64, 16  # more than one register of any processor
LARGEST_UINT8, LARGEST_INT8 = 255, 127


@cache
def saturates() -> bool:
    """
    Whether products of uint8 by int8 do, found out by one that would.

    x86 with AVX2 or AVX-512 and without VNNI adds pairs of them in 16 bits. What a processor says it can differs by
    system, and an emulator may repeat what its host said; a product does not lie.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(PRODUCT, options, providers=["CPUExecutionProvider"])
    x, w = np.full((1, ROWS), LARGEST_UINT8, np.uint8), np.full((ROWS, COLUMNS), LARGEST_INT8, np.int8)
    (found,) = session.run(None, {"x": x, "w": w})
    return bool((found != ROWS * LARGEST_UINT8 * LARGEST_INT8).any())

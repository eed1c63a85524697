"""int8 on an x86 that has AVX2 and no VNNI: emulated, so that ONNX Runtime's own kernels for it run."""

import json
import platform
import subprocess
import sys

import numpy as np
import pytest

from consumer.onnx_backend import OnnxBackend
from tests.system_packages import required

TEXTS = [list(range(1, 1 + length)) for length in (5, 1, 63, 17)]
PROGRAM = """
import json, sys
from pathlib import Path
import numpy as np
from consumer import onnx_backend

if sys.argv[3] == "as onnxruntime would":
    onnx_backend.saturates = lambda: False
folder, texts = Path(sys.argv[1]), [np.array(text) for text in json.loads(sys.argv[2])]
config = json.loads((folder / "config.json").read_bytes())
backend = onnx_backend.OnnxBackend((folder / "model_quantized.onnx").read_bytes(), config, 1)
alone = [backend.logits([text])[0].tolist() for text in texts]
print(json.dumps({"together": backend.logits(texts).tolist(), "alone": alone}))
"""

pytestmark = pytest.mark.skipif(
    platform.machine() not in {"x86_64", "AMD64"}, reason="the emulator runs this machine's own packages"
)


def emulated(tiny, how="as shikyu does"):
    command = [required("qemu-x86_64"), "-cpu", "Haswell", sys.executable, "-c", PROGRAM, tiny, json.dumps(TEXTS), how]
    done = subprocess.run(command, capture_output=True, check=True, timeout=300)
    return {name: np.array(logits, dtype=np.float32) for name, logits in json.loads(done.stdout).items()}


def test_it_answers_as_where_vnni_is(tiny):
    """The same sums of integers; the rest is fp32 in another order. And no text moves with its batch there either."""
    config = json.loads((tiny / "config.json").read_bytes())
    here = OnnxBackend((tiny / "model_quantized.onnx").read_bytes(), config, 1)

    there = emulated(tiny)

    np.testing.assert_allclose(there["together"], here.logits([np.array(text) for text in TEXTS]), atol=2e-5)
    np.testing.assert_array_equal(there["together"], there["alone"])


def test_left_alone_onnxruntime_would_saturate_there(tiny):
    """Pairs of uint8 x int8 are added in 16 bits: the reason why the backend asks for precision."""
    assert np.abs(emulated(tiny, "as onnxruntime would")["alone"] - emulated(tiny)["alone"]).max() > 1e-2

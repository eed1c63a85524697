"""The model by ONNX Runtime, from bytes."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from consumer import engine
from consumer.classify import load
from consumer.errors import ArtifactError, BackendError
from consumer.onnx_backend import OnnxBackend

# Of 3, 7, 11, ... tokens alone some logits would be others beside longer texts, if grids were of any width.
TEXTS = [np.arange(1, 1 + length) for length in (5, 1, 64, 7)]


@pytest.fixture(params=["model.onnx", "model_quantized.onnx"])
def backend(request, tiny):
    config = json.loads((tiny / "config.json").read_bytes())
    return OnnxBackend((tiny / request.param).read_bytes(), config, threads=1)


def test_gives_five_finite_logits_a_text(backend):
    """One row each, in the texts' order."""
    logits = backend.logits(TEXTS)

    assert logits.shape == (4, 5)
    assert logits.dtype == np.float32
    assert np.isfinite(logits).all()


def test_a_lone_token_is_answered(backend):
    """No text has fewer."""
    assert backend.logits([np.array([1])]).shape == (1, 5)


def test_batch_mates_do_not_matter(backend):
    """To the last bit, so that a replay says what the live run said."""
    together = backend.logits(TEXTS)
    alone = np.concatenate([backend.logits([text]) for text in TEXTS])

    np.testing.assert_array_equal(together, alone)


def test_each_thread_computes_a_batch_of_its_own(tiny):
    """Both are begun before one is done, and answered as if they had been alone."""
    backend = OnnxBackend(
        (tiny / "model_quantized.onnx").read_bytes(), json.loads((tiny / "config.json").read_bytes()), 2
    )
    alone, both_are_there = backend.logits, threading.Barrier(2, timeout=60)

    def logits(token_ids):
        both_are_there.wait()
        return alone(token_ids)

    backend.logits = logits
    first, second = backend.start(TEXTS[:2]), backend.start(TEXTS[2:])

    assert backend.at_once == 2
    np.testing.assert_array_equal(np.concatenate([first(), second()]), alone(TEXTS))


def test_a_batch_that_nobody_waits_for_any_more_is_not_begun(tiny):
    """As of a window that was dropped: its batches would keep the next one waiting, and the end of the process."""
    backend = OnnxBackend(
        (tiny / "model_quantized.onnx").read_bytes(), json.loads((tiny / "config.json").read_bytes()), 1
    )
    computed, go_on, really = [], threading.Event(), backend.logits

    def logits(token_ids):
        computed.append(len(token_ids[0]))
        assert go_on.wait(60)
        return really(token_ids)

    backend.logits = logits
    first, dropped, last = (backend.start([text]) for text in TEXTS[:3])
    del dropped
    go_on.set()

    assert first().shape == last().shape == (1, 5)
    assert computed == [5, 64]


STARVED = """
import json, pathlib, resource, sys
import numpy as np
from consumer.onnx_backend import OnnxBackend

folder = pathlib.Path(sys.argv[1])
config = json.loads((folder / "config.json").read_bytes())
backend = OnnxBackend((folder / "model_quantized.onnx").read_bytes(), config, 1)
backend.logits([np.arange(1, 6)])
in_use = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmData")) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (in_use + 2**26, in_use + 2**26))
try:
    backend.start([np.arange(512) % 50 + 1] * 64)()
except MemoryError as error:
    print(error)
print(np.isfinite(backend.logits([np.arange(1, 6)])).all())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit what a process takes")
def test_memory_that_the_engine_does_not_get_is_a_memory_error(tiny):
    """Its own error has no class for that, and a text would be blamed for it; a shorter one is answered after it."""
    done = subprocess.run([sys.executable, "-c", STARVED, tiny], capture_output=True, text=True, check=False)

    assert done.stdout.splitlines() == ["ONNX Runtime got none for a batch of 32768 tokens", "True"], done.stderr


def test_memory_that_a_model_does_not_get_is_told_at_the_start(tiny, monkeypatch):
    """An artifact that is well need not be made again."""

    def no_memory(*_, **__):
        raise RuntimeError("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : std::bad_alloc")

    monkeypatch.setattr(engine.onnxruntime, "InferenceSession", no_memory)

    with pytest.raises(
        BackendError, match=r"there is no memory to load int8 of .* \(ONNX Runtime got none for the model"
    ):
        load(tiny, "int8", 1)


def test_the_file_s_bytes_are_let_go(tiny):
    """At deberta-v3-base's size they would be 222 MB for nothing."""
    content = (tiny / "model.onnx").read_bytes()
    before = sys.getrefcount(content)

    backend = OnnxBackend(content, json.loads((tiny / "config.json").read_bytes()), 1)

    assert sys.getrefcount(content) == before
    assert backend.logits(TEXTS).shape == (4, 5)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads the resident memory that Linux tells")
def test_memory_that_only_larger_batches_took_is_given_back(backend):
    """The measurement at the start tries some of 4,096 tokens, and what it chooses may be far smaller."""
    few, many = [np.array([1, 5, 2])], [np.array([1, *[5] * 300, 2])] * 64
    backend.logits(few)
    before = resident_bytes()
    backend.logits(many)
    taken = resident_bytes() - before
    assert taken > 50e6

    backend.give_back(few)

    assert resident_bytes() - before < taken / 3
    assert np.isfinite(backend.logits(many)).all()


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_ids_beyond_the_vocabulary_raise(backend):
    """As they would when tokenizer.json and model do not belong together."""
    with pytest.raises(Exception, match="indices element out of data bounds"):
        backend.logits([np.array([1, 9_999_999, 2])])


def onnx_model(inputs, classes, *, external=False):
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    weight = numpy_helper.from_array(np.zeros((4, classes), np.float32), "weight")
    if external:
        weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        weight.external_data.add(key="location", value="weight.bin")
    graph = helper.make_graph(
        [helper.make_node("MatMul", [inputs[0], "weight"], ["logits"])],
        "graph",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["texts", 4]) for name in inputs],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["texts", classes])],
        [weight],
    )
    opsets = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=onnx.IR_VERSION_2021_7_30)
    return model.SerializeToString()


CONFIG = {"position_buckets": 256, "max_position_embeddings": 512, "pad_token_id": 0}
PACKED = ["token_ids", "row_of_cell", "cell_of_row", "score_bias", "first_rows", "position_rows"]


@pytest.mark.train
@pytest.mark.parametrize(
    "inputs", [["input_ids"], ["input_ids", "attention_mask", "position_ids"], ["token_ids", "attention_mask"]]
)
def test_a_model_of_other_inputs_is_refused(inputs):
    """One without a mask too: its answers would depend on the padding."""
    with pytest.raises(ArtifactError, match=f"the model takes {', '.join(sorted(inputs))}, and shikyu's models take"):
        OnnxBackend(onnx_model(inputs, 5), CONFIG, 1)


@pytest.mark.train
@pytest.mark.parametrize("pad_id", [None, -1, "0", True])
def test_a_padded_model_needs_the_id_it_was_padded_with(pad_id):
    """RoBERTa counts its positions from that id, so no other will do."""
    with pytest.raises(ArtifactError, match=f"pad_token_id is {pad_id!r}, not a token's id"):
        OnnxBackend(onnx_model(["input_ids", "attention_mask"], 5), {**CONFIG, "pad_token_id": pad_id}, 1)


@pytest.mark.train
def test_a_model_of_other_labels_is_refused():
    """Two classes are no satisfaction."""
    with pytest.raises(ArtifactError, match=r"answers with \[2\] numbers"):
        OnnxBackend(onnx_model(PACKED, 2), CONFIG, 1)


@pytest.mark.train
def test_weights_in_another_file_are_never_read(tmp_path, monkeypatch):
    """Not even one of that name in the working directory, for nobody verified it."""
    (tmp_path / "weight.bin").write_bytes(np.zeros((4, 5), np.float32).tobytes())
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ArtifactError, match="weights in further files are not read"):
        OnnxBackend(onnx_model(PACKED, 5, external=True), CONFIG, 1)


def test_the_engine_keeps_no_id_and_calls_nobody(tiny, tmp_path):
    """ONNX Runtime's telemetry is off: a home folder stays as empty as it was."""
    code = "import sys; from consumer import load; load(sys.argv[1]).classify(['hello'])"

    subprocess.run([sys.executable, "-c", code, str(tiny)], env={**os.environ, "HOME": str(tmp_path)}, check=True)

    assert list(tmp_path.iterdir()) == []

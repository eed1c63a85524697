"""int8-bf16: the model by OpenVINO, on a processor that has units for bf16 and no AMX."""

import gc
import importlib.util
import os
import re
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("torch")
if importlib.util.find_spec("openvino") is None:  # to import it here would call home
    pytest.skip("the openvino extra is not installed", allow_module_level=True)

import onnx

from consumer import openvino_backend
from consumer.classify import load
from consumer.cpu_backend import BY_OPENVINO, is_computable
from consumer.engine import saturates
from consumer.errors import ArtifactError, SettingsError, SurroundingsError
from consumer.onnx_backend import OnnxBackend
from consumer.openvino_backend import OpenVinoBackend
from tests.tiny_artifact import random_model
from tests.tiny_padded import random_padded
from training.exporting.graphs import fp32_onnx
from training.exporting.int8 import int8_onnx, int8_weights_onnx, parameters, products_apart

pytestmark = pytest.mark.train
computed = pytest.mark.skipif(not is_computable(BY_OPENVINO), reason="this processor does not compute int8-bf16")
anywhere = pytest.mark.usefixtures("on_any_processor")

VOCABULARY = 300


def text(length):
    return np.random.default_rng(length).integers(3, VOCABULARY, length)


@pytest.fixture
def on_any_processor(monkeypatch):
    """Whatever it makes of the numbers."""
    if not openvino_backend.has_bf16():
        pytest.skip("this processor has no units for bf16")
    monkeypatch.setattr(openvino_backend, "require_computable", lambda: None)


@pytest.fixture(scope="module")
def model():
    """Of a shape in which grids 4 or 8 wide have a tenth of the texts depend on their mates."""
    shape = {"hidden_size": 384, "num_attention_heads": 6, "intermediate_size": 1536, "num_hidden_layers": 4}
    return random_model(VOCABULARY, initializer_range=0.02, **shape)


@pytest.fixture(scope="module", params=[0, 3], ids=["all products in int8", "a third of them kept"])
def backend(model, request):
    if not is_computable(BY_OPENVINO):
        pytest.skip("this processor does not compute int8-bf16")
    fp32 = fp32_onnx(model)
    kept = list(parameters(products_apart(fp32)))[1 :: request.param] if request.param else []
    return OpenVinoBackend(int8_weights_onnx(fp32, kept), model.config.to_dict(), threads=2)


def test_its_logits_are_as_near_to_those_of_fp32_as_int8_s(model, backend):
    """And it is neither under another name."""
    texts = [text(length) for length in range(1, 129)]
    fp32 = fp32_onnx(model)
    exact, by_int8 = (OnnxBackend(each, model.config.to_dict(), 1).logits(texts) for each in (fp32, int8_onnx(fp32)))

    found = backend.logits(texts)

    assert found.dtype == np.float32
    off, int8_off = (np.abs(each - exact).mean() for each in (found, by_int8))
    assert 0.4 * int8_off < off < 1.5 * int8_off


def test_batch_mates_do_not_matter(backend):
    """To the last bit, for each length, beside shorter and longer ones."""
    lengths = [*range(1, 70), *np.random.default_rng(0).integers(70, 512, 12).tolist(), 512]
    alone = {length: backend.logits([text(length)])[0] for length in lengths}

    for seed in range(40):
        mates = np.random.default_rng(seed).choice(lengths, 7).tolist()
        for length, row in zip(mates, backend.logits([text(length) for length in mates]), strict=True):
            np.testing.assert_array_equal(row, alone[length], err_msg=f"{length} tokens among {mates}")


def test_batches_are_computed_side_by_side(backend):
    """More of them than threads, each answered as if it had been alone."""
    batches = [[text(length), text(length + 1)] for length in (3, 40, 9, 120, 64, 17)]

    finishes = [backend.start(batch) for batch in batches]

    assert backend.at_once == 2
    for batch, finish in zip(batches, finishes, strict=True):
        np.testing.assert_array_equal(finish(), backend.logits(batch))


@anywhere
def test_logits_are_not_written_over_by_the_next_batch(model):
    """A request's memory is its own only until it is used again."""
    backend = OpenVinoBackend(int8_weights_onnx(fp32_onnx(model)), model.config.to_dict(), threads=1)
    first = backend.logits([text(9)])
    before = first.copy()

    backend.logits([text(11)])

    np.testing.assert_array_equal(first, before)


@anywhere
@pytest.mark.parametrize("content", [b"", b"no model"])
def test_bytes_that_are_no_model_are_refused(model, content):
    """With what to do."""
    with pytest.raises(ArtifactError, match=r"OpenVINO .* cannot load the model .* export it again"):
        OpenVinoBackend(content, model.config.to_dict())


@anywhere
def test_weights_in_another_file_are_never_read(model, tmp_path, monkeypatch):
    """OpenVINO would take one of that name from the working directory, and nobody verified it."""
    whole = onnx.load_from_string(int8_weights_onnx(fp32_onnx(model)))
    place = tmp_path / "whole.onnx"
    onnx.save(whole, place, save_as_external_data=True, location="weights.bin")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ArtifactError, match="weights in further files are not read"):
        OpenVinoBackend(place.read_bytes(), model.config.to_dict())


@anywhere
def test_a_width_whose_activations_would_not_be_rounded_is_refused(model):
    """In bf16 alone batch-mates would matter."""
    with pytest.raises(ArtifactError, match=r"hidden_size is 24, .* take int8 in the place of int8-bf16"):
        OpenVinoBackend(b"", {**model.config.to_dict(), "hidden_size": 24})


@anywhere
def test_memory_that_the_engine_does_not_get_is_a_memory_error(model):
    """No text is to blame for it; other errors stay what they are, and the request goes back."""
    backend = OpenVinoBackend(int8_weights_onnx(fp32_onnx(model)), model.config.to_dict(), threads=1)
    backend._requests.get()

    said = ["another", "Failed to allocate 9 bytes of memory"]

    class Starved:
        def infer(self, _):
            raise RuntimeError(said.pop())

    backend._requests.put(Starved())
    with pytest.raises(MemoryError, match="OpenVINO got none for a batch of 3 tokens"):
        backend.logits([text(3)])
    with pytest.raises(RuntimeError, match="another"):
        backend.logits([text(3)])


@anywhere
def test_a_model_that_nobody_needs_is_gone_without_a_collection(model):
    """The loop's collector never looks at what was loaded before it."""
    gc.collect()
    gc.disable()
    try:
        old = OpenVinoBackend(int8_weights_onnx(fp32_onnx(model)), model.config.to_dict(), threads=1)
        old.start([text(5)])()
        seen = weakref.ref(old)
        del old
        assert seen() is None
    finally:
        gc.enable()


@anywhere
def test_a_padded_model_is_refused():
    """Whether its batch-mates matter was never looked at."""
    padded = random_padded("bert")

    with pytest.raises(ArtifactError, match="take int8 in the place of int8-bf16"):
        OpenVinoBackend(int8_weights_onnx(fp32_onnx(padded)), padded.config.to_dict())


def test_a_processor_without_bf16_is_refused(model, monkeypatch):
    """It would answer otherwise than was measured, and no quicker than ONNX Runtime."""
    monkeypatch.setattr(openvino_backend, "has_bf16", lambda: False)

    with pytest.raises(SurroundingsError, match="no units for bf16, which int8-bf16 needs: take int8"):
        OpenVinoBackend(b"", model.config.to_dict())


def test_a_processor_whose_products_are_of_bf16_is_refused(model, monkeypatch):
    """Beside others a message would have another answer, by as much as bf16 rounds."""
    monkeypatch.setattr(openvino_backend, "has_bf16", lambda: True)
    monkeypatch.setattr(openvino_backend, "rounds_activations", lambda: False)

    with pytest.raises(
        SurroundingsError, match=r"does not round activations to int8 there, .* beside others: take int8"
    ):
        OpenVinoBackend(b"", model.config.to_dict())


def has_amx():
    """By what Linux tells of x86-64."""
    flags = re.search(r"^flags.*", Path("/proc/cpuinfo").read_text(), re.MULTILINE) if sys.platform == "linux" else None
    return bool(flags and "amx_bf16" in flags.group().split())


@pytest.mark.skipif(not has_amx(), reason="this processor has no AMX")
def test_with_amx_activations_are_not_rounded():
    """A version of OpenVINO that does may be served there, once its speed was looked at."""
    assert openvino_backend.has_bf16()
    assert not openvino_backend.rounds_activations()


@pytest.mark.skipif(saturates(), reason="this processor has no VNNI, by which OpenVINO rounds")
@pytest.mark.parametrize(("group", "rounds"), [(64, True), (0, False)], ids=["to int8", "not at all"])
def test_whether_activations_are_rounded_is_seen_by_a_product(monkeypatch, group, rounds):
    """In fp32, where it can do either, with AMX and without."""
    options = openvino_backend._options(64, 1)
    options |= {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": group}
    monkeypatch.setattr(openvino_backend, "_options", lambda *_: options)

    assert openvino_backend.rounds_activations.__wrapped__() == rounds


@pytest.mark.parametrize(
    ("said", "error", "message"),
    [
        ("std::bad_alloc", MemoryError, "OpenVINO got none for a small product"),
        ("no such option", SurroundingsError, r"fails at a small product \(RuntimeError\); .* or take int8"),
    ],
)
def test_an_engine_that_fails_at_the_look_says_so(model, monkeypatch, said, error, message):
    """And is no bug of ours."""

    def fails():
        raise RuntimeError(said)

    monkeypatch.setattr(openvino_backend, "has_bf16", lambda: True)
    monkeypatch.setattr(openvino_backend, "rounds_activations", fails)

    with pytest.raises(error, match=message):
        OpenVinoBackend(b"", model.config.to_dict())


MANY_SHAPES = """
import pathlib, sys
import numpy as np
from consumer import openvino_backend

openvino_backend.KEPT_KERNELS = sys.argv[2]
config = {"hidden_size": 384, "position_buckets": 256, "max_position_embeddings": 512}
backend = openvino_backend.OpenVinoBackend(pathlib.Path(sys.argv[1]).read_bytes(), config, 1)
for tokens in range(1, 250):
    backend.logits([np.arange(tokens) % 200 + 3, np.arange(2 * tokens % 97 + 1) + 3])
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS")))
"""


@computed
@pytest.mark.skipif(sys.platform != "linux", reason="reads the resident memory that Linux tells")
def test_what_it_made_for_shapes_that_are_long_gone_is_given_up(model, tmp_path):
    """Of 249 batches no two are of one shape; its own way keeps something of each."""
    (tmp_path / "model.onnx").write_bytes(int8_weights_onnx(fp32_onnx(model)))

    def resident_mb(kept):
        command = [sys.executable, "-c", MANY_SHAPES, tmp_path / "model.onnx", kept]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return int(done.stdout) / 1024

    assert resident_mb(openvino_backend.KEPT_KERNELS) < resident_mb("5000") - 80


class Compiled:
    """A model that is compiled, and has memory for no request."""

    def create_infer_request(self):
        raise RuntimeError("Exception from src/inference: std::bad_alloc")


@anywhere
def test_memory_that_a_model_does_not_get_is_a_memory_error(model, monkeypatch):
    """While it is compiled, and while threads get theirs."""
    content, config = int8_weights_onnx(fp32_onnx(model)), model.config.to_dict()

    class Core(openvino_backend.openvino.Core):
        def compile_model(self, *_):
            raise RuntimeError("Failed to allocate 8 bytes")

    with pytest.raises(MemoryError, match="OpenVINO got none for 2 threads"):
        openvino_backend._requests(Compiled(), 2)
    monkeypatch.setattr(openvino_backend.openvino, "Core", Core)
    with pytest.raises(MemoryError, match="OpenVINO got none for the model"):
        OpenVinoBackend(content, config)


def test_without_the_extra_it_says_what_to_install(tiny, monkeypatch):
    """Only where it is asked for: int8 needs none of it."""
    from consumer import classify

    monkeypatch.setitem(sys.modules, "consumer.openvino_backend", None)

    class Asked:
        precision, model, config = "int8-bf16", b"", {}

    with pytest.raises(SurroundingsError, match=r"pip install '\.\[openvino\]', or take int8"):
        classify._backend(Asked, "cpu", None)
    assert load(tiny, "int8", 1).at_once == 1


ALONE = """
import socket
said = []
socket.getaddrinfo = lambda *asked, **_: said.append(asked) or []
socket.socket.connect = lambda _, where: said.append(where)
from consumer.cpu_backend import is_computable
is_computable("int8-bf16")
import time
time.sleep(1)
print(said)
"""


def test_nobody_is_called_and_nothing_is_kept(tmp_path):
    """OpenVINO alone would ask for Google Analytics while it is imported, and put an id into the home folder."""
    alone = {**os.environ, "HOME": str(tmp_path)}

    done = subprocess.run([sys.executable, "-c", ALONE], env=alone, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
    assert list(tmp_path.iterdir()) == []


def test_a_gpu_does_not_serve_it(tiny):
    """fp16 and fp32 are a GPU's."""
    with pytest.raises(SettingsError, match=r"model\.precision is int8-bf16, and a GPU serves fp16 or fp32"):
        load(tiny, "int8-bf16", device="cuda")

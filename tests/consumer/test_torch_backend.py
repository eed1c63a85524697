"""The model as GPUs run it: its arithmetic, on a CPU."""

import gc
import math
import sys
import weakref

import numpy as np
import pytest

pytest.importorskip("torch")

import safetensors.torch
import torch

from consumer.classify import load
from consumer.errors import ArtifactError, SettingsError, SurroundingsError
from consumer.lifecycle.answering import Answering
from consumer.onnx_backend import OnnxBackend
from consumer.packed import PackedDeberta
from consumer.packing import Packed
from consumer.torch_backend import TorchBackend
from tests.tiny_artifact import make, random_model
from tests.tiny_padded import random_padded
from training.exporting.graphs import fp32_onnx

pytestmark = pytest.mark.train

VOCABULARY = 300
TEXTS = [np.random.default_rng(length).integers(3, VOCABULARY, length) for length in (5, 1, 130, 64, 17)]


@pytest.fixture(scope="module")
def model():
    return random_model(VOCABULARY, hidden_size=64, num_hidden_layers=3)


def checkpoint(model):
    return safetensors.torch.save({name: each.contiguous() for name, each in model.state_dict().items()})


def backend(model, precision="fp16"):
    return TorchBackend(checkpoint(model), model.config.to_dict(), "cpu", precision)


def test_in_fp32_it_gives_the_served_graph_s_logits(model):
    """One arithmetic, in two engines."""
    by_onnx = OnnxBackend(fp32_onnx(model), model.config.to_dict(), 1).logits(TEXTS)

    assert np.abs(backend(model, "fp32").logits(TEXTS) - by_onnx).max() <= 2e-5


def test_memory_that_torch_does_not_get_is_a_memory_error(model, monkeypatch):
    """No text is to blame for what others have of a GPU. What the batch had of it is free for its halves."""
    starved, had = backend(model), []

    def no_memory(*_):
        activations = torch.zeros(10)
        had.append(weakref.ref(activations))
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(starved, "_model", no_memory)

    with pytest.raises(MemoryError, match="a batch of 6 tokens") as failed:
        starved.start([TEXTS[0], TEXTS[1]])
    failed.value.__traceback__ = None  # as who catches it does: consumer/ahead.py, consumer/isolate.py
    assert [each() for each in had] == [None]


@pytest.mark.parametrize("part", ["to", "forward"])
def test_a_gpu_that_has_no_room_is_told_at_the_start(model, monkeypatch, tmp_path, part):
    """By what is wanting, and not as an artifact that is to be made again."""

    def no_memory(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    folder = make(tmp_path / "tiny")
    monkeypatch.setattr(
        "consumer.torch_backend.TorchBackend", lambda *given: TorchBackend(given[0], given[1], "cpu", given[3])
    )
    monkeypatch.setattr(PackedDeberta, part, no_memory)

    with pytest.raises(SurroundingsError, match=r"there is no memory to load fp32 of .*: give the process, or its GPU"):
        load(folder, "fp32", device="cuda")


class OnAGpu:
    """What stands in for CUDA: tensors are pinned by name, and a copy is there once its event was waited for."""

    def __init__(self, patch) -> None:
        self.told: list[str] = []
        empty = torch.empty
        patch.setattr(torch.Tensor, "pin_memory", lambda tensor: self._did("pinned", tensor))
        patch.setattr(torch, "empty", lambda *size, pin_memory=False, **options: empty(*size, **options))
        patch.setattr(torch.cuda, "Event", lambda: self)

    def _did(self, what, value=None):
        self.told.append(what)
        return value

    def record(self) -> None:
        self._did("recorded")

    def synchronize(self) -> None:
        self._did("waited")


def test_a_batch_is_sent_pinned_and_its_answer_fetched_behind_the_next_one(model, monkeypatch):
    """Two are on their way before the first is waited for; the waiting is for its own copy."""
    served, expected = backend(model), backend(model).logits(TEXTS)
    gpu = OnAGpu(monkeypatch)
    served._pinned = True

    first, second = served.start(TEXTS), served.start(TEXTS[:2])
    on_their_way = list(gpu.told)
    np.testing.assert_array_equal(first(), expected)
    second()

    inputs = ["pinned"] * len(Packed._fields)
    assert on_their_way == [*inputs, "recorded", *inputs, "recorded"]
    assert gpu.told[len(on_their_way) :] == ["waited", "waited"]


def test_a_model_that_nobody_needs_is_gone_without_a_collection(model):
    """The loop's collector never looks at what was loaded before it: a cycle would keep a GPU's memory."""
    gc.collect()
    gc.disable()
    try:
        old = backend(model)
        old.logits(TEXTS)
        parts = [weakref.ref(each) for each in (old, old._model, old._model.layers)]
        del old
        assert [each() for each in parts] == [None] * 3
    finally:
        gc.enable()


def test_in_half_precision_it_is_near(model):
    """By a hundredth of what logits are."""
    exact = backend(model, "fp32").logits(TEXTS)

    found = backend(model).logits(TEXTS)

    assert found.dtype == np.float32
    assert 0 < np.abs(found - exact).max() < 0.01 * np.abs(exact).max()


def test_no_logit_is_no_number_in_half_precision():
    """
    Nor in a batch of padding mostly, where queries times keys are beyond what fp16 holds: the scale comes first.

    Scaled, those of the first layer reach a fifth of fp16's largest, and unscaled they would be seven times as large.
    """
    large = random_model(VOCABULARY, hidden_size=64, num_hidden_layers=3)
    with torch.no_grad():
        factor = 0.2 * torch.finfo(torch.float16).max / largest_score(large)
        for name, weight in large.named_parameters():
            if "layer.0.attention.self.query_proj" in name:
                weight *= factor

    assert np.isfinite(backend(large).logits([TEXTS[1], TEXTS[2]])).all()


@torch.no_grad()
def largest_score(model):
    """Of queries and keys in the first layer, scaled, in fp32."""
    x = model.deberta.embeddings(torch.from_numpy(TEXTS[2])[None])[0]
    attention = model.deberta.encoder.layer[0].attention.self
    heads = attention.num_attention_heads
    query, key = (
        each(x).view(len(x), heads, -1).transpose(0, 1) for each in (attention.query_proj, attention.key_proj)
    )
    return float((query @ key.transpose(-1, -2)).abs().max()) / math.sqrt(3 * query.shape[-1])


def test_what_is_added_for_absent_tokens_is_a_number(model, monkeypatch):
    """In fp16 too: minus infinity would make no number of a row without a present token."""
    served, seen = backend(model), []
    forward = served._model.forward
    monkeypatch.setattr(served._model, "forward", lambda *arrays: seen.append(Packed(*arrays)) or forward(*arrays))

    served.logits(TEXTS)

    [bias] = [each.score_bias for each in seen]
    assert bias.dtype == torch.float16
    assert torch.isfinite(bias).all()
    assert float(bias.min().exp()) == 0


def test_batches_on_the_way_do_not_mix(model):
    """The next one is started before the last one is fetched."""
    served = backend(model)

    first, second = served.start(TEXTS[:2]), served.start(TEXTS[2:])

    np.testing.assert_array_equal(second(), served.logits(TEXTS[2:]))
    np.testing.assert_array_equal(first(), served.logits(TEXTS[:2]))


def test_without_a_gpu_it_says_so(model, monkeypatch):
    """And what to set."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(SurroundingsError, match="finds no GPU: install the driver"):
        TorchBackend(checkpoint(model), model.config.to_dict())


@pytest.mark.parametrize(
    ("made", "says"),
    [
        (lambda: random_padded("bert"), "a GPU serves DeBERTa-v2 and v3 alone"),
        (lambda: random_model(VOCABULARY, hidden_act="relu"), "hidden_act is 'relu'"),
        (lambda: random_model(VOCABULARY, num_labels=2), "the model has 2 classes, and the labels are 5"),
    ],
)
def test_what_it_cannot_serve_is_refused(made, says):
    """When it is loaded, with what to do."""
    with pytest.raises(ArtifactError, match=says):
        backend(made())


@pytest.mark.parametrize("changes", [{"hidden_size": 32}, {"num_attention_heads": 0}, {"num_attention_heads": 3}])
def test_a_configuration_of_other_sizes_is_refused(model, changes):
    """It would take the weights apart in a way that they do not have."""
    with pytest.raises(ArtifactError, match=r"from model\.safetensors and config\.json"):
        TorchBackend(checkpoint(model), {**model.config.to_dict(), **changes}, "cpu")


def test_a_checkpoint_cut_short_is_refused(model):
    """As every file of an artifact that is not whole."""
    with pytest.raises(ArtifactError, match=r"from model\.safetensors and config\.json"):
        TorchBackend(checkpoint(model)[:1000], model.config.to_dict(), "cpu")


def test_an_artifact_s_checkpoint_is_loaded_for_a_gpu(monkeypatch, tmp_path):
    """In fp16 unless told otherwise, and with that precision's threshold; the graphs need not be there."""
    folder = make(tmp_path / "tiny")
    (folder / "model_quantized.onnx").unlink()
    (folder / "model.onnx").unlink()
    monkeypatch.setattr(
        "consumer.torch_backend.TorchBackend", lambda *given: TorchBackend(given[0], given[1], "cpu", given[3])
    )

    classifier = load(folder, "fp32", device="cuda")

    assert classifier.classify(["Where is my parcel?"])[0].model.precision == "fp32"
    assert (classifier.portion, classifier._max_batch_records) == (512, 512)
    of_one = load(folder, "fp32", device="cuda", max_batch_records=1)
    assert (of_one.portion, of_one._max_batch_records) == (512, 1)
    with pytest.raises(SettingsError, match=r"model\.precision is int8, and a GPU serves fp16 or fp32"):
        load(folder, "int8", device="cuda")
    (folder / "model.safetensors").unlink()
    with pytest.raises(
        ArtifactError, match=r"lacks model\.safetensors, which fp32 needs; a GPU is served from it: set"
    ):
        load(folder, "fp32", device="cuda")


def test_a_window_in_portions_is_answered_as_one_that_is_whole(model, monkeypatch, tmp_path):
    """Behind what may swap models, too."""
    monkeypatch.setattr(
        "consumer.torch_backend.TorchBackend", lambda *given: TorchBackend(given[0], given[1], "cpu", given[3])
    )
    classifier = load(make(tmp_path / "tiny"), "fp32", device="cuda", max_batch_tokens=64)
    texts = [" ".join(["late", "parcel"] * count) for count in (3, 1, 12, 5, 9, 1, 2)]
    whole = classifier.classify(texts)

    classifier.portion = 2

    assert Answering(classifier).portion == 2
    for each, other in zip(classifier.classify(texts), whole, strict=True):
        assert each.urgency == pytest.approx(other.urgency, abs=1e-5)


@pytest.mark.parametrize("device", ["cuda:0", "gpu"])
def test_another_device_is_refused_by_name(tiny, device):
    """Before anything is loaded for it."""
    with pytest.raises(SettingsError, match=f"the device is '{device}', not cpu or cuda"):
        load(tiny, device=device)


def test_without_the_extra_it_says_what_to_install(tmp_path, monkeypatch):
    """Serving on CPUs needs no torch."""
    folder = make(tmp_path / "tiny")
    monkeypatch.setitem(sys.modules, "consumer.torch_backend", None)

    with pytest.raises(SurroundingsError, match=r"pip install '\.\[gpu\]'"):
        load(folder, "fp32", device="cuda")

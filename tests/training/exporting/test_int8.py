"""int8 by token: near fp32, the same answer in any company, and as small as it says."""

import numpy as np
import onnx
import pytest

pytest.importorskip("torch")

from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from consumer.onnx_backend import OnnxBackend
from tests.tiny_artifact import random_model
from tests.tiny_padded import KINDS, random_padded
from training.exporting import graphs, int8
from training.exporting.int8 import EMBEDDINGS, KEPT, gelus, int8_onnx, int8_weights_onnx, parameters, products_apart

pytestmark = pytest.mark.train

VOCABULARY = 300
TEXTS = [np.random.default_rng(length).integers(3, VOCABULARY, length) for length in (1, 5, 60, 200)]
MODELS = {
    "deberta-v2": lambda: random_model(VOCABULARY, hidden_size=64, num_hidden_layers=3),
    "deberta-v2 with a convolution": lambda: random_model(VOCABULARY, conv_kernel_size=3, conv_act="gelu"),
    "deberta-v2 with narrow words": lambda: random_model(VOCABULARY, embedding_size=16, share_att_key=False),
    **{kind: lambda kind=kind: random_padded(kind) for kind in KINDS},
}


class Served:
    """A model's graph in fp32 and int8, each behind the consumer's backend."""

    def __init__(self, model):
        self.config = model.config.to_dict()
        self.fp32 = graphs.fp32_onnx(model)
        self.exact, self.rounded = self.backend(self.fp32), self.backend(int8_onnx(self.fp32))

    def backend(self, graph):
        return OnnxBackend(graph, self.config, threads=1)


@pytest.fixture(scope="module", params=sorted(MODELS))
def served(request):
    return Served(MODELS[request.param]())


@pytest.fixture(scope="module")
def deberta():
    return Served(MODELS["deberta-v2"]())


def texts_of(lengths, seed):
    generator = np.random.default_rng(seed)
    return [generator.integers(3, VOCABULARY, length) for length in lengths]


def alone(backend, texts):
    return np.concatenate([backend.logits([text]) for text in texts])


lengths = st.lists(st.one_of(st.integers(1, 140), st.sampled_from([255, 256, 300, 511, 512])), min_size=2, max_size=8)


def test_no_bit_of_an_answer_depends_on_what_shares_its_batch(served):
    """Nor in fp32, whatever the lengths: a replay says what the live run said."""

    @settings(max_examples=20, deadline=None)
    @given(lengths, st.integers(0, 2**32 - 1))
    def check(lengths, seed):
        texts = texts_of(lengths, seed)
        for backend in (served.exact, served.rounded):
            np.testing.assert_array_equal(backend.logits(texts), alone(backend, texts))

    check()


def test_nor_at_the_width_that_is_served():
    """768 wide, where products are cut into blocks, and with two batches computed at a time."""
    model = random_model(
        VOCABULARY, hidden_size=768, num_hidden_layers=2, num_attention_heads=12, intermediate_size=3072
    )
    fp32, config = graphs.fp32_onnx(model), model.config.to_dict()
    texts = texts_of([1, 5, 7, 60, 131, 300], seed=0)
    for graph in (fp32, int8_onnx(fp32)):
        backend = OnnxBackend(graph, config, threads=2)
        first, second = backend.start(texts), backend.start(texts[::-1])

        np.testing.assert_array_equal(first(), alone(backend, texts))
        np.testing.assert_array_equal(second(), first()[::-1])


def test_every_length_is_the_same_in_company(served):
    """A sum over keys has no other order for what is left over of a group of four, or of sixteen."""
    texts = texts_of(range(1, 70), 0)
    for backend in (served.exact, served.rounded):
        np.testing.assert_array_equal(backend.logits(texts), alone(backend, texts))


def test_threads_do_not_matter(served):
    """Three batches at a time are what each is alone."""
    more = OnnxBackend(int8_onnx(served.fp32), served.config, threads=3)

    for finish in [more.start(TEXTS) for _ in range(6)]:
        np.testing.assert_array_equal(finish(), served.rounded.logits(TEXTS))


def test_one_scale_for_a_batch_would_be_seen(deberta, tmp_path):
    """What ONNX Runtime's own quantizer makes moves with the batch, by far more than a last bit."""
    quantize_dynamic(products_apart(deberta.fp32), tmp_path / "int8.onnx", weight_type=QuantType.QInt8)
    backend = deberta.backend((tmp_path / "int8.onnx").read_bytes())

    assert np.abs(backend.logits(TEXTS) - alone(backend, TEXTS)).max() > 1e-3


def test_it_is_near_fp32(served):
    """Logits differ by a few hundredths of what they are."""
    exact = served.exact.logits(TEXTS)

    assert 0 < np.abs(served.rounded.logits(TEXTS) - exact).max() < 0.1 * np.abs(exact).max()


def test_it_is_as_small_as_its_weights_are(served):
    """A byte each where there were four, and nothing left over of what was quantized: no node, no weight in vain."""
    before, graph = (onnx.load_from_string(each).graph for each in (served.fp32, int8_onnx(served.fp32)))
    sizes = parameters(products_apart(served.fp32))

    read = {name for node in graph.node for name in node.input} | {each.name for each in graph.output}
    assert {each.name for each in graph.initializer} <= read
    assert all(read.intersection(node.output) for node in graph.node)
    was, is_now = (sum(len(each.raw_data) for each in some.initializer) for some in (before, graph))
    assert is_now < was - 2.5 * sum(sizes.values())


@pytest.fixture(scope="module")
def as_wide_as_base():
    """By words and layers; of each as few as tell what one more takes."""
    shape = {"hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072}
    sizes = [(300, 1), (300, 2), (1300, 1)]
    return {each: graphs.fp32_onnx(random_model(each[0], num_hidden_layers=each[1], **shape)) for each in sizes}


@pytest.mark.parametrize("quantized", [int8_onnx, int8_weights_onnx])
def test_of_deberta_v3_base_s_size_a_file_takes_at_most_250_mb(as_wide_as_base, quantized):
    """Of twelve layers and 128,100 words, reckoned from fewer; in fp32 it takes three times as much."""

    def reckoned(sizes):
        layer = sizes[300, 2] - sizes[300, 1]
        word = (sizes[1300, 1] - sizes[300, 1]) / 1000
        return (sizes[300, 1] + 11 * layer + (128_100 - 300) * word) / 1e6

    assert 700 < reckoned({each: len(graph) for each, graph in as_wide_as_base.items()}) < 800
    assert reckoned({each: len(quantized(graph)) for each, graph in as_wide_as_base.items()}) <= 250


def test_a_row_of_zeros_stays_one(deberta):
    """Its largest magnitude is 0, and nothing is divided by that."""
    model = onnx.load_from_string(deberta.fp32)
    for each in model.graph.initializer:
        if list(each.dims) == [VOCABULARY, 64]:
            each.raw_data = bytes(len(each.raw_data))

    assert np.isfinite(deberta.backend(int8_onnx(bytes(model.SerializeToString()))).logits(TEXTS)).all()


def test_every_large_product_and_the_words_become_int8(deberta):
    """No Gemm is left that a quantizer would pass over; the classifier's few weights stay fp32."""
    graph = onnx.load_from_string(int8_onnx(deberta.fp32)).graph

    kinds = [node.op_type for node in graph.node]
    # Two layers of qkv, output, up and down; the last with its query apart; the pooler.
    assert kinds.count("MatMulIntegerToFloat") == 2 * 4 + 5 + 1
    assert "Gemm" not in kinds
    (words,) = [each for each in graph.initializer if list(each.dims) == [VOCABULARY, 64]]
    assert words.data_type == onnx.TensorProto.INT8


def test_what_is_kept_stays_fp32(deberta):
    """The file says which, and with all of it kept nothing but the words is rounded."""
    sizes = parameters(products_apart(deberta.fp32))
    products = [name for name in sizes if name != EMBEDDINGS]

    some = onnx.load_from_string(int8_onnx(deberta.fp32, products[:3]))

    assert [node.op_type for node in some.graph.node].count("MatMulIntegerToFloat") == len(products) - 3
    assert {each.key: each.value for each in some.metadata_props}[KEPT] == "\n".join(sorted(products[:3]))
    exact = deberta.exact.logits(TEXTS)
    words_alone = np.abs(deberta.backend(int8_onnx(deberta.fp32, products)).logits(TEXTS) - exact).max()
    assert 0 < words_alone < np.abs(deberta.rounded.logits(TEXTS) - exact).max()
    np.testing.assert_array_equal(deberta.backend(int8_onnx(deberta.fp32, list(sizes))).logits(TEXTS), exact)


@pytest.mark.parametrize(
    ("kind", "layers"), [("deberta-v2", 3), ("bert", 3), ("roberta", 3), ("xlm-roberta", 3), ("modernbert", 0)]
)
def test_what_comes_of_a_gelu_is_known(kind, layers):
    """In each layer; ModernBERT's is multiplied by a gate, and has no least."""
    model = products_apart(graphs.fp32_onnx(MODELS[kind]()))
    sizes = parameters(model)

    multiplied = {node.input[0] for node in model.graph.node if node.name in sizes}

    assert len(gelus(model.graph) & multiplied) == layers


def test_another_activation_of_the_same_shape_is_no_gelu(deberta):
    """With a factor of 0.6 the least would be another."""
    model = products_apart(deberta.fp32)
    for node in model.graph.node:
        if node.op_type == "Constant" and numpy_helper.to_array(node.attribute[0].t) == pytest.approx(0.5):
            node.attribute[0].t.CopyFrom(numpy_helper.from_array(np.float32(0.6)))

    assert not gelus(model.graph)


def test_what_comes_of_a_gelu_is_told_apart_better_from_its_least_on(deberta, monkeypatch):
    """Around zero, half of the integers would be for what never comes. All else stays in fp32 here."""
    texts = texts_of([60] * 20, seed=4)
    exact = deberta.exact.logits(texts)
    model = products_apart(deberta.fp32)
    fed = {node.name for node in model.graph.node if node.input and node.input[0] in gelus(model.graph)}
    kept = [name for name in parameters(model) if name not in fed]
    from_least_on = deberta.backend(int8_onnx(deberta.fp32, kept))
    monkeypatch.setattr(int8, "gelus", lambda _: frozenset())
    around_zero = deberta.backend(int8_onnx(deberta.fp32, kept))

    apart, before = (np.abs(each.logits(texts) - exact).mean() for each in (from_least_on, around_zero))

    assert 0 < apart < 0.9 * before


def test_to_keep_what_is_not_there_is_refused(deberta):
    """It would be quantized in silence."""
    with pytest.raises(ValueError, match=r"no product 'layer\.9' to keep in fp32; it has word embeddings, "):
        int8_onnx(deberta.fp32, ["layer.9"])


def test_a_model_too_small_to_quantize_is_refused():
    """It would come out as fp32 under int8's name."""
    small = graphs.fp32_onnx(random_model(VOCABULARY, hidden_size=8, intermediate_size=8))

    with pytest.raises(ValueError, match="nothing to quantize"):
        int8_onnx(small)

"""As few products as it takes stay fp32, the costliest to round first."""

import numpy as np
import pytest

pytest.importorskip("torch")

import onnx

from tests.tiny_artifact import random_model
from training.exporting.graphs import fp32_onnx
from training.exporting.int8 import EMBEDDINGS, KEPT, parameters, products_apart
from training.exporting.kept import kept_for

pytestmark = pytest.mark.train

TEXTS = 400


@pytest.fixture(scope="module")
def fp32():
    return fp32_onnx(random_model(300, hidden_size=32, num_hidden_layers=2))


def weights(fp32):
    return dict(parameters(products_apart(fp32)))


class Model:
    """Answers by what a graph keeps: each product in int8 moves every logit, and flips labels, as told."""

    def __init__(self, fp32, moves, flips):
        self.sizes, self.moves, self.flips = weights(fp32), moves, flips
        self.asked = []

    def __call__(self, graph, most):
        told = {each.key: each.value for each in onnx.load_from_string(graph).metadata_props}
        kept = set(self.sizes) if KEPT not in told else set(told[KEPT].split("\n"))
        rounded = set(self.sizes) - kept
        self.asked.append((most, len(rounded)))
        logits = np.tile(np.array([9.0, 0, 0, 0, 0], np.float32), (TEXTS, 1))
        logits[: sum(self.flips.get(name, 0) for name in rounded), 1] = 10
        logits[:, 4] += sum(self.moves.get(name, 0) for name in rounded)
        return logits[:most]


def test_nothing_is_kept_where_labels_agree(fp32):
    """And nothing is ranked, which would take a run of the model for each product."""
    model = Model(fp32, {}, {EMBEDDINGS: 2})

    kept = kept_for(fp32, model, 0.99)

    assert (kept.names, kept.agreement, kept.texts, kept.of) == ((), 1 - 2 / TEXTS, TEXTS, len(model.sizes))
    assert len(model.asked) == 2


def test_the_costliest_are_kept_and_no_more(fp32):
    """Three flip labels; they are those that move the logits most for the weights they have."""
    culprits = ["/layers.0/down/Gemm_MatMul", "/last/up/Gemm_MatMul", "/layers.0/output/Gemm_MatMul"]
    model = Model(fp32, dict.fromkeys(culprits, 1.0) | {"/pooler/Gemm_MatMul": 0.1}, dict.fromkeys(culprits, 5))

    kept = kept_for(fp32, model, 0.99)

    assert kept.names == tuple(sorted(culprits))
    assert kept.agreement == 1.0


def test_a_product_counts_by_its_weights(fp32):
    """What is kept costs time by them: of two that move logits alike, the smaller one is kept."""
    small, large = "/last/query/Gemm_MatMul", "/layers.0/query_key_value/Gemm_MatMul"
    model = Model(fp32, {small: 1.0, large: 1.0}, {small: 3, large: 2})
    assert model.sizes[small] < model.sizes[large]

    assert kept_for(fp32, model, 0.99).names == (small,)


def test_half_of_what_the_gate_lets_pass_may_be_there(fp32):
    """The gate measures on other messages, and chance must not fail it there."""
    for flips, kept in ((2, 0), (3, 1)):
        model = Model(fp32, {EMBEDDINGS: 1.0}, {EMBEDDINGS: flips})
        assert len(kept_for(fp32, model, 0.99).names) == kept


def test_where_nothing_helps_the_best_is_taken(fp32):
    """And the gate says that it may not be served."""
    sizes = weights(fp32)
    model = Model(fp32, dict.fromkeys(sizes, 1.0), dict.fromkeys(sizes, 30))

    kept = kept_for(fp32, model, 0.99)

    assert len(kept.names) == len(sizes) - 1
    assert kept.agreement == 1 - 30 / TEXTS

import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification

from tests.training.interrupted import SIZES
from training.fitting.layer_rates import parameter_groups
from training.fitting.model import classifier, config_from_scratch

pytestmark = pytest.mark.train


def rates(model: torch.nn.Module) -> dict[str, float]:
    names = {weight: name for name, weight in model.named_parameters()}
    groups = parameter_groups(model.named_parameters(), {"classifier.weight"}, 1.0, 0.01, 0.5)
    assert {
        group["weight_decay"] for group in groups for each in group["params"] if names[each] == "classifier.weight"
    } == {0.01}
    return {names[weight]: group["lr"] for group in groups for weight in group["params"]}


def test_each_layer_learns_slower_than_the_one_above():
    """
    The head at the rate itself, embeddings slowest; every parameter is in one group.
    """
    sizes = {**SIZES, "num_hidden_layers": 3}
    deberta = rates(classifier(config_from_scratch(sizes, 60), None))
    bert = rates(
        BertForSequenceClassification(
            BertConfig(vocab_size=60, hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=16)
        )
    )

    for made, name in ((deberta, "deberta"), (bert, "bert")):
        assert made["classifier.weight"] == 1.0
        assert [made[f"{name}.encoder.layer.{layer}.output.dense.weight"] for layer in (2, 1, 0)] == [0.5, 0.25, 0.125]
        assert made[f"{name}.embeddings.word_embeddings.weight"] == 0.0625
    assert deberta["deberta.encoder.rel_embeddings.weight"] == 0.0625

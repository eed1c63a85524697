"""The classifier before it learns: DeBERTa-v2 built from scratch, or a checkpoint with a fresh head."""

from collections.abc import Mapping
from typing import Any

from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DebertaV2Config,
    DebertaV2ForSequenceClassification,
    DebertaV2Model,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from consumer.errors import SettingsError
from consumer.records import Satisfaction

# The shape of DeBERTa-v3, which the packed graph covers; a recipe gives the sizes.
DEBERTA_V3: Mapping[str, Any] = {
    "relative_attention": True,
    "position_buckets": 256,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_biased_input": False,
    "max_relative_positions": -1,
    "max_position_embeddings": 512,
    "type_vocab_size": 0,
    "layer_norm_eps": 1e-7,
}
LABELS: Mapping[str, Any] = {
    "id2label": {number: name.value for number, name in enumerate(Satisfaction)},
    "label2id": {name.value: number for number, name in enumerate(Satisfaction)},
}


def config_from_scratch(sizes: Mapping[str, Any], vocab_size: int) -> DebertaV2Config:
    """`sizes` are DebertaV2Config's own names; hidden_size, num_hidden_layers and num_attention_heads among them."""
    try:
        return DebertaV2Config(
            **{
                **DEBERTA_V3,
                "pooler_hidden_size": sizes["hidden_size"],
                "intermediate_size": 2 * sizes["hidden_size"],
                **sizes,
                **LABELS,
                "vocab_size": vocab_size,
            }
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(f"The recipe's [model.config] makes no DeBERTa-v2: {error}.") from error


def classifier(config: DebertaV2Config, encoder: DebertaV2Model | None) -> DebertaV2ForSequenceClassification:
    """A fresh classifier, on a copy of the pretrained encoder when there is one."""
    model = DebertaV2ForSequenceClassification(config)
    if encoder is not None:
        model.deberta.load_state_dict(encoder.state_dict())
    return model


def from_checkpoint(base: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A local folder or a Hub checkpoint with a head for five classes; no remote code is run."""
    try:
        config = AutoConfig.from_pretrained(base, trust_remote_code=False, **LABELS)
        model = AutoModelForSequenceClassification.from_pretrained(
            base, config=config, ignore_mismatched_sizes=True, trust_remote_code=False, use_safetensors=True
        )
        return model, AutoTokenizer.from_pretrained(base, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"The base model {base!r} cannot be loaded ({type(error).__name__}): name a folder with config.json, "
            "model.safetensors and tokenizer.json, or a Hub checkpoint that needs no code of its own."
        ) from error

"""The classifier before it learns: DeBERTa-v2 built from scratch, or a checkpoint of any kind with a fresh head."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from huggingface_hub.errors import StrictDataclassError
from numpy.typing import NDArray
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DebertaV2Config,
    DebertaV2ForSequenceClassification,
    DebertaV2Model,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from consumer.errors import SettingsError
from consumer.names import nearest
from consumer.records import Satisfaction
from training.fitting.loading import (
    MAIN,
    loading,
    refuse_code,
    refuse_no_words,
    refuse_parts,
    refuse_revision,
    refuse_unknown_ids,
)
from training.fitting.option_names import require_sizes

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
    known = {*DebertaV2Config().to_dict(), *DEBERTA_V3}
    for name in sizes:
        if name not in known:  # DebertaV2Config itself keeps any name, and uses its default
            raise SettingsError(
                f"The recipe's [model.config] holds {name!r}, which DebertaV2Config does not know{nearest(name, known)}"
            )
    require_sizes(sizes)
    hidden = sizes["hidden_size"]
    own = {"pooler_hidden_size": hidden, "intermediate_size": 2 * hidden, **sizes, **LABELS, "vocab_size": vocab_size}
    try:
        config = DebertaV2Config(**{**DEBERTA_V3, **own})
        with torch.device("meta"):  # sizes that do not fit together show, and no memory is taken
            DebertaV2ForSequenceClassification(config)
    except (ArithmeticError, KeyError, RuntimeError, StrictDataclassError, TypeError, ValueError) as error:
        raise SettingsError(f"The recipe's [model.config] makes no DeBERTa-v2: {error}.") from error
    return config


def token_width(encoder: DebertaV2Model) -> int:
    return int(encoder.embeddings.word_embeddings.weight.shape[1])


def begin_with(encoder: DebertaV2Model, tokens: NDArray[np.intp], vectors: NDArray[np.float32]) -> None:
    """Of deviation 1, as `vectors` are, they become as large as the weights that they take the place of."""
    weights = encoder.embeddings.word_embeddings.weight
    with torch.no_grad():
        weights[torch.from_numpy(tokens)] = torch.from_numpy(vectors) * encoder.config.initializer_range


def classifier(config: DebertaV2Config, encoder: DebertaV2Model | None) -> DebertaV2ForSequenceClassification:
    """A fresh classifier, on a copy of the pretrained encoder when there is one."""
    model = DebertaV2ForSequenceClassification(config)
    if encoder is not None:
        model.deberta.load_state_dict(encoder.state_dict())
    return model


def checkpoint_config(base: str, revision: str | None = None) -> PreTrainedConfig:
    """Of a local folder or a Hub checkpoint, with the classes that it has told apart until now."""
    refuse_revision(base, revision)
    with loading(base):
        config: PreTrainedConfig = AutoConfig.from_pretrained(base, revision=revision or MAIN, trust_remote_code=False)
    refuse_code(base, config.to_dict())
    return config


def from_checkpoint(base: str, revision: str | None = None) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A local folder or a Hub checkpoint with a head for five classes; no remote code is run."""
    config = checkpoint_config(base, revision)
    config.id2label, config.label2id = dict(LABELS["id2label"]), dict(LABELS["label2id"])
    with loading(base):
        model: PreTrainedModel
        model, found = AutoModelForSequenceClassification.from_pretrained(
            base,
            config=config,
            revision=revision or MAIN,
            ignore_mismatched_sizes=True,
            use_safetensors=True,
            dtype=torch.float32,  # many are kept in fp16, in which nothing can be learned
            output_loading_info=True,
        )
    refuse_parts(base, model.base_model_prefix, found)
    tokenizer = checkpoint_tokenizer(base, revision)
    refuse_unknown_ids(base, tokenizer, config)
    return model, tokenizer


def checkpoint_tokenizer(base: str, revision: str | None = None) -> PreTrainedTokenizerBase:
    """Of a local folder or a Hub checkpoint; no remote code is run."""
    with loading(base):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            base, revision=revision or MAIN, trust_remote_code=False
        )
    refuse_code(base, tokenizer.init_kwargs)
    refuse_no_words(base, tokenizer)
    return tokenizer


def save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """As transformers keeps checkpoints, weights as safetensors, for `load` or anybody else."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def load(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    return from_checkpoint(str(folder))


def replaced_classes(config: PreTrainedConfig) -> list[str]:
    """The classes of a checkpoint that are not shikyu's; none where it names none of its own."""
    own = [str(name) for _, name in sorted((config.id2label or {}).items())]
    ours = list(LABELS["id2label"].values())
    return [] if own == ours or own == [f"LABEL_{place}" for place in range(len(own))] else own

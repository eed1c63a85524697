"""Tiny models with random weights of the kinds that are served padded, and tokenizers in their clothes."""

from typing import Any

import torch
import transformers
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from consumer.records import Satisfaction
from tests.tiny_artifact import TEXTS

VOCABULARY = 300
SHAPE: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "num_labels": len(Satisfaction),
    "initializer_range": 0.2,  # wide enough that logits differ from text to text
}
ROBERTA = {
    "pad_token_id": 1,
    "bos_token_id": 0,
    "eos_token_id": 2,
    "max_position_embeddings": 514,
    "type_vocab_size": 1,
}
# A window of 8 tokens each way, so that a long text does not see all of itself.
MODERN = {"local_attention": 16, "global_attn_every_n_layers": 2, "pad_token_id": 0, "max_position_embeddings": 512}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("Bert", {}),
    "modernbert": ("ModernBert", MODERN),
    "roberta": ("Roberta", ROBERTA),
    "xlm-roberta": ("XLMRoberta", ROBERTA),
}
TOKENIZERS = {"bert": "BertTokenizer", "roberta": "RobertaTokenizer", "xlm-roberta": "XLMRobertaTokenizer"}


def random_padded(kind: str, **changes: Any) -> PreTrainedModel:
    name, own = KINDS[kind]
    config = getattr(transformers, f"{name}Config")(**{**SHAPE, **own, **changes})
    torch.manual_seed(0)
    model: PreTrainedModel = getattr(transformers, f"{name}ForSequenceClassification")(config).eval()
    return model


def padded_tokenizer(kind: str) -> PreTrainedTokenizerBase:
    """Of a vocabulary learned from a few texts."""
    blank: PreTrainedTokenizerBase = getattr(transformers, TOKENIZERS[kind])()
    return blank.train_new_from_iterator([*TEXTS, "Ünïcode, naïve café; 商品が届きません。"], VOCABULARY)

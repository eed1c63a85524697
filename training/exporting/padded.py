"""transformers' own model behind the two inputs that consumer/padding.py makes."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel

from consumer.padding import padding_id

# What is exported as it is: tests hold each against transformers' logits and optimum's export. MiniLM is one of these.
COVERED = ("bert", "modernbert", "roberta", "xlm-roberta")


def refuse_uncovered(config: PreTrainedConfig) -> None:
    """ValueError names what of a configuration a padded graph does not cover, and what to do."""
    if config.model_type not in COVERED:
        raise ValueError(
            f"it is a {config.model_type}, and DeBERTa-v2, v3 and {', '.join(COVERED)} are covered: start from one"
        )
    if getattr(config, "is_decoder", False):
        raise ValueError("is_decoder is true, so no token would see those behind it; set it to false")
    padding_id(config.to_dict())


def longest(config: PreTrainedConfig) -> int | None:
    """How many tokens a text may have; None where positions are relative."""
    if config.model_type in ("roberta", "xlm-roberta"):
        return int(config.max_position_embeddings) - int(config.pad_token_id) - 1  # they count on from the padding's id
    return int(config.max_position_embeddings) if config.model_type in COVERED else None


class Padded(nn.Module):
    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model
        self.eval()

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        logits: Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits


@contextmanager
def traceable(model: PreTrainedModel) -> Iterator[Padded]:
    """With plain attention: the other kinds look at the mask's values, which a trace would keep for good."""
    usual = model.config._attn_implementation  # noqa: SLF001 - transformers shows it under no other name
    model.set_attn_implementation("eager")
    try:
        yield Padded(model)
    finally:
        model.set_attn_implementation(usual)

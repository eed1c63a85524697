"""transformers' own model behind the two inputs that consumer/padding.py makes."""

from torch import Tensor, nn
from transformers import PreTrainedModel

# What is exported as it is; a test holds each against transformers' logits.
COVERED = ("bert", "modernbert", "roberta", "xlm-roberta")


class Padded(nn.Module):
    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        # The other kinds of attention look at the mask's values while they are traced.
        model.set_attn_implementation("eager")
        self.model = model
        self.eval()

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        logits: Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits

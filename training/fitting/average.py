"""The mean of the last steps' weights (Izmailov et al., arXiv:1803.05407), kept in checkpoints too."""

from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

AVERAGE_FILE = "average.safetensors"


class WeightAverage(TrainerCallback):
    """Over the last `share` of the steps, in double precision."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._sums: dict[str, Tensor] = {}
        self._count = 0

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        del args, control
        if state.global_step <= (1 - self._share) * state.max_steps:
            return
        self._count += 1
        for name, weight in kwargs["model"].named_parameters():
            value = weight.detach().to(torch.float64)
            self._sums[name] = self._sums[name] + value if name in self._sums else value.clone()

    def apply(self, model: torch.nn.Module) -> None:
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if self._count:
                    weight.copy_(self._sums[name] / self._count)

    def save(self, checkpoint: Path) -> None:
        if self._count:
            save_file(self._sums, checkpoint / AVERAGE_FILE, {"count": str(self._count)})

    def load(self, checkpoint: Path, device: torch.device) -> None:
        """What `save` left; nothing where the checkpoint is older than the first averaged step."""
        if not (checkpoint / AVERAGE_FILE).is_file():
            return
        # safetensors knows no cpu:0, which is the device of one process of several.
        with safe_open(checkpoint / AVERAGE_FILE, framework="pt") as file:
            self._count = int(file.metadata()["count"])
            self._sums = {name: file.get_tensor(name).to(device) for name in file.keys()}  # noqa: SIM118 - no mapping

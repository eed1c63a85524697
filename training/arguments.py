"""TrainingArguments from a recipe: their own names, checked, with the defaults a quiet run on a small machine needs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import TrainingArguments

from consumer.errors import SettingsError

DEFAULTS: Mapping[str, Any] = {
    "report_to": "none",
    "save_strategy": "no",
    "logging_steps": 500,
    "lr_scheduler_type": "linear",
    "train_sampling_strategy": "group_by_length",
    "remove_unused_columns": False,
    "dataloader_pin_memory": False,
    "disable_tqdm": True,
}


def training_arguments(work: Path, options: Mapping[str, Any]) -> TrainingArguments:
    """SettingsError names an option that TrainingArguments does not know."""
    try:
        return TrainingArguments(output_dir=str(work), **{**DEFAULTS, **options})
    except TypeError as error:
        raise SettingsError(f"The recipe's training arguments do not fit transformers': {error}.") from error
    except ValueError as error:
        raise SettingsError(f"A training argument of the recipe is out of range: {error}") from error

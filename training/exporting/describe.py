"""What goes into the artifact beside the graphs: the manifest's description, the results, the card."""

import json
import platform
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import cast

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from consumer.manifest import SHARED_FILES, ClassShares, Description, Served, TrainingData
from consumer.records import Satisfaction
from training.exporting.export import checkpoint_files
from training.preparing.prepare import Prepared
from training.recipe import SCRATCH, Recipe
from training.run_folder import FIT, RECIPE
from training.scoring.crossfit import Calibration
from training.scoring.reference import reference
from training.scoring.score import scored_by

TOKENIZER_CONFIG_FILE = "tokenizer_config.json"
FITTING = ("accelerate", "datasets", "onnx", "scikit-learn", "sentencepiece", "torch", "transformers")
FiveShares = tuple[float, float, float, float, float]


def model_files(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> dict[str, bytes]:
    """Checkpoint, tokenizer and configuration: all of an artifact's files that are the model's, but for the graphs."""
    tokenizer.backend_tokenizer.no_truncation()  # fitting leaves its own in tokenizer.json
    tokenizer.backend_tokenizer.no_padding()
    return {
        **checkpoint_files(model, tokenizer),
        TOKENIZER_CONFIG_FILE: tokenizer_config(tokenizer),
    }


def tokenizer_config(tokenizer: PreTrainedTokenizerBase) -> bytes:
    """
    What transformers needs beside tokenizer.json to load the same tokenizer.

    It builds DeBERTa's normalizer anew from the options here: without them, one that lower-cases would not.
    """
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        options = json.loads((Path(folder) / TOKENIZER_CONFIG_FILE).read_text(encoding="utf-8"))
    options.pop("name_or_path", None)  # a path of this machine, maybe
    return (json.dumps(options, indent=2, sort_keys=True) + "\n").encode()


def class_shares(recipe: Recipe, calibration: Calibration) -> ClassShares:
    """Where the temperature is fitted, and in live traffic; the same unless the recipe says otherwise."""
    counts = [int((calibration.labels == label).sum()) for label in range(len(Satisfaction))]
    training = cast("FiveShares", tuple(count / len(calibration.labels) for count in counts))
    promise = recipe.promise
    return ClassShares(
        training=training, live=promise.live_shares or training, unsatisfied_weight=promise.unsatisfied_weight
    )


def describe(
    recipe: Recipe,
    messages: Prepared,
    calibration: Calibration,
    shares: ClassShares,
    precisions: Mapping[str, Served],
    base_revision: str | None,
) -> Description:
    counts = cast("tuple[int, int, int, int, int]", tuple(messages.everything.class_counts()))
    return Description(
        name=recipe.name,
        version=recipe.version,
        base_model=base_model(recipe),
        base_revision=base_revision,
        labels=tuple(Satisfaction),
        max_length=recipe.model.max_length,
        text_cleaning=recipe.data.cleaning,
        class_shares=shares,
        precisions=dict(precisions),  # type: ignore[arg-type]  # its keys are PRECISIONS'
        shared_files=(*SHARED_FILES, TOKENIZER_CONFIG_FILE, RECIPE, FIT),
        reference=reference(calibration.labels, calibration.scored, precisions, shares),
        training_data=TrainingData(
            fingerprint=messages.everything.fingerprint(), rows=len(messages.everything), class_counts=counts
        ),
        versions={
            "python": platform.python_version(),
            **{name: version(name) for name in FITTING},
            **scored_by(precisions),
        },
        created_at=datetime.now(UTC).replace(microsecond=0),
    )


def base_model(recipe: Recipe) -> str:
    """A checkpoint's name; of a folder on this machine, its last part alone."""
    base = recipe.model.base
    return Path(base).name if base != SCRATCH and Path(base).exists() else base

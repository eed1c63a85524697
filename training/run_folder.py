"""
Where a run keeps what its steps hand on to one another, so that each can be done alone, or again.

    data/<split>/                   train, validation, calibration, test: Arrow data sets (datasets.load_from_disk)
    data.json  data.html            what `data` found in them
    fit/<name>/                     the Trainer's checkpoints, its state and train_results.json; `name` is start (of
                                    pretraining), model, or fold-0 … with calibration in folds
    fit/begun                       what a fit is made from, while it is at work or was interrupted
    models/<name>/                  the fitted model: model.safetensors, config.json, tokenizer.json
    graphs/<name>/                  the artifact's files that are made of it, one ONNX file a precision among them
    scores/<split>.<precision>.npy  logits (rows, 5) float32, by the consumer's own backends
    operating_point.json            temperatures, thresholds, promises, gates
    flips.json                      by precision, calibration rows that the shipped model answers otherwise than in fp32
    fit.json                        base model with its commit, and TrainingArguments as `fit` resolved them
    train_results.json  eval_results.json  prediction_results.json
                                    the figures by the Trainer's names: of the fit, of calibration, of the test messages
    evaluation.json                 everything that was measured on the test messages
    mistakes.json  report.html      these hold customers' texts, and are no part of the artifact
    done/<step>.json                fingerprint of all that a step was made from, the step before it among that, and
                                    its own parts of the recipe
"""

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from consumer.errors import SettingsError, ShikyuError

MODEL = "model"
FP32_FILE, FP16_FILE, INT8_FILE = "model.onnx", "model_fp16.onnx", "model_quantized.onnx"
INT8_BF16_FILE = "model_int8_bf16.onnx"
PRECISIONS: Mapping[str, str] = {"fp32": FP32_FILE, "fp16": FP16_FILE, "int8": INT8_FILE, "int8-bf16": INT8_BF16_FILE}
SPLITS_FILE = "data/splits.json"
DATA, DATA_PAGE = "data.json", "data.html"
OPERATING_POINT = "operating_point.json"
FLIPS = "flips.json"
FIT, RECIPE = "fit.json", "recipe.toml"
TRAIN_RESULTS = "train_results.json"
EVAL_RESULTS = "eval_results.json"
PREDICTION_RESULTS = "prediction_results.json"
EVALUATION = "evaluation.json"
MISTAKES = "mistakes.json"
CARD = "README.md"


def fold(number: int) -> str:
    """The name of the model that was fitted without this fold's labels."""
    return f"fold-{number}"


@dataclass(frozen=True, slots=True)
class RunFolder:
    root: Path

    @property
    def report(self) -> Path:
        return self.root / "report.html"

    def split(self, name: str) -> Path:
        return self.root / "data" / name

    def checkpoints(self, name: str = MODEL) -> Path:
        return self.root / "fit" / name

    def model(self, name: str = MODEL) -> Path:
        return self.root / "models" / name

    def graphs(self, name: str = MODEL) -> Path:
        return self.root / "graphs" / name

    def scores(self, split: str, precision: str) -> Path:
        return self.root / "scores" / f"{split}.{precision}.npy"

    def write_scores(self, split: str, precision: str, logits: NDArray[np.float32]) -> None:
        written = io.BytesIO()
        np.save(written, logits, allow_pickle=False)
        write_atomically(self.scores(split, precision), written.getvalue())

    def read_scores(self, split: str, precision: str) -> NDArray[np.float32]:
        """Logits (rows, 5) in the split's order. SettingsError when `operate` was not done yet."""
        content = self.read(str(self.scores(split, precision).relative_to(self.root)), "operate")
        logits: NDArray[np.float32] = np.load(io.BytesIO(content), allow_pickle=False)
        return logits

    def models(self) -> list[str]:
        """The names of those that were fitted. SettingsError when none was yet."""
        names = sorted(path.name for path in (self.root / "models").glob("*"))
        if not names:
            raise SettingsError(f"{self.root / 'models'} holds no model yet: run `shikyu-train fit` first.")
        return names

    def graph_files(self, name: str = MODEL) -> dict[str, bytes]:
        """By name. SettingsError when they are not there yet."""
        if not self.graphs(name).is_dir():
            raise SettingsError(f"{self.graphs(name)} is not there yet: run `shikyu-train graphs` first.")
        return {path.name: path.read_bytes() for path in sorted(self.graphs(name).iterdir())}

    def write(self, name: str, content: bytes) -> None:
        write_atomically(self.root / name, content)

    def write_json(self, name: str, value: Mapping[str, Any]) -> None:
        self.write(name, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())

    def read(self, name: str, step: str) -> bytes:
        """SettingsError names the step that makes it, when it is not there yet."""
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError as error:
            raise SettingsError(f"{self.root / name} is not there yet: run `shikyu-train {step}` first.") from error

    def read_json(self, name: str, step: str) -> dict[str, Any]:
        """SettingsError names the step that makes it, when it is not there yet or no JSON."""
        try:
            found: dict[str, Any] = json.loads(self.read(name, step))
        except ValueError as error:
            raise SettingsError(f"{self.root / name} is no JSON: run `shikyu-train {step}` again.") from error
        return found

    def messages(self) -> str | None:
        """The fingerprint of the splits; None before there are any."""
        try:
            return str(json.loads((self.root / SPLITS_FILE).read_bytes())["fingerprint"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def done(self, step: str, fingerprint: str, settings: Mapping[str, Any]) -> None:
        """`settings` are the parts of the recipe that the step was done with."""
        self.write_json(f"done/{step}.json", {"fingerprint": fingerprint, "settings": settings})

    def settings(self) -> dict[str, Any]:
        """The recipe's parts that the steps were done with, however many recipes and options these came from."""
        found: dict[str, Any] = {}
        for path in (self.root / "done").glob("*.json"):
            found |= json.loads(path.read_bytes()).get("settings", {})
        return found

    def stamp(self, step: str) -> str | None:
        """The fingerprint that the step was finished with; None when it was not."""
        try:
            return str(json.loads((self.root / "done" / f"{step}.json").read_bytes())["fingerprint"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    @contextmanager
    def undone(self, steps: Sequence[str]) -> Iterator[None]:
        """None of the steps is done from here on; all are as before where one is refused that wrote nothing yet."""
        stamps = {f"done/{step}.json": self.root / "done" / f"{step}.json" for step in steps}
        kept = {name: path.read_bytes() for name, path in stamps.items() if path.exists()}
        for path in stamps.values():
            path.unlink(missing_ok=True)  # before the step begins: killed, it is not done
        before = self._files()
        try:
            yield
        except ShikyuError:
            if self._files() == before:
                for name, content in kept.items():
                    self.write(name, content)
            raise

    def _files(self) -> dict[Path, tuple[int, int]]:
        """What tells whether any was written meanwhile."""
        found = ((path, path.stat()) for path in self.root.rglob("*") if path.is_file())
        return {path: (status.st_size, status.st_mtime_ns) for path, status in found}


def fingerprint(*parts: Any) -> str:
    """SHA-256 of what a step is made from, each part as JSON."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def write_atomically(path: Path, content: bytes) -> None:
    """Whole under its name or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)  # a name may outlive a power cut that its content does not
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise

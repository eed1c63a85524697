"""manifest.json, the one file of an artifact that explains the others (docs/artifact.md)."""

import itertools
import math
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    JsonValue,
    field_validator,
    model_validator,
)

from consumer.cleaning import require_known
from consumer.records import Satisfaction

MANIFEST_VERSION: Literal[1] = 1
MANIFEST_FILE = "manifest.json"
SIGNATURE_FILE = "manifest.sig"
CONFIG_FILE = "config.json"
TOKENIZER_FILE = "tokenizer.json"
CHECKPOINT_FILE = "model.safetensors"
SHARED_FILES = (CONFIG_FILE, TOKENIZER_FILE, "eval_results.json", "README.md")

SHARES_TOLERANCE = 1e-6


def _sums_to_one(shares: tuple[float, ...]) -> tuple[float, ...]:
    if not math.isclose(sum(shares), 1.0, abs_tol=SHARES_TOLERANCE):
        raise ValueError(f"sum to {sum(shares):.8g}, not to 1")
    return shares


# wilks: the threshold is an order statistic chosen beforehand. clopper-pearson: it was chosen on other messages.
# massart: it was chosen on the very messages that the bound is of.
# int8 by ONNX Runtime on any CPU; int8-bf16 by OpenVINO on those with units for bf16 and no AMX.
Precision = Literal["int8", "fp32", "fp16", "int8-bf16"]
Bound = Literal["wilks", "clopper-pearson", "massart"]
# A class that never occurs has no logarithm to shift by, so every share is above zero.
Share = Annotated[FiniteFloat, Field(gt=0, le=1)]
# Less would say no more, and the smallest of doubles (5e-324) times a share is 0.
LEAST_WEIGHT = 1e-6
Weight = Annotated[FiniteFloat, Field(ge=LEAST_WEIGHT, le=1)]
Shares = Annotated[tuple[Share, Share, Share, Share, Share], AfterValidator(_sums_to_one)]
Count = Annotated[int, Field(ge=0)]
Probability = Annotated[FiniteFloat, Field(ge=0, le=1)]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=128)]
Word = Annotated[str, Field(pattern=r"^[^\s\x00-\x1f\x7f]+$", max_length=128)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClassShares(Part):
    """
    How often each class occurs: where the temperature was fitted, and in live traffic.

    In urgency the unsatisfied (2 stars) count `unsatisfied_weight` times.
    """

    training: Shares
    live: Shares
    # Left out where it changes nothing: consumers that do not know it yet take the artifact then.
    unsatisfied_weight: Annotated[Weight, Field(exclude_if=lambda weight: weight == 1)] = 1.0

    @property
    def in_urgency(self) -> tuple[float, ...]:
        """The five live shares as urgency counts them; their sum is 1 at most."""
        very_unsatisfied, unsatisfied, *others = self.live
        return very_unsatisfied, unsatisfied * self.unsatisfied_weight, *others


class Promise(Part):
    """
    On `calibration_size` texts: recall of the very unsatisfied, at least `recall` with `confidence`, by `bound`.

    With `slices`, in each value of that column; `bound` is None where it was not kept.
    """

    target: Probability
    recall: Probability
    confidence: Probability
    calibration_size: Count
    needless: Probability
    slices: Annotated[str, Field(min_length=1)] | None = None
    bound: Bound | None = None


class Served(Part):
    """One precision: int8's scores are not fp32's, so each has its own temperature and threshold."""

    files: Annotated[tuple[FileName, ...], Field(min_length=1)]
    temperature: Annotated[FiniteFloat, Field(ge=1e-3, le=1e3)]
    threshold: Probability
    servable: bool
    promise: Promise | None = None
    gate: dict[str, JsonValue] | None = None

    @property
    def model_file(self) -> str:
        return next(name for name in self.files if name.endswith(".onnx"))

    @field_validator("files")
    @classmethod
    def _one_model(cls, files: tuple[str, ...]) -> tuple[str, ...]:
        if sum(name.endswith(".onnx") for name in files) != 1:
            raise ValueError(f"hold {len(files)} names, of which exactly one must end in .onnx")
        return files


class Histogram(Part):
    """`counts[i]` values lie in [edges[i], edges[i + 1])."""

    edges: tuple[FiniteFloat, ...]
    counts: tuple[Count, ...]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if len(self.edges) != len(self.counts) + 1:
            raise ValueError(f"{len(self.counts)} counts need {len(self.counts) + 1} edges, not {len(self.edges)}")
        return self


class PlainReference(Part):
    """What an older artifact has: of fp32 alone, and by no class, so that other class shares are not foreseen."""

    class_shares: tuple[Probability, Probability, Probability, Probability, Probability]
    urgency: Histogram
    token_length: Histogram
    unknown_share: Probability


MOST_BINS = 100
ByClass = tuple[tuple[Count, ...], tuple[Count, ...], tuple[Count, ...], tuple[Count, ...], tuple[Count, ...]]


class ClassHistogram(Part):
    """`counts[c][i]` of the messages whose label is c lie in [edges[i], edges[i + 1]); what is beyond, in the last."""

    edges: Annotated[tuple[FiniteFloat, ...], Field(min_length=2, max_length=MOST_BINS + 1)]
    counts: ByClass

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if any(low >= high for low, high in itertools.pairwise(self.edges)):
            raise ValueError("has edges that do not rise")
        if wrong := {len(row) for row in self.counts} - {len(self.edges) - 1}:
            raise ValueError(f"{min(wrong)} counts need {min(wrong) + 1} edges, not {len(self.edges)}")
        if not any(map(any, self.counts)):
            raise ValueError("counts no message")
        return self


class ReferenceScores(Part):
    """One precision's; `satisfaction` has a bin for each class that messages were taken for, in the labels' order."""

    satisfaction: ClassHistogram
    urgency: ClassHistogram


class Reference(Part):
    """
    What scores and texts looked like where the model was measured, for drift.

    By the messages' labels, so that it can be told for other class shares than theirs.
    """

    token_length: ClassHistogram
    unknown_share: ClassHistogram
    precisions: dict[Precision, ReferenceScores]


class TrainingData(Part):
    fingerprint: Sha256
    rows: Count
    class_counts: tuple[Count, Count, Count, Count, Count]


class FileEntry(Part):
    size: Count
    sha256: Sha256


class Description(Part):
    """A manifest before its files were counted: what training knows of the model."""

    name: Word
    version: Word
    base_model: str
    base_revision: str | None = None
    labels: tuple[Satisfaction, ...]
    max_length: Annotated[int, Field(ge=3, le=4096)]
    text_cleaning: Annotated[tuple[str, ...], AfterValidator(require_known)] = ()
    class_shares: ClassShares
    precisions: Annotated[dict[Precision, Served], Field(min_length=1)]
    shared_files: tuple[FileName, ...] = SHARED_FILES
    checkpoint_files: tuple[FileName, ...] = (CHECKPOINT_FILE,)
    reference: Reference | PlainReference | None = None
    training_data: TrainingData
    versions: dict[str, str]
    created_at: datetime

    @field_validator("labels")
    @classmethod
    def _logits_order(cls, labels: tuple[Satisfaction, ...]) -> tuple[Satisfaction, ...]:
        if labels != tuple(Satisfaction):
            raise ValueError(f"must be {', '.join(Satisfaction)}, in this order")
        return labels

    @field_validator("shared_files")
    @classmethod
    def _all_shared(cls, files: tuple[str, ...]) -> tuple[str, ...]:
        if missing := [name for name in SHARED_FILES if name not in files]:
            raise ValueError(f"leave out {', '.join(missing)}")
        return files

    @property
    def owned_files(self) -> frozenset[str]:
        """Every file that belongs to something, present or not."""
        precise = (name for served in self.precisions.values() for name in served.files)
        return frozenset((*precise, *self.shared_files, *self.checkpoint_files))


class Manifest(Description):
    """The whole manifest; `files` has every file but the manifest itself."""

    manifest_version: Literal[1]
    files: dict[FileName, FileEntry]

    @model_validator(mode="after")
    def _every_file_belongs(self) -> Self:
        if named := {MANIFEST_FILE, SIGNATURE_FILE} & (self.owned_files | set(self.files)):
            raise ValueError(f"{MANIFEST_FILE} cannot hold the hash of {', '.join(sorted(named))}; leave it out")
        if stray := sorted(set(self.files) - self.owned_files):
            raise ValueError(f"files holds {', '.join(stray)}, which belong to no precision and are not shared")
        if unlisted := sorted(self.owned_files - set(self.files)):
            raise ValueError(f"files has no size and hash for {', '.join(unlisted)}")
        return self

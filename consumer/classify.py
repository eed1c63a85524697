"""load(artifact).classify(texts): the public Python API, and the steps of it that the loop takes one by one."""

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from consumer import artifact as artifacts
from consumer import versions
from consumer.ahead import Finish, ahead
from consumer.answer import decide_all
from consumer.batch_budget import BUDGETS, GPU_BUDGETS, fastest
from consumer.batching import batches
from consumer.cleaning import clean
from consumer.cpu_backend import cpu_backend
from consumer.decide import Policy, WhenUnsure, decide
from consumer.errors import ArtifactError, BackendError, RecordError, SettingsError, SurroundingsError
from consumer.manifest import CHECKPOINT_FILE, Manifest
from consumer.onnx_backend import Backend
from consumer.records import Decision, ModelVersion, Satisfaction, Tokens
from consumer.tokenization import Tokenizer, Truncate

Device = Literal["cpu", "cuda"]

# A GPU's are also as many as are tokenized before it computes them: the next are meanwhile.
MAX_BATCH_RECORDS, GPU_MAX_BATCH_RECORDS = 64, 512
KNOWN_GOOD_TEXT = "The parcel arrived on Tuesday."
SENTENCES = (1, 3, 5, 7, 9, 11, 13, 15)  # of that text: about as long as messages are, and as different
FEW_SENTENCES = (1, 2, 4, 7)
QUICK_S = 0.1  # where a run is so short, what the first of its kind lays out counts: then the second is measured
BATCH_MATE = (
    "REFUND!!! 2 x 49.90 were charged, nobody answers, and this is the third heater that smokes. Cancel it all?"
)
# Two orders of the same sums differ by a few 1e-6; one activation scale for a whole batch moves logits by 1e-2.
LARGEST_MOVE = 1e-4
# What to serve of a model whose answers are moved; of int8-bf16 it may be the processor, for which OpenVINO sums.
OTHERWISE = {"int8": "set model.precision to fp32, or ", "int8-bf16": "set model.precision to int8, or "}


class Classifier:
    """
    A loaded model, safe to call from several threads.

    `max_batch_tokens` is what is found the fastest of `budgets` once it is warm; `tokens_per_s` what it did then, for a
    first guess. `portion` is how many texts are tokenized before the first of them is computed; None: all.
    """

    def __init__(
        self,
        manifest: Manifest,
        tokenizer: Tokenizer,
        backend: Backend,
        policy: Policy,
        *,
        budgets: Sequence[int] = BUDGETS,
        max_batch_records: int = MAX_BATCH_RECORDS,
        portion: int | None = None,
    ) -> None:
        self.portion = portion
        self.manifest = manifest
        self.policy = policy
        self._tokenizer = tokenizer
        self._backend = backend
        self._budgets = budgets
        self.max_batch_tokens = budgets[0]
        self._max_batch_records = max_batch_records
        self._known_good = tokenizer.encode([KNOWN_GOOD_TEXT])
        self.tokens_per_s = 0.0

    @property
    def model(self) -> ModelVersion:
        return self.policy.model

    @property
    def max_length(self) -> int:
        return self.manifest.max_length

    @property
    def at_once(self) -> int:
        """How many batches it computes at a time."""
        return self._backend.at_once

    def classify(self, texts: Sequence[str]) -> list[Decision]:
        """
        A decision per text, in the texts' order; any text will do, empty and huge ones too.

        BackendError when the model fails on a known-good text too, or has no memory for a text; RecordError when it
        fails on one of these alone.
        """
        if isinstance(texts, str):
            raise TypeError("classify takes a list of texts; put the one text into a list")
        texts = list(texts)
        _, answers = decide_all(self, texts, [None] * len(texts))
        return [_decided(answer, index) for index, answer in enumerate(answers)]

    def tokenize(self, texts: Sequence[str]) -> list[Tokens]:
        return self._tokenizer.encode([clean(text, self.manifest.text_cleaning) for text in texts])

    def batches(self, tokens: Sequence[Tokens]) -> list[list[int]]:
        """Indices into `tokens`, by length, within the limits of a batch."""
        lengths = [len(each.ids) for each in tokens]
        return batches(lengths, self.max_batch_tokens, self._max_batch_records, self.at_once)

    def infer(self, tokens: Sequence[Tokens]) -> NDArray[np.float32]:
        """Logits (B, 5) of one batch as given. Rows that are not finite are left so, for the caller to judge."""
        return _five(self._backend.logits([each.ids for each in tokens]), len(tokens))

    def start(self, tokens: Sequence[Tokens]) -> Finish:
        """`infer`, begun where another thread or a GPU computes it; what is returned waits for the logits."""
        finish = self._backend.start([each.ids for each in tokens])
        return lambda: _five(finish(), len(tokens))

    def decide(
        self, logits: NDArray[np.float32], tokens: Sequence[Tokens], urgent_rules: Sequence[str | None]
    ) -> list[Decision]:
        return decide(self.policy, logits, tokens, urgent_rules)

    def healthy(self) -> bool:
        """
        Whether a known-good text still gives finite logits: if not, no other text is to blame for anything.

        MemoryError where there is none for it.
        """
        try:
            return bool(np.isfinite(self.infer(self._known_good)).all())
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - whatever the engine raises, the answer is no
            return False

    def warm(self) -> bool:
        """Lets the engine lay out its memory, and measures; false when the model is not healthy."""
        if not self.healthy():
            return False
        self.max_batch_tokens, self.tokens_per_s = fastest(self._rate, self._budgets)
        self._backend.give_back([each.ids for each in self._known_good])  # what no batch of this budget needs
        return True

    def moved_by_a_mate(self) -> float:
        """How far known-good texts' logits move with what shares their batch, as a share of the largest."""
        texts = self._tokenizer.encode([BATCH_MATE, *(f"{KNOWN_GOOD_TEXT} " * count for count in FEW_SENTENCES)])
        alone = np.concatenate([self.infer([text]) for text in texts])
        return float(np.abs(self.infer(texts) - alone).max() / max(np.abs(alone).max(), np.finfo(np.float32).tiny))

    def _rate(self, budget: int) -> float:
        """Tokens a second, where each core computes batches of up to `budget` tokens of texts of several lengths."""
        tokens = self._tokenizer.encode([f"{KNOWN_GOOD_TEXT} " * count for count in SENTENCES])
        tokens *= math.ceil(budget / sum(len(each.ids) for each in tokens))
        lengths = [len(each.ids) for each in tokens]
        # As in the middle of a long window: towards its end they get smaller than what is measured here.
        cut = batches(lengths, budget, self._max_batch_records)
        chosen = [[tokens[index] for index in batch] for batch in cut for _ in range(self.at_once)]
        if (took_s := self._inference_s(chosen)) < QUICK_S:
            took_s = self._inference_s(chosen)
        return self.at_once * sum(lengths) / took_s

    def _inference_s(self, chosen: Sequence[Sequence[Tokens]]) -> float:
        started = time.perf_counter()
        for _, finish in ahead(self.start, chosen, self.at_once):
            finish()
        return time.perf_counter() - started


def load(
    folder: str | PathLike[str],
    precision: str | None = None,
    threads: int | None = None,
    *,
    device: Device = "cpu",
    truncate: Truncate = "head",
    when_unsure: WhenUnsure = "urgent",
    max_unknown_share: float = 0.5,
    max_batch_tokens: int | None = None,
    max_batch_records: int | None = None,
    public_key: str | PathLike[str] | None = None,
) -> Classifier:
    """
    The artifact in `folder`, verified, loaded and warm; but in fp16 and on GPUs its answers are independent of batches.

    Of a folder of versions it is the one that `current` names.

    Without `precision`, int8 where the artifact may serve it, else fp32, and on a GPU (`device` "cuda", the gpu extra)
    fp16, which is computed there from model.safetensors; without `threads`, one per usable core;
    without `max_batch_tokens`, as many as a short measurement finds fastest; without `max_batch_records`, 64, and on a
    GPU 512. With `public_key`, a PEM file, the artifact must be signed by its other half.
    ArtifactError says what is wrong with the folder, SurroundingsError what this machine lacks, and what to do.
    """
    path = versions.artifact_in(Path(folder))
    if device not in get_args(Device):
        raise SettingsError(f"the device is {device!r}, not {' or '.join(get_args(Device))}")
    if device == "cuda" and precision not in (None, *artifacts.GPU_PRECISIONS):
        raise SettingsError(
            f"model.precision is {precision}, and a GPU serves fp16 or fp32: set one, or model.device to cpu"
        )
    key = None if public_key is None else Path(public_key)
    precision = precision or artifacts.best_precision(artifacts.read_manifest(path, key), device)
    model_file = CHECKPOINT_FILE if device == "cuda" else None
    with _told_for_want_of_memory(path, precision):
        artifact = artifacts.verify(path, precision, model_file=model_file, public_key=key)
        if path != Path(folder):
            versions.require_own_name(path, artifact.manifest.version)
        tokenizer = Tokenizer(artifact.tokenizer_json, artifact.manifest.max_length, truncate)
        classifier = Classifier(
            artifact.manifest,
            tokenizer,
            _backend(artifact, device, threads),
            Policy.of(artifact, tokenizer.special_tokens, when_unsure, max_unknown_share),
            budgets=(max_batch_tokens,) if max_batch_tokens else GPU_BUDGETS if device == "cuda" else BUDGETS,
            max_batch_records=max_batch_records or (GPU_MAX_BATCH_RECORDS if device == "cuda" else MAX_BATCH_RECORDS),
            portion=max(GPU_MAX_BATCH_RECORDS, max_batch_records or 0) if device == "cuda" else None,
        )
        _warm(path, classifier)
    return classifier


@contextmanager
def _told_for_want_of_memory(path: Path, precision: str) -> Iterator[None]:
    try:
        yield
    except MemoryError as error:
        raise BackendError(
            f"there is no memory to load {precision} of {path} ({error or 'the system gives no more'}): give the "
            "process, or its GPU, more of it, or lower model.threads",
            page="deploy",
        ) from error


def _backend(artifact: artifacts.Artifact, device: Device, threads: int | None) -> Backend:
    if device == "cpu":
        return cpu_backend(artifact.precision, artifact.model, artifact.config, threads)
    try:
        from consumer.torch_backend import TorchBackend
    except ImportError as error:
        raise SurroundingsError(
            f"model.device = {device} needs the gpu extra ({error}): pip install '.[gpu]', or leave it to cpu"
        ) from error
    return TorchBackend(artifact.model, artifact.config, device, artifact.precision)


def _warm(folder: Path, classifier: Classifier) -> None:
    if not classifier.warm():
        raise ArtifactError(
            f"the model in {folder} gives no finite logits for a plain sentence; its tokenizer.json, config.json and "
            "model may not belong together: make the artifact again"
        )
    if classifier.model.precision == "fp16":
        return  # its steps are larger than that, and which products are rounded when follows the batch's shape
    if not (moved := classifier.moved_by_a_mate()) <= LARGEST_MOVE:
        raise ArtifactError(
            f"the {classifier.model.precision} model in {folder} answers a text otherwise by {moved:.1%} when "
            "another shares its batch, so that a replay could decide otherwise than the live run did; "
            f"{OTHERWISE.get(classifier.model.precision, '')}make its graphs anew with this version: `shikyu-train "
            "graphs` on the run's recipe, then operate, evaluate and export"
        )


def _five(logits: NDArray[np.float32], texts: int) -> NDArray[np.float32]:
    if logits.shape != (texts, len(Satisfaction)):
        raise BackendError(f"the model gave {logits.shape} logits for {texts} texts; make the artifact again")
    return logits


def _decided(answer: Decision | RecordError, index: int) -> Decision:
    if isinstance(answer, RecordError):
        message = f"{answer.message} (text {index} of those given, counted from 0)"
        raise RecordError(answer.code, answer.stage, message) from answer
    return answer

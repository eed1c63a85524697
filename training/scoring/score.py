"""Logits by the very code that serves: the consumer's tokenizer, packing and backend of a precision."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from consumer.ahead import Finish, ahead
from consumer.batching import batches
from consumer.cpu_backend import BY_OPENVINO, cpu_backend
from consumer.manifest import CONFIG_FILE, TOKENIZER_FILE
from consumer.records import Satisfaction, Tokens
from consumer.tokenization import Tokenizer
from consumer.version import version as shikyus_version
from training.data.texts import in_batches
from training.run_folder import PRECISIONS

SCORING = ("numpy", "onnxruntime", "scipy", "tokenizers")  # packages
PRECISION_OF = {file: precision for precision, file in PRECISIONS.items()}
MAX_BATCH_TOKENS, MAX_BATCH_RECORDS = 1024, 64  # more spill out of a core's caches

Tokenize = Callable[[Sequence[str]], list[Tokens]]
Start = Callable[[Sequence[Tokens]], Finish]


@dataclass(frozen=True, slots=True)
class Scored:
    """`logits` (rows, 5) float32; of the tokens they were made from, `lengths` and `unknown_shares`, each (rows,)."""

    logits: NDArray[np.float32]
    lengths: NDArray[np.int64]
    unknown_shares: NDArray[np.float64]


def score(files: Mapping[str, bytes], model_file: str, texts: Sequence[str], max_length: int) -> Scored:
    """Score texts with an artifact's files before there is an artifact."""
    backend = cpu_backend(PRECISION_OF[model_file], files[model_file], json.loads(files[CONFIG_FILE]))
    tokenizer = Tokenizer(files[TOKENIZER_FILE], max_length)
    return scored(texts, tokenizer.encode, lambda tokens: backend.start([each.ids for each in tokens]), backend.at_once)


def scored(texts: Sequence[str], tokenize: Tokenize, start: Start, at_once: int = 1) -> Scored:
    """
    In batches of texts alike in length, whatever their order, `at_once` computed at a time.

    Each text is tokenized twice, for its length and for its batch, so that a million of them are never tokens at once.
    """
    lengths, unknown_shares = _measured(texts, tokenize)
    logits = np.empty((len(texts), len(Satisfaction)), dtype=np.float32)
    cut = batches(lengths.tolist(), MAX_BATCH_TOKENS, MAX_BATCH_RECORDS, at_once)
    tokenized = (tokenize([texts[row] for row in rows]) for rows in cut)
    for rows, (_, finish) in zip(cut, ahead(start, tokenized, at_once), strict=True):
        logits[rows] = finish()
    return Scored(logits, lengths, unknown_shares)


def scored_by(precisions: Collection[str]) -> dict[str, str]:
    """The versions of what answered the messages that an artifact's figures are of."""
    more = ("openvino",) if BY_OPENVINO in precisions else ()
    return {"shikyu": shikyus_version(), **{name: version(name) for name in (*SCORING, *more)}}


def _measured(texts: Sequence[str], tokenize: Tokenize) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    measured = ((len(each.ids), each.unknown_share) for window in in_batches(texts) for each in tokenize(window))
    found = np.fromiter(measured, dtype=[("length", np.int64), ("unknown", np.float64)], count=len(texts))
    return found["length"], found["unknown"]


def folder_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}

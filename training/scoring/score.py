"""Logits by the very code that serves: the consumer's tokenizer, packing and ONNX Runtime backend."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from consumer.batching import batches
from consumer.manifest import CONFIG_FILE, TOKENIZER_FILE
from consumer.onnx_backend import OnnxBackend
from consumer.records import Satisfaction, Tokens
from consumer.tokenization import Tokenizer

MAX_BATCH_TOKENS, MAX_BATCH_RECORDS = 8192, 64


@dataclass(frozen=True, slots=True)
class Scored:
    """`logits` (rows, 5) float32 and the tokens they were made from."""

    logits: NDArray[np.float32]
    tokens: list[Tokens]


def score(files: Mapping[str, bytes], model_file: str, texts: Sequence[str], max_length: int) -> Scored:
    """Score texts with an artifact's files before there is an artifact."""
    backend = OnnxBackend(files[model_file], json.loads(files[CONFIG_FILE]))
    tokens = Tokenizer(files[TOKENIZER_FILE], max_length).encode(texts)
    logits = np.empty((len(texts), len(Satisfaction)), dtype=np.float32)
    for rows in batches([len(each.ids) for each in tokens], MAX_BATCH_TOKENS, MAX_BATCH_RECORDS):
        logits[rows] = backend.logits([tokens[row].ids for row in rows])
    return Scored(logits, tokens)


def folder_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}

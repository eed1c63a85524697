"""In how many bits a fit reckons: fewer where the device is quicker with them, and learns the same."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch

from consumer.errors import SettingsError
from training.run_folder import write_atomically

Precision = Literal["auto", "fp32", "bf16", "fp16"]

ROWS = 1024
RUNS = 5
QUICKER = 1.5  # by matrices alone; a step does more than that, so less would not show
TENSOR_CORES = (7, 0)  # CUDA's compute capability that brought them, for fp16


def options(precision: Precision, given: Mapping[str, Any], width: int, measured: Path | None = None) -> dict[str, Any]:
    """
    TrainingArguments for a model with `width` columns; what the recipe gives under their own names wins.

    `measured` is where a run keeps what was measured, so that a fit which goes on reckons as it began, however busy the
    machine is by then. SettingsError when the device cannot reckon so.
    """
    if {"bf16", "fp16"} & given.keys():
        return {}
    on_cpu = bool(given.get("use_cpu")) or not torch.cuda.is_available()
    chosen = (_for_cpu(width, measured) if on_cpu else _for_cuda()) if precision == "auto" else precision
    if chosen == "fp32":
        return {}
    if on_cpu and chosen == "fp16":
        raise SettingsError('[fit] precision is "fp16", which needs a GPU: say "bf16", "fp32" or "auto".')
    if chosen == "bf16" and not on_cpu and not torch.cuda.is_bf16_supported(including_emulation=False):
        raise SettingsError('[fit] precision is "bf16", which this GPU has no units for: say "fp16" or "auto".')
    return {chosen: True, **({"use_cpu": True} if on_cpu else {})}


def told(arguments: Mapping[str, Any]) -> str:
    return next((name for name in ("bf16", "fp16") if arguments.get(name)), "fp32")


def _for_cuda() -> Precision:
    if torch.cuda.is_bf16_supported(including_emulation=False):
        return "bf16"
    return "fp16" if torch.cuda.get_device_capability() >= TENSOR_CORES else "fp32"


def _for_cpu(width: int, measured: Path | None) -> Precision:
    return "bf16" if _has_bf16_units() and _is_quicker(width, measured) else "fp32"


def _is_quicker(width: int, measured: Path | None) -> bool:
    kept = json.loads(measured.read_bytes()) if measured is not None and measured.exists() else {}
    if kept.get("width") == width:
        return bool(kept["bf16_is_quicker"])
    quicker = _seconds(width, torch.float32) >= QUICKER * _seconds(width, torch.bfloat16)
    if measured is not None:
        write_atomically(measured, json.dumps({"width": width, "bf16_is_quicker": quicker}).encode() + b"\n")
    return quicker


def _has_bf16_units() -> bool:
    """Without them bf16 is emulated; torch keeps these questions private."""
    questions = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, lambda: False)() for name in questions)


def _seconds(width: int, kind: torch.dtype) -> float:
    """Of the quickest of a few products as large as a layer's largest."""
    rows, weights = torch.ones(ROWS, width, dtype=kind), torch.ones(width, 4 * width, dtype=kind)
    taken = []
    for _ in range(1 + RUNS):  # the first makes the kernel
        start = time.perf_counter()
        rows @ weights
        taken.append(time.perf_counter() - start)
    return min(taken)

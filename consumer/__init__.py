"""shikyu's consumer: customer messages in, `urgent` and `routine` out, each exactly once."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from consumer.classify import Classifier, load
    from consumer.records import Decision, Satisfaction

__all__ = ["Classifier", "Decision", "Satisfaction", "load"]

_ROOMS = {"Classifier": "classify", "load": "classify", "Decision": "records", "Satisfaction": "records"}


def __getattr__(name: str) -> object:
    # On first use: the command line answers `--help` without loading ONNX Runtime.
    if name in _ROOMS:
        return getattr(importlib.import_module(f"consumer.{_ROOMS[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

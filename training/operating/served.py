"""The manifest's words for what was chosen, and whether a precision may be served beside fp32."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from consumer.manifest import Promise, Served
from training import recipe as recipes
from training.operating.gate import Decided, measured, passed
from training.operating.operate import Operated
from training.operating.operating_point import needless_of
from training.run_folder import PRECISIONS


def served(
    precisions: Mapping[str, Operated],
    decided: Mapping[str, Decided],
    labels: NDArray[np.int64],
    limits: recipes.Gate,
) -> dict[str, Served]:
    """The manifest's `precisions`, each let through by what the model that ships has `decided` of the same messages."""
    gates = {
        name: None if name == "fp32" else measured(each, decided["fp32"], labels, limits)
        for name, each in decided.items()
    }
    return {name: _served(name, each, labels, gates[name], limits) for name, each in precisions.items()}


def _served(
    name: str,
    operated: Operated,
    labels: NDArray[np.int64],
    gate: dict[str, JsonValue] | None,
    limits: recipes.Gate,
) -> Served:
    point, rows = operated.point, operated.promise
    return Served(
        files=(PRECISIONS[name],),
        temperature=operated.temperature,
        threshold=point.threshold,
        servable=gate is None or passed(gate, limits),
        promise=Promise(
            target=point.recall,
            recall=point.promised,
            confidence=point.confidence,
            calibration_size=len(rows),
            needless=needless_of(operated.urgent[rows], labels[rows]),
            slices=operated.column,
            bound=point.bound,
        ),
        gate=gate,
    )

"""Learning rates that fall from the head down to the embeddings (Howard & Ruder, arXiv:1801.06146)."""

import re
from collections.abc import Collection, Iterable
from typing import Any

from torch import nn

LAYER = re.compile(r"\.layers?\.(\d+)\.")


def parameter_groups(
    named: Iterable[tuple[str, nn.Parameter]], decayed: Collection[str], rate: float, weight_decay: float, decay: float
) -> list[dict[str, Any]]:
    """
    For an optimizer: what stands above all layers learns at `rate`, each layer below at `decay` of the one above.

    Embeddings come below the first layer. `decayed` parameters have `weight_decay`.
    """
    parameters = [(name, weight) for name, weight in named if weight.requires_grad]
    layers = 1 + max((_layer(name) for name, _ in parameters), default=-1)
    groups: dict[tuple[int, bool], dict[str, Any]] = {}
    for name, weight in parameters:
        depth = _depth(name, layers)
        group = groups.setdefault(
            (depth, name in decayed),
            {"params": [], "lr": rate * decay**depth, "weight_decay": weight_decay if name in decayed else 0.0},
        )
        group["params"].append(weight)
    return list(groups.values())


def _depth(name: str, layers: int) -> int:
    """0 above all layers, 1 for the last of them."""
    if (layer := _layer(name)) >= 0:
        return layers - layer
    return layers + 1 if "embeddings" in name else 0


def _layer(name: str) -> int:
    found = LAYER.search(name)
    return int(found[1]) if found else -1

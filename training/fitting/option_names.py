"""
transformers' own names that a recipe holds, looked at before transformers is there: its import takes a slow machine a
minute.
"""

import ast
import importlib.util
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from consumer.errors import SettingsError
from consumer.names import nearest

CLASS, FILE = "TrainingArguments", "training_args.py"
OURS = {"output_dir"}  # the run's folder says where
REQUIRED_SIZES = ("hidden_size", "num_hidden_layers", "num_attention_heads")  # of a model from scratch


def require_known(section: str, options: Mapping[str, Any], known: Collection[str]) -> None:
    """SettingsError names an option of the recipe's section that is not `known`."""
    for name in options:
        if name not in known:
            raise SettingsError(
                f"The recipe's [{section}] holds {name!r}, which is none of transformers' {CLASS} that a "
                f"recipe can set{nearest(name, known)}"
            )


def require_sizes(config: Mapping[str, Any]) -> None:
    """SettingsError names what [model.config] lacks; the others have defaults."""
    if missing := [name for name in REQUIRED_SIZES if name not in config]:
        raise SettingsError(f"The recipe's [model.config] lacks {', '.join(missing)}.")


def written() -> frozenset[str]:
    """
    The class's fields as its source has them; none where the source is not there, or written otherwise.

    It is read, not run: what the class itself says later is what counts.
    """
    spec = importlib.util.find_spec("transformers")
    if spec is None or spec.origin is None:
        return frozenset()
    try:
        tree = ast.parse(Path(spec.origin).with_name(FILE).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return frozenset()
    alone = (each for each in tree.body if isinstance(each, ast.ClassDef) and each.name == CLASS and not each.bases)
    fields = next((each.body for each in alone), [])
    named = (each.target for each in fields if isinstance(each, ast.AnnAssign))
    return frozenset(each.id for each in named if isinstance(each, ast.Name)) - OURS

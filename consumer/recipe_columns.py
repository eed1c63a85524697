"""The columns that an artifact's own recipe reads texts from, for files that are read without being told theirs."""

import tomllib
from pathlib import Path

from consumer.errors import ShikyuError
from consumer.versions import artifact_in

RECIPE = "recipe.toml"


def text_columns(artifact: Path) -> list[str]:
    """
    Of its own sources first; those that join several columns are left out. Empty without a recipe that can be read,
    which serving does not need.
    """
    try:
        data = tomllib.loads((artifact_in(artifact) / RECIPE).read_text("utf-8"))["data"]
        sources = sorted(data.get("sources") or [data], key=lambda source: source.get("calibrates", True) is not True)
        texts = [source.get("text", "text") for source in sources]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ShikyuError):  # another's
        return []
    alone = [text[0] if isinstance(text, list) and len(text) == 1 else text for text in texts]
    return list(dict.fromkeys(text for text in alone if isinstance(text, str)))

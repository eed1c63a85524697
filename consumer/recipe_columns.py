"""The columns that an artifact's own recipe reads texts from, for files that are read without being told theirs."""

import tomllib
from pathlib import Path

from consumer.errors import ShikyuError
from consumer.versions import artifact_in

RECIPE = "recipe.toml"


def text_columns(artifact: Path) -> list[tuple[str, ...]]:
    """
    Of its own sources first, each with the columns that it joins. Empty without a recipe that can be read: serving
    needs none.
    """
    try:
        data = tomllib.loads((artifact_in(artifact) / RECIPE).read_text("utf-8"))["data"]
        sources = sorted(data.get("sources") or [data], key=lambda source: source.get("calibrates", True) is not True)
        texts = [source.get("text", "text") for source in sources]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ShikyuError):  # another's
        return []
    found = [tuple(text) if isinstance(text, list) else (text,) for text in texts]
    return list(dict.fromkeys(each for each in found if each and all(isinstance(name, str) for name in each)))

"""Labelled messages in: files to a `Labelled`, and the names that every step uses of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from training.data.gather import gather
from training.data.labelled import Labelled, require_every_class, split
from training.data.labels import STARS
from training.data.rows import Part, find
from training.data.sources import ONE_SOURCE, Source

__all__ = ["STARS", "Labelled", "Source", "find", "read", "require_every_class", "split"]


def read(
    paths: Sequence[Path],
    text: str | Sequence[str] = "text",
    stars: str = "stars",
    columns: Sequence[str] = (),
    mapping: Mapping[str, int] | None = None,
) -> Labelled:
    """
    All rows of JSONL and CSV files (`.gz` too), Parquet and Arrow files, in order; `text` and `stars` name the columns.

    Several `text` columns are joined by a blank line; `mapping` says how many stars a label means where it is none. Of
    `columns`, the values are kept as text, null as the empty one.
    Raises SettingsError for a missing column, a label that is no whole number from 1 to 5, a null text
    or no rows at all, naming file and line and never a text.
    """
    given = text if isinstance(text, str) else list(text)
    labels = dict(mapping or {})
    source = Source(name=ONE_SOURCE, text=given, stars=stars, columns=list(columns), labels=labels)  # type: ignore[arg-type]
    return gather([(source, [Part(str(path), path) for path in paths])], Path())

"""The files that a recipe names, before their rows are read: each in one split alone, with the columns it needs."""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

from consumer.errors import SettingsError
from training.data.rows import parts, rows
from training.data.sources import SPLITS, Source


def require_columns(sources: Sequence[Source], folder: Path) -> None:
    """
    SettingsError names a pattern that finds no file, a file that cannot be read, or a column that it has not.

    By each file's first row: a wrong name in the last of many is then told before the others are read. Data sets of the
    Hub are not asked for here.
    """
    for source, split in product(sources, SPLITS):
        for part in parts(source, split, folder) if source.hub is None else ():
            next(rows(source, part, source.fields, folder), None)


def require_apart(sources: Sequence[Source], folder: Path) -> None:
    """
    SettingsError for a file, or a data set's split, that stands in two splits: a pattern may be wide.

    Two sources may share one if each takes other rows of it.
    """
    seen: dict[Path | str, list[tuple[str, Mapping[str, object]]]] = {}
    for source, split in product(sources, SPLITS):
        for part in parts(source, split, folder) if source.patterns(split) else ():
            others = seen.setdefault(part.path.resolve() if part.path else part.name, [])
            if other := next((name for name, where in others if name != split and _same_rows(where, source.where)), ""):
                raise SettingsError(
                    f"{part.name} is named for {other} and for {split}: it would be learned from and measured on. Let "
                    "each file stand in one list alone, and no pattern match another's."
                )
            others.append((split, source.where))


def _same_rows(where: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """As far as it is known without a look into the file."""
    return not where or not other or where == other

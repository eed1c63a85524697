"""Labelled FILES for an artifact: read by its own recipe where no flag says otherwise, and told if it knows them."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from pydantic import ValidationError

from consumer.artifact import read_manifest
from consumer.errors import SettingsError, ShikyuError
from consumer.text_files import NoSuchField
from consumer.visible import visible
from training.commands.options import require_category
from training.data import Labelled, read
from training.data.labels import MOST_NAMED
from training.data.rows import Part, rows
from training.data.sources import ONE_SOURCE, Data, Source
from training.data.texts import digests
from training.run_folder import RECIPE, SPLITS_FILE, RunFolder

TEXT, STARS = "text", "stars"
MOST_SEEN = 0.1  # of the messages: customers do write the same again


@dataclass(frozen=True, slots=True)
class Columns:
    """How rows are read: `text` columns, the column of `stars`, and what its `labels` mean where they are none."""

    text: tuple[str, ...]
    stars: str
    labels: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Found:
    """`messages`, the `columns` that they were read by, and whether an artifact has `seen` too many of them."""

    messages: Labelled
    columns: Columns
    seen: bool


def read_for(
    artifacts: Sequence[Path],
    files: Sequence[Path],
    text: Sequence[str] = (),
    stars: str | None = None,
    mapping: Mapping[str, int] | None = None,
    columns: Sequence[str] = (),
    slices: str = "--slices",
) -> Found:
    """
    All rows. What no flag says, the recipe of the first artifact says whose columns the files have; else the defaults.

    SettingsError names the flag for a column that is not there (`slices`, for the `columns`). People hear on standard
    error what was taken from a recipe, and that an artifact has seen the messages.
    """
    given = Columns(tuple(text), stars or "", mapping or {})
    trained = next((found for each in artifacts if (found := _as_trained(each, files, given))), None)
    wanted = trained or Columns(given.text or (TEXT,), given.stars or STARS, given.labels)
    require_category(columns, wanted.text)
    try:
        messages = read(files, wanted.text, wanted.stars, columns, mapping=wanted.labels)
    except NoSuchField as error:
        if trained is None and (told := _not_as_trained(artifacts, given, wanted, error)):
            raise SettingsError(told) from error
        flag = "--stars" if error.field == wanted.stars else "--text" if error.field in wanted.text else slices
        raise SettingsError(f"{str(error).rstrip('.')}: name the column with {flag}.") from error
    warnings = [told for artifact in artifacts if (told := _seen(artifact, messages))]
    for told in warnings:
        click.echo(f"warning: {told}", err=True)
    return Found(messages, wanted, bool(warnings))


def _as_trained(artifact: Path, files: Sequence[Path], given: Columns) -> Columns | None:
    """With the columns and labels of the artifact's own recipe; None where these are not the files'."""
    default = Columns(given.text or (TEXT,), given.stars or STARS, given.labels)
    for source in _sources(artifact):
        texts, stars = given.text or source.texts, given.stars or source.stars
        labels = given.labels or (source.labels if stars == source.stars else {})
        found = Columns(texts, stars, labels)
        if _there(files, found):
            if found != default:
                click.echo(f"read as {artifact / RECIPE} says: {_told(found)}", err=True)
            return found
    return None


def _not_as_trained(artifacts: Sequence[Path], given: Columns, wanted: Columns, error: NoSuchField) -> str | None:
    """What the recipe looked for in vain; None where it is not the recipe's, but a flag's, that is not there."""
    recipe, own = next(((each / RECIPE, own) for each in artifacts for own in _sources(each)), (None, None))
    sought = {*wanted.text, wanted.stars} - {*given.text, given.stars}
    if own is None or error.field not in sought:
        return None
    texts = [] if given.text else [each for each in own.texts if each not in error.names]
    stars = [] if given.stars or own.stars in error.names else [own.stars]
    if not error.names or not (texts or stars):
        return None
    absent = [repr(each) for each in (*texts, *stars)]
    has = f"neither {', '.join(absent[:-1])} nor {absent[-1]}" if len(absent) > 1 else f"no {absent[0]}"
    flags = " and ".join([*(["--text"] if texts else []), *(["--stars"] if stars else [])])
    return f"{error.file} has {has} ({recipe}): say {flags}; it has {', '.join(error.names)}."


def _sources(artifact: Path) -> list[Source]:
    """Those of its own messages first: what others are called says less of files to come."""
    try:
        recipe = tomllib.loads((artifact / RECIPE).read_text("utf-8"))
        sources = Data.model_validate(recipe["data"]).all_sources
    except (OSError, ValueError, KeyError, TypeError, ValidationError):  # another's, or of another version
        return []
    return sorted(sources, key=lambda source: not source.calibrates)


def _there(files: Sequence[Path], columns: Columns) -> bool:
    """Whether the first row of each has these."""
    source = Source(name=ONE_SOURCE)
    try:
        for path in files:
            next(rows(source, Part(str(path), path), [*columns.text, columns.stars], Path()), None)
    except ShikyuError:  # which is told when it is read in earnest
        return False
    return True


def _told(columns: Columns) -> str:
    texts = " ".join(f"--text {each}" for each in columns.text)
    labels = [f"--label {visible(name)}={stars}" for name, stars in columns.labels.items()]
    more = " …" if len(labels) > MOST_NAMED else ""
    return f"{texts} --stars {columns.stars} {' '.join(labels[:MOST_NAMED])}{more}".rstrip()


def _seen(artifact: Path, messages: Labelled) -> str | None:
    """A warning where the artifact was made from these very messages, as far as that can be told from here."""
    try:
        made_from = read_manifest(artifact).training_data.fingerprint
        share = 1.0 if messages.fingerprint() == made_from else _share_in_run(artifact, messages, made_from)
    except ShikyuError:  # of an artifact that cannot be read, which is told when it is loaded
        return None
    if share <= MOST_SEEN:
        return None
    which = "all" if share == 1 else f"{share:.0%}"
    return (
        f"{which} of these messages stand among those that {artifact} was made from, so that the figures are better "
        "than the model: name messages that it has neither learned from nor was calibrated on"
    )


def _share_in_run(artifact: Path, messages: Labelled, made_from: str) -> float:
    """Word for word, by the run's folder beside the artifact; 0 where that is not there, or another run's by now."""
    folder = RunFolder(artifact.with_name(f"{artifact.name}.run"))
    if not (folder.root / SPLITS_FILE).is_file():
        return 0.0
    from training.preparing import splits  # which takes seconds, and a wrong column is told without it

    made = splits.read(folder)
    if made.everything.fingerprint() != made_from:
        return 0.0
    seen = (made.everything, made.validation, made.calibration, made.decided)
    parts: list[Any] = [digests(some.raw) for some in seen if some]
    return float(np.isin(digests(messages.raw), np.concatenate(parts)).mean())

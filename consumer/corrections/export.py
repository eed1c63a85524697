"""A data set of settled corrections: one row a message, with its answer, and with its text where that was asked for."""

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from consumer.corrections.entries import Correction
from consumer.errors import SettingsError, SurroundingsError
from consumer.flips.answers import Answer, Source
from consumer.records import Satisfaction
from consumer.timestamps import from_millis, iso_millis

KINDS = (".jsonl", ".parquet")
STARS = {satisfaction: stars for stars, satisfaction in enumerate(Satisfaction, start=1)}
# What the file has of each row, in this order, and of what kind; `text` only where it was asked for.
COLUMNS: Mapping[str, type] = {
    "text": str,
    "stars": int,
    "decision": str,
    "satisfaction": str,
    "role": str,
    "corrected_at": str,
    "event_id": str,
    "id": str,
    "channel": str,
    "language": str,
    "answered": str,
    "answered_satisfaction": str,
    "urgency": float,
    "model_version": str,
}

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Exported:
    """What went into the file, and of what did not, why."""

    rows: int
    with_stars: int
    again: int  # corrections of another run's answer to the same message, which one that weighs more stands for


def require_kind(file: Path) -> None:
    """SettingsError for a name that none of KINDS ends, for a folder that is not there, or a library that is not."""
    if file.suffix.lower() not in KINDS:
        raise SettingsError(f"--to {file} ends in none of {' and '.join(KINDS)}: name it so")
    if not file.parent.is_dir():
        raise SettingsError(f"{file} cannot be written: there is no folder {file.parent}")
    if file.suffix.lower() == ".parquet":
        try:
            import pyarrow  # type: ignore[import-untyped]  # noqa: F401 - asked for before anything is read
        except ImportError as error:
            raise SettingsError("Parquet files need pyarrow: pip install '.[parquet]'") from error


def of_messages(
    standing: Mapping[str, Correction], answers: Mapping[str, Answer]
) -> dict[Source, tuple[Correction, Answer]]:
    """By the message itself: of several runs' answers to it, the correction that weighs most."""
    found: dict[Source, tuple[Correction, Answer]] = {}
    for event_id, correction in standing.items():
        answer = answers[event_id]
        if (other := found.get(answer.source)) is None or correction.weight > other[0].weight:
            found[answer.source] = correction, answer
    return dict(sorted(found.items()))


def rows(messages: Iterable[tuple[Correction, Answer]], texts: Mapping[Source, str] | None) -> Iterator[Row]:
    """
    In `texts` are those that the answers lack. None leaves all texts out; else a message without one, or with an empty
    one, of which nothing can be learned, is left out.
    """
    for correction, answer in messages:
        text = answer.text if answer.text is not None else (texts or {}).get(answer.source)
        if texts is not None and not (text or "").strip():
            continue
        stars = None if correction.satisfaction is None else STARS[correction.satisfaction]
        at = from_millis(correction.at_ms)
        row: Row = {
            "text": text,
            "stars": stars,
            "decision": correction.decision,
            "satisfaction": None if correction.satisfaction is None else correction.satisfaction.value,
            "role": correction.role,
            "corrected_at": None if at is None else iso_millis(at),
            "event_id": correction.event_id,
            "id": answer.id,
            "channel": answer.channel,
            "language": answer.language,
            "answered": answer.fate,
            "answered_satisfaction": answer.satisfaction,
            "urgency": answer.urgency,
            "model_version": answer.model[1],
        }
        if texts is None:
            del row["text"]
        yield row


def write(file: Path, found: list[Row]) -> None:
    """Whole under its name or not at all, and readable to this user alone. Raises SurroundingsError."""
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # of mode 0600
        with os.fdopen(handle, "wb") as opened:
            if file.suffix.lower() == ".parquet":
                _parquet(opened, found)
            else:
                opened.writelines(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in found)
        Path(temporary).replace(file)
    except OSError as error:
        raise SurroundingsError(f"{file} cannot be written ({error.strerror}); name another") from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                Path(temporary).unlink()


def _parquet(opened: Any, found: list[Row]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    names = [name for name in COLUMNS if not found or name in found[0]]
    schema = pa.schema([(name, kinds[COLUMNS[name]]) for name in names])
    pq.write_table(pa.Table.from_pylist(found, schema), opened)

"""
The answers of both sides as a table, and one row a source record.

In duckdb, whose memory has a limit, in a file. Its joins do not all go to disk at that limit, so that they are made in
parts of so many answers. The file lies in a folder that only this user may read, and is gone with it.
"""

# ruff: noqa: S608 - what stands in a query is the names of our own columns

import tempfile
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Literal, Self

import duckdb
import numpy as np

from consumer.errors import SurroundingsError
from consumer.flips.answers import Answer

MEMORY = "512MB"
ROWS = 20_000  # that are handed on at once
PART_ROWS = 250_000  # that are joined at once

Side = Literal["is", "was"]  # what is asked about, and what it is compared with

_NO_TIME = np.iinfo(np.int64).min
_TEXTS = (
    "topic",
    "fate",
    "satisfaction",
    "reason",
    "id",
    "channel",
    "language",
    "text",
    "name",
    "version",
    "precision",
)
_TIMES = ("written", "at_ms")
_NUMBERS = ("urgency", "threshold")
_PER_ANSWER = ("fate", "satisfaction", "reason", "urgency", "threshold")  # what may differ between the sides

# Of one part of the source records, told by their hash.
_PLACES = """
CREATE OR REPLACE TEMP TABLE place_part AS SELECT topic, part, off,
  max_by(seq, newest) FILTER (side = 'is') AS is_seq, max_by(seq, newest) FILTER (side = 'was') AS was_seq,
  count(*) FILTER (side = 'is') AS is_times, count(*) FILTER (side = 'was') AS was_times,
  min(fate) FILTER (side = 'is') <> max(fate) FILTER (side = 'is') AS is_otherwise,
  min(fate) FILTER (side = 'was') <> max(fate) FILTER (side = 'was') AS was_otherwise
FROM (
  SELECT side, topic, part, off, seq, fate, coalesce(written, 0)::HUGEINT * 1000000000000 + seq AS newest
  FROM answer WHERE {of_part}
) GROUP BY topic, part, off
"""


class Table:
    """`slices` are the attributes to count by. A context, whose end leaves nothing behind."""

    def __init__(self, slices: Sequence[str] = ()) -> None:
        self._slices = tuple(slices)
        self._waiting: list[tuple[Any, ...]] = []
        self._count = 0
        self._folder = tempfile.TemporaryDirectory(prefix="shikyu-flips-")
        # It shall fetch nothing: what it would load of its own accord comes from the internet.
        self._db = duckdb.connect(
            f"{self._folder.name}/answers.duckdb",
            config={"autoinstall_known_extensions": False, "autoload_known_extensions": False},
        )
        self._execute(f"SET memory_limit = '{MEMORY}'")
        self._execute("SET preserve_insertion_order = false")
        self._execute("SET enable_progress_bar = false")
        attributes = "".join(f", {name} VARCHAR" for name in self._attributes)
        texts = "".join(f", {name} VARCHAR" for name in _TEXTS)
        self._execute(
            f"CREATE TABLE answer (seq BIGINT, side VARCHAR, part INTEGER, off BIGINT, written BIGINT, at_ms BIGINT, "
            f"urgency DOUBLE, threshold DOUBLE{texts}{attributes})"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()
        self._folder.cleanup()

    @property
    def _attributes(self) -> list[str]:
        return [f"attribute_{number}" for number in range(len(self._slices))]

    @property
    def columns(self) -> dict[str, str]:
        """The table's column of each slice, by the name that people know."""
        return {"channel": "channel", "language": "language", **dict(zip(self._slices, self._attributes, strict=True))}

    def add(self, side: Side, answer: Answer, *, with_text: bool) -> None:
        attributes = [answer.attributes.get(name) for name in self._slices]
        topic, part, off = answer.source
        self._count += 1
        self._waiting.append(
            (
                *(self._count, side, part, off),
                _NO_TIME if answer.written_ms is None else answer.written_ms,
                _NO_TIME if answer.at_ms is None else answer.at_ms,
                np.nan if answer.urgency is None else answer.urgency,
                np.nan if answer.threshold is None else answer.threshold,
                *(topic, answer.fate, answer.satisfaction, answer.reason, answer.id, answer.channel, answer.language),
                answer.text if with_text else None,
                *answer.model,
                *attributes,
            )
        )
        if len(self._waiting) >= ROWS:
            self._hand_on()

    def join(self) -> None:
        """Makes `pair`: a row a source record, with the newest answer of each side, null where there is none."""
        self._hand_on()
        both = ", ".join(f"i.{name} AS {name}_is, w.{name} AS {name}_was" for name in _PER_ANSWER)
        once = ", ".join(f"coalesce(i.{name}, w.{name}) AS {name}" for name in ("at_ms", *self.columns.values()))
        parts = 1 + self._count // PART_ROWS
        for number in range(parts):
            of_part = f"hash(topic, part, off) % {parts} = {number}"
            self._execute(_PLACES.format(of_part=of_part))
            self._execute(
                f"CREATE OR REPLACE TEMP TABLE answer_part AS SELECT * EXCLUDE (text) FROM answer WHERE {of_part}"
            )
            rows = (
                f"SELECT p.*, {both}, {once} FROM place_part p "
                "LEFT JOIN answer_part i ON i.seq = p.is_seq LEFT JOIN answer_part w ON w.seq = p.was_seq"
            )
            self._execute(f"INSERT INTO pair {rows}" if number else f"CREATE TABLE pair AS {rows}")
        self._execute("DROP TABLE place_part")
        self._execute("DROP TABLE answer_part")
        self._execute(
            "CREATE VIEW compared AS SELECT *, (fate_is = 'urgent' AND fate_was = 'routine') AS to_urgent, "
            "(fate_is = 'routine' AND fate_was = 'urgent') AS to_routine "
            "FROM pair WHERE fate_is IN ('urgent', 'routine') AND fate_was IN ('urgent', 'routine')"
        )

    def unknown(self) -> list[str]:
        """Slices that no answer has."""
        return [
            name
            for name, column in zip(self._slices, self._attributes, strict=True)
            if not self.row(f"SELECT count({column}) AS known FROM answer")["known"]
        ]

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """What a query finds; `values` stand for its question marks."""
        found = self._execute(query, values)
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def row(self, query: str, *values: object) -> dict[str, Any]:
        return self.rows(query, *values)[0]

    def _execute(self, query: str, values: Sequence[object] = ()) -> duckdb.DuckDBPyConnection:
        try:
            return self._db.execute(query, list(values))
        except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
            # Its own words could hold a path, or a value.
            raise SurroundingsError(
                f"the answers could not be kept or joined in {MEMORY} of memory and {tempfile.gettempdir()} "
                f"({type(error).__name__}): make room there, or name another TMPDIR"
            ) from error

    def _hand_on(self) -> None:
        if not self._waiting:
            return
        names = ("seq", "side", "part", "off", *_TIMES, *_NUMBERS, *_TEXTS, *self._attributes)
        columns = dict(zip(names, zip(*self._waiting, strict=True), strict=True))
        kinds = {**dict.fromkeys(("seq", "off", *_TIMES), np.int64), "part": np.int32, **dict.fromkeys(_NUMBERS, float)}
        batch = {name: np.array(column, dtype=kinds.get(name, object)) for name, column in columns.items()}
        self._waiting = []
        told = {
            **{name: f"nullif({name}, {_NO_TIME})" for name in _TIMES},
            **{name: f"CASE WHEN isnan({name}) THEN NULL ELSE {name} END" for name in _NUMBERS},
        }
        self._db.register("batch", batch)
        chosen = ", ".join(f"{told.get(name, name)} AS {name}" for name in names)
        self._execute(f"INSERT INTO answer BY NAME SELECT {chosen} FROM batch")
        self._db.unregister("batch")

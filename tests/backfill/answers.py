"""What a backfill wrote into a folder."""

from pathlib import Path

import pyarrow.parquet as pq

from tests.service.process import TINY

MODEL = ("--model-artifact", str(TINY), "--model-threads", "1", "--log-format", "json")


def answers(folder: Path) -> dict[tuple[str, int, int], dict]:
    """By source; each stands once, or this fails."""
    rows = [
        row for path in sorted((folder / "classified-messages").iterdir()) for row in pq.read_table(path).to_pylist()
    ]
    found = {(row["source"]["topic"], row["source"]["partition"], row["source"]["offset"]): row for row in rows}
    assert len(found) == len(rows)
    return found


def dead(folder: Path) -> list[dict]:
    return [row for path in sorted((folder / "dead-letters").iterdir()) for row in pq.read_table(path).to_pylist()]


def written_at(folder: Path) -> dict[str, int]:
    """When each part was, but for what is not one yet."""
    return {path.name: path.stat().st_mtime_ns for path in (folder / "classified-messages").glob("0*")}


def told(folder: Path) -> dict[tuple[str, int, int], tuple[str, float]]:
    return {place: (row["decision"], row["urgency"]) for place, row in answers(folder).items()}

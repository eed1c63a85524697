"""
How much memory `shikyu backfill` takes, by how long the archive is: it has to stay flat.

    python -m benchmarks.backfill --artifact tests/artifacts/tiny [--rows 20000 200000]

A model that answers at once stands in for the real one (benchmarks/instant.py); all that stands around it is real.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

TEXT = "The parcel has not come, and nobody answers the phone. " * 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--artifact", type=Path, required=True)
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000, 200_000])
    chosen = parser.parse_args()
    for ending in ("jsonl", "parquet"):
        for rows in chosen.rows:
            with tempfile.TemporaryDirectory() as folder:
                archive = made(Path(folder) / f"archive.{ending}", rows)
                megabytes, seconds = measured(archive, Path(folder) / "answers", chosen.artifact)
            print(f"{ending:8} {rows:10,} rows: {megabytes:6.0f} MB at most, {rows / seconds:8,.0f} rows a second")


def made(path: Path, rows: int) -> Path:
    """An archive of so many messages of about 250 bytes."""
    lines = (json.dumps({"id": str(number), "text": f"{TEXT}{number}"}) for number in range(rows))
    if path.suffix == ".jsonl":
        with path.open("w") as file:
            file.writelines(f"{line}\n" for line in lines)
        return path
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    table = pa.table({"id": [str(number) for number in range(rows)], "text": [TEXT + str(n) for n in range(rows)]})
    pq.write_table(table, path, row_group_size=50_000)
    return path


def measured(archive: Path, to: Path, artifact: Path) -> tuple[float, float]:
    """The most that the process had in memory, in MB, and how many seconds it took, with its start."""
    command = [sys.executable, "-m", "benchmarks.instant", "plain", "backfill", str(archive), "--to", str(to)]
    command += ["--model-artifact", str(artifact), "--model-threads", "1", "--log-level", "error"]
    started = time.monotonic()
    child = os.posix_spawn(sys.executable, command, os.environ)
    _, status, used = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"the backfill of {archive} failed")
    return used.ru_maxrss * 1024 / 1e6, time.monotonic() - started


if __name__ == "__main__":
    main()

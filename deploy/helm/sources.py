"""The chart's files, and a name for their present state."""

import hashlib
from pathlib import Path

HERE = Path(__file__).parent
CHART = HERE / "shikyu"
EVERYTHING = HERE / "everything.yaml"
RENDERED = HERE / "rendered.yaml"
MADE_OF = "# Made by `make chart-check` of the chart and everything.yaml as they are under "


def state() -> str:
    """Changes with any byte of what is rendered."""
    found = hashlib.sha256()
    for each in (EVERYTHING, *sorted(path for path in CHART.rglob("*") if path.is_file())):
        found.update(f"{each.relative_to(HERE)}\0".encode())
        found.update(each.read_bytes())
    return found.hexdigest()[:16]

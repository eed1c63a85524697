"""What a process has in memory."""

import re
from pathlib import Path

from local.processes import Child


def resident_mb(child: Child) -> float:
    return _mb(child, "Rss")


def shared_out_mb(child: Child) -> float:
    """As resident, but of a page that several processes have only this one's share."""
    return _mb(child, "Pss")


def _mb(child: Child, kind: str) -> float:
    told = Path(f"/proc/{child.pid}/smaps_rollup").read_text()
    found = re.search(rf"^{kind}: +(\d+) kB", told, re.MULTILINE)
    assert found, told
    return int(found[1]) / 1000

"""What a process takes of the machine."""

import re
from pathlib import Path

import psutil

from local.processes import Child


def resident_mb(child: Child) -> float:
    return _mb(child, "Rss")


def shared_out_mb(child: Child) -> float:
    """As resident, but of a page that several processes have only this one's share."""
    return _mb(child, "Pss")


def processor_s(child: Child) -> float:
    """Seconds of all cores together, since its start."""
    used = psutil.Process(child.pid).cpu_times()
    return float(used.user + used.system)


def _mb(child: Child, kind: str) -> float:
    told = Path(f"/proc/{child.pid}/smaps_rollup").read_text()
    found = re.search(rf"^{kind}: +(\d+) kB", told, re.MULTILINE)
    assert found, told
    return int(found[1]) * 1024 / 1e6  # the kernel's kB are KiB

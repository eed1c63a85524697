"""How many cores this process may keep busy."""

import math
import os
from pathlib import Path

# A container's share of processor time, by cgroup v2: microseconds in each so many, or `max`.
QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores() -> int:
    """Those that it may run on, or what its container's quota is worth, if that is less; at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, _quota()))


def _quota() -> int:
    try:
        quota, period = map(int, QUOTA.read_text(encoding="ascii").split())
    except (OSError, ValueError):  # not Linux, no cgroup v2 or no limit
        return os.cpu_count() or 1
    return math.ceil(quota / period)

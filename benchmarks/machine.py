"""The machine that a figure is of, in words."""

import os
import platform
from pathlib import Path

from consumer.cores import usable_cores
from consumer.engine import saturates


def machine() -> str:
    """Processor, cores, memory, and whether its int8 products saturate."""
    cpuinfo = Path("/proc/cpuinfo")
    models = (
        [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        if cpuinfo.exists()
        else []
    )
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kind = "int8 products saturate" if saturates() else "int8 products do not saturate"
    return f"{usable_cores()} cores of {models[0] if models else platform.processor()}, {memory_gib:.0f} GiB, {kind}"

"""The machine that a figure is of, in words."""

import os
import platform
from pathlib import Path

from consumer.cores import usable_cores
from consumer.engine import saturates


def machine() -> str:
    """Processor, cores, memory, whether its int8 products saturate, and what it is taken for (benchmarks.as_if)."""
    cpuinfo = Path("/proc/cpuinfo")
    models = (
        [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        if cpuinfo.exists()
        else []
    )
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kind = "int8 products saturate" if saturates() else "int8 products do not saturate"
    taken = f" (as if {as_if})" if (as_if := os.environ.get("AS_IF")) else ""
    name = f"{models[0] if models else platform.processor()}{taken}"
    return f"{usable_cores()} cores of {name}, {memory_gib:.0f} GiB, {kind}"

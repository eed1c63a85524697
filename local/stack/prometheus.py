"""A real Prometheus of the system's package, with the file that the container would read, and the addresses of here."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from consumer.errors import SurroundingsError
from local.processes import Child


def start(folder: Path, flags: Sequence[str], configuration: Path, port: int, translate: Callable[[str], str]) -> Child:
    """
    `prometheus` with the container's `flags`, and a copy of the folder of `configuration`, translated.

    Raises SurroundingsError where it is not installed.
    """
    if shutil.which("prometheus") is None:
        raise SurroundingsError("Prometheus is not installed: `make system-packages` does it")
    copy = folder / "prometheus"
    copy.mkdir()
    for each in configuration.glob("*.yml"):
        (copy / each.name).write_text(translate(each.read_text(encoding="utf-8")), encoding="utf-8")
    command = ["prometheus", *flags, f"--web.listen-address=127.0.0.1:{port}"]
    return Child.start(command, folder=folder, log=folder / "prometheus.log")

"""The names that the bundled librdkafka knows, asked of the library itself."""

import ctypes
import importlib.util
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Literal

Scope = Literal["consumer", "producer", "both"]

_SCOPES: dict[str, Scope] = {"C": "consumer", "P": "producer", "*": "both"}


@cache
def properties() -> dict[str, Scope]:
    """
    Every property's name, aliases included, and who uses it.

    Empty where the library cannot be asked (it was built into the extension, say): then there is
    nothing to compare with, and librdkafka's own refusal has to do.
    """
    try:
        return _parsed(_table())
    except (OSError, AttributeError, UnicodeDecodeError):
        return {}


def _parsed(table: str) -> dict[str, Scope]:
    # "name | C/P | range | default | importance | description"; confluent-kafka takes no
    # callback from a file, so those names are no settings.
    rows = (line.split("|") for line in table.splitlines())
    cells = ((row[0].strip(), row[1].strip()) for row in rows if len(row) > 5)
    return {name: _SCOPES[scope] for name, scope in cells if scope in _SCOPES and not name.endswith("_cb")}


def _table() -> str:
    library = ctypes.CDLL(str(_library()))
    libc = ctypes.CDLL(None)
    libc.fdopen.restype, libc.fdopen.argtypes = ctypes.c_void_p, [ctypes.c_int, ctypes.c_char_p]
    libc.fclose.argtypes = [ctypes.c_void_p]
    library.rd_kafka_conf_properties_show.argtypes = [ctypes.c_void_p]
    # The table is longer than a pipe holds, so it goes through a file.
    with tempfile.TemporaryFile() as file:
        stream = libc.fdopen(os.dup(file.fileno()), b"w")
        library.rd_kafka_conf_properties_show(stream)
        libc.fclose(stream)
        file.seek(0)
        return file.read().decode()


def _library() -> Path:
    spec = importlib.util.find_spec("confluent_kafka")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("confluent_kafka is not installed")
    package = Path(spec.origin).parent
    for folder in (package.parent / "confluent_kafka.libs", package / ".dylibs"):
        for library in sorted(folder.glob("librdkafka*")):
            return library
    raise FileNotFoundError("the wheel brings no librdkafka of its own")

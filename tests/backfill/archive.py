"""An archive to read: plain messages, and what goes wrong in files."""

import json
from collections.abc import Iterable
from pathlib import Path

BAD, BLANK, NOT_UTF8, NO_TEXT, NULL_TEXT = 3, 7, 11, 13, 17
FATES = {BAD: "invalid-json", NOT_UTF8: "invalid-utf8", NO_TEXT: "missing-text", NULL_TEXT: "missing-text"}


def text(number: int) -> str:
    return f"message {number}, and the refund of {number}.90 is late"


def line(number: int) -> bytes:
    return json.dumps({"id": str(number), "text": text(number)}).encode() + b"\n"


def spoilt(number: int) -> bytes:
    """Of some numbers a line that is none."""
    return {
        BAD: b'{"id": "3", "te\n',
        BLANK: b"  \r\n",
        NOT_UTF8: b'{"id": "11", "text": "caf\xe9"}\n',
        NO_TEXT: b'{"id": "13"}\n',
        NULL_TEXT: b'{"id": "17", "text": null}\n',
    }.get(number) or line(number)


def written(path: Path, lines: Iterable[bytes]) -> Path:
    path.write_bytes(b"".join(lines))
    return path

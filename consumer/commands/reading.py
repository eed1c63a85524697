"""What the commands share that read answers back: the bar while they do, and files of what came of it."""

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from consumer.errors import SurroundingsError


def progress() -> Progress:
    """Nothing where nobody looks."""
    console = Console(stderr=True)
    columns = [TextColumn("reading answers"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()]
    return Progress(*columns, console=console, transient=True, redirect_stdout=False, disable=not console.is_terminal)


def write(file: Path, content: bytes) -> None:
    """Raises SurroundingsError."""
    try:
        file.write_bytes(content)
    except OSError as error:
        raise SurroundingsError(f"{file} cannot be written ({error.strerror}); name another") from error

"""What the commands share that read answers back, or watch them come: a bar, files of what came of it, a flag."""

from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from consumer.errors import SurroundingsError

METRICS = click.option(
    "--metrics", "urls", multiple=True, metavar="URL",
    help="A consumer's /metrics; may be given several times. Unless given, that of [http] on this host.",
)  # fmt: skip


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

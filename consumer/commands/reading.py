"""What the commands share that read answers back, or watch them come: a bar, files of what came of it, a flag."""

from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from consumer.errors import SettingsError, SurroundingsError

METRICS = click.option(
    "--metrics", "urls", multiple=True, metavar="URL",
    help="A consumer's /metrics; may be given several times. Unless given, that of [http] on this host.",
)  # fmt: skip


def progress() -> Progress:
    """Nothing where nobody looks."""
    console = Console(stderr=True)
    columns = [TextColumn("reading answers"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()]
    return Progress(*columns, console=console, transient=True, redirect_stdout=False, disable=not console.is_terminal)


def require_page(flag: str, file: Path) -> None:
    """SettingsError where a page would be called what it is not, and no program would open it."""
    if file.suffix.lower() not in ("", ".html", ".htm"):
        raise SettingsError(
            f"{flag} writes a web page, and {file} is called something else: name it {file.with_suffix('.html')}; a "
            "browser opens it, and prints it to a PDF where one is wanted"
        )


def write(file: Path, content: bytes) -> None:
    """Raises SurroundingsError."""
    try:
        file.write_bytes(content)
    except OSError as error:
        raise SurroundingsError(f"{file} cannot be written ({error.strerror}); name another") from error

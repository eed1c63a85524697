"""How a benchmark ends."""

import sys
from pathlib import Path

import click

from consumer.errors import LimitError, SurroundingsError


def ended_by_limits(command: click.Command) -> None:
    """Runs it; exit 5 with a line for a limit that was missed, 3 for what this machine lacks."""
    try:
        command()
    except (LimitError, SurroundingsError) as error:
        click.echo(f"{Path(sys.argv[0]).stem}: {error}", err=True)
        sys.exit(error.exit_code)

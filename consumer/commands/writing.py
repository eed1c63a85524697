"""What the commands share by which corrections are written: the flag that says in whose name."""

import click

from consumer.errors import SettingsError


def _name(_context: click.Context, _parameter: click.Parameter, given: str) -> str:
    if not given.strip() or not given.isprintable():
        raise SettingsError("--writer must be a name of printable characters")
    return given


WRITER = click.option(
    "--writer", default="shikyu", show_default=True, metavar="NAME", callback=_name,
    help="In whose name corrections are written (header `ce_source`); corrections.writers says whose are heard.",
)  # fmt: skip

"""What was given on the command line, and what a flag's number may be."""

from math import isfinite
from typing import Any

import click
from click.core import ParameterSource


class Number(click.FloatRange):
    """Click's own takes nan for a number of any range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not isfinite(number):
            self.fail(f"{value!r} is no number.", param, ctx)
        return number


def flags_given(context: click.Context) -> list[str]:
    """The flags that were, by the names that people write, in the order of the command's help."""
    return [
        parameter.opts[0]
        for parameter in context.command.get_params(context)
        if parameter.name is not None
        and isinstance(parameter, click.Option)
        and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
    ]

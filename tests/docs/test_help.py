"""--help teaches: each command's ends with examples, and each example is one that the command takes."""

import itertools
import re
import shlex
from collections.abc import Iterator

import click
import pytest

from consumer.cli import shikyu
from training.cli import train

PROGRAMS: dict[str, click.Command] = {"shikyu": shikyu, "shikyu-train": train}
ENDS = {"|", "&&", ">", "<"}


def commands(command: click.Command, *path: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        with click.Context(command) as context:
            for name in command.list_commands(context):
                found = command.get_command(context, name)
                assert found is not None
                yield from commands(found, *path, name)
    yield " ".join(path), command


ALL = [each for name, program in PROGRAMS.items() for each in commands(program, name)]


def examples(command: click.Command, paragraphs: list[str]) -> list[str]:
    """Lines that call a program, behind a label where there is one."""
    lines = [line for each in paragraphs for line in each.splitlines()]
    calls = [re.search(r"(?:^|: +)((?:shikyu|shikyu-train) .*)", line.strip()) for line in lines]
    return [found[1] for found in calls if found]


def paragraphs(command: click.Command) -> list[str]:
    return (command.help or "").strip().split("\n\n")


@pytest.mark.parametrize(("path", "command"), ALL, ids=[path for path, _ in ALL])
def test_help_ends_with_an_example_of_the_command(path, command):
    """Nobody learns a command from a list of its flags; of the programs themselves, exit codes stand behind."""
    last = paragraphs(command)[-1:] if path not in PROGRAMS else paragraphs(command)

    assert any(each.split(" #")[0].startswith(path) for each in examples(command, last)), command.help


@pytest.mark.parametrize(
    "line", sorted({line for _, command in ALL for line in examples(command, paragraphs(command))})
)
def test_every_example_is_understood(line):
    """Its flags, their values and the number of its arguments; whether files are there is not asked."""
    words = list(itertools.takewhile(lambda word: word not in ENDS, shlex.split(line, comments=True)))
    command, words = PROGRAMS[words[0]], words[1:]
    context = click.Context(command, info_name=line)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        if found is None:
            break
        command, words, context = found, words[1:], click.Context(found, parent=context, info_name=words[0])
    given, left, _ = command.make_parser(context).parse_args(list(words))

    assert not left, line
    for parameter in command.params:
        value = given.get(parameter.name)
        if isinstance(value, str | tuple | list) and not isinstance(parameter.type, click.Path | click.File):
            parameter.type_cast_value(context, value)
        if isinstance(parameter, click.Argument) and parameter.required:
            assert value, f"{line}: {parameter.human_readable_name} is missing"

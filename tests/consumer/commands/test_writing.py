"""In whose name corrections are written, by either command that writes them."""

import pytest

from consumer import cli
from consumer.commands.correct import correct
from consumer.commands.page import page

COMMANDS = {"correct": ["in/0/1/live", "--urgent", "--role", "agent"], "page": []}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("writer", ["", "  ", "a\nb", "\x1b[2J"])
def test_a_writer_has_a_name_that_can_be_shown(command, writer, capsys):
    """Which is told before Kafka is asked for anything, and without the characters that can't be shown."""
    code = cli.main([command, *COMMANDS[command], "--output-format", "json", "--writer", writer])

    said = capsys.readouterr().err
    assert (code, "--writer must be a name of printable characters" in said) == (2, True)
    assert "\x1b" not in said


def test_both_commands_take_the_same_flag():
    flags = [next(each for each in command.params if each.name == "writer") for command in (correct, page)]

    assert flags[0].to_info_dict() == flags[1].to_info_dict()
    assert flags[0].callback is flags[1].callback

"""What Tab gives: in a real bash, and to each shell."""

import os
import subprocess
import sys

import pytest
from click.shell_completion import BashComplete

from consumer import cli
from training import cli as training

# As one that a shell finds on its PATH.
PROGRAM = '#!/bin/sh\nexec {python} -m consumer.cli "$@"\n'
# As bash does it at Tab: the words on the line, and which of them is being written.
TAB = """
eval "$(shikyu completion bash)"
COMP_WORDS=(shikyu run --input-format j)
COMP_CWORD=3
_shikyu_completion shikyu
echo "${COMPREPLY[@]}"
"""


def test_a_real_bash_completes(tmp_path):
    """With the script that the program prints, from the program itself."""
    (tmp_path / "shikyu").write_text(PROGRAM.format(python=sys.executable))
    (tmp_path / "shikyu").chmod(0o755)
    done = subprocess.run(
        ["bash", "--norc", "-euc", TAB],
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip

    assert (done.returncode, done.stdout, done.stderr) == (0, "json-schema json\n", "")


@pytest.mark.parametrize(
    ("words", "begun", "found"),
    [
        ([], "dead", ["dead-letters"]),
        (["dead-letters"], "re", ["retry"]),
        (["run"], "--delivery-gr", ["--delivery-group-id"]),
        (["run", "--model-device"], "", ["cpu", "cuda"]),
        (["completion"], "", ["bash", "zsh", "fish"]),
    ],
)
def test_commands_flags_and_values_are_completed(words, begun, found):
    """Sub-commands of sub-commands too; a setting of few values offers these."""
    given = BashComplete(cli.shikyu, {}, "shikyu", "_SHIKYU_COMPLETE").get_completions(words, begun)

    assert [each.value for each in given] == found


def test_paths_are_left_to_the_shell():
    [given] = BashComplete(cli.shikyu, {}, "shikyu", "_").get_completions(["run", "--model-artifact"], "my")

    assert (given.type, given.value) == ("file", "my")


def test_commands_are_completed_without_importing_them():
    """A Tab has to be quick."""
    code = (
        "import sys; from click.shell_completion import BashComplete; from consumer.cli import shikyu\n"
        "BashComplete(shikyu, {}, 'shikyu', '_').get_completions([], '')\n"
        "print([name for name in sys.modules if name.startswith('consumer.commands')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_training_is_completed_too():
    given = BashComplete(training.train, {}, "shikyu-train", "_").get_completions([], "re")

    assert [each.value for each in given] == ["recalibrate", "report"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_own_script(shell, capsys):
    """Which asks the program in the same way."""
    assert cli.main(["completion", shell]) == 0
    assert f"_SHIKYU_COMPLETE={shell}_complete" in capsys.readouterr().out
    assert training.main(["completion", shell]) == 0
    assert f"_SHIKYU_TRAIN_COMPLETE={shell}_complete" in capsys.readouterr().out

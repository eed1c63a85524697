"""Standard streams that are closed, full or no longer read are told by the exit code, and never as a bug."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).parents[2]
SHIKYU = f"""
shikyu() {{ '{sys.executable}' -m consumer.cli "$@"; }}
"""


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(HOME)}
    return subprocess.run(
        ["bash", "-c", SHIKYU + line], capture_output=True, text=True, cwd=folder, env=environment, check=False
    )


@pytest.mark.parametrize("command", ["version", "config docs"])
@pytest.mark.parametrize(("where", "why"), [("/dev/full", "No space left on device"), ("&-", "Bad file descriptor")])
def test_an_output_that_takes_nothing_is_a_matter_of_the_surroundings(tmp_path, command, where, why):
    """Exit 3, with the system's reason, whether or not the output is longer than a stream's buffer."""
    done = shell(f"shikyu {command} >{where}", tmp_path)

    assert done.returncode == 3
    assert done.stderr == f"shikyu: error: standard output cannot be written ({why}): send it where there is room\n"


def test_a_reader_that_has_left_is_no_error(tmp_path):
    """Quietly, with the exit code that SIGPIPE gives other programs, so that `| head` is as with them."""
    done = shell("shikyu config show | true; exit ${PIPESTATUS[0]}", tmp_path)

    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("where", ["/dev/full", "&-"])
def test_an_error_that_cannot_be_told_keeps_its_exit_code(tmp_path, where):
    """The interpreter, which flushes once more at its end, does not change it either."""
    assert shell(f"shikyu rnu 2>{where}", tmp_path).returncode == 2


def test_a_closed_input_holds_no_texts(tmp_path, tiny):
    """And is no bug."""
    done = shell(f"shikyu classify --model-threads 1 --model-artifact {tiny} <&-", tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_is_opened_next_is_not_taken_for_a_closed_stream(tmp_path):
    """A socket numbered 2 would be sent what libraries write to standard error."""
    program = 'from consumer.standard_streams import reopen_closed as r; r(); f = open("new"); print(f.fileno() > 2)'
    (tmp_path / "new").touch()
    script = f"cd {tmp_path} && PYTHONPATH={HOME} {sys.executable} -c '{program}' 0<&- 2>&-"

    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "True\n")

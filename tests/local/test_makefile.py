import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
OLD = """#!/bin/sh
[ "$1" = -V ] && { echo Python 3.8.10; exit 0; }
exit 1
"""


def make(*words):
    return subprocess.run(["make", *words], cwd=ROOT, capture_output=True, text=True)


def test_an_old_python_is_refused(tmp_path):
    """With its version, what is needed, and how to name another one; nothing is installed first."""
    old = tmp_path / "python3"
    old.write_text(OLD)
    old.chmod(0o755)
    done = make(f"PYTHON={old}", "python")
    assert done.returncode != 0
    assert f"Python 3.11 or newer is needed, {old} is Python 3.8.10: install one, or name it" in done.stderr


def test_a_missing_python_is_refused():
    """As when PYTHON is misspelt."""
    done = make("PYTHON=python3-misspelt", "python")
    assert done.returncode != 0
    assert "python3-misspelt was not found" in done.stderr


@pytest.mark.parametrize("target", ["demo", "test", "lint"])
def test_every_target_checks_python_first(target, tmp_path):
    """The check runs before the first environment is made."""
    wished = make("--dry-run", "--always-make", f"PYTHON={tmp_path}/python3", target).stdout
    assert "3.11 or newer" in wished
    assert wished.index("3.11 or newer") < wished.index("venv --clear")


def test_the_demo_says_first_what_it_will_download(tmp_path):
    """Only where its environment is not there yet."""
    wished = make("--dry-run", f"DEMO={tmp_path}/.venv", "demo").stdout
    assert wished.index("downloads about 330 MB") < wished.index("pip sync")
    assert "330 MB" in make(f"DEMO={tmp_path}/.venv", "size").stdout
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "made").touch()
    assert "330 MB" not in make(f"DEMO={tmp_path}/.venv", "size").stdout


@pytest.mark.parametrize("target", ["test", "lint", "chaos"])
def test_large_environments_say_first_what_they_will_download(target, tmp_path):
    """Before the first package; not where they are there, and only their lock has changed."""
    here = [f"DEV={tmp_path}/.venv-dev", f"OPTIMUM={tmp_path}/.venv-optimum"]
    wished = make("--dry-run", *here, target).stdout
    assert wished.index("3.5 GB to download") < wished.index("pip sync")
    for name in ("dev", "optimum"):
        (tmp_path / f".venv-{name}" / "bin").mkdir(parents=True)
        (tmp_path / f".venv-{name}" / "bin" / "python").touch()
    wished = make("--dry-run", *here, target).stdout
    assert "pip sync" in wished
    assert "to download" not in wished


def test_help_names_every_target():
    """make alone says what there is."""
    told = make().stdout
    for target in ("demo", "test", "lint", "locks", "sample-model", "real", "clean"):
        assert f"make {target} " in told


def test_ci_calls_what_people_call():
    """make lint test, and nothing else."""
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == "exec make lint test"

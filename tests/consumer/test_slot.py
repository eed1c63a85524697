"""No two processes of a host hold one transactional slot."""

import os
import subprocess
import sys

import pytest

from consumer.errors import SettingsError, SurroundingsError
from consumer.slot import claim, ordinal_of_pod


@pytest.fixture(autouse=True)
def apart(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_lowest_free_slot_is_claimed():
    """Three consumers on a host get three slots, and a freed one is given again."""
    first, second, third = (claim("group", None, {}) for _ in range(3))
    assert [slot.name.rsplit("-", 1)[1] for slot in (first, second, third)] == ["0", "1", "2"]

    second.release()

    assert claim("group", None, {}).name == second.name


def test_groups_do_not_share_slots():
    """Another group's slot 0 is another transactional.id."""
    groups = ("one", "other", "a/b", "a_b", "g" * 249)

    assert len({claim(group, "s" * 128, {}).name for group in groups}) == 1


def test_taken_slot_is_refused():
    """The one that was asked for is not silently replaced by another."""
    held = claim("group", "blue", {})

    with pytest.raises(SurroundingsError, match="slot 'blue' of group 'group' is taken"):
        claim("group", "blue", {})
    held.release()
    claim("group", "blue", {}).release()


def test_slot_is_free_again_after_the_process_died(tmp_path):
    """The kernel frees the lock, whatever the end was."""
    code = "import os; from consumer.slot import claim; claim('g', 'x', {}); os.kill(os.getpid(), 9)"
    died = subprocess.run([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)}, check=False)
    assert died.returncode == -9

    assert claim("g", "x", {}).name == "x"


@pytest.mark.parametrize(
    ("environ", "hostname", "ordinal"),
    [
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "shikyu-3", "3"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "POD_NAME": "shikyu-12"}, "node", "12"),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "shikyu-7d4b9c6f5-x2x9z", None),
        ({}, "shikyu-3", None),
    ],
)
def test_a_stateful_pods_ordinal_is_its_slot(environ, hostname, ordinal):
    """A Deployment's pod has no ordinal, and a host outside Kubernetes may be named like one."""
    assert ordinal_of_pod(environ, hostname) == ordinal


def test_name_that_is_no_slot_is_refused():
    """It becomes part of a file's name and of a transactional.id."""
    with pytest.raises(SettingsError, match="letters, digits"):
        claim("group", "../etc", {})


def test_a_host_without_a_folder_for_locks_says_what_to_set(monkeypatch, tmp_path):
    """As on a read-only root file system without a writable /tmp."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(SurroundingsError, match=r"No such file.*set TMPDIR to a folder.*--delivery-slot"):
        claim("group", None, {})

    def nowhere():
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr("tempfile.gettempdir", nowhere)
    with pytest.raises(SurroundingsError, match=r"No usable temporary directory.*set TMPDIR to a folder"):
        claim("group", None, {})

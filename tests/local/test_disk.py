import errno
import shutil
import time
from types import SimpleNamespace

import pytest

from consumer.errors import SurroundingsError
from local import disk
from local.cluster import Cluster
from local.processes import Child


def test_too_little_space_is_refused_with_figures(tmp_path):
    """The error names the folder, what is left and what is needed."""
    with pytest.raises(SurroundingsError, match=f"{tmp_path} has .* MB left and needs 999999999 MB: make room"):
        disk.require_space(tmp_path, 999_999_999)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_is_named(tmp_path, number):
    """Running out of space in the middle is told as such, not as a failed write."""
    with pytest.raises(SurroundingsError, match="is full: make room"), disk.told_when_full(tmp_path):
        raise OSError(number, "no space")


def test_other_errors_pass_through(tmp_path):
    """Only a full disk is taken for one."""
    with pytest.raises(PermissionError), disk.told_when_full(tmp_path):
        raise PermissionError(errno.EACCES, "no")


def test_a_cluster_does_not_start_on_a_full_disk(tmp_path, monkeypatch):
    """Said before a broker dies of it, and with nothing left running."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5_000_000))
    cluster = Cluster(tmp_path / "cluster")
    with pytest.raises(SurroundingsError, match="has 5 MB left and needs 300 MB"):
        cluster.__enter__()
    assert cluster.children == []


def test_a_broker_that_a_full_disk_killed_is_explained(tmp_path):
    """Its stack trace pushes the reason out of sight, yet the error names it."""
    command = ["sh", "-c", "echo 'java.io.IOException: No space left on device'; seq 30; exit 1"]
    cluster = Cluster(tmp_path, registry=False)
    cluster._broker = Child.start(command, folder=tmp_path, log=tmp_path / "kafka.log")
    while cluster._broker.exit_code() is None:
        time.sleep(0.01)
    try:
        with pytest.raises(SurroundingsError, match=r"Kafka ended with exit code 1(.|\n)*The disk is full: make room"):
            cluster.check()
    finally:
        cluster.stop()

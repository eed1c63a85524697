import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from local.processes import Child

FOREVER = [sys.executable, "-c", "print('hello', flush=True); import time; time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('hello', flush=True); time.sleep(600)",
]
PARENT = """
import sys, time
from pathlib import Path
from local.processes import Child
folder = Path(sys.argv[1])
child = Child.start([sys.executable, "-c", "import time; time.sleep(600)"], folder=folder, log=folder / "log")
if "release" in sys.argv:
    child.release()
print(child.pid, flush=True)
time.sleep(600)
"""


def until(holds, limit_s=10):
    end = time.monotonic() + limit_s
    while not holds() and time.monotonic() < end:
        time.sleep(0.02)
    assert holds()


def alive(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.fixture
def start(tmp_path):
    children = []

    def start(command):
        child = Child.start(command, folder=tmp_path, log=tmp_path / f"log-{len(children)}")
        children.append(child)
        until(lambda: child.last_lines() == "hello")
        return child

    yield start
    for child in children:
        child.kill()


def test_a_killed_child_is_gone_when_kill_returns(start):
    """kill -9, and its process id is free again."""
    child = start(FOREVER)
    child.kill()
    assert child.exit_code() == -signal.SIGKILL
    assert not alive(child.pid)


def test_a_child_that_ignores_sigterm_is_killed(start):
    """SIGTERM first; patience has an end."""
    assert start(STUBBORN).stop(patience_s=0.2) == -signal.SIGKILL
    assert start(FOREVER).stop(patience_s=5) == -signal.SIGTERM


def spawn_parent(tmp_path, *words):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path), *words], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert parent.stdout
    with parent.stdout:
        return parent, int(parent.stdout.readline())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_dies_with_its_parent(tmp_path, number):
    """Whichever way the parent goes: not even kill -9 leaves a broker behind."""
    parent, pid = spawn_parent(tmp_path)
    assert alive(pid)
    parent.send_signal(number)
    parent.wait()
    until(lambda: not alive(pid))


def test_a_released_child_outlives_its_parent(tmp_path):
    """KEEP=1 leaves the cluster up."""
    parent, pid = spawn_parent(tmp_path, "release")
    parent.kill()
    parent.wait()
    time.sleep(0.3)
    assert alive(pid)
    os.kill(pid, signal.SIGKILL)

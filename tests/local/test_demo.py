import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

SCRIPT = Path(__file__).with_name("run_demo.py")
ROOT = SCRIPT.parent.parent.parent


@pytest.fixture
def start(tmp_path):
    """Starts the short demo; its temporary folder is one of the test's."""
    started = []

    def start(*words, fault="", rate_per_s=10):
        own = {"TMPDIR": str(tmp_path), "STUB_FAULT": fault, "RATE_PER_S": str(rate_per_s), "PYTHONPATH": str(ROOT)}
        environment = {**os.environ, **own}
        process = subprocess.Popen(
            [sys.executable, "-W", "error", str(SCRIPT), "demo", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def first_words(command):
    """What `shikyu run` says until it serves or ends."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        said = ""
        for line in process.stdout:
            said += line
            if "serving" in line:
                process.terminate()
    return said


def family(process):
    return psutil.Process(process.pid).children(recursive=True)


def until_gone(processes, limit_s=15):
    _, left = psutil.wait_procs(processes, timeout=limit_s)
    assert left == []


def test_every_message_is_shown_and_counted(start, tmp_path):
    """Fourteen in, twelve answered, two dead-lettered with their reason; the last line says so, and nothing is left."""
    process = start()
    shown, _ = process.communicate()
    assert process.returncode == 0, shown
    assert len(re.findall(r"^(urgent|routine) +neutral +0\.400 +\d+ ms  .", shown, re.MULTILINE)) == 12
    assert shown.count("dead letter   deserialize: the stub cannot read it") == 2
    assert "\\x1b[31mred \\u202eesrever" in shown
    assert "\x1b" not in shown
    last = r"demo: 14 in, \d+ urgent, \d+ routine, 2 dead-lettered, 0 lost, 0 twice, p50 \d+ ms, p99 \d+ ms"
    assert re.fullmatch(last, shown.splitlines()[-1])
    assert shown.count("demo: ") == 1
    assert list(tmp_path.iterdir()) == []


def test_with_tickets_each_urgent_message_has_one(start, tmp_path):
    """Counted in the database; the list is shown, and no text in it steers the terminal."""
    process = start("--tickets")
    shown, _ = process.communicate()
    assert process.returncode == 0, shown
    urgent = re.search(r"(\d+) urgent, ", shown)[1]
    assert re.search(rf"^tickets: {urgent} urgent messages in \d+ tickets$", shown, re.MULTILINE)
    assert len(re.findall(r"^ +\d+  0:59 left +0\.400 +1  ", shown, re.MULTILINE)) == min(8, int(urgent))
    assert "\x1b" not in shown
    assert list(tmp_path.iterdir()) == []


def test_a_consumer_that_loses_and_doubles_is_found_out(start):
    """The reader's count does not rest on the consumer's word: exit code 5, and how many."""
    process = start(fault="lose,double")
    shown, _ = process.communicate()
    assert process.returncode == 5, shown
    assert ", 1 lost, 1 twice, p50 " in shown
    assert shown.endswith("error: 1 lost; 1 twice\n")


def test_a_consumer_that_ends_by_itself_is_quoted(start, tmp_path):
    """The step, the exit code, and the end of its log; then all is stopped."""
    process = start(fault="exit")
    shown, _ = process.communicate()
    assert process.returncode == 4, shown
    assert "error: stopped at: shikyu run, as a process of its own\nshikyu run ended with exit code 4" in shown
    assert shown.endswith("the stub ends here\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGKILL, -9)]
)
def test_an_interrupted_demo_leaves_nothing_running(start, tmp_path, number, code):
    """Ctrl-C, SIGTERM, and even kill -9 in the middle of the messages."""
    process, said = start(rate_per_s=1), []  # so slow that a busy machine is not done before it is interrupted
    for line in process.stdout:
        said.append(line)
        if line.startswith(("urgent", "routine")):
            break
    processes = family(process)
    assert len(processes) >= 3, "Kafka, the registry and the consumer are not all there:\n" + "".join(said)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == code
    until_gone(processes)
    if number != signal.SIGKILL:
        assert list(tmp_path.iterdir()) == []


def test_keep_leaves_kafka_up_and_says_how_to_go_on_and_how_to_stop_it(start):
    """Kafka and the registry outlive the demo, the consumer does not; of two lines to copy, one serves, one stops."""
    process = start("--keep")
    shown, _ = process.communicate()
    assert process.returncode == 0, shown
    pids = [int(pid) for pid in re.search(r"stop it by: kill ([\d ]+); rm -r", shown)[1].split()]
    kept = [psutil.Process(pid) for pid in pids]
    try:
        time.sleep(0.5)
        assert [p.name() for p in kept] == ["java", "java"]
        again = re.search(r"write the samples again: (.+)", shown)[1]
        said = subprocess.run(shlex.split(again), cwd=ROOT, capture_output=True, text=True, check=False)
        assert said.stdout == "302 messages are written to customer-messages\n", said.stderr
        assert 'event":"serving' in first_words(shlex.split(re.search(r"go on with: (.+)", shown)[1]))
        assert re.search(r"watch: .+ top .+ --http-port \d+\n", shown)
        assert ".venv-uv/bin/uv pip install --python .venv '.[page,flips]'" in shown
    finally:
        subprocess.run(re.search(r"stop it by: (.+)", shown)[1], shell=True, check=True)
    until_gone(kept)

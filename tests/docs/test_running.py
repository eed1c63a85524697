"""
The commands on the pages are run, page after page as one would read them, against one Kafka.

Of a line only names change that other tests use too: addresses, and the input's topic. What is not run stands in
NOT_HERE and ELSEWHERE, with what runs it instead; a line that stands nowhere has to work.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer

from consumer import cli
from tests.delivery.checker import committed, read
from tests.docs.test_pages import PAGES as ALL
from tests.docs.test_pages import blocks
from tests.service.process import free_port

ROOT = Path(__file__).parents[2]
# What a page needs, pages before it have made.
PAGES = [
    "quickstart", "faq", "formats", "operations", "runbook", "python-api", "dead-letters", "corrections", "recall",
    "replay", "flips", "security",
]  # fmt: skip
ELSEWHERE = {
    "README": "the same commands as the quickstart's; the demo in tests/local",
    "backfill": "tests/backfill",
    "doctor": "tests/docs/test_doctor.py, tests/service/test_doctor.py",
    "drift": "tests/replay/test_drift_command.py",
    "deploy": "the same commands as the operations'; the rest in tests/deploy",
    "models": "tests/consumer/lifecycle and tests/service",
    "page": "tests/service/test_page.py and its neighbours: they serve until told to leave",
    "performance": "benchmarks: tests/benchmarks",
    "ticketing": "tests/examples",
    "tracing": "tests/service/test_tracing.py",
    "training": "tests/training: a fit takes its time",
}
NOT_HERE = {
    "pip install": "tests/test_installs.py",
    "curl ": "tests/service/test_run.py",
    "mkdir -p ~": "nobody's home is written to",
    "shikyu completion": "tests/consumer/test_completion.py",
}
AWAY = 3  # Kafka or the registry, on a machine that stood still for a while: then once more
CODES = {
    "shikyu flips --run new-model --config shikyu.toml --html flips.html --max": 5,  # so few messages meet no limit
}
MESSAGES, DEAD = 60, 3
SHELL = re.compile(r"[|<>]")
PROGRAM = '#!/bin/sh\nexec {python} -m {module} "$@"\n'


def lines(page: str) -> list[str]:
    """Of its shell blocks, without comments."""
    path = ROOT / "docs" / f"{page}.md"
    joined = "\n".join(blocks(path, "sh")).replace("\\\n", " ").splitlines()
    return [line.partition(" #")[0].strip() for line in joined if line.strip()]


class Desk:
    """A folder with the quickstart's own settings, and a stream of this test's own."""

    def __init__(self, folder: Path, cluster, name: str, setenv) -> None:
        self.folder, self.cluster, self.name = folder, cluster, name
        self.topics = {role: f"{name}.{role}" for role in ("customer-messages", "urgent", "routine", "dead")}
        self.running: list[subprocess.Popen] = []
        [settings] = [block for block in blocks(ROOT / "docs" / "quickstart.md", "toml") if "[kafka]" in block]
        (folder / "shikyu.toml").write_text(self.ours(settings))
        variables = {
            "OUTPUT_URGENT": self.topics["urgent"], "OUTPUT_ROUTINE": self.topics["routine"],
            "DEAD_LETTERS_TOPIC": self.topics["dead"], "DELIVERY_GROUP_ID": name, "REGISTRY_URL": cluster.registry_url,
            "CORRECTIONS_TOPIC": f"{name}.corrections", "REPLAY_RUNS_TOPIC": f"{name}.runs", "MODEL_THREADS": "1",
            "KAFKA_BOOTSTRAP_SERVERS": cluster.bootstrap_servers, "INPUT_TOPICS": self.topics["customer-messages"],
            "AUDIT_SHARE": "1", "AUDIT_SHARE_AT_THRESHOLD": "1", "AUDIT_KEY": "a-key-of-the-tests-alone",
            "LOG_FORMAT": "json", "HTTP_PORT": str(free_port()),
        }  # fmt: skip
        for variable, value in variables.items():
            setenv(f"SHIKYU_{variable}", value)
        (folder / "bin").mkdir()
        for program, module in (("shikyu", "consumer.cli"), ("shikyu-train", "training.cli")):
            (folder / "bin" / program).write_text(PROGRAM.format(python=sys.executable, module=module))
            (folder / "bin" / program).chmod(0o755)
        setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
        setenv("PYTHONPATH", str(ROOT))
        for model in ("my-model", "trained", "new-model", "artifacts/sample"):
            shutil.copytree(ROOT / "artifacts" / "sample", folder / model)

    def ours(self, words: str) -> str:
        words = words.replace("http://registry:8081", self.cluster.registry_url)
        words = words.replace("http://localhost:8081", self.cluster.registry_url)
        words = words.replace("broker:9092", self.cluster.bootstrap_servers)
        words = words.replace("my-model/artifact", "trained")  # pages differ in whether my-model is the artifact itself
        return re.sub(r"\bcustomer-messages\b", self.topics["customer-messages"], words)

    def fill(self) -> None:
        """Messages as the quickstart's settings read them, dead ones among them; files that pages name."""
        self.cluster.create_topic(self.topics["customer-messages"], 3)
        producer = Producer({"bootstrap.servers": self.cluster.bootstrap_servers})
        rows = []
        for number in range(MESSAGES):
            text = "Where is my refund?! Third week." if number % 3 else "Thanks, all good."
            body = None if number < DEAD else text
            event = {"id": str(number), "subject": None, "body": body, "plan": "gold"}
            producer.produce(self.topics["customer-messages"], json.dumps(event), key=str(number))
            rows.append({"id": str(number), "subject": "A parcel", "body": text})
        assert producer.flush(60) == 0
        (self.folder / "one-text-a-line.txt").write_text("It leaks.\nAll good.\n")
        (self.folder / "archive" / "2024").mkdir(parents=True)
        (self.folder / "archive" / "2024" / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        import gzip

        import pyarrow
        import pyarrow.parquet

        with gzip.open(self.folder / "messages.jsonl.gz", "wt") as out:
            out.writelines(json.dumps(row) + "\n" for row in rows)
        for name in ("more.parquet", "reviews.parquet"):
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), self.folder / name)

    def do(self, line: str) -> int:
        line = self.ours(line)
        if line.startswith("shikyu run"):
            return self.serve(shlex.split(line))
        if "dead-letters show" in line:
            [one, *_] = read(self.cluster.bootstrap_servers, self.topics["dead"])
            line = re.sub(r"\d+/\d+$", f"{one.partition()}/{one.offset()}", line)
        if line.startswith("shikyu ") and not SHELL.search(line):
            return cli.main(shlex.split(line)[1:])
        return subprocess.run(["bash", "-euc", line], cwd=self.folder, timeout=120, check=False).returncode

    def serve(self, words: list[str]) -> int:
        """Until all is answered, and then told to leave."""
        with (self.folder / "run.log").open("wb") as log:
            process = subprocess.Popen(words, cwd=self.folder, stdout=log, stderr=log)
            self.running.append(process)
        until = time.monotonic() + 90
        while (
            sum(committed(self.cluster.bootstrap_servers, self.name, self.topics["customer-messages"]).values())
            < MESSAGES
        ):
            assert process.poll() is None, (self.folder / "run.log").read_text()
            assert time.monotonic() < until, (self.folder / "run.log").read_text()
            time.sleep(0.1)
        while process.poll() is None and '"serving"' not in (self.folder / "run.log").read_text():
            assert time.monotonic() < until, (self.folder / "run.log").read_text()
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        return process.wait(30)


@pytest.mark.kafka
@pytest.mark.timeout(600)
def test_every_command_on_the_pages_works(cluster, name, tmp_path, monkeypatch, capfd):
    """Exit code 0, unless CODES says which: what is on a page can be typed."""
    monkeypatch.chdir(tmp_path)
    desk = Desk(tmp_path, cluster, name, monkeypatch.setenv)
    desk.fill()
    went_wrong, ran, left = [], set(), set()
    try:
        for page in PAGES:
            for line in lines(page):
                skipped = {start for start in NOT_HERE if line.startswith(start)}
                left |= skipped
                if skipped or line in ran:
                    continue
                ran.add(line)
                code = desk.do(line)
                if code == AWAY:
                    code = desk.do(line)
                out, err = capfd.readouterr()
                expected = next((code for start, code in CODES.items() if line.startswith(start)), 0)
                if code != expected:
                    went_wrong.append(f"{page}: {line}: {code}\n{out[-500:]}{err[-1500:]}")
    finally:
        for process in desk.running:
            process.kill()
            process.wait()

    assert not went_wrong, "\n\n".join(went_wrong)
    assert len(ran) > 35
    assert left == set(NOT_HERE), "NOT_HERE names what is on no page"


def test_every_page_with_commands_is_run_somewhere():
    """A new page goes into PAGES, or into ELSEWHERE with what runs its commands."""
    told = {path.stem for path in ALL if path.parent.name == "docs" or path.stem == "README" if blocks(path, "sh")}

    assert told - {*PAGES, *ELSEWHERE} == set()
    assert {*PAGES, *ELSEWHERE} - {path.stem for path in ALL} == set()

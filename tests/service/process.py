"""`shikyu` as a user starts it: a process of its own, with its log and its health endpoint."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "artifacts" / "tiny"


def shikyu(
    *arguments: str, timeout: float = 60, stdin: str | None = None, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A sub-command, run to its end, with further variables in its environment."""
    return subprocess.run(
        [sys.executable, "-m", "consumer.cli", *arguments],
        cwd=ROOT, env=environment() | dict(variables or {}), capture_output=True, text=True, timeout=timeout,
        input=stdin, check=False,
    )  # fmt: skip


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("SHIKYU_")}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def flags(bootstrap: str, topics: dict[str, str], group: str, *more: str) -> list[str]:
    """Of a consumer of JSON, with the tiny artifact, and a group that forms quickly."""
    return [
        *("--kafka", f"bootstrap.servers={bootstrap}", "--delivery-group-id", group),
        *(
            "--input-topics",
            topics["input"],
            "--output-urgent",
            topics["urgent"],
            "--output-routine",
            topics["routine"],
        ),
        *("--dead-letters-topic", topics["dead"], "--model-artifact", str(TINY), "--model-threads", "1"),
        *("--kafka-consumer", "session.timeout.ms=1500", "--kafka-consumer", "heartbeat.interval.ms=300"),
        *("--input-format", "json", "--output-format", "json", "--log-format", "json"),
        *more,
    ]


class Service:
    """`shikyu run`; what it wrote is in `log`."""

    def __init__(self, folder: Path, *arguments: str, variables: Mapping[str, str] | None = None) -> None:
        self.port = free_port()
        self.path = folder / f"shikyu-{self.port}.log"
        with self.path.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "consumer.cli", "run", *arguments, "--http-port", str(self.port)],
                cwd=ROOT, env=environment() | dict(variables or {}), stdout=out, stderr=out,
            )  # fmt: skip

    @property
    def log(self) -> str:
        return self.path.read_text()

    def events(self) -> list[dict]:
        return [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read().decode()

    def ready(self, within_s: float = 40) -> "Service":
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            assert self.process.poll() is None, self.log
            try:
                if self.get("/readyz")[0] == 200:
                    return self
            except OSError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"not ready: {self.log}")

    def ended(self, within_s: float = 40) -> int:
        """Its exit code, once it ended by itself."""
        return self.process.wait(within_s)

    def stop(self) -> int:
        self.process.terminate()
        try:
            return self.process.wait(15)
        finally:
            self.process.kill()
            self.process.wait()

"""A real Prometheus of Debian's package, with the very files of deploy/prometheus, only faster."""

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import yaml

from local.ports import free_port
from local.processes import Child
from tests.system_packages import required

FILES = Path(__file__).parents[2] / "deploy" / "prometheus"
SCRAPE_S = 1  # and as long a scrape may take
Series = dict[tuple[tuple[str, str], ...], float]


class Prometheus:
    """A context manager; dies with this process. Skips the test, or fails it in CI, where there is no Prometheus."""

    def __init__(self, folder: Path, targets: Iterable[str]) -> None:
        self._program = required("prometheus")
        self._folder, self._port = folder, free_port()
        (folder / "prometheus.yml").write_text(yaml.safe_dump(self._configured(list(targets))))

    def _configured(self, targets: list[str]) -> dict:
        configuration = yaml.safe_load((FILES / "prometheus.yml").read_text(encoding="utf-8"))
        configuration["global"] = {"scrape_interval": f"{SCRAPE_S}s", "evaluation_interval": "1s"}
        configuration["rule_files"] = [str(FILES / each) for each in configuration["rule_files"]]
        [ours] = configuration["scrape_configs"]
        ours["static_configs"] = [{"targets": targets}]
        ours["scrape_timeout"] = f"{SCRAPE_S}s"
        return configuration

    def __enter__(self) -> Self:
        command = [self._program, "--config.file=prometheus.yml", f"--web.listen-address=127.0.0.1:{self._port}"]
        command += ["--storage.tsdb.path=data", "--log.level=warn"]
        self._child = Child.start(command, folder=self._folder, log=self._folder / "log")
        until = time.monotonic() + 30
        while not self._answers():
            assert self._child.exit_code() is None, self._child.last_lines()
            assert time.monotonic() < until, self._child.last_lines()
            time.sleep(0.05)
        return self

    def __exit__(self, *raised: object) -> None:
        self._child.kill()

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def query(self, expr: str, at: float | None = None) -> Series:
        """The value of each series by its labels, its name apart; `at` in seconds since the epoch."""
        asked = urllib.parse.urlencode({"query": expr, "time": at or time.time()})
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/api/v1/query?{asked}", timeout=10) as answer:
            told = json.load(answer)["data"]
        assert told["resultType"] == "vector", expr
        return {
            tuple(sorted((k, v) for k, v in each["metric"].items() if k != "__name__")): float(each["value"][1])
            for each in told["result"]
        }

    def one(self, expr: str, at: float | None = None) -> float | None:
        """The only value; None where there is none."""
        values = list(self.query(expr, at).values())
        assert len(values) < 2, values
        return values[0] if values else None

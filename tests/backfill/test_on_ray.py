"""`shikyu backfill --ray` on a real cluster of this machine: a head and two workers."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from consumer.backfill import on_ray
from consumer.settings import Model, Settings
from tests.backfill.answers import MODEL, dead, told
from tests.backfill.archive import spoilt, written
from tests.replay.conftest import Replay
from tests.service.process import ROOT, environment, shikyu


def test_workers_are_told_where_the_model_is_from_anywhere(tmp_path, monkeypatch):
    """Their Ray was started in a working directory of its own."""
    monkeypatch.chdir(tmp_path)

    told = on_ray._of_workers(Settings(model=Model(artifact=Path("models/1"), public_key=Path("a.pem"))), 2).model

    assert (told.artifact, told.public_key, told.threads) == (tmp_path / "models/1", tmp_path / "a.pem", 2)
    assert on_ray._of_workers(Settings(), 1).model.artifact is None


@pytest.mark.timeout(300)
def test_on_ray_a_worker_dies_half_way_and_every_row_stands_once_as_without_ray(tmp_path):
    """Two machines' worth of Ray, one killed −9 with all that it runs."""
    if not os.environ.get("CI"):
        pytest.importorskip("ray", reason="the ray extra is not installed")
    archive = written(tmp_path / "a.jsonl", map(spoilt, range(1, 4001)))
    part = ("--part-rows", "50")
    assert shikyu("backfill", str(archive), "--to", str(tmp_path / "plain"), *MODEL, *part).returncode == 0
    out = tmp_path / "out"
    with _ray() as cluster:
        run = Replay(
            tmp_path, str(archive), "--to", str(out), *MODEL, *part, "--ray", cluster.stdout.readline().strip(),
            "--ray-workers", "2", command=("backfill",),
        )  # fmt: skip
        until = time.monotonic() + 90
        while len(list(out.glob("classified-messages/0*"))) < 10:
            assert run.process.poll() is None, run.log
            assert time.monotonic() < until, run.log
            time.sleep(0.02)
        cluster.stdin.write("kill\n")
        cluster.stdin.flush()
        assert cluster.stdout.readline() == "killed\n"
        half = len(list(out.glob("classified-messages/0*")))

        assert run.ended(120) == 0, run.log
    assert half < 80
    assert told(out) == told(tmp_path / "plain")
    assert [(row["row"], row["code"]) for row in dead(out)] == [
        (row["row"], row["code"]) for row in dead(tmp_path / "plain")
    ]


@contextmanager
def _ray() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.backfill.ray_cluster"],
        cwd=ROOT, env=environment() | {"RAY_USAGE_STATS_ENABLED": "0"}, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        yield process  # which ends when its input does

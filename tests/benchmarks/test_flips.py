"""A small run of the benchmark of `shikyu flips`: it counts right, and says how long it took. No time is tested."""

import json
from contextlib import nullcontext

import pytest
from click.testing import CliRunner

from benchmarks import flips

pytestmark = pytest.mark.kafka


def test_it_finds_the_flips_that_were_drawn_and_says_what_it_took(cluster, monkeypatch, name):
    """In the Kafka of all tests, under topics of its own."""
    monkeypatch.setattr(flips, "Cluster", lambda _: nullcontext(cluster))
    monkeypatch.setattr(flips, "URGENT", f"{name}.urgent")
    monkeypatch.setattr(flips, "ROUTINE", f"{name}.routine")
    # The kernel counts what a process was before it became another program, and this one is large.
    monkeypatch.setattr(flips, "MOST_MB", 100_000)

    done = CliRunner().invoke(flips.main, ["--messages", "2000"], catch_exceptions=False)

    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout.strip().splitlines()[-1])
    assert told["messages"] == 2000
    assert 0 < told["flips"]["all"]["messages"] < 2 * flips.REDRAWN * 2000
    assert told["most_mb"] > 10

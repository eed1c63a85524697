"""How many cores a process may keep busy."""

import os

import pytest

from consumer import cores


@pytest.mark.parametrize(
    ("told", "usable"),
    [
        ("max 100000", 64),
        ("200000 100000", 2),
        ("150000 100000", 2),
        ("1000 100000", 1),
        ("9900000 100000", 64),
        ("", 64),
    ],
)
def test_a_container_s_quota_counts(monkeypatch, tmp_path, told, usable):
    """On a host of 64 cores, a limit of two processors is two threads and not 64."""
    quota = tmp_path / "cpu.max"
    quota.write_text(told)
    monkeypatch.setattr(cores, "QUOTA", quota)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)

    assert cores.usable_cores() == usable


def test_without_a_limit_it_is_the_cores_that_it_may_run_on(monkeypatch, tmp_path):
    """Kubernetes' static policy and taskset set those."""
    monkeypatch.setattr(cores, "QUOTA", tmp_path / "none")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5}, raising=False)

    assert cores.usable_cores() == 2

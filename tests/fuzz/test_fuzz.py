"""Cases that a fuzzer found, and a short look for new ones: `make fuzz` looks for longer."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, seeds

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).parent / "cases"
SECONDS = 15


@pytest.mark.parametrize("target", TARGETS)
def test_cases_that_were_found_stay_mended(target):
    """And the seeds are answered at all."""
    for content in [*seeds(target), *(path.read_bytes() for path in sorted((CASES / target).glob("*")))]:
        TARGETS[target](content)


@pytest.mark.parametrize("target", TARGETS)
def test_any_bytes_are_answered(target):
    """Drawn without knowing the code."""

    @settings(deadline=None, max_examples=300)
    @given(st.binary(max_size=400))
    def check(data: bytes) -> None:
        TARGETS[target](data)

    check()


@pytest.mark.parametrize("target", TARGETS)
def test_a_seed_with_some_bytes_changed_is_answered(target):
    """What is nearly right goes deeper."""

    @settings(deadline=None, max_examples=300)
    @given(
        st.sampled_from(seeds(target)), st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=5)), max_size=6)
    )
    def check(seed: bytes, changes: list[tuple[int, bytes]]) -> None:
        data = bytearray(seed)
        for place, content in changes:
            start = place % (len(data) + 1)
            data[start : start + len(content)] = content
        TARGETS[target](bytes(data))

    check()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("target", [each for each in TARGETS if each != "mark"])
def test_a_fuzzer_that_sees_the_code_finds_nothing(target, tmp_path):
    """A quarter of a minute of it: what it needs is there on Linux alone."""
    pytest.importorskip("atheris")
    command = [
        sys.executable,
        "-m",
        "tests.fuzz",
        target,
        "--seconds",
        str(SECONDS),
        "--seed",
        "1",
        "--folder",
        str(tmp_path),
    ]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)

    assert done.returncode == 0, done.stderr[-4000:]
    assert "stat::number_of_executed_units" in done.stderr

"""A program that is run as if the processor were a lesser one; what it computes then, and what it says of itself."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.as_if import built, main, variables
from tests.service.process import ROOT

FLAGS = set(Path("/proc/cpuinfo").read_text().split()) if sys.platform == "linux" else set()
pytestmark = [
    pytest.mark.train,
    pytest.mark.skipif("cpuid_fault" not in FLAGS, reason="this system lets no program be told less of its processor"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler"),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    library = built(tmp_path_factory.mktemp("as_if"))

    def run(processor, *command):
        environment = os.environ | variables(processor, library)
        command = [sys.executable, *command]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
        )

    return run


def test_with_avx2_alone_products_saturate(run):
    """ONNX Runtime takes its kernels for it, and a figure says of what it is."""
    said = run("avx2", "-c", "from benchmarks.machine import machine; print(machine())")

    assert said.returncode == 0, said.stderr
    assert "(as if avx2)" in said.stdout
    assert "int8 products saturate" in said.stdout


def test_a_program_that_is_not_there_is_told():
    done = CliRunner().invoke(main, ["avx2", "no-such-program"])

    assert done.exit_code == 1
    assert "no-such-program can't be run: No such file or directory" in done.output


@pytest.mark.skipif("amx_bf16" not in FLAGS, reason="this processor has no AMX")
def test_without_amx_openvino_computes_int8_bf16_and_its_tests_hold(run):
    """Of those that are skipped with it; pytest's own handler would take the signal that CPUID comes as."""
    some = ("-k", "products and (as_near or batch_mates or side_by_side)")
    plugins = ("-p", "no:faulthandler", "-p", "no:cacheprovider")
    said = run("without-amx", "-m", "pytest", "-q", *plugins, *some, "tests/consumer/test_openvino_backend.py")

    assert said.returncode == 0, said.stdout
    assert "skipped" not in said.stdout
    assert int(re.search(r"(\d+) passed", said.stdout)[1]) == 3

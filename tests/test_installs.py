"""The installs are what they say: serving is small, every lock has hashes, and the locks fit pyproject.toml."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LOCKS = sorted((ROOT / "locks").glob("*.txt"))
NAME = re.compile(r"^([a-z0-9][a-z0-9._-]*)==", re.MULTILINE)
TRAINING_ONLY = {"torch", "transformers", "datasets", "sentencepiece", "scikit-learn", "accelerate", "optimum", "onnx"}


def locked(name: str) -> set[str]:
    return set(NAME.findall((ROOT / "locks" / f"{name}.txt").read_text()))


def wanted(*extras: str) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lists = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in extras)]
    return {re.split(r"[\[<>=~; ]", each, maxsplit=1)[0].lower() for listed in lists for each in listed}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_package_of_a_lock_has_hashes(lock):
    """And no lock says where packages come from."""
    text = lock.read_text()
    blocks = re.split(r"\n(?=[a-z0-9])", text.strip())

    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert "http" not in re.sub(NAME, "", text)
    assert "index-url" not in text


@pytest.mark.parametrize(
    ("name", "extras"),
    [
        ("serve", ()),
        ("demo", ("local", "ticketing")),
        ("extras", ("otel", "page", "report")),
        ("openvino", ("openvino",)),
        ("train", ("train", "openvino", "otel", "flips", "page", "parquet", "ray", "local", "ticketing", "dev")),
        ("optimum", ("optimum",)),
    ],
)
def test_locks_hold_what_the_project_asks_for(name, extras):
    """A dependency that was added without `make locks` would be missing on the next machine."""
    assert wanted(*extras) - locked(name) == set()


def test_the_optimum_environment_costs_links_alone():
    """Its torch is training's to the byte, so that uv's cache has the gigabytes already."""
    torch = re.compile(r"^(?:torch|nvidia-[a-z0-9-]+|triton|cuda-[a-z]+)==\S+", re.MULTILINE)
    found = [set(torch.findall((ROOT / "locks" / f"{name}.txt").read_text())) for name in ("train", "optimum")]

    assert found[0] == found[1]
    assert len(found[0]) > 10


@pytest.mark.parametrize("name", ["serve", "demo"])
def test_serving_brings_no_training_library(name):
    """Neither torch nor transformers: the image stays small, and so does what can be attacked."""
    assert locked(name) & TRAINING_ONLY == set()


def test_serving_imports_no_training_library():
    """Not even where they are installed: the consumer's every module but the GPU's, in a process of its own."""
    code = (
        "import sys, pkgutil, importlib, consumer\n"
        "names = {module.name for module in pkgutil.walk_packages(consumer.__path__, 'consumer.')}\n"
        "for name in sorted(names - {'consumer.packed', 'consumer.torch_backend'}): importlib.import_module(name)\n"
        "not_ours = {'torch', 'transformers', 'datasets', 'safetensors', 'sklearn', 'sentencepiece', 'onnx', 'ray'}\n"
        "print(sorted(not_ours & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("extra", "rooms"),
    [
        (
            "",
            [
                "audit.live",
                "corrections.report",
                "corrections.write",
                "drift.report",
                "doctor.examination",
                "top.screen",
            ],
        ),
        ("report", ["report.figures"]),
        ("page", ["live_page.app", "live_page.serve"]),
    ],
)
def test_an_install_is_enough_for_what_it_is_for(extra, rooms):
    """What another extra brings is not asked for by these rooms, even where it is installed here."""
    brought = {"duckdb": {"flips"}, "jinja2": {"flips", "report", "page"}, "starlette": {"page"}, "uvicorn": {"page"}}
    absent = [name for name, extras in brought.items() if extra not in extras] + ["pyarrow"]
    code = (
        f"import sys, importlib\nsys.modules.update(dict.fromkeys({absent}))\n"
        f"for room in {rooms}: importlib.import_module('consumer.' + room)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr

"""`shikyu models`: what is served from a folder of versions."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from consumer import versions
from consumer.cli import main
from tests.consumer.lifecycle.made_up import version

ROOT = Path(__file__).parents[3]
TINY = "tiny, made 2026-01-01, fp32 (urgent from 0.3670), int8 (urgent from 0.3657)"


@pytest.fixture
def models(tmp_path, capsys):
    """Runs `shikyu models …` on a folder of versions 1, 2 and the one that decides otherwise, 3."""
    version(tmp_path, "1")
    version(tmp_path, "2")
    version(tmp_path, "3", threshold=0.0)

    def run(*arguments: str) -> tuple[int, str]:
        code = main(["models", *arguments, "--model-artifact", str(tmp_path), "--model-threads", "1"])
        told = capsys.readouterr()
        return code, told.out + told.err

    run.folder = tmp_path
    return run


def test_use_list_and_rollback(models):
    """The current one is marked, and what was before is told."""
    assert models("use", "1") == (0, f"1 is current in {models.folder}; nothing was current: no canary was asked\n")
    code, told = models("use", "2")
    assert (code, versions.read(models.folder).version) == (0, "2")
    assert "0.0% of 60 canary decisions flip" in told

    code, told = models("list")
    assert code == 0
    assert told.splitlines() == [
        f"  1  {TINY}",
        f"* 2  {TINY}",
        "  3  tiny, made 2026-01-01, fp32 (urgent from 0.0000), int8 (urgent from 0.0000)",
        "before: 1",
    ]

    assert models("rollback") == (0, f"1 is current again in {models.folder}\n")
    assert versions.read(models.folder).version == "1"


def test_what_decides_otherwise_is_not_made_current_unless_told(models):
    """Exit code 5, and `current` is as it was."""
    models("use", "1")

    code, told = models("use", "3")
    assert (code, versions.read(models.folder).version) == (5, "1")
    assert "canary decisions flip" in told
    assert "where the change is meant, `shikyu models use` it with --no-canary" in told
    assert models("use", "3", "--no-canary")[0] == 0
    assert versions.read(models.folder).version == "3"


def test_a_current_that_is_of_no_use_is_mended_by_use(models):
    """By the very command that its error names; and a version that is gone keeps no good one out."""
    (models.folder / "current").write_text("")
    assert models("use", "1")[0] == 0
    (models.folder / "current").write_text("9\n")
    assert "9, which was current, cannot be served: no canary" in models("use", "2")[1]
    assert versions.read(models.folder).version == "2"


def test_a_version_that_is_not_there_is_told_with_those_that_are(models):
    code, told = models("use", "9")
    assert code == 4
    assert f"{models.folder} holds no version 9: it holds 1, 2, 3\n" in told


def test_what_is_damaged_is_not_made_current_nor_gone_back_to(models):
    """The list says what is wrong."""
    models("use", "1")
    models("use", "2")
    manifest = json.loads((models.folder / "1" / "manifest.json").read_text())
    (models.folder / "1" / "manifest.json").write_text(json.dumps({**manifest, "version": "other"}))
    (models.folder / "3" / "model_quantized.onnx").write_bytes(b"")

    assert models("use", "3")[0] == 4
    assert models("rollback")[0] == 4
    assert versions.read(models.folder).version == "2"
    told = models("list")[1]
    assert "  1  cannot be served: " in told
    assert re.search(r"  3  cannot be served: \S+/model_quantized.onnx has 0 bytes, and the manifest says", told)


@pytest.mark.parametrize(
    ("current", "says"), [(None, "nothing is current"), ("", "names no version in its first line"), ("9", "not there")]
)
def test_the_list_is_told_whatever_current_is(models, current, says):
    """It is what somebody looks at who has to mend it."""
    if current is not None:
        (models.folder / "current").write_text(current)

    code, told = models("list")
    assert code == 0
    assert told.startswith(f"  1  {TINY}\n  2  {TINY}\n  3  tiny")
    assert says in told.splitlines()[-1]


def test_the_list_as_json(models):
    """With all that the lines tell."""
    models("use", "2")
    (models.folder / "3" / "model.onnx").write_bytes(b"cut")

    told = json.loads(models("list", "--json")[1])
    assert (told["current"], told["problem"], told["before"], told["with_canary"]) == ("2", None, [], True)
    assert [(each["version"], each["current"]) for each in told["versions"]] == [
        ("1", False),
        ("2", True),
        ("3", False),
    ]
    assert told["versions"][0]["precisions"]["int8"] == {"threshold": 0.3657332519695414, "servable": True}
    assert told["versions"][0]["problem"] is None
    assert "model.onnx has 3 bytes" in told["versions"][2]["problem"]


def test_a_version_in_which_two_stars_count_less_says_so(models):
    """Its urgencies, and so its threshold, are on another scale than the others'."""
    manifest = json.loads((models.folder / "2" / "manifest.json").read_text())
    manifest["class_shares"]["unsatisfied_weight"] = 0.1
    (models.folder / "2" / "manifest.json").write_text(json.dumps(manifest))

    first, second, *_ = models("list")[1].splitlines()
    assert (first, second) == (f"  1  {TINY}", f"  2  {TINY}, two stars count 0.1 times")
    told = json.loads(models("list", "--json")[1])["versions"]
    assert [each["unsatisfied_weight"] for each in told] == [1, 0.1, 1]


def test_an_artifact_is_no_folder_of_versions(tiny, capsys):
    assert main(["models", "list", "--model-artifact", str(tiny)]) == 2
    assert "move it to FOLDER/VERSION" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_told_in_full(tmp_path, monkeypatch, capsys):
    """With where the path came from: a relative one is of the working directory, not of the file's."""
    (tmp_path / "shikyu.toml").write_text('[model]\nartifact = "models"\n')
    monkeypatch.chdir(tmp_path)

    assert main(["models", "list", "--config", "shikyu.toml"]) == 2
    told = capsys.readouterr().err
    assert f"model.artifact (from shikyu.toml) is models (that is {tmp_path}/models), which is no folder" in told
    assert main(["classify", "--model-artifact", "models", "a"]) == 4
    assert f"models (that is {tmp_path}/models) is no folder to be read" in capsys.readouterr().err


def test_lint_takes_a_folder_of_versions(models, capsys):
    """And says of one without a current what to do."""
    lint = ["config", "lint", "--input-format", "json", "--output-format", "json"]
    assert main([*lint, "--model-artifact", str(models.folder)]) == 4
    assert "say which of 1, 2, 3 with `shikyu models use VERSION" in capsys.readouterr().err
    models("use", "1")
    assert main([*lint, "--model-artifact", str(models.folder)]) == 0


def test_the_pages_section_for_trying_can_be_typed(tmp_path, monkeypatch, capsys):
    """Each line with the sample; of `use`, with what is told beside it."""
    section = (ROOT / "docs" / "models.md").read_text().partition("## Try it with the sample")[2]
    shutil.copytree(ROOT / "artifacts" / "sample", tmp_path / "artifacts" / "sample")
    monkeypatch.chdir(tmp_path)
    told = []
    for line in section.partition("```sh\n")[2].partition("```")[0].splitlines():
        command = line.partition(" #")[0]
        if command.startswith("shikyu "):
            told.append((main([*shlex.split(command)[1:]]), capsys.readouterr().out))
        else:
            subprocess.run(["bash", "-euc", command], check=True)

    assert [code for code, _ in told] == [0, 0, 5, 0, 0, 0]
    assert [out.strip() for _, out in told[:2]] == [
        "1 is current in models; nothing was current: no canary was asked",
        "2 is current in models; 0.0% of 60 canary decisions flip",
    ]
    assert told[4][1] == "2 is current again in models\n"
    assert "cannot be served" not in told[5][1]

import json
import shutil
from pathlib import Path

import pytest

from training import cli

pytestmark = pytest.mark.train

ROOT = Path(__file__).parents[3]
ARTIFACT, MESSAGES = ROOT / "artifacts" / "sample", ROOT / "training" / "sample" / "test.jsonl"


@pytest.fixture
def stricter(tmp_path) -> Path:
    """The same model, which answers only what it is surer of."""
    folder = shutil.copytree(ARTIFACT, tmp_path / "stricter")
    manifest = json.loads((folder / "manifest.json").read_text())
    for served in manifest["precisions"].values():
        served["threshold"] = 0.9
    manifest["version"] = "2"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_what_changed_is_told_with_mcnemars_test(stricter, capsys):
    """
    A higher threshold changes decisions one way, and no class.
    """
    assert cli.main(["diff", str(ARTIFACT), str(stricter), str(MESSAGES)]) == 0

    told = capsys.readouterr().out
    assert "the same class: 100.0%" in told
    assert "0 became urgent" in told
    assert "McNemar's exact p" in told


def test_an_artifact_does_not_differ_from_itself(capsys):
    """
    Not in one answer; what differs by chance is then no chance at all.
    """
    assert cli.main(["diff", str(ARTIFACT), str(ARTIFACT), str(MESSAGES), "--json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert (found["same_label"], found["same_decision"]) == (1.0, 1.0)
    assert found["right_decision"] == {"only_first": 0, "only_second": 0, "p": 1.0}
    assert found["gained"]["needless_at_recall"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert found["a"] == found["b"] == {"name": "shikyu-sample", "version": "1", "precision": "int8"}


def test_flips_are_listed_on_request(stricter, tmp_path, capsys):
    """
    One line a message, with its number, both answers, and its text unless that is not wanted.
    """
    arguments = ["diff", str(ARTIFACT), str(stricter), str(MESSAGES), "--json", "--flips"]
    texts = [json.loads(line)["text"] for line in MESSAGES.read_text("utf-8").splitlines()]

    assert cli.main([*arguments, str(tmp_path / "flips.jsonl")]) == 0
    assert cli.main([*arguments, str(tmp_path / "bare.jsonl"), "--without-text"]) == 0

    found = json.loads(capsys.readouterr().out.split("}\n{")[0] + "}")
    flips, bare = (
        [json.loads(line) for line in (tmp_path / name).read_text("utf-8").splitlines()]
        for name in ("flips.jsonl", "bare.jsonl")
    )
    assert len(flips) == found["to_routine"] > 0
    for flip in flips:
        assert flip["text"] == texts[flip["row"] - 1]
        assert (flip["a"]["decision"], flip["b"]["decision"]) == ("urgent", "routine")
    assert [{**flip, "text": ""} for flip in flips] == [{**flip, "text": ""} for flip in bare]
    assert not any("text" in flip for flip in bare)


@pytest.mark.parametrize("place", ["flips.jsonl", "some/where/flips.jsonl"])
def test_messages_are_not_written_into_an_artifact(stricter, capsys, place):
    """
    Nothing there may hold a customer's words, and the consumer would refuse the folder.
    """
    file = stricter / place

    assert cli.main(["diff", str(ARTIFACT), str(stricter), str(MESSAGES), "--flips", str(file)]) == 2

    assert "within an artifact" in capsys.readouterr().err
    assert not file.exists()

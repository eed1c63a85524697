import json
import shutil
from pathlib import Path

import pytest

from training import cli

pytestmark = pytest.mark.train

ROOT = Path(__file__).parents[3]
ARTIFACT, MESSAGES = ROOT / "artifacts" / "sample", ROOT / "training" / "sample" / "test.jsonl"


def test_an_artifact_is_measured_on_files(capsys):
    """
    Both precisions, with the figures that its own eval_results.json has of the same messages, and its worst slices.
    """
    figures = json.loads((ARTIFACT / "eval_results.json").read_text())["precisions"]

    assert cli.main(["evaluate", str(ARTIFACT), str(MESSAGES)]) == 0

    told = capsys.readouterr().out
    for precision in ("fp32", "int8"):
        assert f"{precision}: 300 messages, accuracy {figures[precision]['accuracy']:.3f}" in told
    assert 'tokens "' in told


def test_files_may_have_labels_of_their_own_and_several_texts(tmp_path, capsys):
    """As a recipe's may: the same figures as of stars and one text."""
    words = ("awful", "bad", "ok", "good", "a=b")
    rows = [json.loads(line) for line in MESSAGES.read_text("utf-8").splitlines()]
    lines = [json.dumps({"head": "", "body": row["text"], "mood": words[row["stars"] - 1]}) for row in rows]
    (tmp_path / "own.jsonl").write_text("\n".join(lines), "utf-8")
    labels = [part for stars, word in enumerate(words, 1) for part in ("--label", f"{word}={stars}")]
    own = ["--text", "head", "--text", "body", "--stars", "mood", *labels]

    assert cli.main(["evaluate", str(ARTIFACT), str(MESSAGES), "--precision", "fp32"]) == 0
    expected = capsys.readouterr().out
    assert cli.main(["evaluate", str(ARTIFACT), str(tmp_path / "own.jsonl"), "--precision", "fp32", *own]) == 0

    assert capsys.readouterr().out == expected


@pytest.mark.parametrize("pair", ["bad", "bad=6", "=1", "bad=one"])
def test_what_is_no_label_and_its_stars_is_refused(capsys, pair):
    """With an example of one."""
    assert cli.main(["evaluate", str(ARTIFACT), str(MESSAGES), "--label", pair]) == 2

    assert f"'{pair}' is no label and its stars, 1 to 5, as in furious=1" in " ".join(capsys.readouterr().err.split())


def test_everything_is_there_as_json_and_no_text(tmp_path, capsys):
    """
    For a program, by precision; a column of the files is a slice.
    """
    rows = [json.loads(line) for line in MESSAGES.read_text("utf-8").splitlines()]
    lines = [json.dumps({**row, "shop": "a" if number % 2 else "b"}) for number, row in enumerate(rows)]
    (tmp_path / "more.jsonl").write_text("\n".join(lines), "utf-8")

    code = cli.main(
        ["evaluate", str(ARTIFACT), str(tmp_path / "more.jsonl"), "--slice", "shop", "--precision", "fp32", "--json"]
    )

    written = capsys.readouterr().out
    found = json.loads(written)
    assert code == 0
    assert found["rows"] == 300
    assert list(found["precisions"]) == ["fp32"]
    fp32 = found["precisions"]["fp32"]
    assert {each["value"] for each in fp32["slices"] if each["column"] == "shop"} == {"a", "b"}
    assert sum(sum(row) for row in fp32["confusion"]["counts"]) == 300
    assert not any(row["text"] in written for row in rows if len(row["text"]) > 10)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ARTIFACT"], "name the labelled files"),
        (["ARTIFACT", "MESSAGES", "--slice", "text"], "'text' is a column of the texts"),
        (["ARTIFACT", "MESSAGES", "--work", "w"], "--work was given, but ARTIFACT is an artifact"),
        (["RECIPE", "MESSAGES"], "FILES was given, but RECIPE is a recipe"),
        (["RECIPE", "--precision", "fp32"], "--precision was given, but RECIPE is a recipe"),
        (["RECIPE", "--json"], "--json was given, but RECIPE is a recipe"),
        (["RECIPE", "--text", "text"], "--text was given, but RECIPE is a recipe"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path, capsys, arguments, message):
    """
    One command for two kinds of things says which it was given, and what it would take.
    """
    (tmp_path / "recipe.toml").write_text("")
    places = {"ARTIFACT": str(ARTIFACT), "MESSAGES": str(MESSAGES), "RECIPE": str(tmp_path / "recipe.toml")}
    for name, place in places.items():
        message = message.replace(name, place)

    assert cli.main(["evaluate", *(places.get(argument, argument) for argument in arguments)]) == 2

    assert message in capsys.readouterr().err


def test_a_folder_that_is_no_artifact_is_an_artifacts_error(tmp_path, capsys):
    """
    A run's folder, say.
    """
    assert cli.main(["evaluate", str(tmp_path), str(MESSAGES)]) == 4

    assert "manifest.json" in capsys.readouterr().err


def test_an_absent_class_is_named(tmp_path, capsys):
    """
    Without very unsatisfied messages there is no recall to tell.
    """
    (tmp_path / "some.jsonl").write_text('{"text": "Fine", "stars": 5}\n')

    assert cli.main(["evaluate", str(ARTIFACT), str(tmp_path / "some.jsonl")]) == 2

    assert "hold none with 1, 2, 3, 4 stars" in capsys.readouterr().err


def test_a_step_before_its_time_names_the_one_that_is_missing(tmp_path, capsys):
    """
    Of a recipe, `evaluate` is the step of its run.
    """
    shutil.copy(MESSAGES, tmp_path / "m.jsonl")
    (tmp_path / "recipe.toml").write_text('name = "a"\noutput = "o"\n[data]\ntrain = ["m.jsonl"]')

    assert cli.main(["evaluate", str(tmp_path / "recipe.toml")]) == 2

    assert "run `shikyu-train data` first" in capsys.readouterr().err

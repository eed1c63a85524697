import csv
import hashlib
import json
import shutil
from pathlib import Path

import pytest

from training import cli
from training.commands.labelled_files import read_for
from training.fitting.watched import quiet_libraries
from training.preparing import splits
from training.preparing.prepare import prepare
from training.recipe import Recipe
from training.run_folder import RunFolder

pytestmark = pytest.mark.train

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "training" / "sample"
ARTIFACT, MESSAGES = ROOT / "artifacts" / "sample", SAMPLE / "test.jsonl"
TONES = ("furious", "upset", "neutral", "pleased", "delighted")


@pytest.fixture
def toned(tmp_path) -> Path:
    """The sample artifact, as if its own messages had a `message` and a `tone`."""
    folder = Path(shutil.copytree(ARTIFACT, tmp_path / "toned"))
    labels = ", ".join(f"{tone} = {stars}" for stars, tone in enumerate(TONES, 1))
    columns = f'text = "message"\nstars = "tone"\nlabels = {{ {labels} }}\n'
    _put_recipe(folder, f'name = "a"\noutput = "o"\n[data]\ntrain = ["a.csv"]\n{columns}')
    return folder


def _put_recipe(artifact: Path, words: str) -> None:
    """As if it had been made so."""
    _put(artifact, "recipe.toml", words)
    manifest = json.loads((artifact / "manifest.json").read_text("utf-8"))
    manifest["files"]["recipe.toml"] = {
        "size": len(words.encode()),
        "sha256": hashlib.sha256(words.encode()).hexdigest(),
    }
    _put(artifact, "manifest.json", json.dumps(manifest))


def _put(folder: Path, name: str, content: str) -> None:
    (folder / name).write_text(content, "utf-8")


def told_by_tones(path: Path) -> str:
    """The sample's test messages, under other columns' names."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("message", "tone"))
        for line in MESSAGES.read_text("utf-8").splitlines():
            row = json.loads(line)
            writer.writerow((row["text"], TONES[row["stars"] - 1]))
    return str(path)


@pytest.mark.parametrize("command", ["check", "evaluate", "diff"])
def test_files_are_read_as_the_artifact_s_recipe_says(toned, tmp_path, capsys, command):
    """
    Its columns and its labels, told on standard error; standard output is as of stars and texts.
    """
    artifacts = [str(toned)] * (2 if command == "diff" else 1)
    words = ["--precision", "fp32", "--json"]

    expected_code = cli.main([command, *artifacts, str(MESSAGES), *words])
    expected = capsys.readouterr()
    code = cli.main([command, *artifacts, told_by_tones(tmp_path / "june.csv"), *words])
    told = capsys.readouterr()

    assert (code, told.out) == (expected_code, expected.out)
    assert expected.err == ""
    flags = " ".join(f'--label "{tone}"={stars}' for stars, tone in enumerate(TONES, 1))
    assert told.err == f"read as {toned / 'recipe.toml'} says: --text message --stars tone {flags}\n"


def test_flags_go_before_the_recipe(toned, tmp_path, capsys):
    """
    And labels of another column are not that one's.
    """
    rows = [{**json.loads(line), "message": "", "tone": "?"} for line in MESSAGES.read_text("utf-8").splitlines()]
    _put(tmp_path, "a.jsonl", "\n".join(map(json.dumps, rows)))

    code = cli.main(["check", str(ARTIFACT), str(MESSAGES)])
    expected = capsys.readouterr().out

    assert cli.main(["check", str(toned), str(tmp_path / "a.jsonl"), "--text", "text", "--stars", "stars"]) == code
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ([], "has neither 'text' nor 'stars' ({recipe}): say --text and --stars; it has message, tone."),
        (["--text", "message"], "has no 'stars' ({recipe}): say --stars; it has message, tone."),
        (["--text", "mess"], "has no 'mess' among the 2 columns of its first line, message, tone"),
        (["--text", "message", "--stars", "tone", "--slices", "shop"], "has no 'shop' among the 2 columns"),
    ],
)
def test_a_column_that_is_missing_is_told_with_its_flag(tmp_path, capsys, flags, told):
    """
    And with the columns that are there, where they are names; those that no flag named are the recipe's.
    """
    assert cli.main(["check", str(ARTIFACT), told_by_tones(tmp_path / "june.csv"), *flags]) == 2

    said = capsys.readouterr().err
    assert told.format(recipe=ARTIFACT / "recipe.toml") in said
    if "among" in told:
        assert f": name the column with {'--slices' if 'shop' in told else '--text'}.\n" in said


def test_columns_that_the_recipe_names_are_those_that_are_missed(toned, tmp_path, capsys):
    """
    Nobody asked for the defaults.
    """
    _put(tmp_path, "hotel.csv", "no,source,review,score\n1,web,Lovely,5\n")

    assert cli.main(["check", str(toned), str(tmp_path / "hotel.csv")]) == 2

    expected = f"neither 'message' nor 'tone' ({toned / 'recipe.toml'}): say --text and --stars; it has no, source, "
    assert expected + "review, score." in capsys.readouterr().err


def test_a_file_with_several_sources_columns_is_read_by_the_first(toned, tmp_path, capsys):
    """
    Whose own the usual columns may be: after `recalibrate`, those of the new messages, and not of the old.
    """
    own = '[[data.sources]]\nname = "recalibrated"\ncalibration = ["a.csv"]\n'
    old = '[[data.sources]]\nname = "old"\ntrain = ["b.csv"]\ntext = "message"\nstars = "tone"\n'
    _put_recipe(toned, f'name = "a"\noutput = "o"\n[data]\n{own}{old}')
    _put(tmp_path, "june.csv", "message,tone,text,stars\nold,5,new,1\n")

    found = read_for([toned], [tmp_path / "june.csv"])

    assert (list(found.messages.texts), found.columns.stars) == (["new"], "stars")
    assert capsys.readouterr().err == ""


def test_a_recipe_that_cannot_be_read_says_nothing(toned, capsys):
    """
    It may be of another version, or none: the files then need flags, as before.
    """
    _put_recipe(toned, "secret")

    assert cli.main(["check", str(toned), str(MESSAGES)]) in (0, 5, 6)

    assert capsys.readouterr().err == ""


def run_of(artifact: Path) -> None:
    """The run's folder that the sample artifact would have beside it."""
    quiet_libraries()
    recipe = Recipe.model_validate({"name": "a", "output": "o", "data": {"train": ["train-w*.jsonl"]}})
    splits.write(prepare(recipe, SAMPLE), RunFolder(artifact.with_name(f"{artifact.name}.run")))


def test_messages_that_the_model_was_made_from_are_warned_of(tmp_path, capsys):
    """
    By the fingerprint in its manifest, were they all of them; by its run's folder, were they some.
    """
    artifact = Path(shutil.copytree(ARTIFACT, tmp_path / "artifact"))
    run_of(artifact)
    some, every = str(SAMPLE / "train-w1.jsonl"), sorted(map(str, SAMPLE.glob("train-w*.jsonl")))

    for files in ([some], every):
        assert cli.main(["check", str(artifact), *files, "--json"]) == 6
        told = capsys.readouterr()
        assert "Kept, but on messages that the artifact was made from" in told.err
        assert told.err.startswith(f"warning: all of these messages stand among those that {artifact} was made from")
        json.loads(told.out)
    shutil.rmtree(tmp_path / "artifact.run")
    cli.main(["check", str(artifact), *every])
    assert capsys.readouterr().err.startswith("warning: all of these")
    cli.main(["check", str(artifact), some])
    assert capsys.readouterr().err == ""


def test_new_messages_are_warned_of_by_nobody(tmp_path, capsys):
    """
    Nor are those of a run that was done anew since, for other messages.
    """
    artifact = Path(shutil.copytree(ARTIFACT, tmp_path / "artifact"))
    run_of(artifact)

    cli.main(["check", str(artifact), str(MESSAGES)])
    assert capsys.readouterr().err == ""
    manifest = json.loads((artifact / "manifest.json").read_text("utf-8"))
    manifest["training_data"]["fingerprint"] = "0" * 64
    _put(artifact, "manifest.json", json.dumps(manifest))
    cli.main(["check", str(artifact), str(SAMPLE / "train-w1.jsonl")])
    assert capsys.readouterr().err == ""

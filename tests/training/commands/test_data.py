import json
from pathlib import Path

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.training.data.made_up_messages import MOODS, SECRET, recipe, text, write, written
from training import cli
from training.reporting.recipe_lines import recipe_lines

pytestmark = pytest.mark.train

ALLOWED = {"max_empty": 0.1, "max_outside": 0.1, "max_test_in_train": 0.5}


def named(folder: Path, **limits: float) -> Path:
    """The recipe's file, with these limits; messages beside it."""
    written(folder)
    asked = recipe()
    allowed = asked.data.limits.model_copy(update=limits)
    asked = asked.model_copy(update={"data": asked.data.model_copy(update={"limits": allowed})})
    (folder / "recipe.toml").write_text("\n".join(recipe_lines(asked)), "utf-8")
    return folder / "recipe.toml"


@pytest.fixture(scope="module")
def refused(tmp_path_factory) -> Path:
    """The folder of a recipe whose limits are the defaults, looked at once."""
    path = named(tmp_path_factory.mktemp("refused"))
    assert cli.main(["data", str(path)]) == 5
    return path.parent


def test_limits_that_are_not_met_are_told_with_places_and_no_text(refused, capsys):
    """
    What, how much, the limit, what to do: a line each, below the tables; the exit code is that of limits.
    """
    assert cli.main(["data", str(refused / "recipe.toml")]) == 5

    told = capsys.readouterr()
    *errors, read_on = told.err.splitlines()
    assert read_on == "shikyu-train: see: shikyu docs training"
    assert [line.partition("; at most")[0] for line in errors] == [
        "shikyu-train: error: train: 2 of 107 rows (1.9 %) without a text (own.jsonl, line 51; own.jsonl, line 52)",
        "shikyu-train: error: train: 1 of 107 rows (0.9 %) with a label outside the mapping (own.jsonl, line 53)",
        (
            "shikyu-train: error: test: 2 of 12 messages (16.7 %) stand in train, too (the first: test.jsonl, line 1 "
            "and public.jsonl, line 1; test.jsonl, line 2 and public.jsonl, line 2), 2 of them word for word but for "
            "case, digits and spaces"
        ),
    ]
    assert "not met" in told.out
    assert SECRET not in told.out + told.err


def test_the_page_shows_texts_and_the_json_none(refused, capsys):
    """
    Both are in the run's folder, whatever the verdict; no split is, so that nothing can be trained.
    """
    folder = refused / "artifact.run"

    assert SECRET in (folder / "data.html").read_text("utf-8")
    assert SECRET not in (folder / "data.json").read_text("utf-8")
    assert not (folder / "data").exists()
    assert cli.main(["fit", str(refused / "recipe.toml")]) == 2
    assert "run `shikyu-train data` first" in capsys.readouterr().err


def test_a_run_refuses_before_any_fit(refused, capsys):
    """
    By the same limits.
    """
    assert cli.main(["run", str(refused / "recipe.toml")]) == 5

    told = capsys.readouterr()
    assert "max_empty" in told.err
    assert "fit:" not in told.out
    assert not (refused / "artifact.run" / "fit").exists()


def test_what_the_recipe_allows_is_left_out_and_the_rest_may_be_trained_on(tmp_path, capsys):
    """
    The splits are kept; with --json, all that was found is on standard output and nothing else.
    """
    assert cli.main(["data", str(named(tmp_path, **ALLOWED)), "--json"]) == 0

    told = capsys.readouterr()
    found = json.loads(told.out)
    assert told.err == ""
    assert all(check["met"] for check in found["checks"])
    assert found == json.loads((tmp_path / "artifact.run" / "data.json").read_text())
    assert datasets.load_from_disk(tmp_path / "artifact.run" / "data" / "train").num_rows == 81
    names = {path.name for path in (tmp_path / "artifact.run").iterdir() if not path.name.startswith(".")}
    assert names == {"data", "data.html", "data.json", "done"}


def test_another_limit_is_no_other_data(tmp_path):
    """
    What was fitted on the same messages stands.
    """
    from training import run

    path = named(tmp_path, **ALLOWED)
    before = run._fingerprint(run.job(path, print), "data")
    named(tmp_path, **ALLOWED, max_cut=0.9)

    assert run._fingerprint(run.job(path, print), "data") == before


def test_too_few_for_the_promise_is_told_beside_the_limits(tmp_path, capsys):
    """
    One look tells everything that is to be mended.
    """
    path = named(tmp_path)
    path.write_text(path.read_text().replace("recall = 0.5", "recall = 0.99"))

    assert cli.main(["data", str(path)]) == 5

    told = capsys.readouterr().err
    assert "max_outside" in told
    assert "too few to promise a recall of 0.99" in told
    assert "too few to promise a recall of 0.99" in (tmp_path / "artifact.run" / "data.html").read_text("utf-8")


def test_a_class_that_is_absent_is_a_limit_that_is_not_met(tmp_path, capsys):
    """
    Of ten rows there are too few of the others, too; nothing is raised that a person could not read.
    """
    write(tmp_path / "ten.jsonl", [{"text": text("ten", n, 1), "stars": (1, 2, 3, 5)[n % 4]} for n in range(10)])
    (tmp_path / "recipe.toml").write_text('name = "a"\noutput = "o"\n[data]\ntrain = ["ten.jsonl"]\n')

    assert cli.main(["data", str(tmp_path / "recipe.toml")]) == 5

    told = capsys.readouterr().err
    assert "train: too few messages with 1, 2, 3, 4, 5 stars (there are [2, 2, 2, 0, 2] with 1 to 5)" in told
    assert "calibration: too few messages with 3, 4, 5 stars" in told
    assert "too few to promise" in told


def test_a_data_set_in_a_folder_is_read_without_a_bar(tmp_path, monkeypatch, capfd):
    """
    Standard error is no terminal here, and a log full of bars helps nobody.
    """
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    rows = [{"text": text("hub", number, stars), "stars": stars} for number in range(20) for stars in MOODS]
    (tmp_path / "reviews").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "reviews" / "train.parquet")
    (tmp_path / "recipe.toml").write_text(
        'name = "a"\noutput = "o"\n[data]\n[[data.sources]]\nname = "reviews"\nhub = "reviews"\ntrain = ["train"]\n'
        "[model]\nvocab_size = 120\n[promise]\nrecall = 0.5\nconfidence = 0.5\n"
    )
    datasets.enable_progress_bars()

    assert cli.main(["data", str(tmp_path / "recipe.toml")]) == 0

    assert capfd.readouterr().err == ""


def test_text_that_is_no_label_ends_it_with_what_to_write(tmp_path, capsys):
    """
    The recipe is wrong, not the rows.
    """
    write(tmp_path / "a.jsonl", [{"text": SECRET, "stars": "happy"}])
    (tmp_path / "recipe.toml").write_text('name = "a"\noutput = "o"\n[data]\ntrain = ["a.jsonl"]\n')

    assert cli.main(["data", str(tmp_path / "recipe.toml")]) == 2

    told = capsys.readouterr().err
    assert "a.jsonl, line 1: 'stars' is no number of stars" in told
    assert 'labels = {"furious" = 1, ' in told
    assert SECRET not in told
    assert "happy" not in told


def test_a_model_that_could_not_be_made_is_told_before_the_messages(tmp_path, capsys):
    """
    As `run` tells it; of their file no more is read than the first row.
    """
    sizes = "hidden_sizes = 64\nhidden_size = 64\nnum_hidden_layers = 1\nnum_attention_heads = 2\n"
    recipe = f'name = "a"\noutput = "o"\n[data]\ntrain = ["none.jsonl"]\n[model.config]\n{sizes}'
    (tmp_path / "recipe.toml").write_text(recipe)
    (tmp_path / "none.jsonl").write_text('{"text": "a", "stars": 1}\nno JSON')

    assert cli.main(["data", str(tmp_path / "recipe.toml")]) == 2

    assert "did you mean hidden_size?" in capsys.readouterr().err

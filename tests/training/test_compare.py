import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from transformers import DebertaV2ForSequenceClassification

from consumer.decide import urgencies
from training import cli, run
from training.compare import judged, of_base
from training.data import read
from training.fitting import tokenizer
from training.fitting.model import config_from_scratch, save
from training.operating.operating_point import needless_at_recall
from training.preparing import splits
from training.recipe import Model
from training.run_folder import RunFolder
from training.scoring.score import score
from training.steps.evaluate import description_of

pytestmark = pytest.mark.train

SAMPLE = Path(__file__).parents[2] / "training" / "sample"
SIZES = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "position_buckets": 16}
RECIPE = """
name = "small"
output = "artifact"

[data]
train = ["train.jsonl"]
validation_share = 0.4

[data.limits]
max_cut = 1

[model]
vocab_size = 200
max_length = 32

[model.config]
hidden_size = 32
num_hidden_layers = 1
num_attention_heads = 2
position_buckets = 16

[fit.arguments]
max_steps = 2
per_device_train_batch_size = 16

[promise]
recall = 0.5

[gate]
min_agreement = 0.0
max_more_needless = 1.0

[compare]
bases = ["scratch", "FINE_TUNED", "NOWHERE"]
"""


@pytest.fixture(scope="module")
def compared(tmp_path_factory) -> Path:
    """A folder where three bases were compared: from scratch, a classifier of three classes, and none at all."""
    folder = tmp_path_factory.mktemp("compare")
    lines = next(iter(sorted(SAMPLE.glob("train-*.jsonl")))).read_text("utf-8").splitlines()[:250]
    (folder / "train.jsonl").write_text("\n".join(lines), "utf-8")
    words = tokenizer.train(read([folder / "train.jsonl"]).texts, 200, lower_case=True)
    config = config_from_scratch(SIZES, len(words))
    config.id2label, config.label2id = {0: "bad", 1: "fair", 2: "good"}, {"bad": 0, "fair": 1, "good": 2}
    save(DebertaV2ForSequenceClassification(config), words, folder / "fine-tuned")
    recipe = RECIPE.replace("FINE_TUNED", str(folder / "fine-tuned")).replace("NOWHERE", str(folder / "nowhere"))
    (folder / "recipe.toml").write_text(recipe)
    assert cli.main(["compare", str(folder / "recipe.toml")]) == 0
    return folder


def rows(folder: Path) -> dict[str, dict]:
    told = json.loads((folder / "artifact.compare.json").read_text())
    return {Path(row["base"]).name: row for row in told}


def test_each_base_is_a_row_and_one_that_fails_says_why(compared):
    """
    A checkpoint of other classes gets a head for five; one that is not there ends nothing, and comes last.
    """
    found = rows(compared)

    assert list(found)[-1] == "nowhere"
    assert "is no folder that is there" in found["nowhere"]["reason"]
    for name in ("scratch", "fine-tuned"):
        row = found[name]
        assert row["reason"] is None
        assert row["recall"] == 0.5
        assert row["needless"]["low"] <= row["needless"]["value"] <= row["needless"]["high"]
        assert row["loss"] > 0
        assert row["messages_per_s"] > 0
        assert row["precision"] in ("fp32", "fp16", "int8")


def test_the_figures_are_those_of_the_run_it_names(compared):
    """
    Needless answers at the promised recall, by that run's own scores of validation messages, on which no promise rests;
    the size of what serving reads, and not of the checkpoint.
    """
    row = rows(compared)["fine-tuned"]
    folder = RunFolder(Path(row["run"]))
    served = description_of(folder).precisions[row["precision"]]
    messages = splits.read(folder).validation
    files = folder.graph_files()
    logits = score(files, served.model_file, messages.texts, 32).logits
    urgency = urgencies(logits, served.temperature, [0] * 5)

    needless = needless_at_recall(urgency, messages.labels, 0.5)
    assert row["needless"]["value"] == pytest.approx(needless, abs=0.02), "int8 depends on the batch, a little"
    assert (row["split"], row["recall"], row["rows"]) == ("validation", 0.5, len(messages))
    assert len(files[served.model_file]) < row["size_bytes"] < sum(map(len, files.values()))


def test_without_validation_the_calibration_messages_compare(compared):
    """
    By the scores that are there: of folds nobody could make them again.
    """
    row = rows(compared)["scratch"]
    folder = RunFolder(Path(row["run"]))
    description, messages = description_of(folder), splits.read(folder)
    served = description.precisions[row["precision"]]
    logits = folder.read_scores("calibration", row["precision"])

    split, own, answers = judged(folder, description, replace(messages, validation=None), row["precision"])

    assert split == "calibration"
    assert own.labels.tolist() == messages.for_calibration.labels.tolist()
    assert (answers.urgency == urgencies(logits, served.temperature, [0] * 5)).all()


def test_no_base_is_fitted_twice(compared, monkeypatch, capsys):
    """
    What was interrupted goes on: only messages are read again, and speed is measured.
    """
    done: list[str] = []
    for step in run.STEPS:
        monkeypatch.setitem(run.STEPS, step, (_noted(done, step), run.STEPS[step][1]))

    assert cli.main(["compare", str(compared / "recipe.toml"), "--base", "scratch", "--json"]) == 0

    assert set(done) == {"data"}
    assert json.loads(capsys.readouterr().out)[0]["base"] == "scratch"


def test_two_checkpoints_of_one_name_have_two_folders(compared):
    """
    Beside the recipe's own, and told apart though a person would call them the same.
    """
    job = run.job(compared / "recipe.toml", print)
    roots = {of_base(job, base).folder.root for base in ("a/deberta", "b/deberta", "scratch")}

    assert len(roots) == 3
    assert {root.parent for root in roots} == {compared}
    assert of_base(job, "a/deberta").recipe.model.config == {}
    assert of_base(job, "scratch").recipe.model.config == job.recipe.model.config
    pinned = replace(job, recipe=job.recipe.model_copy(update={"model": Model(base="a/deberta", revision="v1")}))
    assert of_base(pinned, "a/deberta").recipe.model.revision == "v1"
    assert of_base(pinned, "b/deberta").recipe.model.revision is None


def test_where_every_base_fails_nothing_was_compared(compared, tmp_path, capsys):
    """
    The reasons are told all the same.
    """
    shutil.copy(compared / "recipe.toml", tmp_path)
    shutil.copy(compared / "train.jsonl", tmp_path)
    bases = ("--base", str(tmp_path / "nowhere"), "--base", str(tmp_path / "nor-here"))

    assert cli.main(["compare", str(tmp_path / "recipe.toml"), *bases]) == 2

    told = capsys.readouterr()
    assert "None of the base models" in told.err
    assert "is no folder that is there" in told.out.replace("\n", " ")
    assert "needless" not in told.out, "a table without a line"


def test_what_is_wrong_with_the_messages_is_told_as_run_tells_it(compared, tmp_path, capsys):
    """
    With its exit code: no base is to blame.
    """
    recipe = (compared / "recipe.toml").read_text().replace("recall = 0.5", "recall = 0.99")
    (tmp_path / "recipe.toml").write_text(recipe)
    shutil.copy(compared / "train.jsonl", tmp_path)

    assert cli.main(["compare", str(tmp_path / "recipe.toml"), "--base", "scratch"]) == 5

    assert "too few to promise" in capsys.readouterr().err


def test_several_processes_are_refused(compared, monkeypatch, capsys):
    """
    Where one of them failed with a base, the others would wait for it with the next.
    """
    monkeypatch.setenv("WORLD_SIZE", "2")

    assert cli.main(["compare", str(compared / "recipe.toml")]) == 2

    assert "without torchrun" in capsys.readouterr().err


def test_an_unforeseen_failure_is_a_row_too(compared, monkeypatch):
    """
    Too little memory for one model is no reason to lose the others' hours; its words could hold a message.
    """

    def fail(job: object) -> None:
        raise RuntimeError("canary-7f3a")

    monkeypatch.setitem(run.STEPS, "data", (fail, run.STEPS["data"][1]))
    job = run.job(compared / "recipe.toml", print)
    from training.compare import compare

    (row,) = compare(job, ["scratch"])

    assert row.compared is None
    assert "RuntimeError" in row.reason
    assert "canary" not in row.reason


def test_a_recipe_without_bases_is_told_where_to_name_them(tmp_path, capsys):
    """
    Comparing nothing is a mistake, not an empty table.
    """
    (tmp_path / "recipe.toml").write_text('name = "a"\noutput = "o"\n[data]\ntrain = ["x"]')

    assert cli.main(["compare", str(tmp_path / "recipe.toml")]) == 2

    assert "--base" in capsys.readouterr().err


def _noted(done: list[str], step: str):
    original = run.STEPS[step][0]

    def noted(job):
        done.append(step)
        original(job)

    return noted

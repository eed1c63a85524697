"""`[calibration] folds`, through the steps: what each message is scored by, and what is held against its gate."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from training import cli
from training.preparing import splits
from training.run_folder import INT8_FILE, RunFolder, fold
from training.scoring.score import score

pytestmark = pytest.mark.train

TRAIN = Path(__file__).parents[2] / "training" / "sample" / "train-w1.jsonl"
MAX_LENGTH = 16
RECIPE = f"""
name = "in-folds"
output = "artifact"
[data]
train = ["{TRAIN}"]
max_per_class = 30
limits.max_cut = 1.0
[model]
base = "scratch"
vocab_size = 300
max_length = {MAX_LENGTH}
[model.config]
hidden_size = 16
num_hidden_layers = 1
num_attention_heads = 2
position_buckets = 8
initializer_range = 0.5
[pretrain]
word_vectors = false
[teach]
fragments_per_message = 0
[fit]
precision = "fp32"
[fit.arguments]
max_steps = 20
learning_rate = 1e-2
[calibration]
folds = 2
[promise]
recall = 0.5
[gate]
min_agreement = 0.9
max_more_needless = 0.1
[export]
precisions = ["fp32", "int8"]
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A run in two folds, that got as far as its operating point."""
    folder = tmp_path_factory.mktemp("folds")
    (folder / "recipe.toml").write_text(RECIPE, "utf-8")
    for step in ("data", "fit", "graphs", "operate"):
        assert cli.main([step, str(folder / "recipe.toml")]) == 0
    return folder


def test_a_message_is_scored_by_the_model_that_has_not_seen_its_label(made):
    """
    Its scores stand in the row where it stands in train, whichever fold it was in.
    """
    run = RunFolder(made / "artifact.run")
    messages = splits.read(run)

    assert sorted(np.concatenate([rows for _, rows in messages.folds])) == list(range(150))
    for precision, graph in (("fp32", "model.onnx"), ("int8", INT8_FILE)):
        scores = run.read_scores("calibration", precision)
        for number, (_, rows) in enumerate(messages.folds):
            own = score(run.graph_files(fold(number)), graph, messages.train.take(rows).texts, MAX_LENGTH)
            np.testing.assert_array_equal(scores[rows], own.logits)


def test_what_is_held_against_its_gate_is_the_graph_that_ships(made):
    """
    The folds' int8 may be as good as it likes: temperature, threshold and promise are theirs, and the gate is not.
    """
    run = RunFolder(made / "artifact.run")
    before = precisions(run)
    spoil(run.graphs() / INT8_FILE)

    assert cli.main(["operate", str(made / "recipe.toml")]) == 0

    now = precisions(run)
    assert before["int8"]["servable"]
    assert not now["int8"]["servable"]
    assert now["int8"]["gate"]["label_agreement"] < 0.9 <= before["int8"]["gate"]["label_agreement"]
    assert len(run.read_json("flips.json", "operate")["int8"]) > 15
    for same in ("temperature", "threshold", "promise"):
        assert now["int8"][same] == before["int8"][same]
    assert now["fp32"] == before["fp32"]


def precisions(run: RunFolder) -> dict:
    return run.read_json("operating_point.json", "operate")["description"]["precisions"]


def spoil(graph: Path) -> None:
    """One star is taken for five, as by a quantization that went wrong."""
    model = onnx.load(graph)
    for each in model.graph.initializer:
        if "classifier" in each.name:
            turned = numpy_helper.to_array(each)[..., ::-1].copy()
            each.CopyFrom(numpy_helper.from_array(turned, each.name))
    graph.write_bytes(model.SerializeToString())


def test_too_few_messages_for_a_folds_teachers_are_found_out_before_the_first_fit(tmp_path, capsys):
    """
    All of train has 12 of each class for 12 teachers, and what a fold's model learns from has only 6.
    """
    few = RECIPE.replace("max_per_class = 30", "max_per_class = 12").replace("[teach]", "[teach]\nfolds = 12")
    (tmp_path / "recipe.toml").write_text(few, "utf-8")
    assert cli.main(["data", str(tmp_path / "recipe.toml")]) == 0

    assert cli.main(["fit", str(tmp_path / "recipe.toml")]) == 2

    told = capsys.readouterr().err
    assert "12 folds need as many messages of a class" in told
    assert "fit: " not in told


def test_a_misspelt_argument_is_found_out_before_the_messages_are_read(tmp_path, capsys):
    (tmp_path / "recipe.toml").write_text(RECIPE.replace("learning_rate", "learning_rat"), "utf-8")

    assert cli.main(["data", str(tmp_path / "recipe.toml")]) == 2

    assert "did you mean learning_rate?" in capsys.readouterr().err
    assert not (tmp_path / "artifact.run" / "data").exists()

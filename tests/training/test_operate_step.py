import json
import shutil
from pathlib import Path

import pytest

from training import cli
from training.run_folder import RunFolder

pytestmark = pytest.mark.train

ROOT = Path(__file__).parents[2]
ARTIFACT, SAMPLE = ROOT / "artifacts" / "sample", ROOT / "training" / "sample"
RECIPE = """
name = "a"
output = "artifact"
[data]
train = ["train.jsonl"]
calibration = ["calibration.jsonl"]
columns = ["shop"]
[export]
precisions = ["fp32"]
[promise]
recall = 0.9
messages_per_day = 10000
live_shares = [0.05, 0.1, 0.15, 0.3, 0.4]
"""


@pytest.fixture(scope="module")
def fitted(tmp_path_factory) -> Path:
    """A run that got as far as its graphs: those of the sample artifact, so that nothing is fitted."""
    folder = tmp_path_factory.mktemp("operate")
    rows = [json.loads(line) for line in (SAMPLE / "test.jsonl").read_text("utf-8").splitlines()]
    shops = ("north", "south")
    lines = [json.dumps({**row, "shop": shops[number // 5 % 2]}) for number, row in enumerate(rows * 2)]
    (folder / "calibration.jsonl").write_text("\n".join(lines), "utf-8")
    seen = (SAMPLE / "train-w1.jsonl").read_text("utf-8").splitlines()
    others = [{**json.loads(line), "shop": "north"} for line in seen]
    (folder / "train.jsonl").write_text("\n".join(map(json.dumps, others)), "utf-8")
    (folder / "recipe.toml").write_text(RECIPE)
    assert cli.main(["data", str(folder / "recipe.toml")]) == 0
    (folder / "artifact.run" / "fit.json").write_text('{"base_revision": null}')
    graphs = folder / "artifact.run" / "graphs" / "model"
    graphs.mkdir(parents=True)
    for name in ("model.onnx", "config.json", "tokenizer.json"):
        shutil.copy(ARTIFACT / name, graphs / name)
    for step in ("fit", "graphs"):
        RunFolder(folder / "artifact.run").done(step, "as if", {})
    return folder


def operated(folder: Path, *options: str) -> dict:
    assert cli.main(["operate", str(folder / "recipe.toml"), *options]) == 0
    return json.loads((folder / "artifact.run" / "operating_point.json").read_text("utf-8"))


def test_what_was_chosen_stands_beside_the_manifest_and_not_in_it(fitted, capsys):
    """
    By which bound, from how many messages, and what a day's effort is; the terminal says it too.
    """
    found = operated(fitted)
    chosen, served = found["chosen"], found["description"]["precisions"]["fp32"]
    point = chosen["precisions"]["fp32"]

    assert set(found) == {"description", "chosen", "calibration"}
    assert chosen["messages"] == {"temperature": 120, "promise": 480, "apart": True}
    assert (point["bound"], point["size"], point["slices"]) == ("wilks", 96, [])
    assert point["threshold"] == served["threshold"]
    assert point["promised"] == served["promise"]["recall"] >= 0.9
    assert point["effort"]["very_unsatisfied"] == 500
    assert point["effort"]["looked_at"]["low"] < point["effort"]["looked_at"]["value"] < 10_000
    assert "from 96 of them" in capsys.readouterr().out


def test_calibration_is_told_before_and_after_the_temperature(fitted):
    """
    The loss is least at the chosen temperature on its own messages, so it is hardly more on these than before.
    """
    found = operated(fitted)["calibration"]["fp32"]

    assert set(found) == {"before", "after"}
    assert found["after"]["loss"] < found["before"]["loss"] + 0.01
    for each in found.values():
        assert sum(point["rows"] for point in each["top_label_points"]) == 480
        for name in ("top_label", "class_wise", "urgency"):
            error = each[name]["error"]
            assert 0 <= error["low"] <= error["value"] <= error["high"] <= 1


def test_slices_are_promised_on_a_run_that_is_there(fitted, capsys):
    """
    By the option alone: the lowest of the slices' own thresholds, each of them told.
    """
    point = operated(fitted, "--slices", "shop")["chosen"]["precisions"]["fp32"]

    assert {each["value"] for each in point["slices"]} == {"north", "south"}
    assert point["threshold"] == min(each["threshold"] for each in point["slices"])
    assert 'slice "north" alone' in capsys.readouterr().out


def test_a_column_that_was_not_kept_is_named(fitted, capsys):
    """
    With where to name it; what is done already stays so.
    """
    operated(fitted)
    folder = RunFolder(fitted / "artifact.run")
    folder.done("evaluate", "as if", {})

    assert cli.main(["operate", str(fitted / "recipe.toml"), "--slices", "colour"]) == 2

    assert folder.stamp("operate")
    assert folder.stamp("evaluate") == "as if"

    assert "column 'colour', and the messages keep shop: name it in [data] columns" in capsys.readouterr().err

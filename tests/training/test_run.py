import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import DebertaV2ForSequenceClassification

from consumer import cli as shikyu
from consumer.artifact import read_manifest
from consumer.classify import load
from consumer.cpu_backend import BY_OPENVINO, is_computable
from training import cli, data
from training.preparing import splits
from training.run_folder import RunFolder

pytestmark = [pytest.mark.train, pytest.mark.timeout(600)]  # a whole run, from a small recipe

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "recipes"
SMALL = RECIPES / "small.toml"
TEST = ROOT / "training" / "sample" / "test.jsonl"
A_CLASS, TEST_ROWS = 200, 300
FINE_TUNED = """
name = "fine-tuned"
output = "artifact"

[data]
train = ["../training/sample/train-w1.jsonl"]
max_per_class = 50
cleaning = ["html"]

[model]
base = "{base}"
max_length = 64

[fit.arguments]
max_steps = 2

[promise]
recall = 0.5

[gate]
min_agreement = 0.0
max_more_needless = 1.0
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Where `shikyu-train run recipes/small.toml`, a process of its own, has put its artifact and its run's folder."""
    folder = tmp_path_factory.mktemp("run")
    program = Path(sys.executable).with_name("shikyu-train")
    subprocess.run([program, "run", SMALL, "--out", folder / "artifact"], check=True, timeout=900)
    return folder


def again(made: Path, *words: str) -> list[str]:
    """A step of the run that is there."""
    return [*words, str(SMALL), "--out", str(made / "artifact")]


def test_the_small_recipe_makes_a_model_that_answers(made, capsys):
    """
    The commands of the page: a recipe in, an artifact out, and a message decided.
    """
    assert shikyu.main(["classify", "--model-artifact", str(made / "artifact"), "Where is my refund?!"]) == 0

    assert "Where is my refund?!" in capsys.readouterr().out
    assert all(each.servable for each in read_manifest(made / "artifact").precisions.values())


def test_the_consumer_takes_what_training_made(made):
    """
    Every precision loads, answers any text, and carries the recipe's promise.
    """
    for precision in ("fp32", "fp16", "int8"):
        classifier = load(made / "artifact", precision)
        served = classifier.manifest.precisions[precision]

        assert len(classifier.classify(["Where is my parcel?", "", "😀"])) == 3
        assert served.promise is not None
        assert served.promise.target == 0.9
        assert served.promise.recall >= 0.9


@pytest.mark.skipif(not is_computable(BY_OPENVINO), reason="this processor does not compute int8-bf16")
def test_another_engine_s_precision_is_made_measured_and_served(made, tmp_path):
    """
    With a promise and a gate of its own, from the fit that is there.
    """
    recipe = tmp_path / "small.toml"
    recipe.write_text(SMALL.read_text("utf-8") + '\n[export]\nprecisions = ["fp32", "int8-bf16"]\n', "utf-8")
    shutil.copytree(made / "artifact.run", tmp_path / "artifact.run")

    assert cli.main(["run", str(recipe), "--data", str(RECIPES), "--out", str(tmp_path / "artifact")]) == 0

    classifier = load(tmp_path / "artifact", "int8-bf16")
    served = classifier.manifest.precisions["int8-bf16"]
    assert served.files == ("model_int8_bf16.onnx",)
    assert served.promise.recall >= 0.9
    assert set(served.gate) == set(read_manifest(made / "artifact").precisions["int8"].gate)
    assert classifier.moved_by_a_mate() == 0
    assert "openvino" in classifier.manifest.versions
    assert [each.model.precision for each in classifier.classify(["Where is my parcel?", ""])] == ["int8-bf16"] * 2


def test_the_rows_behind_a_gate_stay_in_the_run_s_folder(made):
    """
    The manifest has their number, flips.json has each; the artifact holds no row.
    """
    flips = json.loads((made / "artifact.run" / "flips.json").read_text())
    precisions = read_manifest(made / "artifact").precisions

    assert set(flips) == {"fp16", "int8"}
    for name, rows in flips.items():
        gate = precisions[name].gate
        assert gate["decision_flips"] == sum(before != after for before, after in (row["urgent"] for row in rows))
    assert not list((made / "artifact").glob("*flips*"))


def test_a_plain_graph_for_other_servers_is_written_beside(made, tmp_path, capsys):
    """
    `export --standard`, from the run's folder alone.
    """
    words = ["export", str(SMALL), "--standard", str(tmp_path / "models")]

    assert cli.main([*words, "--out", str(tmp_path / "again"), "--work", str(made / "artifact.run")]) == 0

    files = {str(path.relative_to(tmp_path / "models")) for path in (tmp_path / "models").rglob("*") if path.is_file()}
    assert files == {f"small/{name}" for name in ("config.pbtxt", "labels.txt", "tokenizer.json", "1/model.onnx")}
    assert len(load(tmp_path / "again", "fp32").classify(["Where is my parcel?"])) == 1


def test_too_few_messages_for_the_promise_are_refused_before_the_fit(made, tmp_path, capsys):
    """
    How many there are is known as soon as they are read.
    """
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(SMALL.read_text("utf-8").replace("recall = 0.90", "recall = 0.999"), "utf-8")

    assert cli.main(["run", str(recipe), "--data", str(RECIPES), "--out", str(tmp_path / "artifact")]) == 5

    told = capsys.readouterr()
    assert "too few to promise a recall of 0.999" in told.err
    assert "20% of train, so it takes " in told.err
    assert "fit:" not in told.out


def test_a_checkpoint_is_fitted_on_and_its_own_classes_are_told(made, tmp_path, capsys):
    """
    A base model of shikyu's kind in a folder; what it told apart before is replaced, and not in silence.
    """
    base = shutil.copytree(made / "artifact", tmp_path / "base")
    config = json.loads((base / "config.json").read_text())
    names = {"id2label": dict(enumerate("abcde")), "label2id": {name: row for row, name in enumerate("abcde")}}
    (base / "config.json").write_text(json.dumps({**config, **names}))
    (tmp_path / "recipe.toml").write_text(FINE_TUNED.format(base=base), "utf-8")
    where = ["--data", str(RECIPES), "--out", str(tmp_path / "artifact")]

    assert cli.main(["run", str(tmp_path / "recipe.toml"), *where]) == 0

    assert (
        "start: the base model told a, b, c, d, e apart; from here on it is very_unsatisfied" in capsys.readouterr().out
    )
    plain, tagged = load(tmp_path / "artifact", "int8").classify(["Where is my parcel?", "Where is <b>my</b> parcel?"])
    assert tagged.probabilities == plain.probabilities  # as the recipe cleans, so does who serves


def test_a_base_model_that_could_not_be_exported_is_refused_before_the_fit(made, tmp_path, capsys):
    """
    By what its configuration says.
    """
    config = json.loads((made / "artifact" / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "pooler_hidden_act": "tanh"}))
    (tmp_path / "recipe.toml").write_text(
        f'name = "a"\noutput = "o"\n[data]\ntrain = ["{TEST}"]\n[model]\nbase = "{tmp_path}"'
    )

    assert cli.main(["run", str(tmp_path / "recipe.toml")]) == 2

    assert "could not be exported: shikyu's packed model does not cover" in capsys.readouterr().err


def test_the_figures_are_those_of_the_served_model(made, capsys):
    """
    eval_results.json, `shikyu-train evaluate` and the Python API agree.
    """
    test = data.read([TEST])
    figures = json.loads((made / "artifact" / "eval_results.json").read_text())["precisions"]["int8"]

    decisions = load(made / "artifact", "int8").classify(test.texts)
    urgent_one_star = [one.urgent for one, label in zip(decisions, test.labels, strict=True) if label == 0]

    assert figures["rows"] == TEST_ROWS
    assert figures["operating_point"]["recall"] == pytest.approx(sum(urgent_one_star) / len(urgent_one_star))
    assert cli.main(["evaluate", str(made / "artifact"), str(TEST), "--precision", "int8"]) == 0
    assert f"accuracy {figures['accuracy']:.3f}" in capsys.readouterr().out


def test_the_reference_runs_metrics_stand_under_its_names(made):
    """
    By argmax in one place, by operating point in another; and no figure of the test goes by a name of calibration's.
    """
    folder = made / "artifact.run"
    predicted, evaluated = (
        json.loads((folder / f"{name}_results.json").read_text()) for name in ("prediction", "eval")
    )
    argmax = evaluated["precisions"]["fp32"]["argmax"]

    assert predicted["test_accuracy"] == pytest.approx(evaluated["precisions"]["fp32"]["accuracy"])
    assert predicted["test_%_unsatisfied_replied"] == pytest.approx(argmax["recall"])
    assert predicted["test_%_satisfied_incorrectly_labels"] == pytest.approx(argmax["needless"])
    assert set(predicted) == {
        "test_accuracy",
        "test_loss",
        "test_samples",
        "test_%_unsatisfied_replied",
        "test_%_satisfied_incorrectly_labels",
        "operating_point",
    }
    assert (
        predicted["operating_point"]["fp32"]["recall"] == evaluated["precisions"]["fp32"]["operating_point"]["recall"]
    )
    assert evaluated["eval_samples"] == 5 * A_CLASS / 5  # a fifth of train calibrates
    assert not any(name.startswith("test_%") for name in evaluated)


def test_texts_stay_in_the_runs_folder(made):
    """
    The mistakes have them there, for who looks into them; no file of the artifact has, nor any other figure.
    """
    folder, texts = made / "artifact.run", [text for text in data.read([TEST]).texts if len(text) > 10]
    mistakes = json.loads((folder / "mistakes.json").read_text())

    assert set(mistakes) == {"labels", "missed", "needless"}
    assert all(each["where"].startswith(f"{TEST.name}, line ") for each in mistakes["labels"])
    assert all(each["text"] == data.read([TEST]).texts[each["row"] - 1] for each in mistakes["labels"])
    for file in [*(made / "artifact").glob("*.json"), *(made / "artifact").glob("*.md"), folder / "evaluation.json"]:
        if file.name != "tokenizer.json":
            assert not any(text in file.read_text("utf-8") for text in texts), file.name


def test_what_the_transformer_gains_is_a_figure_with_an_interval(made, capsys):
    """
    Told, and kept; the step can be done again alone, from the run's folder.
    """
    assert cli.main(again(made, "evaluate")) == 0

    assert "less TF-IDF + logistic regression: accuracy " in capsys.readouterr().out
    found = json.loads((made / "artifact.run" / "evaluation.json").read_text())
    gain = found["gain_over_tfidf_logistic_regression"]
    served, beside = found["precisions"][found["served"]], found["tfidf_logistic_regression"]
    assert gain["accuracy"]["value"] == pytest.approx(served["accuracy"] - beside["accuracy"])
    assert gain["accuracy"]["low"] <= gain["accuracy"]["value"] <= gain["accuracy"]["high"]
    assert json.loads((made / "artifact" / "eval_results.json").read_text())["served"] == found["served"]


def test_the_verdict_that_a_run_keeps_is_that_of_check(made, capsys):
    """
    Of every precision that may be served, on the same test messages.
    """
    cli.main(["check", str(made / "artifact"), str(TEST), "--json"])

    told = {name: each["slices"] for name, each in json.loads(capsys.readouterr().out).items()}
    assert json.loads((made / "artifact.run" / "evaluation.json").read_text())["verdicts"] == told


def test_transformers_loads_the_checkpoint_and_agrees_with_fp32(made):
    """
    The artifact is a checkpoint too: same tokenizer, same logits as the packed graph.
    """
    from training.fitting.tokenizer import load as load_tokenizer
    from training.scoring.score import folder_files, score

    texts = ["Where is my parcel?", "Three weeks. THREE. I want my money back, today!"]
    model = DebertaV2ForSequenceClassification.from_pretrained(made / "artifact").eval()
    batch = load_tokenizer(made / "artifact")(texts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        expected = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits.numpy()

    scored = score(folder_files(made / "artifact"), "model.onnx", texts, max_length=64)

    assert abs(scored.logits - expected).max() < 2e-5
    assert len(load_tokenizer(made / "artifact")("word " * 500)["input_ids"]) > 500, "fitting's truncation stayed in"


def test_the_manifest_knows_its_training_messages(made):
    """
    The fingerprint is that of the rows, wherever they stand.
    """
    known = read_manifest(made / "artifact").training_data

    messages = splits.read(RunFolder(made / "artifact.run"))
    assert known.fingerprint == messages.everything.fingerprint()
    assert (known.rows, known.class_counts) == (5 * A_CLASS, (A_CLASS,) * 5)


def test_the_card_names_both_ways_to_count(made):
    """
    What a reader of README.md sees first are figures, the baseline's among them.
    """
    card = (made / "artifact" / "README.md").read_text("utf-8")

    for words in ("fp32", "int8", "TF-IDF + logistic regression", "by argmax", "confidence"):
        assert words in card


def test_the_report_tells_of_the_run_and_stays_in_its_folder(made, capsys):
    """
    Its figures are the JSON files'; a text that is HTML does nothing; done again alone, it is made anew.
    """
    folder = made / "artifact.run"
    assert not (made / "artifact" / "report.html").exists()
    mistakes = json.loads((folder / "mistakes.json").read_text())
    evil = {**mistakes["labels"][0], "text": "<script>alert(1)</script>"}
    (folder / "mistakes.json").write_text(json.dumps({**mistakes, "labels": [evil, *mistakes["labels"]]}))

    assert cli.main(again(made, "report")) == 0

    (folder / "mistakes.json").write_text(json.dumps(mistakes))
    assert "report.html (it may hold customers' texts)" in capsys.readouterr().out
    page = (folder / "report.html").read_text("utf-8")
    measured = json.loads((folder / "evaluation.json").read_text())
    fit = json.loads((folder / "train_results.json").read_text())
    assert f"{100 * measured['precisions'][measured['served']]['recall']['value']:.1f}\u00a0%" in page
    assert f"<dt><code>train_loss</code></dt><dd>{fit['train_loss']:.4f}</dd>" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page
    assert re.search(r"(src|href)=.https?:", page) is None

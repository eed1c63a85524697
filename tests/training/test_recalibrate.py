import json
import re
import shutil
from pathlib import Path

import pytest

from consumer.artifact import read_manifest, verify
from consumer.classify import load
from consumer.errors import SettingsError
from training import cli, data, recipe
from training.recalibrate import recalibrate
from training.recipe import Promise

pytestmark = pytest.mark.train

ROOT = Path(__file__).parents[2]
ARTIFACT, MESSAGES = ROOT / "artifacts" / "sample", ROOT / "training" / "sample" / "test.jsonl"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """The sample artifact, calibrated anew on the 300 messages that it has not seen."""
    out = tmp_path_factory.mktemp("recalibrated") / "new"
    command = ["recalibrate", str(ARTIFACT), str(MESSAGES), "--out", str(out), "--version", "1-new-shop"]
    assert cli.main([*command, "--recall", "0.9", "--live-shares", "0.05,0.1,0.15,0.3,0.4"]) == 0
    return out


def test_the_new_artifact_is_the_same_model_with_another_promise(made):
    """
    The consumer takes it in every precision; four fifths of the 300 carry the promise.
    """
    was, now = read_manifest(ARTIFACT), read_manifest(made)

    for name in ("fp32", "int8"):
        served = verify(made, name).served
        assert served.promise is not None
        assert (served.promise.target, served.promise.calibration_size) == (0.9, 240)
        assert served.threshold != was.precisions[name].threshold
    assert now.version == "1-new-shop"
    assert now.class_shares.live == (0.05, 0.1, 0.15, 0.3, 0.4)
    assert now.files["model.onnx"] == was.files["model.onnx"]
    assert now.training_data == was.training_data
    assert len(load(made, "int8").classify(["Where is my parcel?"])) == 1


def test_nothing_that_was_measured_of_the_old_threshold_is_left(made):
    """
    Neither in the results nor in the card; nor does a message stand in them.
    """
    results = json.loads((made / "eval_results.json").read_text("utf-8"))
    card = (made / "README.md").read_text("utf-8")

    assert "precisions" not in results
    assert results["recalibrated_from"] == {"name": "shikyu-sample", "version": "1"}
    assert set(results["before"]) == {"fp32", "int8"}
    assert "model-index" not in card
    assert "at least 90\u00a0% of the very unsatisfied" in card
    for line in MESSAGES.read_text("utf-8").splitlines():
        assert json.loads(line)["text"] not in card + json.dumps(results)


def test_what_the_old_threshold_did_is_told_of_the_same_messages(made):
    """
    As the consumer decides with the old artifact.
    """
    messages = data.read([MESSAGES])
    before = json.loads((made / "eval_results.json").read_text("utf-8"))["before"]["int8"]

    urgent = [one.urgent for one in load(ARTIFACT, "int8").classify(messages.texts)]

    very = [each for each, label in zip(urgent, messages.labels, strict=True) if label == 0]
    happy = [each for each, label in zip(urgent, messages.labels, strict=True) if label >= 2]
    assert before["recall"] == pytest.approx(sum(very) / len(very))
    assert before["needless"] == pytest.approx(sum(happy) / len(happy))
    told = f"threshold answered {before['recall'] * 100:.1f}\u00a0% and {before['needless'] * 100:.1f}\u00a0%"
    assert told in (made / "README.md").read_text("utf-8")


def test_what_is_answered_of_two_stars_is_told_before_and_after(made):
    """
    On the card, as the consumer decides with either artifact: no promise says it.
    """
    messages = data.read([MESSAGES])
    two = [text for text, label in zip(messages.texts, messages.labels, strict=True) if label == 1]

    shares = [sum(one.urgent for one in load(each, "int8").classify(two)) / len(two) for each in (ARTIFACT, made)]

    before, after = (f"{100 * share:.1f}\u00a0%" for share in shares)
    line = next(line for line in (made / "README.md").read_text("utf-8").splitlines() if line.startswith("- int8"))
    assert line.endswith(f"of those with 2 stars it answered {before}, and the new one answers {after}.")


def test_shares_that_were_declared_stay_unless_others_are(made):
    """
    Those of live traffic are no messages' own.
    """
    again = recalibrate(made, data.read([MESSAGES]), "3", Promise(recall=0.9))

    assert again.description.class_shares.live == (0.05, 0.1, 0.15, 0.3, 0.4)
    assert again.description.class_shares.training == (0.2,) * 5


@pytest.fixture
def sliced(tmp_path) -> Path:
    """The sample artifact, as if it promised 0.85 with 0.9 confidence in two shops, and counted two stars a quarter."""
    artifact = Path(shutil.copytree(ARTIFACT, tmp_path / "artifact"))
    manifest = json.loads((artifact / "manifest.json").read_text("utf-8"))
    manifest["class_shares"]["unsatisfied_weight"] = 0.25
    for each in manifest["precisions"].values():
        each["promise"] |= {"target": 0.85, "confidence": 0.9, "slices": "shop", "bound": "wilks"}
    (artifact / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return artifact


def in_shops(path: Path) -> str:
    rows = [json.loads(line) for line in MESSAGES.read_text("utf-8").splitlines()]
    shops = ("north", "south")
    path.write_text("\n".join(json.dumps({**row, "shop": shops[at // 5 % 2]}) for at, row in enumerate(rows)), "utf-8")
    return str(path)


def promised(artifact: Path) -> tuple[float, float, str | None, float]:
    manifest = read_manifest(artifact)
    promise = manifest.precisions["int8"].promise
    assert promise is not None
    return promise.target, promise.confidence, promise.slices, manifest.class_shares.unsatisfied_weight


def test_what_was_promised_is_promised_again_unless_told_otherwise(tmp_path, sliced, capsys):
    """
    Recall, confidence, slices and weight of the artifact's own promise; each option by itself changes its own part.
    """
    command = ["recalibrate", str(sliced), in_shops(tmp_path / "a.jsonl"), "--version", "2", "--out"]

    assert cli.main([*command, str(tmp_path / "same")]) == 0
    assert cli.main([*command, str(tmp_path / "less"), "--recall", "0.8"]) == 0
    kept = capsys.readouterr().out
    assert cli.main([*command, str(tmp_path / "mean"), "--slices", "", "--unsatisfied-weight", "1"]) == 0

    assert promised(tmp_path / "same") == (0.85, 0.9, "shop", 0.25)
    assert promised(tmp_path / "less") == (0.8, 0.9, "shop", 0.25)
    assert promised(tmp_path / "mean") == (0.85, 0.9, None, 1)
    assert "in urgency, two stars count 0.25 times\n" in kept
    assert re.search(r"\nint8 now: [0-9.]+% of 2 stars answered, [0-9.]+% of 3 to 5 needlessly, on the same", kept)
    assert "in urgency, two stars count in full (was 0.25)\n" in capsys.readouterr().out
    assert "counts 0.25 times in urgency, so that" in (tmp_path / "same" / "README.md").read_text("utf-8")
    assert "counts in full in urgency (was 0.25)." in (tmp_path / "mean" / "README.md").read_text("utf-8")


def test_messages_that_lack_the_promises_slices_are_told_the_way_out(tmp_path, sliced, capsys):
    """
    They cannot carry the old promise; that of the mean has to be asked for.
    """
    command = ["recalibrate", str(sliced), str(MESSAGES), "--version", "2", "--out", str(tmp_path / "new")]

    assert cli.main(command) == 2

    told = capsys.readouterr()
    assert '85% of 1 star with 90% confidence in every slice of "shop" (--slices "" promises the mean)' in told.out
    assert "has no 'shop' in line 1" in told.err


def test_messages_without_one_of_the_classes_are_refused():
    """
    Needless answers are counted class by class.
    """
    messages = data.read([MESSAGES])

    with pytest.raises(SettingsError, match="hold none with 5 stars"):
        recalibrate(ARTIFACT, messages.take(messages.labels.argsort()[:240]), "3", Promise(recall=0.9))


def test_too_few_messages_are_told_with_how_many_more(tmp_path, capsys):
    """
    60 very unsatisfied carry no 95 %, and nothing is written.
    """
    out = tmp_path / "new"
    command = ["recalibrate", str(ARTIFACT), str(MESSAGES), "--out", str(out), "--version", "2"]

    assert cli.main([*command, "--recall", "0.95"]) == 5

    assert "label 14 more (74 in all, 20% of which serve the temperature)" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--version", "a b", "--recall", "0.9"], "The version 'a b' is none"),
        (["--version", "2", "--live-shares", "0.5,0.5"], "--live-shares: Field required; give five that sum to 1"),
        (["--version", "2", "--recall", "nan"], "--recall is nan: it should be a finite number."),
        (["--version", "2", "--unsatisfied-weight", "nan"], "--unsatisfied-weight is nan: it should be a finite"),
        (["--version", "2", "--temperature-share", "nan"], "--temperature-share is nan: it should be a finite"),
    ],
)
def test_what_is_given_wrongly_is_named(tmp_path, capsys, options, message):
    """
    Before anything is written.
    """
    command = ["recalibrate", str(ARTIFACT), str(MESSAGES), "--out", str(tmp_path / "new"), *options]

    assert cli.main(command) == 2

    assert message in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def labelled(path: Path, texts: list[str]) -> str:
    path.write_text("\n".join(json.dumps({"text": text, "stars": 1, "shop": "north"}) for text in texts), "utf-8")
    return str(path)


def test_check_tells_kept_broken_and_too_few_apart(tmp_path, capsys):
    """
    By exit code 0, 5 and 6; happy messages that are called very unsatisfied stand for a domain where the model fails.
    """
    angry, happy = "Three weeks, no refund, nobody answers, I am furious.", "Thank you, it arrived early, wonderful!"

    assert cli.main(["check", str(ARTIFACT), labelled(tmp_path / "kept.jsonl", [angry] * 40)]) == 0
    assert "kept" in capsys.readouterr().out
    assert cli.main(["check", str(ARTIFACT), labelled(tmp_path / "broken.jsonl", [happy] * 40)]) == 5
    assert "calibrate on messages like these" in capsys.readouterr().err
    assert cli.main(["check", str(ARTIFACT), labelled(tmp_path / "few.jsonl", [angry] * 20)]) == 6
    assert "label about 9 more" in capsys.readouterr().err


def test_two_precisions_are_two_tests(tmp_path, capsys):
    """
    8 misses of 40 break one precision's promise (P = 0.04); of two, either of which would, they do not tell.
    """
    angry, happy = "Three weeks, no refund, nobody answers, I am furious.", "Thank you, it arrived early, wonderful!"
    file = labelled(tmp_path / "a.jsonl", [angry] * 32 + [happy] * 8)

    assert cli.main(["check", str(ARTIFACT), file, "--precision", "fp32"]) == 5
    assert cli.main(["check", str(ARTIFACT), file]) == 6
    assert "Too few" in capsys.readouterr().err


def test_check_asks_every_slice(tmp_path, capsys):
    """
    By a column of the file, in JSON for programs.
    """
    file = labelled(tmp_path / "a.jsonl", ["Three weeks, no refund, nobody answers, I am furious."] * 40)

    assert cli.main(["check", str(ARTIFACT), file, "--slices", "shop", "--precision", "fp32", "--json"]) == 0

    shown = json.loads(capsys.readouterr().out)["fp32"]
    assert shown["slices"]["north"]["outcome"] == "kept"
    assert shown["promise"]["target"] == 0.9


def test_a_promise_of_every_slice_is_checked_in_every_slice(tmp_path, capsys):
    """
    Without being told so: what holds on average alone would break it. Here one of two shops is failed.
    """
    artifact = Path(shutil.copytree(ARTIFACT, tmp_path / "artifact"))
    manifest = json.loads((artifact / "manifest.json").read_text("utf-8"))
    for each in manifest["precisions"].values():
        each["promise"] |= {"slices": "shop", "bound": "wilks"}
    (artifact / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    angry, happy = "Three weeks, no refund, nobody answers, I am furious.", "Thank you, it arrived early, wonderful!"
    rows = [(angry, "north")] * 400 + [(happy, "south")] * 10
    lines = [json.dumps({"text": text, "stars": 1, "shop": shop}) for text, shop in rows]
    (file := tmp_path / "a.jsonl").write_text("\n".join(lines), "utf-8")

    assert cli.main(["check", str(artifact), str(file)]) == 5
    assert "south" in capsys.readouterr().out
    assert cli.main(["check", str(ARTIFACT), str(file)]) == 0


def test_a_shop_s_columns_go_along_and_a_useless_threshold_is_warned_of(tmp_path, capsys):
    """
    The next file of the shop is read without flags. These stars say nothing of their texts, so nearly all is answered.
    """
    rows = [json.loads(line) for line in MESSAGES.read_text("utf-8").splitlines()]
    shuffled = [{"review": row["text"], "score": at % 5 + 1} for at, row in enumerate(rows)]
    (file := tmp_path / "hotel.jsonl").write_text("\n".join(map(json.dumps, shuffled)), "utf-8")
    out = tmp_path / "new"
    words = ["--text", "review", "--stars", "score", "--out", str(out), "--version", "2-hotel"]

    assert cli.main(["recalibrate", str(ARTIFACT), str(file), *words]) == 0
    assert "warning: this keeps its promise by answering nearly everything" in capsys.readouterr().err
    assert cli.main(["check", str(out), str(file), "--precision", "fp32"]) in (0, 6)

    assert f"read as {out / 'recipe.toml'} says: --text review --stars score" in capsys.readouterr().err
    made = recipe.read(out / "recipe.toml")
    assert [source.name for source in made.data.all_sources] == ["recalibrated", "messages"]
    assert made.version == "2-hotel"
    assert verify(out, "fp32").served.promise is not None

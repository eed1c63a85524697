"""What is done again, and what is not: a step's stamp is of all that it was made from."""

from pathlib import Path

import pytest

from consumer.errors import SettingsError
from tests.training.test_processes import RECIPE, SAMPLE
from training import cli, run
from training.fitting import loading
from training.run_folder import RunFolder

pytestmark = pytest.mark.train

BASED = 'name = "a"\noutput = "artifact"\n[data]\ntrain = ["x"]\n[model]\nbase = "{base}"\n'


@pytest.fixture
def did(monkeypatch) -> list[str]:
    """The steps that were done, each in the place of what it does."""
    done: list[str] = []
    for name, (_, parts) in run.STEPS.items():
        monkeypatch.setitem(run.STEPS, name, (lambda job, name=name: done.append(name), parts))
    return done


def job(folder: Path, recipe: str = BASED.format(base="somebody/base")) -> run.Job:
    (folder / "recipe.toml").write_text(recipe, "utf-8")
    return run.job(folder / "recipe.toml", print)


def finish(asked: run.Job) -> None:
    for step in run.STEPS:
        run.finish(asked, step)


def test_a_step_that_is_done_takes_those_after_it_along(tmp_path, did):
    """
    Made of what it made before, they would go by the new settings' name; those before it, and the messages, stand.
    """
    finish(job(tmp_path))
    did.clear()

    run.do(job(tmp_path), "operate")
    finish(job(tmp_path))

    assert did == ["operate", "data", "evaluate", "report", "export"]


def test_a_step_alone_does_not_go_on_from_what_is_due(tmp_path, did):
    """An export after `operate` would tell the old figures of a new threshold."""
    finish(job(tmp_path))
    run.do(job(tmp_path), "operate")
    did.clear()

    for step in ("export", "report"):
        with pytest.raises(SettingsError, match=f"{step} goes on from evaluate, .*run `shikyu-train evaluate` first"):
            run.do(job(tmp_path), step)
    for step in ("evaluate", "report", "export"):
        run.do(job(tmp_path), step)

    assert did == ["evaluate", "report", "export"]


def test_a_step_that_is_refused_before_it_wrote_leaves_all_done(tmp_path, did, monkeypatch):
    """One that had written is not done, and neither are those that were made of what it had made."""
    asked = job(tmp_path)
    finish(asked)
    monkeypatch.setitem(run.STEPS, "operate", (refused, run.STEPS["operate"][1]))

    with pytest.raises(SettingsError, match="no such column"):
        run.do(asked, "operate")
    assert all(asked.folder.stamp(step) for step in run.STEPS)

    monkeypatch.setitem(run.STEPS, "operate", (refused_late, run.STEPS["operate"][1]))
    with pytest.raises(SettingsError, match="no such column"):
        run.do(asked, "operate")
    assert [step for step in run.STEPS if asked.folder.stamp(step)] == run.until("graphs")


def refused(job: run.Job) -> None:
    raise SettingsError("no such column")


def refused_late(job: run.Job) -> None:
    job.folder.write("operating_point.json", b"{}")
    refused(job)


def test_a_plain_onnx_is_not_written_before_its_steps_are_done(tmp_path, did, capsys):
    """Else a server would take up what `export` then refuses to make an artifact of."""
    asked = job(tmp_path)
    for step in run.until("evaluate"):
        run.finish(asked, step)

    assert cli.main(["export", str(tmp_path / "recipe.toml"), "--standard", str(tmp_path / "models")]) == 2
    assert "export goes on from report, which was not done" in capsys.readouterr().err
    assert not (tmp_path / "models").exists()


def test_a_gate_that_asks_for_more_has_int8_made_anew(tmp_path, did):
    """What stays in fp32 is chosen by it; how much needless work int8 may add is looked at only afterwards."""
    plain = BASED.format(base="somebody/base")
    finish(job(tmp_path, plain))
    did.clear()

    finish(job(tmp_path, plain + "[gate]\nmax_more_needless = 0.02\n"))
    assert did == ["data", "operate", "evaluate", "report", "export"]
    did.clear()
    finish(job(tmp_path, plain + "[gate]\nmin_agreement = 0.995\n"))
    assert did == ["data", "graphs", "operate", "evaluate", "report", "export"]


def test_a_step_done_alone_is_of_what_was_there(tmp_path, did):
    """
    Graphs of an older fit are not those of the fit that the recipe asks for now.
    """
    finish(job(tmp_path))
    other = BASED.format(base="somebody/base") + "[fit]\npatience = 2\n"
    did.clear()

    run.do(job(tmp_path, other), "graphs")
    finish(job(tmp_path, other))

    assert did == ["graphs", "data", "fit", "graphs", "operate", "evaluate", "report", "export"]


@pytest.mark.parametrize(
    ("validation", "first"), [("", "operate"), ("validation_share = 0.1\n", "fit"), ('validation = ["y"]\n', "fit")]
)
@pytest.mark.parametrize(
    "promise", ["recall = 0.9", "live_shares = [0.1, 0.1, 0.2, 0.3, 0.3]", "unsatisfied_weight = 0.1"]
)
def test_what_the_best_checkpoint_was_chosen_by_is_fitted_by_again(tmp_path, did, validation, first, promise):
    """
    With validation, another recall, other live shares or another weight make another model; without, another threshold.
    """
    recipe = BASED.format(base="somebody/base").replace("[model]", f"{validation}[model]")
    finish(job(tmp_path, recipe))
    finish(job(tmp_path, f'{recipe}[promise]\nslices = "channel"\n'))
    did.clear()

    finish(job(tmp_path, f'{recipe}[promise]\nslices = "channel"\n{promise}\n'))

    assert did == ["data", *run.since(first)]


def test_a_base_model_in_a_folder_is_its_files(tmp_path, did):
    """
    Those that are loaded: the same name with other weights is another one to fit.
    """
    base = tmp_path / "base"
    base.mkdir()
    for name in ("config.json", "model.safetensors", "README.md"):
        (base / name).write_text("this")
    asked = job(tmp_path, BASED.format(base="base"))
    finish(asked)
    did.clear()

    (base / "README.md").write_text("that")
    finish(asked)
    (base / "model.safetensors").write_text("that")
    finish(asked)

    assert did == ["data", "data", *run.since("fit")]


def test_a_base_model_of_the_hub_is_its_commit(tmp_path, did, monkeypatch):
    """
    A branch moves: what is there now is another model.
    """
    for commit in ("1" * 40, "2" * 40):
        monkeypatch.setattr(loading, "try_to_load_from_cache", lambda *_, commit=commit, **__: f"{commit}/config.json")
        finish(job(tmp_path))

    assert did == [*run.STEPS, "data", *run.since("fit")]


@pytest.mark.parametrize("base", ["base", "scratch", "somebody/base"])
def test_a_base_model_lies_beside_the_recipe(tmp_path, base):
    """
    As all that it names does, from wherever it is read; what is no folder there is a name.
    """
    (tmp_path / "base").mkdir()
    (tmp_path / "scratch").mkdir()

    found = job(tmp_path, BASED.format(base=base) + f'[compare]\nbases = ["{base}"]\n').recipe

    wanted = str(tmp_path / "base") if base == "base" else base
    assert found.model.base == wanted
    assert found.compare.bases == [wanted]


def test_checkpoints_stay_until_the_fit_counts_as_done(tmp_path, monkeypatch):
    """
    Killed in between, it goes on from the last one, and is not fitted anew.
    """
    (tmp_path / "train.jsonl").write_bytes(b"".join(SAMPLE.read_bytes().splitlines(keepends=True)[:200]))
    asked = job(tmp_path, RECIPE.format(batch=8).replace("num_train_epochs = 2", "max_steps = 2"))
    work = asked.folder.checkpoints()

    def killed(folder, step, *rest):
        if step == "fit":
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(RunFolder, "done", killed)
        run.finish(asked, "data")
        with pytest.raises(KeyboardInterrupt):
            run.finish(asked, "fit")
    assert (work / "checkpoint-2").is_dir()

    run.do(asked, "data")
    run.finish(asked, "fit")

    assert not list(work.parent.glob("*/checkpoint-*"))
    assert (work / "train_results.json").exists()

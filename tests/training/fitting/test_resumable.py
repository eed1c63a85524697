import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from consumer.errors import SettingsError
from tests.training.interrupted import LABELS, WAYS, after_checkpoint, fitted, pretrained
from training.fitting.fit import Ways
from training.fitting.resumable import ResumableTrainer

pytestmark = [pytest.mark.train, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[3]


class Interrupted(Exception):
    pass


def losses(work: Path) -> list[float]:
    log = json.loads((work / "trainer_state.json").read_text())["log_history"]
    return [entry[name] for entry in log for name in ("loss", "train_loss") if name in entry]


def interrupt(monkeypatch, step: int, of) -> None:
    """As if the process had died when that step's checkpoint was there."""

    def end():
        raise Interrupted

    with monkeypatch.context() as patched:
        patched.setattr(ResumableTrainer, "_save_checkpoint", after_checkpoint(step, end))
        with pytest.raises(Interrupted):
            of()


def assert_same(one: torch.nn.Module, other: torch.nn.Module, works: tuple[Path, Path]) -> None:
    for (name, weight), (_, expected) in zip(one.named_parameters(), other.named_parameters(), strict=True):
        torch.testing.assert_close(weight, expected, rtol=0, atol=1e-6, msg=lambda told, name=name: f"{name}: {told}")
    assert losses(works[0]) == pytest.approx(losses(works[1]), abs=1e-6)
    assert len(losses(works[0])) > 2


def test_a_killed_fit_goes_on_as_if_nothing_had_happened(tmp_path):
    """
    kill -9 in the middle of the second epoch: same losses, same weights; the average, the drawing and the rates too.
    """
    command = [sys.executable, "-m", "tests.training.interrupted", str(tmp_path / "killed"), "8"]
    died = subprocess.run(command, cwd=ROOT, timeout=120, capture_output=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    assert not (tmp_path / "killed" / "train_results.json").exists()

    resumed = fitted(tmp_path / "killed", WAYS)

    assert_same(resumed, fitted(tmp_path / "unbroken", WAYS), (tmp_path / "killed", tmp_path / "unbroken"))


@pytest.mark.parametrize(
    ("step", "rows", "options"),
    [
        (4, 50, {}),  # the last but one of the first epoch's five
        (9, 47, {"gradient_accumulation_steps": 1, "save_steps": 9}),  # before a last batch that is not full
        (10, 50, {"save_steps": 5}),  # where the third epoch begins
        (7, 50, {"train_sampling_strategy": "random", "save_steps": 7}),
        (15, 50, {}),  # when all was learned, and nothing written yet
    ],
)
def test_any_step_will_do(tmp_path, monkeypatch, step, rows, options):
    """
    A checkpoint knows the epoch's order, and the batch that was fetched ahead.
    """
    works = (tmp_path / "broken", tmp_path / "unbroken")
    interrupt(monkeypatch, step, lambda: fitted(works[0], Ways(), rows, **options))

    assert_same(fitted(works[0], Ways(), rows, **options), fitted(works[1], Ways(), rows, **options), works)


def test_a_fit_that_had_stopped_early_takes_no_other_step(tmp_path, monkeypatch):
    """
    Nothing gets better after the first evaluation, so that the second is the last; then it was killed.
    """
    works = (tmp_path / "broken", tmp_path / "unbroken")
    again = {"ways": Ways(patience=1), "judge": lambda _: {"needless_at_recall": 0.5, "accuracy": 0.5}, "eval_steps": 4}
    interrupt(monkeypatch, 8, lambda: fitted(works[0], **again))

    assert_same(fitted(works[0], **again), fitted(works[1], **again), works)

    steps = [json.loads((work / "trainer_state.json").read_text())["global_step"] for work in works]
    assert steps == [8, 8]


def test_pretraining_goes_on_too(tmp_path, monkeypatch):
    """
    With the same words masked.
    """
    works = (tmp_path / "broken", tmp_path / "unbroken")
    interrupt(monkeypatch, 8, lambda: pretrained(works[0]))

    assert_same(pretrained(works[0]), pretrained(works[1]), works)


def test_a_checkpoint_that_is_cut_off_is_passed_over(tmp_path, monkeypatch):
    """
    For the one before it, which is whole.
    """
    works = (tmp_path / "broken", tmp_path / "unbroken")
    interrupt(monkeypatch, 8, lambda: fitted(works[0], Ways()))
    cut = works[0] / "checkpoint-8" / "optimizer.pt"
    cut.write_bytes(cut.read_bytes()[:1000])

    assert_same(fitted(works[0], Ways()), fitted(works[1], Ways()), works)


def test_checkpoints_of_another_fit_are_not_gone_on_from(tmp_path, monkeypatch):
    """
    Other settings make another model; how often it is saved changes nothing.
    """
    works = (tmp_path / "broken", tmp_path / "unbroken")
    interrupt(monkeypatch, 8, lambda: fitted(works[0], Ways(), learning_rate=5e-2))

    assert_same(fitted(works[0], Ways()), fitted(works[1], Ways(), save_steps=5), works)


@pytest.mark.parametrize("changed", [{"judged_by": {"recall": 0.9}}, {"validation_rows": 40}], ids=["judge", "rows"])
def test_checkpoints_that_were_chosen_otherwise_are_not_gone_on_from(tmp_path, monkeypatch, changed):
    """
    The best of them was the best by another judge, or on other messages; the same judge goes on.
    """
    asked = {"ways": Ways(), "judge": lambda _: {"needless_at_recall": 0.5, "accuracy": 0.5}, "eval_steps": 4}
    asked = {**asked, "judged_by": {"recall": 0.95}}
    same, other = [], []
    interrupt(monkeypatch, 4, lambda: fitted(tmp_path, **asked))
    interrupt(monkeypatch, 8, lambda: fitted(tmp_path, **asked, say=same.append))
    interrupt(monkeypatch, 12, lambda: fitted(tmp_path, **{**asked, **changed}, say=other.append))

    assert f"fit: {tmp_path.name} goes on from checkpoint-4" in same
    assert "beginning anew" in other[0]


def test_who_interrupts_a_fit_is_told_how_it_goes_on(tmp_path, monkeypatch):
    """
    Ctrl-C loses what was learned since the last checkpoint.
    """

    def press():
        raise KeyboardInterrupt

    monkeypatch.setattr(ResumableTrainer, "_save_checkpoint", after_checkpoint(8, press))
    with pytest.raises(KeyboardInterrupt):
        fitted(tmp_path, Ways(), say=(said := []).append)

    assert said[-1] == "fit: interrupted; the same command goes on from checkpoint-8"


def test_another_number_of_processes_is_told(tmp_path, monkeypatch):
    """
    Their checkpoints have as many places in the epoch; nothing is removed.
    """
    interrupt(monkeypatch, 8, lambda: fitted(tmp_path, Ways()))
    made_from = json.loads((tmp_path / "made_from.json").read_text())
    (tmp_path / "made_from.json").write_text(json.dumps({**made_from, "processes": 4}))

    with pytest.raises(SettingsError, match="made by 4 processes, and this is one of 1"):
        fitted(tmp_path, Ways())

    assert (tmp_path / "checkpoint-8").is_dir()


def test_the_figures_are_of_the_whole_fit(tmp_path, monkeypatch):
    """
    A resumed fit's seconds are those before and after, and its rates are all samples by them.
    """
    with monkeypatch.context() as patched:
        patched.setattr(ResumableTrainer, "_runtime", lambda trainer: 100.0)
        interrupt(patched, 8, lambda: fitted(tmp_path, Ways()))
    fitted(tmp_path, Ways())

    results = json.loads((tmp_path / "train_results.json").read_text())

    assert results["epoch"] == 3
    assert results["train_runtime"] > 100
    assert results["train_samples"] == len(LABELS)
    assert results["train_samples_per_second"] == pytest.approx(3 * len(LABELS) / results["train_runtime"], rel=0.01)

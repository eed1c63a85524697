from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from tests.training.interrupted import LABELS, SIZES, TEXTS
from training.data import Labelled
from training.data.folds import fold_rows
from training.fitting.fit import ARGUMENTS
from training.preparing import splits
from training.preparing.prepare import Prepared
from training.recipe import Recipe
from training.run_folder import TRAIN_RESULTS, RunFolder
from training.steps import fit as step
from training.steps.job import Job

pytestmark = pytest.mark.train

SKEWED = np.repeat(np.arange(5), (4, 6, 8, 10, 12))


def job(folder: Path, folds: int) -> Job:
    """The splits are there; a fit is one step."""
    recipe = Recipe.model_validate(
        {
            "name": "a",
            "output": "o",
            "data": {"train": ["x"]},
            "model": {"vocab_size": 60, "max_length": 8, "config": {**SIZES, "hidden_size": 32}},
            "fit": {"precision": "fp32", "arguments": {"max_steps": 1, "use_cpu": True}},
            "calibration": {"folds": folds},
        }
    )
    train = Labelled(tuple(TEXTS), LABELS, LABELS * 0)
    run = RunFolder(folder / "run")
    splits.write(
        Prepared(train, train, None, None, 0, fold_rows(train, folds, 0, whole_files=False)),
        run,
    )
    return Job(recipe, run, folder, folder / "o", lambda _: None)


def test_models_of_folds_that_are_no_more_go_when_a_fit_begins_anew(tmp_path):
    """
    They would be exported again, and served by nobody.
    """
    step.fit(job(tmp_path, 3))
    assert RunFolder(tmp_path / "run").models() == ["fold-0", "fold-1", "fold-2", "model"]

    step.fit(job(tmp_path, 2))
    assert RunFolder(tmp_path / "run").models() == ["fold-0", "fold-1", "model"]


def test_models_stay_while_an_interrupted_fit_goes_on(tmp_path, monkeypatch):
    """
    Those that it had come to; one with other messages or settings begins anew.
    """
    learned = []

    def interrupted(*given, **named):
        learned.append(RunFolder(tmp_path / "run").root.joinpath("models", "model").is_dir())
        if len(learned) % 2 == 0:
            raise KeyboardInterrupt
        return fitted(*given, **named)

    fitted = step.learn
    monkeypatch.setattr(step, "learn", interrupted)

    for folds in (3, 3, 2):
        with pytest.raises(KeyboardInterrupt):
            step.fit(job(tmp_path, folds))

    assert learned == [False, True, True, True, False, True]


def test_models_of_folds_speak_for_the_shares_of_all_that_they_calibrate(tmp_path, monkeypatch):
    """
    Those of the messages as they are: without, each would speak for what it learned from, by its sources' weights.
    """
    given, told = job(tmp_path, 2), {}

    def learn(recipe, start, learned, work, calibration, *rest, **options):
        told[work.name] = calibration.class_counts()
        for name in (ARGUMENTS, TRAIN_RESULTS):
            given.folder.write(f"fit/{work.name}/{name}", b"{}")

    monkeypatch.setattr(step, "learn", learn)
    monkeypatch.setattr(step, "save", lambda *_: None)
    messages = Labelled([f"parcel number {row}" for row in range(40)], SKEWED, np.zeros(40, dtype=np.int32))
    folds = fold_rows(messages, 2, 0, whole_files=False)
    splits.write(Prepared(messages, messages, None, None, 0, folds), given.folder)

    step.fit(given)

    assert told == {name: [4, 6, 8, 10, 12] for name in ("model", "fold-0", "fold-1")}

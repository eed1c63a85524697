import io

import pytest
from rich.console import Console
from transformers.utils import logging

from tests.training.interrupted import fitted
from training.fitting import watched
from training.fitting.fit import Ways

pytestmark = pytest.mark.train

FEW = {"max_steps": 4, "logging_steps": 2, "save_strategy": "no"}


def test_elsewhere_than_at_a_terminal_there_are_lines(tmp_path, capsys):
    """
    One for each entry of the Trainer's log, and nothing of its own printing.
    """
    fitted(tmp_path, Ways(), say=(said := []).append, **FEW)

    assert [line.split(", loss")[0] for line in said] == [
        "fit: step 2 of 4, epoch 0.40",
        "fit: step 4 of 4, epoch 0.80",
    ]
    assert capsys.readouterr().out == ""


def test_at_a_terminal_there_is_a_bar_with_the_last_figures(tmp_path, monkeypatch):
    """
    On standard error, in the place of the lines, however quiet the libraries were made before.
    """
    logging.set_verbosity_error()
    screen = io.StringIO()
    monkeypatch.setattr(watched, "Console", lambda stderr: Console(file=screen, force_terminal=True, width=200))

    fitted(tmp_path, Ways(), say=(said := []).append, **FEW)

    assert said == []
    assert "4/4" in screen.getvalue()
    assert "epoch 0.80, loss" in screen.getvalue()


def test_an_evaluation_is_told_by_the_figure_that_counts():
    """
    And the entry at the end, which train_results.json has, is not.
    """
    logs = {"eval_needless_at_recall": 0.1534, "eval_accuracy": 0.5, "eval_loss": 1.2, "epoch": 1}

    assert watched.line(logs).startswith("validation: 15.3% answered needlessly at the promised recall, accuracy 0.500")
    assert watched.line({"train_loss": 1.0, "train_runtime": 3.0}) == ""

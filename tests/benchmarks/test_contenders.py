"""The contenders of benchmarks.model, each in a process of its own."""

import click
import pytest

pytest.importorskip("torch")

from benchmarks import model

pytestmark = [pytest.mark.train, pytest.mark.timeout(300)]


def test_a_contender_that_dies_tells_why(tmp_path):
    """In its own last words."""
    with pytest.raises(click.ClickException, match=r"ended with 1:\n(.*\n)+FileNotFoundError.*tokenizer\.json"):
        model.Contender("shikyu int8", tmp_path)

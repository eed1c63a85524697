"""The contenders of benchmarks.model, each in a process of its own."""

from typing import ClassVar

import click
import onnx
import pytest

pytest.importorskip("torch")

from benchmarks import model
from benchmarks.checkpoint import checkpoint
from benchmarks.texts import SAMPLE, lengths, texts

pytestmark = [pytest.mark.train, pytest.mark.timeout(300)]


class Recorder:
    """A contender that takes no time, and keeps what it was asked."""

    versions: ClassVar = {}
    asked: ClassVar[list] = []

    def __init__(self, kind, folder):
        self._kind = kind

    def __enter__(self):
        return self

    def __exit__(self, *_): ...

    def seconds(self, windows):
        self.asked.append((self._kind, [len(window) for window in windows]))
        return 1.0


def test_contenders_are_warm_before_they_count_and_come_forth_and_back(monkeypatch):
    """With a fourth of what each is asked, as many at once; then all of it, and in the other order the round after."""
    monkeypatch.setattr(model, "Contender", Recorder)
    monkeypatch.setattr(model, "product_session", lambda _: lambda: 1.0)
    monkeypatch.setattr(Recorder, "asked", [])

    found = model.measured(SAMPLE, texts(lengths(), 256, seed=0), 2, ["pipeline", "shikyu int8"])

    warm = [("pipeline", [1] * 16), ("pipeline", [32])]
    warm += [("shikyu int8", [1] * 16), ("shikyu int8", [32]), ("shikyu int8", [64])]
    forth = [("pipeline", [1] * 64), ("pipeline", [32, 32])]
    forth += [("shikyu int8", [1] * 64), ("shikyu int8", [32, 32]), ("shikyu int8", [256])]
    assert Recorder.asked == [*warm, *forth, *reversed(forth)]
    assert found.rates["shikyu int8", model.SORTED] == [256, 256]


def test_a_contender_that_dies_tells_why(tmp_path):
    """In its own last words."""
    with pytest.raises(click.ClickException, match=r"ended with 1:\n(.*\n)+FileNotFoundError.*tokenizer\.json"):
        model.Contender("shikyu int8", tmp_path)


@pytest.mark.usefixtures("optimum")
def test_optimum_s_contender_runs(tmp_path):
    """In its own environment, in each order, on products of int8."""
    kind = "optimum int8"
    checkpoint(tmp_path, "tiny", with_optimum=True)

    found = model.measured(tmp_path, texts(lengths(), 12, seed=0), 1, [kind])

    assert set(found.rates) == {(kind, order) for order in model.ORDERS}
    assert all(rate > 0 for rates in found.rates.values() for rate in rates)
    assert found.versions[kind]["transformers"].startswith("4.")
    graph = onnx.load(tmp_path / "optimum" / "model_quantized.onnx").graph
    assert "MatMulInteger" in {node.op_type for node in graph.node}

"""A start serves what a consumer that runs would: not what is broken, nor what was refused everywhere."""

import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from consumer import classify, versions
from consumer.errors import ArtifactError, BackendError, RecordError, ToldToLeave
from consumer.lifecycle import canary, starting
from consumer.metrics import Metrics
from consumer.settings import Settings
from tests.consumer.lifecycle.made_up import version

OTHERWISE = 0.0  # the threshold of a version that finds everything urgent


class Start:
    """Starts over a folder of versions; `use` makes one and names it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.metrics, self.logs = folder, Metrics(), []

    def use(self, name: str, threshold: float | None = None, *, with_canary: bool = True) -> Path:
        made = version(self.folder, name, threshold)
        versions.use(self.folder, name, with_canary=with_canary)
        return made

    def serves(self, **more) -> str:
        model = {"artifact": self.folder, "threads": 1}
        settings = Settings.model_validate({"model": model, "batching": {"max_batch_tokens": 256}})
        with capture_logs() as self.logs:
            return starting.first(settings, versions.read(self.folder), self.metrics, **more).model.version

    def refused(self) -> tuple[float | None, float | None]:
        counted = self.metrics.registry.get_sample_value("shikyu_model_swaps_total", {"outcome": "refused"})
        return counted, self.metrics.registry.get_sample_value("shikyu_model_refused")


@pytest.fixture
def start(tmp_path) -> Start:
    """Version 1 is current."""
    made = Start(tmp_path)
    made.use("1")
    return made


def damaged(start: Start) -> None:
    (start.use("2") / "model_quantized.onnx").write_bytes(b"no model")


def misnamed(start: Start) -> None:
    shutil.rmtree(start.use("2"))
    version(start.folder, "3").rename(start.folder / "2")


def absent(start: Start) -> None:
    shutil.rmtree(start.use("2"))


def deciding_otherwise(start: Start) -> None:
    start.use("2", OTHERWISE)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (damaged, "8 bytes, and the manifest says"),
        (misnamed, "holds version 3"),
        (absent, "no folder"),
        (deciding_otherwise, "canary decisions flip"),
    ],
)
def test_in_the_place_of_a_bad_version_the_one_before_answers(start, bad, why):
    """It is told once, as a swap that was refused; and nothing is written, for the folder may only be read."""
    bad(start)
    there = {path: path.stat().st_mtime_ns for path in start.folder.rglob("*")}

    assert start.serves() == "1"

    assert [(each["event"], each["version"], each["serving"]) for each in start.logs] == [("model-refused", "2", "1")]
    assert why in start.logs[0]["why"]
    assert start.refused() == (1, 1)
    assert {path: path.stat().st_mtime_ns for path in start.folder.rglob("*")} == there


@pytest.mark.parametrize("problem", [RecordError("not-finite", "inference", "no number"), BackendError("no answer")])
def test_a_version_that_fails_on_a_canary_text_is_bad(start, monkeypatch, problem):
    """As a consumer that runs finds it: new or older."""
    answered = canary.answered

    def failing(model, texts):
        if model.model.version == failing.version:
            raise problem
        return answered(model, texts)

    monkeypatch.setattr(canary, "answered", failing)
    start.use("2")
    failing.version = "2"
    assert (start.serves(), start.logs[0]["why"]) == ("1", str(problem))
    failing.version = "1"
    assert (start.serves(), start.logs) == ("2", [])


def test_a_good_version_answers_and_nothing_is_told(start):
    start.use("2")

    assert (start.serves(), start.logs, start.refused()) == ("2", [], (0, 0))
    assert start.metrics.registry.get_sample_value("shikyu_canary_flip_share") == 0


def test_the_first_version_of_all_is_held_against_none(start):
    assert (start.serves(), start.refused()) == ("1", (0, 0))


def test_what_mends_a_refused_version_answers(start):
    """Whoever ran on has refused 2 and taken 3: a start must not go back to 2."""
    start.use("2", OTHERWISE)
    start.use("3")

    assert (start.serves(), start.refused()) == ("3", (0, 0))


def test_what_is_wanted_whatever_it_decides_answers(start):
    """`use --no-canary`, and a rollback."""
    start.use("2", OTHERWISE, with_canary=False)

    assert start.serves() == "2"


def test_older_versions_that_cannot_be_served_are_stepped_over(start):
    """One is damaged, one was removed."""
    (start.use("2") / "model_quantized.onnx").write_bytes(b"no model")
    shutil.rmtree(start.use("3"))
    start.use("4", OTHERWISE)

    assert start.serves() == "1"
    assert start.logs[0]["version"] == "4"


def test_where_none_can_be_served_the_error_tells_of_the_current_one(start):
    (start.folder / "1" / "tokenizer.json").write_bytes(b"{}")
    damaged(start)

    with pytest.raises(ArtifactError, match=r"2/model_quantized.onnx has 8 bytes.* \(of 1, which were current before"):
        start.serves()
    shutil.rmtree(start.folder / "1")
    with pytest.raises(ArtifactError, match=r"2/model_quantized.onnx has 8 bytes, and the manifest says [^(]*$"):
        start.serves()


def starving(monkeypatch, *names):
    """For these versions there is no memory."""
    verify = classify.artifacts.verify

    def reading(folder, *more, **options):
        if folder.name in names:
            raise MemoryError
        return verify(folder, *more, **options)

    monkeypatch.setattr(classify.artifacts, "verify", reading)


def test_a_version_that_there_is_no_memory_for_is_stepped_over(start, monkeypatch):
    """The current one, and one that the current one would be held against: a smaller one may be the remedy."""
    start.use("2")
    starving(monkeypatch, "2")
    assert start.serves() == "1"
    assert start.logs[0]["why"].startswith("there is no memory to load int8 of ")

    monkeypatch.undo()
    starving(monkeypatch, "1")
    assert start.serves() == "2"

    starving(monkeypatch, "1", "2")
    with pytest.raises(
        BackendError, match=r"no memory .* \(of 1, which were current before, none can be served either"
    ):
        start.serves()


def test_told_to_leave_it_loads_no_further_version(start):
    """Loading two takes its time."""
    start.use("2")
    asked = iter([False, True])

    with pytest.raises(ToldToLeave):
        start.serves(stop=lambda: next(asked))

"""The second model's process: its answers are the very ones that the first would give, and it may die."""

import os
import signal
from pathlib import Path

import pytest

from consumer import priority, versions
from consumer.classify import load
from consumer.errors import ArtifactError, SurroundingsError
from consumer.records import Message
from consumer.settings import Settings
from consumer.shadow.child import Child, arguments
from tests.consumer.lifecycle.made_up import version


def settings(artifact: Path) -> Settings:
    return Settings.model_validate({"shadow": {"artifact": artifact}})


def test_its_answers_are_the_models_to_the_last_bit_and_its_priority_the_lowest(tiny):
    """Rules hold for both."""
    texts = ["Where is my refund?!", "", "Thanks, all good.", "emoji 😡 and \u2028 breaks\n"]
    expected = load(tiny, threads=1).classify(texts)

    two_threads = {**arguments(settings(tiny)), "threads": 2}

    with Child(two_threads) as child:
        model = child.ready()
        found = [child.ask(Message(text)) for text in texts]
        ruled = child.ask(Message("fine", urgent_rule="legal"))
        pid = child._process.pid
        threads = [int(path.name) for path in Path(f"/proc/{pid}/task").iterdir()]
        assert {os.getpriority(os.PRIO_PROCESS, thread) for thread in threads} == {19}
        assert {os.sched_getscheduler(thread) for thread in threads} == {os.SCHED_IDLE}
        if priority.is_shared_by_sessions() and (share := Path(f"/proc/{pid}/autogroup").read_text()):
            assert (os.getsid(pid), share.split()[-1]) == (pid, "19")

    assert found == expected
    assert (model, ruled.reason) == (expected[0].model, "rule:legal")


def test_it_is_ours_and_finds_its_artifact_wherever_the_first_one_was_started(tmp_path, monkeypatch):
    """By a path from the working directory, as the first one's; a consumer/ that stands there is somebody else's."""
    version(tmp_path / "models", "1")
    versions.use(tmp_path / "models", "1")
    (tmp_path / "consumer").mkdir()
    (tmp_path / "consumer" / "__init__.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)

    with Child(arguments(settings(Path("./models")))) as child:
        assert child.ready() == load("./models", threads=1).model


def test_what_is_wrong_with_its_artifact_is_told_in_its_words(tmp_path):
    with Child(arguments(settings(tmp_path / "none"))) as child, pytest.raises(ArtifactError, match="is no folder"):
        child.ready()


def test_a_death_is_told(tiny):
    """Of whatever it was."""
    with Child(arguments(settings(tiny))) as child:
        child.ready()
        os.kill(child._process.pid, signal.SIGKILL)
        with pytest.raises(SurroundingsError, match=r"gone \(exit code -9\)"):
            child.ask(Message("fine"))

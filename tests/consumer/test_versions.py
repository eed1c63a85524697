"""A folder of versions: which is served, and which was before."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from consumer import artifact as artifacts
from consumer import versions
from consumer.classify import load
from consumer.errors import ArtifactError, SettingsError, SurroundingsError
from consumer.lifecycle import change
from consumer.settings import Model, Settings
from consumer.settings_sources import Resolved
from tests.consumer.lifecycle.made_up import version


@pytest.fixture
def folder(tmp_path) -> Path:
    """Versions 1, 2 and 3 by name; nothing looks into them."""
    for each in "123":
        (tmp_path / each).mkdir()
        (tmp_path / each / "manifest.json").write_text("{}")
    return tmp_path


def test_what_is_named_last_is_current_and_rollback_goes_back_step_by_step(folder):
    """In the order in which they were current; one that is named again stands once."""
    for each in ("1", "2", "3", "2"):
        versions.use(folder, each)
    assert versions.read(folder).version == "2"
    assert (folder / "current").read_text() == "2\n3\n1\n"

    assert [versions.rollback(folder).version for _ in range(2)] == ["3", "1"]
    with pytest.raises(SettingsError, match="no version before 1"):
        versions.rollback(folder)
    assert versions.read(folder).version == "1"


def test_rollback_steps_over_what_is_gone(folder):
    """An older version may have been removed to make room."""
    for each in "123":
        versions.use(folder, each)
    shutil.rmtree(folder / "2")

    assert versions.rollback(folder).version == "1"


def test_the_stamp_changes_with_each_writing_and_not_with_a_reading(folder):
    """So that the same name, written again, is tried again."""
    first = versions.use(folder, "1").stamp

    assert versions.read(folder).stamp == first
    assert versions.use(folder, "1").stamp != first


@pytest.mark.parametrize("name", ["current", "manifest.json", "manifest.sig", "..", "a/b"])
def test_a_name_that_would_make_an_artifact_of_the_folder_is_refused(folder, name):
    with pytest.raises(SettingsError, match="can be no version's folder"):
        versions.use(folder, name)


def test_a_rollback_names_nothing_that_was_not_seen(folder):
    """Verifying takes its time, and a watcher may name another meanwhile: the one before would be the bad one."""
    versions.use(folder, "1")
    versions.use(folder, "2")
    seen = versions.read(folder)
    versions.use(folder, "3")

    with pytest.raises(SettingsError, match="written meanwhile"):
        versions.rollback(folder, seen)
    assert versions.read(folder).version == "3"


def test_nothing_is_left_beside_current(folder):
    versions.use(folder, "1")

    assert sorted(path.name for path in folder.iterdir()) == ["1", "2", "3", "current"]


@pytest.mark.parametrize("text", ["", "\n1\n", "../1\n", ".draft\n", "a b\n", "\x00\n", "x" * 9000])
def test_current_that_names_no_version_is_refused(folder, text):
    """No path either: a version is a folder beside it."""
    (folder / "current").write_text(text)

    with pytest.raises(ArtifactError, match="names no version"):
        versions.read(folder)


def test_an_artifact_and_a_folder_of_versions_are_told_apart(folder, tiny):
    """By manifest.json and current; versions without a current say what to do."""
    assert versions.artifact_in(tiny) == tiny
    versions.use(folder, "2")
    assert versions.artifact_in(folder) == folder / "2"


def test_only_what_can_be_served_is_named_where_nothing_is_current(folder):
    """By the sizes of its files, and its name; and the command can be typed."""
    use = f"`shikyu models use VERSION --model-artifact {folder}`"

    def told() -> str:
        with pytest.raises(ArtifactError) as refused:
            versions.artifact_in(folder)
        return str(refused.value)

    assert "none of 1, 2, 3 can be served, and `shikyu models list --model-artifact" in told()
    for name in "123":
        shutil.rmtree(folder / name)
        version(folder, name)
    (folder / "3" / "model.onnx").write_bytes(b"cut")
    assert told().endswith(f"holds versions and no current: say which of 1, 2 with {use}")
    (folder / "1").rename(folder / "new")
    assert told().endswith(use.replace("VERSION", "2"))


def test_versions_are_told_in_the_order_of_their_numbers(tmp_path):
    """2 before 10, in the middle of a name too; dates are as they were."""
    expected = ["1", "01.2", "1.9", "1.10", "1.10-rc2", "2", "10", "2026-11-28", "v2", "v10"]
    for each in reversed(expected):
        (tmp_path / each).mkdir()
        (tmp_path / each / "manifest.json").write_text("{}")

    assert versions.names(tmp_path) == expected


def test_an_empty_folder_may_become_one_of_versions(tmp_path):
    """Half an artifact may not."""
    with pytest.raises(ArtifactError, match=r"is no artifact; .*, or, for a folder of versions, put VERSION/ into it"):
        versions.artifact_in(tmp_path)
    (tmp_path / "model.onnx").touch()
    assert versions.artifact_in(tmp_path) == tmp_path


@pytest.fixture
def with_mode(tiny) -> Iterator[Callable[[int], Path]]:
    """A folder in which version 1 is current, for a user whom its mode holds for: root is let in everywhere."""
    folder, user = Path(tempfile.mkdtemp()), os.geteuid()  # tmp_path's own parents let nobody else in
    version(folder, "1")
    versions.use(folder, "1")

    def changed(mode: int) -> Path:
        folder.chmod(mode)
        if user == 0:
            os.seteuid(65534)
        return folder

    yield changed
    os.seteuid(user)
    folder.chmod(0o700)
    shutil.rmtree(folder)


def test_a_folder_that_may_be_entered_and_not_listed_can_be_served_and_says_so_where_it_is_listed(with_mode):
    """Its versions are found by their names; told as none they would be made anew."""
    folder = with_mode(0o111)

    assert versions.artifact_in(folder) == folder / "1"
    assert artifacts.glance(folder / "1").version == "1"
    with pytest.raises(SurroundingsError, match=r"cannot be listed \(Permission denied\): let this user read it"):
        versions.names(folder)
    with pytest.raises(ArtifactError, match=r"cannot be listed \(Permission denied\), and what it holds is held"):
        artifacts._names(folder)


def test_a_folder_that_may_not_be_entered_says_so(with_mode):
    """To the commands that look for an artifact in it first."""
    folder = with_mode(0o444)

    with pytest.raises(SurroundingsError, match=r"cannot be entered \(Permission denied\)"):
        change.folder_of(Resolved(Settings(model=Model(artifact=folder)), {}))


def test_load_takes_the_current_version(tmp_path, tiny):
    """So do all commands that are given such a folder."""
    shutil.copytree(tiny, tmp_path / "1")
    versions.use(tmp_path, "1")

    assert load(tmp_path, threads=1).model.version == "1"


def test_a_version_under_another_name_is_refused(tmp_path, tiny):
    """Its events would name a version that no folder has."""
    shutil.copytree(tiny, tmp_path / "newest")
    versions.use(tmp_path, "newest")

    with pytest.raises(
        ArtifactError, match=r"holds version 1.*: rename the folder to .*/1, then `shikyu models use 1 --mo"
    ):
        load(tmp_path, threads=1)


def test_a_copy_under_another_name_is_not_to_take_the_first_ones_place(folder):
    """Renamed to a folder that is there it would land within it, and damage that one."""
    with pytest.raises(
        ArtifactError, match=r"holds version 1.* is there already: give this export a version of its own"
    ):
        versions.require_own_name(folder / "3", "1")
    with pytest.raises(ArtifactError, match="which 'a/b' cannot be: give this export another"):
        versions.require_own_name(folder / "3", "a/b")

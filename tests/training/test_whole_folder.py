import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from consumer.errors import ArtifactError, SurroundingsError
from consumer.manifest import MANIFEST_FILE
from training.whole_folder import locked, require_folder, whole

ROOT = Path(__file__).parents[2]


def fill(folder, text):
    with whole(folder, replace=True) as draft:
        (draft / "file").write_text(text)


def test_a_folder_is_there_when_it_is_whole(tmp_path):
    """
    Under its name after the block, with the place of an older one, and nothing else beside it.
    """
    folder = tmp_path / "new" / "folder"
    with whole(folder, replace=True) as draft:
        (draft / "file").write_text("1")
        assert not folder.exists()
    fill(folder, "2")

    assert (folder / "file").read_text() == "2"
    assert [path.name for path in folder.parent.iterdir()] == ["folder"]


def full_disk(path, *rest):
    raise OSError(28, "No space left on device")


def test_a_block_that_fails_leaves_the_old_folder(tmp_path):
    """
    And nothing of its draft.
    """
    folder = tmp_path / "folder"
    fill(folder, "old")

    with pytest.raises(OSError, match="No space"), whole(folder, replace=True) as draft:
        full_disk(draft)

    assert (folder / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("step", ["flush", "last"])
def test_a_step_that_fails_leaves_the_old_folder(tmp_path, monkeypatch, step):
    """
    The very last too, when the old one has stepped aside already.
    """
    folder = tmp_path / "folder"
    fill(folder, "old")
    rename = Path.rename

    def last_fails(path, target):
        return rename(path, target) if (path / "file").read_text() == "old" else full_disk(path)

    monkeypatch.setattr(*(os, "fsync", full_disk) if step == "flush" else (Path, "rename", last_fails))

    with pytest.raises(OSError, match="No space"):
        fill(folder, "new")

    assert (folder / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_fills_stays(tmp_path):
    """
    A draft is as large as an artifact, and hidden.
    """
    (tmp_path / ".folder.draft.of_dead").mkdir()
    (tmp_path / ".folder.draft.of_dead" / "file").touch()

    with whole(tmp_path / "folder", replace=True) as living:
        fill(tmp_path / "folder", "2")
        assert living.is_dir()
        assert not (tmp_path / ".folder.draft.of_dead").exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from training.whole_folder import whole

rename, left = Path.rename, int(sys.argv[2])

def dying(path, target):
    global left
    rename(path, target)
    left -= 1
    left or os.kill(os.getpid(), signal.SIGKILL)

Path.rename = dying
with whole(Path(sys.argv[1]), replace=True) as draft:
    (draft / "manifest.json").write_text("new")
"""


def replaced_until_killed(folder: Path, renames: int) -> None:
    with whole(folder, replace=True) as draft:
        (draft / MANIFEST_FILE).write_text("old")
    died = subprocess.run([sys.executable, "-c", KILLED, folder, str(renames)], cwd=ROOT, timeout=60, check=False)
    assert died.returncode == -signal.SIGKILL


def test_killed_between_the_renames_the_old_folder_is_back_with_the_next(tmp_path):
    """
    Whoever asks for its name finds it there, and must say that it may be replaced.
    """
    folder = tmp_path / "folder"
    replaced_until_killed(folder, 1)
    assert not folder.exists()

    with pytest.raises(ArtifactError, match="say --replace"):
        require_folder(folder, replace=False)

    assert (folder / MANIFEST_FILE).read_text() == "old"
    fill(folder, "newest")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert (folder / "file").read_text() == "newest"


def test_killed_after_the_renames_the_new_folder_stays(tmp_path):
    """
    The old one is removed with the next, whether that comes to its end or not.
    """
    folder = tmp_path / "folder"
    replaced_until_killed(folder, 2)
    assert len(list(tmp_path.iterdir())) == 2

    with pytest.raises(OSError, match="No space"), whole(folder, replace=True) as draft:
        full_disk(draft)

    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    assert (folder / MANIFEST_FILE).read_text() == "new"


def test_what_a_living_process_has_put_aside_is_its_own(tmp_path):
    """
    Between its two renames, another one for the same folder takes nothing from it.
    """
    aside = tmp_path / ".folder.old.of_living"
    (aside / "folder").mkdir(parents=True)

    with locked(aside):
        require_folder(tmp_path / "folder", replace=False)
        assert (aside / "folder").is_dir()

    with pytest.raises(ArtifactError, match="folder exists"):
        require_folder(tmp_path / "folder", replace=False)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_an_artifact_is_replaced_only_where_it_was_said(tmp_path):
    """
    And never a folder that is none, such as that of the recipe and its messages.
    """
    (tmp_path / "artifact").mkdir()
    (tmp_path / "artifact" / MANIFEST_FILE).touch()

    with pytest.raises(ArtifactError, match="artifact exists: name another folder, or say --replace"):
        require_folder(tmp_path / "artifact", replace=False)
    require_folder(tmp_path / "artifact", replace=True)
    with pytest.raises(ArtifactError, match="is no artifact to replace"):
        require_folder(tmp_path, replace=True)


def test_no_artifact_is_made_within_another(tmp_path):
    """
    The outer one would be refused from then on, since it holds what its manifest does not name.
    """
    (tmp_path / MANIFEST_FILE).touch()

    with pytest.raises(ArtifactError, match=r"would lie within .*, an artifact, which holds nothing else"):
        require_folder(tmp_path / "some" / "artifact", replace=True)


def test_asking_for_a_folder_makes_none(tmp_path):
    """
    Those above it are made with the artifact, which may never come to be.
    """
    require_folder(tmp_path / "some" / "where" / "artifact", replace=False)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("file/some/artifact", "Not a directory"),
        ("/proc/some/artifact", "No such file or directory"),
        ("n" * 300, "File name too long"),
        ("n" * 250, "File name too long"),
        ("n" * 300 + "/artifact", "File name too long"),
        ("some\0/artifact", "its name holds a NUL"),
    ],
)
def test_a_place_where_no_folder_can_be_made_is_named(tmp_path, place, why):
    """
    Whoever asks: a superuser may write anywhere, but nobody into /proc. A draft's name is longer than the artifact's.
    """
    (tmp_path / "file").touch()

    with pytest.raises(SurroundingsError, match=rf"cannot be made \({why}\): name another folder"):
        require_folder(tmp_path / place, replace=False)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_has_come_there_meanwhile_stays(tmp_path):
    """
    Two downloads at once: the second to end has not been told to replace the first one's artifact.
    """
    folder = tmp_path / "folder"

    with pytest.raises(ArtifactError, match="say --replace"), whole(folder, replace=False):
        fill(folder, "first")

    assert (folder / "file").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_put_back_folder_is_replaced_by_nobody_who_has_not_said_so(tmp_path):
    """
    Whoever asks only `whole` is told, too.
    """
    folder = tmp_path / "folder"
    replaced_until_killed(folder, 1)

    with pytest.raises(ArtifactError, match="say --replace"), whole(folder, replace=False):
        pass

    assert (folder / MANIFEST_FILE).read_text() == "old"


def test_a_link_that_was_put_aside_comes_back(tmp_path):
    """
    A relative one leads nowhere from where it was put.
    """
    fill(tmp_path / "v3", "old")
    link, aside = tmp_path / "current", tmp_path / ".current.old.of_a_killed_one"
    aside.mkdir()
    (aside / "current").symlink_to("v3")

    with pytest.raises(ArtifactError, match="say --replace"):
        require_folder(link, replace=False)

    assert (link / "file").read_text() == "old"


def test_a_link_to_nothing_is_refused_at_once(tmp_path):
    """
    Hours later the artifact could not take its name.
    """
    (tmp_path / "folder").symlink_to("gone")

    with pytest.raises(ArtifactError, match="link to nothing"):
        require_folder(tmp_path / "folder", replace=True)

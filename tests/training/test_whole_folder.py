import os
from pathlib import Path

import pytest

from training.whole_folder import whole


def fill(folder, text):
    with whole(folder) as draft:
        (draft / "file").write_text(text)


def test_a_folder_is_there_when_it_is_whole(tmp_path):
    """
    Under its name after the block, with the place of an older one, and nothing else beside it.
    """
    folder = tmp_path / "new" / "folder"
    with whole(folder) as draft:
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

    with pytest.raises(OSError, match="No space"), whole(folder) as draft:
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

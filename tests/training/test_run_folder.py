import os

import pytest

from training.run_folder import write_atomically

pytestmark = pytest.mark.train


def test_a_file_is_on_the_disk_before_its_name_is(tmp_path, monkeypatch):
    """
    After a power cut, a name without its content would count as a step that is done.
    """
    flushed, path = [], tmp_path / "done.json"
    monkeypatch.setattr(os, "fsync", lambda handle: flushed.append((os.fstat(handle).st_size, path.exists())))

    write_atomically(path, b"done")

    assert flushed == [(4, False)]
    assert path.read_bytes() == b"done"

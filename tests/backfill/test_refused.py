"""What a backfill is told that does not go together, or that is not installed, before anything is read."""

import sys

import pytest

from consumer.backfill import on_ray, to_parquet
from consumer.backfill.files import all_counted, counted, found
from consumer.backfill.source import Position
from consumer.cli import main
from consumer.errors import LimitError, SettingsError, SurroundingsError
from consumer.settings import Settings
from tests.backfill.archive import line, written


def test_flags_that_do_not_go_together(tmp_path, capsys):
    archive = str(written(tmp_path / "a.jsonl", [line(1)]))

    assert main(["backfill", archive, "--ray", "local"]) == 2
    assert "--ray is for Parquet alone: give --to FOLDER as well" in capsys.readouterr().err
    assert main(["backfill", archive, "--to", str(tmp_path / "out"), "--to-live"]) == 2
    assert "--to and --to-live don't go together" in capsys.readouterr().err
    assert main(["backfill", str(tmp_path / "none.jsonl"), "--to", str(tmp_path / "out")]) == 2
    assert main(["backfill", str(tmp_path), "--to", str(tmp_path / "out")]) == 2
    assert "would be read back in" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_told_to_leave_while_rows_are_counted_it_leaves(tmp_path):
    """An archive may take an hour to look through."""
    archive = found([written(tmp_path / "a.jsonl", [line(1)])])

    assert all_counted(archive, 10, lambda: False)[0].rows == 1
    with pytest.raises(LimitError, match="nothing was answered yet"):
        all_counted(archive, 10, lambda: True)


def test_what_is_not_installed_is_named_by_its_extra(tmp_path, monkeypatch):
    for module in ("ray", "pyarrow"):
        monkeypatch.setitem(sys.modules, module, None)
    request = to_parquet.Request((written(tmp_path / "a.jsonl", [line(1)]),), tmp_path / "out")

    with pytest.raises(SettingsError, match=r"pip install '\.\[ray,parquet\]'"):
        on_ray.connect("local")
    with pytest.raises(SettingsError, match=r"pip install '\.\[parquet\]'"):
        to_parquet.serve(Settings(), request, say=print, is_shown=False)
    with pytest.raises(SettingsError, match=r"pip install '\.\[parquet\]'"):
        counted(found([written(tmp_path / "b.parquet", [b"PAR1"])])[0], 10)
    assert not (tmp_path / "out").exists()


def test_a_position_is_read_as_it_was_committed():
    """What somebody else committed is refused, and a run's beginning needs no words."""
    position = Position(4711, 3, 12, 3456)

    assert Position.read(4711, str(position)) == position
    assert Position.read(0, "") == Position()
    with pytest.raises(SurroundingsError, match="somebody else set it"):
        Position.read(5, "")

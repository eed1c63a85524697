import subprocess
import sys

import pytest

from consumer.errors import SettingsError, SurroundingsError
from training.held import clear, held, require_apart

pytestmark = pytest.mark.train

HOLDING = "import sys, time, pathlib\nfrom training.held import held\n"
HOLDING += "with held(pathlib.Path(sys.argv[1])):\n    print('held', flush=True)\n    time.sleep(60)\n"


def test_two_runs_never_share_a_folder(tmp_path):
    """
    The second is told so, and has it as soon as the first is gone, even by kill -9.
    """
    with subprocess.Popen([sys.executable, "-c", HOLDING, tmp_path], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(SurroundingsError, match="Another shikyu-train is at work in"), held(tmp_path):
            pass
        other.kill()
    with held(tmp_path):
        pass


def test_a_folder_of_other_files_is_no_run_s(tmp_path):
    """
    Its data/ and all the rest would be removed.
    """
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.csv").touch()

    with pytest.raises(SettingsError, match=r"holds other files, .* name another one with --work"), held(tmp_path):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


def test_a_run_s_folder_is_held_again_and_cleared(tmp_path):
    """
    Whatever a run left there goes, and the folder stays held.
    """
    with held(tmp_path / "run"):
        (tmp_path / "run" / "done").mkdir()
        (tmp_path / "run" / "done" / "data.json").touch()
        (tmp_path / "run" / "report.html").touch()
    with held(tmp_path / "run"):
        clear(tmp_path / "run")
        with pytest.raises(SurroundingsError), held(tmp_path / "run"):
            pass
    assert [path.name for path in (tmp_path / "run").iterdir()] == [".shikyu-train"]


@pytest.mark.parametrize("place", ["file", "file/run", "some\0"])
def test_a_place_where_no_folder_can_be_made_is_named(tmp_path, place):
    """
    With what to do about it.
    """
    (tmp_path / "file").touch()

    with pytest.raises(SurroundingsError, match=r"cannot be a run's folder .*: name one"), held(tmp_path / place):
        pass


def test_the_run_s_folder_and_the_artifact_s_are_two(tmp_path):
    """
    A run that begins anew would take the artifact with it.
    """
    require_apart(tmp_path / "artifact.run", tmp_path / "artifact")
    for one, other in (("a", "a"), ("a/b", "a"), ("a", "a/b")):
        with pytest.raises(SettingsError, match="lie one in the other"):
            require_apart(tmp_path / one, tmp_path / other)

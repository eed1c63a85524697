import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from consumer import cli
from consumer.error_pages import page_of
from consumer.errors import ArtifactError, LimitError, SettingsError, SurroundingsError
from consumer.names import LEAVES
from consumer.version import version

Shikyu = Callable[..., tuple[int, str, str]]


@pytest.fixture
def shikyu(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shikyu:
    """Runs the program in an empty folder; returns its exit code, standard output and standard error."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(arguments)
        return code, *capsys.readouterr()

    return call


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    @click.command()
    def version() -> None:
        raise error

    monkeypatch.setitem(cli.shikyu.commands, "version", version)


def test_help_teaches(shikyu: Shikyu) -> None:
    """Examples, the sources of settings and the exit codes."""
    code, out, _ = shikyu("--help")

    assert code == 0
    assert "shikyu config test --from-topic 5" in out
    assert "Exit codes: 0 done" in out
    assert all(name in out for name in cli.SUB_COMMANDS)


def test_help_imports_nothing_heavy() -> None:
    """Neither pydantic nor Kafka nor the model is loaded for a page of text."""
    program = (
        "import sys; from consumer.cli import main; main(['--help']); "
        "print([m for m in ('pydantic', 'confluent_kafka', 'onnxruntime', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.endswith("[]\n")


@pytest.mark.parametrize(
    ("error", "code"),
    [(SettingsError("x"), 2), (SurroundingsError("x"), 3), (ArtifactError("x"), 4), (LimitError("x"), 5)],
)
def test_each_kind_of_error_has_its_exit_code(
    shikyu: Shikyu, monkeypatch: pytest.MonkeyPatch, error: Exception, code: int
) -> None:
    """One clear line, where to read on, no traceback."""
    failing(monkeypatch, error)

    read_on = f"shikyu: see: shikyu docs {page_of(error)}\n"
    assert shikyu("version") == (code, "", "shikyu: error: x\n" + read_on)


def test_a_bug_says_where_but_not_what(shikyu: Shikyu, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its message and variables could be a customer's text; its causes are told too."""
    error = KeyError("canary-7f3a")
    error.__cause__ = ValueError("canary-7f3b")
    failing(monkeypatch, error)

    code, _, err = shikyu("version")

    assert code == 1
    assert "This is a bug" in err
    assert "KeyError" in err
    assert "after ValueError" in err
    assert "test_cli.py" in err
    assert "canary" not in err


def test_interrupted_is_no_bug(shikyu: Shikyu, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C exits as shells expect."""
    failing(monkeypatch, KeyboardInterrupt())

    assert shikyu("version")[0] == 130


def test_a_full_disk_is_neither_a_bug_nor_standard_outputs(shikyu: Shikyu, monkeypatch: pytest.MonkeyPatch) -> None:
    """What writing to a file fails with names no file, just as standard output's own error."""
    failing(monkeypatch, OSError(errno.ENOSPC, "No space left on device"))

    code, _, err = shikyu("version")

    assert code == 3
    assert err.startswith("shikyu: error: a disk is full (No space left on device): make room")


def test_a_limit_on_files_is_no_bug(shikyu: Shikyu, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of `ulimit -f`."""
    failing(monkeypatch, OSError(errno.EFBIG, "File too large"))

    code, _, err = shikyu("version")

    assert code == 3
    assert err.startswith("shikyu: error: a file may not grow so large (File too large): raise the limit")


def test_an_error_like_standard_outputs_is_not_taken_for_it(shikyu: Shikyu, monkeypatch: pytest.MonkeyPatch) -> None:
    """A descriptor that we closed ourselves is a bug, while standard output takes what is written."""
    failing(monkeypatch, OSError(errno.EBADF, "Bad file descriptor"))

    code, _, err = shikyu("version")

    assert code == 1
    assert "This is a bug" in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["rnu"], "there is no command 'rnu'; did you mean run?"),
        (["config", "shwo"], "there is no command 'shwo'; did you mean show? (see shikyu config --help)"),
        (["config", "show", "--htp-port", "1"], "there is no flag --htp-port; did you mean --http-port?"),
        (["config", "lint", "--http-port", "99999"], "http.port (from --http-port) is '99999'"),
        (["config", "show", "--kafka", "linger.mss=1"], "did you mean linger.ms?"),
        (["config", "show", "--kafka", "linger.ms"], "--kafka takes NAME=VALUE"),
        (["config", "show", "--config", "none.toml"], "none.toml does not exist"),
        (["run"], "model.artifact is not set"),
        (["run", "--config"], "Option '--config' requires an argument"),
        (["config", "test"], "Missing option '--from-topic'"),
        (["config", "test", "--from-topic", "many"], "'many' is not a valid integer range"),
    ],
)
def test_what_is_misspelt_is_told(shikyu: Shikyu, arguments: list[str], told: str) -> None:
    """Exit 2, on standard error, with the nearest right name."""
    code, out, err = shikyu(*arguments)

    assert code == 2
    assert out == ""
    assert err.startswith("shikyu: error: ")
    assert told in err


def test_a_secret_that_lost_its_flag_is_not_shown(shikyu: Shikyu) -> None:
    """A blank too many is quickly typed, and a container's last words are kept for long."""
    code, _, err = shikyu("config", "show", "--kafka", "sasl.password=", "hunter2")

    assert code == 2
    assert "an argument that is no flag, nor the value of one (see shikyu config show --help)" in err
    assert "hunter2" not in err


def test_an_error_of_clicks_that_is_not_known_is_told_in_our_own_words(
    shikyu: Shikyu, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its language and version say, it may quote an argument."""
    failing(monkeypatch, click.UsageError("Ein Argument zu viel: hunter2"))

    code, _, err = shikyu("version")

    assert code == 2
    assert "an argument that is no flag, nor the value of one" in err
    assert "hunter2" not in err


def test_every_setting_is_a_flag_of_run(shikyu: Shikyu) -> None:
    """Grouped by section."""
    code, out, _ = shikyu("run", "--help")

    assert code == 0
    assert all(leaf.flag in out for leaf in LEAVES)
    assert all(f"[{leaf.section}]" in out for leaf in LEAVES)


def test_the_slot_has_a_short_flag_too(shikyu: Shikyu) -> None:
    """It is the one setting that each consumer of a host needs for itself."""
    assert "--delivery-slot, --slot" in shikyu("run", "--help")[1]
    assert 'slot = "7" ' in shikyu("config", "show", "--slot", "7")[1]
    assert 'slot = "7" ' in shikyu("config", "show", "--delivery-slot", "7")[1]


def test_version_names_what_it_stands_on(shikyu: Shikyu) -> None:
    """The first thing that a bug report needs."""
    code, out, _ = shikyu("version")

    assert code == 0
    assert out.startswith("shikyu ")
    assert "librdkafka" in out


def test_the_flag_says_the_version_alone(shikyu: Shikyu) -> None:
    """As of every program, and without loading Kafka's library for it."""
    assert shikyu("--version") == (0, f"shikyu {version()}\n", "")


def test_a_taken_port_is_told_before_the_model_is_loaded(shikyu: Shikyu, tmp_path: Path) -> None:
    """Exit 3, with what to do."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        code, _, err = shikyu("run", "--model-artifact", str(tmp_path), "--http-port", str(port))

    assert code == 3
    assert f"127.0.0.1:{port} cannot be served" in err

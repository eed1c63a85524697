"""`shikyu classify`: texts in, decisions out."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from consumer import load
from consumer.commands import classify as command

TEXTS = ["I want my money back!", "", "Thank you, all good.", "返金してください"]


@pytest.fixture
def shikyu(tiny, tmp_path):
    """Runs it in an empty folder; returns what it did."""

    def run(*arguments: str, stdin: bytes = b"", artifact: Path | None = tiny) -> subprocess.CompletedProcess[bytes]:
        model = [] if artifact is None else ["--model-artifact", str(artifact), "--model-threads", "1"]
        home = str(Path(__file__).parents[3])
        program = f"import sys; sys.path.insert(0, {home!r}); from consumer.cli import main; sys.exit(main())"
        return subprocess.run(
            [sys.executable, "-c", program, "classify", *model, *arguments],
            input=stdin,
            capture_output=True,
            cwd=tmp_path,
            check=False,
        )

    return run


def answers(done: subprocess.CompletedProcess[bytes]) -> list[dict]:
    assert (done.returncode, done.stderr) == (0, b"")
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_arguments_lines_and_files_give_the_python_api_s_answers(shikyu, tiny, tmp_path):
    """In the order of the texts, as JSON lines where there is no terminal, and with nothing on standard error."""
    (tmp_path / "texts.jsonl").write_text("".join(json.dumps({"body": text}) + "\n" for text in TEXTS))
    expected = load(tiny, "int8", threads=1).classify(TEXTS)

    for found in (
        answers(shikyu(*TEXTS)),
        answers(shikyu(stdin="\n".join(TEXTS).encode())),
        answers(shikyu("--file", "texts.jsonl", "--text-field", "body")),
    ):
        assert [row["text"] for row in found] == TEXTS
        assert [row["row"] for row in found] == [1, 2, 3, 4]
        for row, decision in zip(found, expected, strict=True):
            assert row["urgency"] == pytest.approx(decision.urgency, abs=1e-6)
            assert (row["decision"], row["reason"]) == (decision.decision, decision.reason)
            assert list(row["probabilities"].values()) == pytest.approx(list(decision.probabilities), abs=1e-6)
            assert row["satisfaction"] == decision.satisfaction
            assert row["model"] == {"name": "tiny", "version": "1", "precision": "int8"}


def test_an_artifact_of_fp32_alone_answers_unasked(shikyu, tiny, tmp_path):
    """Its int8 missed a limit; nobody has to set a precision for that."""
    folder = Path(shutil.copytree(tiny, tmp_path / "artifact"))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["precisions"]["int8"]["servable"] = False
    (folder / "manifest.json").write_text(json.dumps(manifest))

    assert answers(shikyu("refund", artifact=folder))[0]["model"]["precision"] == "fp32"


def test_the_texts_can_be_left_out(shikyu):
    """Where the answers go further than the texts may."""
    assert "text" not in answers(shikyu("--without-text", "refund"))[0]


def test_bytes_that_are_no_text_are_answered_too(shikyu):
    """And lines of Windows end where they end."""
    assert [row["text"] for row in answers(shikyu(stdin=b"bad\xff\r\nrefund\r\n"))] == ["bad�", "refund"]


def test_a_table_cannot_be_made_to_play_tricks(shikyu):
    """Escape sequences of a customer's text would move the reader's cursor; they are written as numbers."""
    done = shikyu("--format", "table", "refund", "\x1b[2J\u202egnitirw [bold]")

    assert done.returncode == 0
    assert b"\x1b" not in done.stdout
    assert done.stdout.decode().splitlines()[0].split() == [
        "row",
        "decision",
        "urgency",
        "satisfaction",
        "reason",
        "text",
    ]
    assert len(done.stdout.splitlines()) == 3


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--file", "none.jsonl"], 2, "does not exist"),
        (["--file", "texts.txt"], 2, "named like none of the files"),
        (["refund", "--file", "texts.txt"], 2, "give one of them"),
        (["refund", "--model-precision", "fp16"], 4, "has no fp16"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(shikyu, tmp_path, arguments, code, says):
    """With its exit code, and no answers."""
    (tmp_path / "texts.txt").write_text("refund")

    done = shikyu(*arguments)

    assert (done.returncode, done.stdout) == (code, b"")
    assert says in done.stderr.decode()


def test_standard_input_that_is_none_is_told(tiny, tmp_path):
    """A shell's `0>file` opens it for writing."""
    command = [sys.executable, "-m", "consumer.cli", "classify", "--model-artifact", str(tiny)]
    with (tmp_path / "file").open("wb") as written:
        done = subprocess.run(command, stdin=written, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout) == (3, "")
    assert "error: standard input cannot be read (Bad file descriptor): send texts there" in done.stderr


def test_a_folder_that_is_no_artifact_is_exit_code_4(shikyu, tmp_path):
    """And no folder at all is a matter of the settings."""
    assert shikyu("refund", artifact=tmp_path).returncode == 4
    assert shikyu("refund", artifact=None).returncode == 2


def test_windows_hold_so_many_texts_or_characters(monkeypatch):
    """So that a file of any size takes the memory of one window, and nothing is lost at its end."""
    monkeypatch.setattr(command, "WINDOW_CHARACTERS", 10)

    assert list(command.windows(iter(["a"] * 5), 2)) == [["a", "a"], ["a", "a"], ["a"]]
    assert list(command.windows(iter(["a" * 11, "b", "c" * 9, "d"]), 9)) == [["a" * 11], ["b", "c" * 9], ["d"]]
    assert list(command.windows(iter([]), 2)) == []


@pytest.fixture
def of_comments(tiny, tmp_path) -> Path:
    """The tiny artifact, as if it had been made from files with a `comment`."""
    artifact = Path(shutil.copytree(tiny, tmp_path / "model"))
    words = b'[[data.sources]]\nname = "own"\ntext = ["comment"]\n'
    (artifact / "recipe.toml").write_bytes(words)
    manifest = json.loads((artifact / "manifest.json").read_text("utf-8"))
    manifest["files"]["recipe.toml"] = {"size": len(words), "sha256": hashlib.sha256(words).hexdigest()}
    manifest["shared_files"] = [*manifest["shared_files"], "recipe.toml"]
    (artifact / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return artifact


def test_a_file_is_read_by_the_column_that_the_model_was_made_from(shikyu, of_comments, tmp_path):
    """Unless a flag names another, or the file has the usual one alone."""
    for column in ("comment", "text"):
        (tmp_path / "june.csv").write_text(f"{column},ticket\nHelp,3\n")
        done = shikyu("--file", "june.csv", artifact=of_comments)

        assert json.loads(done.stdout)["text"] == "Help"
        assert (b"--text-field comment" in done.stderr) == (column == "comment")


def test_a_model_of_several_columns_reads_them_as_one_text(shikyu, of_comments, tmp_path):
    """
    By its recipe, told; by the flag, given as often; and what lacks one of them is told with the flag.
    """
    recipe = of_comments / "recipe.toml"
    recipe.write_text(recipe.read_text().replace('["comment"]', '["title", "body"]'))
    manifest = of_comments / "manifest.json"
    words, named = recipe.read_bytes(), json.loads(manifest.read_text("utf-8"))
    named["files"]["recipe.toml"] = {"size": len(words), "sha256": hashlib.sha256(words).hexdigest()}
    manifest.write_text(json.dumps(named), "utf-8")
    (tmp_path / "june.csv").write_text("title,body,ticket\nLate,Where is it?,3\n,Hello,4\n")
    (tmp_path / "july.csv").write_text("subject,body\nLate,Where is it?\n")
    flags = ("--text-field", "subject", "--text-field", "body")

    by_recipe = shikyu("--file", "june.csv", artifact=of_comments)
    by_flag = shikyu("--file", "july.csv", *flags, artifact=of_comments)
    without = shikyu("--file", "july.csv", artifact=of_comments)

    assert [json.loads(line)["text"] for line in by_recipe.stdout.splitlines()] == ["Late\n\nWhere is it?", "Hello"]
    assert b"recipe.toml says: --text-field title --text-field body" in by_recipe.stderr
    assert (json.loads(by_flag.stdout)["text"], by_flag.stderr) == ("Late\n\nWhere is it?", b"")
    assert b"no 'title' among" in without.stderr
    assert b"name the column with --text-field" in without.stderr


def test_a_column_that_is_not_there_is_told_with_its_flag(shikyu, of_comments, tmp_path):
    """And no other is suggested that hardly resembles it."""
    (tmp_path / "june.csv").write_text("message,ticket\nHelp,3\n")

    own = shikyu("--file", "june.csv", artifact=of_comments).stderr.decode()
    usual = shikyu("--file", "june.csv", "--text-field", "text").stderr.decode()

    assert "no 'comment' among the 2 columns of its first line, message, ticket;" in own
    assert "no 'text' among" in usual
    assert "did you mean" not in usual
    assert "name the column with --text-field" in usual

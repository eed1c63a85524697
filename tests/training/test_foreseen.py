"""What is wrong with a recipe, a file or an option is told before torch is imported."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.train

ARTIFACT = Path(__file__).parents[2] / "artifacts" / "sample"
HEAD = 'name = "a"\noutput = "o"\n[data]\n'
FILES = f'{HEAD}train = ["a.csv"]\n'
SIZES = "[model.config]\nhidden_size = 32\nnum_hidden_layers = 1\nnum_attention_heads = 2\n"
# The command, the recipe, and what is told of it.
WRONG = [
    ("run", "name = ", "is no TOML"),
    ("run", f'{HEAD}trian = ["a.csv"]', "did you mean train?"),
    ("run", f"seed = 'x'\n{FILES}", "seed is 'x': it should be a valid integer"),
    ("run", FILES, "[model.config] lacks hidden_size, num_hidden_layers"),
    ("run", f'{FILES}[model]\nbase = "./no-base"', "'./no-base' is no folder that is there"),
    ("run", f"{FILES}[fit.arguments]\nlearning_rat = 1", "did you mean learning_rate?"),
    ("run", f'{HEAD}train = ["a.csv"]\ntest = ["b.csv"]\n{SIZES}', "No file matches 'b.csv'"),
    ("run", f'{HEAD}train = ["a.csv"]\ntest = ["a.csv"]\n{SIZES}', "a.csv is named for train and for test"),
    ("run", f'{HEAD}train = ["a.csv"]\nstars = "mood"\n{SIZES}', "no 'mood' among the 2 columns of its first line"),
    ("data", f'{HEAD}train = ["a.jsonl"]\ncolumns = ["shop"]', "no 'shop' in line 1; name one of text, stars"),
    ("data", f'{HEAD}train = ["a.parquet"]\ntext = ["title", "text"]', "no 'title' in its schema"),
    ("data", f"{FILES}[pretrain.arguments]\nnum_epochs = 1", "[pretrain.arguments] holds 'num_epochs'"),
    ("fit", f"{FILES}[fit.arguments]\nlearning_rat = 1", "did you mean learning_rate?"),
    ("compare", f'{HEAD}train = ["b.csv"]\n[compare]\nbases = ["x/y"]', "No file matches 'b.csv'"),
    ("operate", f'{HEAD}trian = ["a.csv"]', "did you mean train?"),
]
CODE = """
import contextlib, io, json, sys
from training import cli
for arguments in json.loads(sys.argv[1]):
    told = io.StringIO()
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(io.StringIO()):
        code = cli.main(arguments)
    imported = {"torch", "transformers", "datasets", "sklearn"} & {*sys.modules}
    print(json.dumps([code, told.getvalue(), sorted(imported)]))
"""


def told(commands: list[list[str]]) -> list[tuple[int, str, list[str]]]:
    """By one process: the exit code, standard error, and what has been imported by then."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, json.dumps(commands)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


@pytest.fixture
def folder(tmp_path) -> Path:
    """With messages of each kind."""
    (tmp_path / "a.csv").write_text("text,stars\nHelp,1\n")
    (tmp_path / "a.jsonl").write_text('{"text": "Help", "stars": 1}\n')
    pq.write_table(pa.table({"text": ["Help"], "stars": [1]}), tmp_path / "a.parquet")
    return tmp_path


def test_a_wrong_recipe_is_told_before_torch_is_imported(folder):
    """
    A slow machine takes a minute to import it, and who has misspelt a name waits for nothing.
    """
    commands = []
    for number, (command, recipe, _) in enumerate(WRONG):
        (folder / f"{number}.toml").write_text(recipe)
        commands.append([command, str(folder / f"{number}.toml")])
    (folder / "there").mkdir()
    (folder / "there.toml").write_text(FILES.replace('"o"', '"there"'))
    commands.append(["run", str(folder / "there.toml")])

    found = told(commands)

    for (code, error, imported), (_, recipe, message) in zip(found, WRONG, strict=False):
        assert code == 2, recipe
        assert message in error, recipe
        assert imported == [], recipe
    code, error, imported = found[-1]
    assert (code, imported) == (4, [])
    assert "--replace, which trains anew from the start" in error


def test_a_column_that_files_lack_is_told_before_torch_is_imported(folder):
    """
    Of the commands that take labelled files.
    """
    artifact, file, out = str(ARTIFACT), str(folder / "a.csv"), str(folder / "out")
    commands = [
        ["check", artifact, file, "--text", "body"],
        ["evaluate", artifact, file, "--stars", "mood"],
        ["diff", artifact, artifact, file, "--text", "body"],
        ["recalibrate", artifact, file, "--text", "body", "--out", out, "--version", "2"],
    ]

    for command, (code, error, imported) in zip(commands, told(commands), strict=True):
        assert (code, command) == (2, command)
        assert "name the column with --" in error
        assert {"torch", "transformers", "datasets"}.isdisjoint(imported), command

import importlib.util
import os

import click
import pytest
from click.testing import CliRunner

from consumer.version import version
from training import cli, run
from training.commands import options

pytestmark = pytest.mark.train


def test_without_the_extra_it_says_how_to_install_it(monkeypatch, tmp_path, capsys):
    """
    No traceback from deep inside an import, and the exit code of missing surroundings.
    """
    (tmp_path / "recipe.toml").write_text("")
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else find_spec(name))

    assert cli.main(["run", str(tmp_path / "recipe.toml")]) == 3

    assert (
        "needs torch, which this environment lacks: pip install '.[train]' in shikyu's clone" in capsys.readouterr().err
    )


HEAD = 'name = "a"\noutput = "o"\n[data]\n'
SIZES = "[model.config]\nhidden_size = 32\nnum_hidden_layers = 1\nnum_attention_heads = 2\n"


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("name = ", "is no TOML"),
        ('name = "a"\noutput = "o"\n[data]\ntrian = ["x"]', "data.trian: no setting is called so; did you mean train?"),
        (
            'name = "a"\noutput = "o"\n[data]\n[[data.sources]]\nname = "own"\ntrain = ["x"]\nweigth = 2',
            "data.sources.0.weigth: no setting is called so; did you mean weight?",
        ),
        ('name = "my model"\noutput = "o"\n[data]\ntrain = ["x"]', "name is 'my model': write it without spaces"),
        (f'{HEAD}train = ["no-such-*.jsonl"]\n{SIZES}', "No file matches 'no-such-*.jsonl'"),
        (f'{HEAD}train = [""]', "data.train.0 is '': it should have at least 1 character"),
        (f'{HEAD}train = ["x"]\n[card]\nlicence = "Apache 2"', "card.licence is 'Apache 2': it should match"),
        (f'version = "1 beta"\n{HEAD}train = ["x"]', "version is '1 beta': write it without spaces"),
        (f'version = ""\n{HEAD}train = ["x"]', "version is '': it should match"),
        (f'version = "{"1" * 200}"\n{HEAD}train = ["x"]', "it should have at most 128 characters"),
        (HEAD.replace('"a"', f'"{"a" * 200}"') + 'train = ["x"]', "name is 'aaa"),
        (f'seed = {"1" * 5000}\n{HEAD}train = ["x"]', "is no TOML"),
        (f'seed = {10**30}\n{HEAD}train = ["x"]', "seed is 1000000000000000000000000000000: it should be less than"),
        (f"{HEAD}train = {'[' * 5000}", "is no TOML"),
        (f'{HEAD}train = ["x"]\n[promise]\nlive_shares = [0.1, 0.1, 0.1, 0.1, 0.1]', "sum to 0.5, not to 1"),
        (f'{HEAD}train = ["x"]\n[teach]\nfragments_per_message = inf', "should be a finite number"),
        (f'{HEAD}train = ["x"]\n[fit]\nmax_length = 129', "or raise [model] max_length"),
        (f'{HEAD}train = ["x"]\n[fit.arguments]\nlearning_rat = 1', "did you mean learning_rate?"),
        (
            'name = "a"\noutput = "o"\n[data]\ntrain = ["x"]\n[model]\nbase = "b"\n[model.config]\nhidden_size = 8',
            "is a checkpoint that has its own",
        ),
        (f'{HEAD}train = ["x"]\n[model]\nbase = "./no-base"', "'./no-base' is no folder that is there: mend its path"),
        (f'{HEAD}train = ["x"]\n[model]\nbase = "models/no/base"', "is no folder that is there"),
        (f'{HEAD}train = ["x"]\n[model]\nrevision = "v1"\n{SIZES}', "revision pins a checkpoint of the Hub"),
    ],
)
def test_a_wrong_recipe_is_named_with_exit_code_2(tmp_path, capsys, recipe, message):
    """
    Nothing is trained on a misspelt recipe, or one whose model could not be made, fitted, named or exported.
    """
    (tmp_path / "recipe.toml").write_text(recipe)

    assert cli.main(["run", str(tmp_path / "recipe.toml")]) == 2

    assert message in capsys.readouterr().err


def test_the_flag_says_the_version(capsys):
    """
    It is shikyu's own, for the two are installed together.
    """
    assert cli.main(["--version"]) == 0

    assert capsys.readouterr().out == f"shikyu-train {version()}\n"


def test_an_artifact_is_never_overwritten_unasked(tmp_path, capsys):
    """
    The check comes before the hours of fitting, not after.
    """
    (tmp_path / "there").mkdir()
    (tmp_path / "recipe.toml").write_text('name = "a"\noutput = "there"\n[data]\ntrain = ["no-such.jsonl"]')

    assert cli.main(["run", str(tmp_path / "recipe.toml")]) == 4

    assert "or say --replace, which trains anew from the start." in capsys.readouterr().err


@pytest.mark.parametrize("step", ["data", "graphs"])
def test_who_interrupts_a_step_hears_what_is_kept(tmp_path, monkeypatch, capsys, step):
    """
    One line, as of a fit; the exit code is that of any program that Ctrl-C ended.
    """

    def interrupted(job):
        raise KeyboardInterrupt

    for name, (_, parts) in run.STEPS.items():
        monkeypatch.setitem(run.STEPS, name, (interrupted if name == step else lambda job: None, parts))
    monkeypatch.setattr(run, "tidy", lambda job: None)
    (tmp_path / "recipe.toml").write_text(f'{HEAD}train = ["x.csv"]\n{SIZES}')
    (tmp_path / "x.csv").write_text("text,stars\n")

    assert cli.main(["run", str(tmp_path / "recipe.toml")]) == 130

    told = f"{step}: interrupted; the same command begins {step} again, what was done before it stays\n"
    assert capsys.readouterr().out == told


@pytest.mark.parametrize("name", sorted(cli.train.commands))
def test_every_command_shows_how_it_is_called(name):
    """
    A line to copy, a word on each option, and a first sentence that the list of commands need not cut.
    """
    command = cli.train.commands[name]

    assert f"shikyu-train {name} " in (command.help or "")
    assert not command.get_short_help_str(45).endswith("...")
    assert [option.name for option in command.params if isinstance(option, click.Option) and not option.help] == []


def test_a_misspelt_command_is_usage():
    """
    click's own exit code for usage is ours for settings.
    """
    assert cli.main(["fitt"]) == 2
    assert CliRunner().invoke(cli.train, ["--help"]).exit_code == 0


def test_a_bug_says_where_but_not_what(monkeypatch, tmp_path, capsys):
    """
    Labelled messages are customers' texts too, and an error's own words can hold one.
    """
    (tmp_path / "recipe.toml").write_text("")

    def fail():
        raise KeyError("canary-7f3a")

    monkeypatch.setattr(cli, "ready", fail)

    assert cli.main(["run", str(tmp_path / "recipe.toml")]) == 1

    told = capsys.readouterr().err
    assert "shikyu-train: This is a bug" in told
    assert "canary" not in told


def test_the_users_own_choice_of_waiting_threads_stands(monkeypatch):
    """
    Ours is for who made none.
    """
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    options.let_threads_sleep()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"

    monkeypatch.delenv("OMP_WAIT_POLICY")
    options.let_threads_sleep()
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"

"""What several commands take, and what each needs before it imports torch."""

import importlib.util
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from consumer.errors import SettingsError, SurroundingsError

STARS = (1, 2, 3, 4, 5)
EXTRA = ("torch", "transformers", "accelerate", "sentencepiece", "sklearn", "scipy", "onnx")
# What is needed to fetch from the Hub alone, and the extra that has it.
HUB = (("huggingface_hub",), "hub")
INSTEAD = "name another with --precision"  # of one that this machine cannot compute
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


class ExistingFile(click.Path):
    def __init__(self) -> None:
        super().__init__(exists=True, dir_okay=False, path_type=Path)


def of_a_recipe(command: Callable[..., None]) -> Callable[..., None]:
    """What `run` and each of its steps take."""
    return click.argument("recipe", type=ExistingFile())(places(command))


def replacing(command: Callable[..., None]) -> Callable[..., None]:
    """What those take that write an artifact."""
    return click.option("--replace", is_flag=True, help="Replace an artifact that is there already.")(command)


def places(command: Callable[..., None]) -> Callable[..., None]:
    """Where a recipe's files are, and where the artifact and the run's folder go."""
    for decorate in (
        click.option(
            "--work", type=click.Path(path_type=Path), help="Where the steps keep what they made, instead of OUT.run."
        ),
        click.option("--out", type=click.Path(path_type=Path), help="The artifact's folder, instead of the recipe's."),
        click.option("--data", type=FOLDER, help="Where the recipe's files are, instead of beside the recipe."),
    ):
        command = decorate(command)
    return command


def labelled(command: Callable[..., None]) -> Callable[..., None]:
    """How labelled FILES are read."""
    for decorate in (
        click.option(
            "--stars",
            show_default="the artifact's recipe's, else stars",
            help="The files' column with one to five stars.",
        ),
        click.option(
            "--text",
            multiple=True,
            show_default="the artifact's recipe's, else text",
            help="The files' column with the text; repeatable, and several are joined by a blank line.",
        ),
        click.option(
            "--label",
            "mapping",
            metavar="LABEL=STARS",
            multiple=True,
            callback=_mapping,
            help="How many stars a label in that column means, where it is none, as in furious=1; repeatable. "
            "Otherwise as in the artifact's recipe.",
        ),
    ):
        command = decorate(command)
    return command


def _mapping(_context: click.Context, _parameter: click.Parameter, given: Sequence[str]) -> dict[str, int]:
    found = {}
    for pair in given:
        label, _equals, stars = pair.rpartition("=")
        if not label or stars not in map(str, STARS):
            raise click.BadParameter(f"{pair!r} is no label and its stars, 1 to 5, as in furious=1")
        found[label] = int(stars)
    return found


def require_category(columns: Sequence[str], texts: Sequence[str]) -> None:
    """SettingsError for slices by the very text: their values are shown, and texts are not."""
    if of_texts := set(columns) & set(texts):
        raise SettingsError(f"{of_texts.pop()!r} is a column of the texts: name one that puts messages into groups.")


def ready() -> None:
    """Before torch is imported: SurroundingsError when it is not there, and its threads told how to wait."""
    require_extra()
    let_threads_sleep()


def require_extra(packages: Sequence[str] = EXTRA, extra: str = "train") -> None:
    """SurroundingsError names what is missing, before an import fails deep inside."""
    if missing := [name for name in packages if importlib.util.find_spec(name) is None]:
        raise SurroundingsError(
            f"shikyu-train needs {', '.join(missing)}, which this environment lacks: "
            f"pip install '.[{extra}]' in shikyu's clone"
        )


def let_threads_sleep() -> None:
    """
    OpenMP's threads spin while they wait, which for small models on busy cores costs eight times the work.

    Read once, when torch is loaded: so set here, where it is not yet, and only where the user has not chosen.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

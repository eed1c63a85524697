"""What the pages say is there is there: links, commands, flags, settings."""

import itertools
import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest

from consumer.cli import shikyu
from consumer.documentation import sections
from consumer.settings_sources import resolve
from examples.ticketing.cli import ticketing
from training.cli import train

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROGRAMS: dict[str, click.Command] = {"shikyu": shikyu, "shikyu-train": train, "ticketing": ticketing}
MODULES = {"python -m examples.ticketing": "ticketing"}
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")


def blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in BLOCK.findall(page.read_text(encoding="utf-8")) if kind == language]


def commands() -> list[tuple[str, str]]:
    """(page, command) of every line of a shell block that calls one of PROGRAMS."""
    lines = [
        (page.name, line.partition(" #")[0].strip())
        for page in PAGES
        for block in blocks(page, "sh")
        for line in block.replace("\\\n", " ").splitlines()
    ]
    for module, program in MODULES.items():
        lines = [(page, re.sub(rf"^{module}\b", program, line)) for page, line in lines]
    return [(page, line) for page, line in lines if line.partition(" ")[0] in PROGRAMS]


def test_readme_is_short():
    """Promise, picture, quickstart, figures, links: under 150 lines."""
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) < 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    """Every relative link, pictures' too, and every section that one names."""
    broken = []
    for path, section in LINK.findall(BLOCK.sub("", page.read_text(encoding="utf-8"))):
        to = page.parent / path if path else page
        if "://" in path:
            continue
        if not to.exists() or (section and section not in sections(to.read_text(encoding="utf-8"))):
            broken.append(f"{path}#{section}")

    assert broken == []


def test_the_index_has_every_page_once():
    """The site's navigation is made of it, and `shikyu docs` and GitHub show it."""
    index = ROOT / "docs" / "README.md"
    listed = re.findall(r"^- \[[^]]+\]\(([^)]+)\): .", index.read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(listed) == sorted(path.name for path in index.parent.glob("*.md") if path != index)


@pytest.mark.parametrize(("page", "line"), commands())
def test_commands_and_their_flags_exist(page, line):
    """A page that teaches a flag which is gone is worse than none."""
    program, *words = itertools.takewhile(lambda word: word != "|", shlex.split(line))
    command = PROGRAMS[program]
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        with click.Context(command) as context:
            found = command.get_command(context, words.pop(0))
        assert found is not None, line
        command = found
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}

    assert [word for word in words if word.startswith("--") and word.partition("=")[0] not in known] == []


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "toml")], ids=lambda page: page.name)
def test_settings_in_examples_are_settings(page, tmp_path):
    """Each TOML example of the consumer's settings is one that it takes."""
    for block in blocks(page, "toml"):
        if {"data", "fit", "promise"} & set(tomllib.loads(block)):
            continue  # a recipe of shikyu-train's
        example = tmp_path / "shikyu.toml"
        example.write_text(block, encoding="utf-8")
        resolve(example, {}, {})

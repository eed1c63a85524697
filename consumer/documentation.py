"""The pages of docs/, which an installed shikyu has with it: what an error points at can be read without a network."""

import re
from collections.abc import Iterator
from pathlib import Path

from consumer.errors import SettingsError

HEADING = re.compile(r"^(#{1,6}) +(.+?) *#*$")
FENCE = re.compile(r"^ {0,3}(```|~~~)")


def folder() -> Path:
    """In the wheel beside this module, in a checkout beside the packages."""
    installed = Path(__file__).parent / "docs"
    return installed if installed.is_dir() else Path(__file__).parents[1] / "docs"


def pages() -> dict[str, str]:
    """Every page's name, with its title."""
    found = {}
    for path in sorted(folder().glob("*.md")):
        _, title, _ = next(headings(path.read_text(encoding="utf-8")))
        found[path.stem] = title
    return found


def read(address: str) -> str:
    """The page of `PAGE`, or a section of it, of `PAGE#SECTION`. Raises SettingsError for what there is not."""
    from consumer.names import nearest

    name, _, section = address.partition("#")
    name = name.removeprefix("docs/").removesuffix(".md")
    known = pages()
    if name not in known:
        raise SettingsError(f"there is no page {name!r}{nearest(name, known)}: `shikyu docs` lists them", page="README")
    text = (folder() / f"{name}.md").read_text(encoding="utf-8")
    if not section:
        return text
    found = sections(text)
    section = section.lower()  # an alert's own name is its section's, and anchors have no capitals
    if section not in found:
        raise SettingsError(
            f"page {name} has no section {section!r}{nearest(section, found)}: `shikyu docs {name}` shows all of it",
            page="README",
        )
    return found[section]


def sections(text: str) -> dict[str, str]:
    """By its anchor each section, down to the next heading of its own or a higher level."""
    lines = text.splitlines(keepends=True)
    all_of_them = list(headings(text))
    anchors: dict[str, str] = {}
    for place, (level, title, start) in enumerate(all_of_them):
        end = next((line for lower, _, line in all_of_them[place + 1 :] if lower <= level), len(lines))
        anchors[_unused(anchor(title), anchors)] = "".join(lines[start:end])
    return anchors


def headings(text: str) -> Iterator[tuple[int, str, int]]:
    """(level, title, line) of each heading; what looks like one within a block of code is none."""
    fence = ""
    for number, line in enumerate(text.splitlines()):
        mark = FENCE.match(line)
        if mark:
            fence = mark[1] if not fence else "" if mark[1] == fence else fence
        elif not fence and (heading := HEADING.match(line)):
            yield len(heading[1]), heading[2], number


def anchor(title: str) -> str:
    """A heading's, as GitHub and the site make it."""
    plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).replace("`", "").lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def _unused(name: str, taken: dict[str, str]) -> str:
    number, free = 0, name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free

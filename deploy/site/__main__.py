"""
What the site is made of: `python -m deploy.site FOLDER` writes the generator's sources and its settings there.

`make docs` then lets zensical build them, strictly. The pages are docs/ as they are; the navigation is the lists of
docs/README.md. Links that lead out of docs/ would be broken on a site: pages there are taken along, and what is none
(code, schemas) is named without a link. Standard library alone, for the generator's environment has nothing of ours.
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
INDEX = DOCS / "README.md"
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)#\s]+)(#[^)\s]*)?\)")
ENTRY = re.compile(r"^- \[([^]]+)\]\(([^)]+\.md)\)", re.MULTILINE)
BESIDE = ("ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md", "benchmarks/LOG.md")


def navigation(index: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """(heading, its (title, file) pairs) of each list of the index."""
    for section in re.split(r"^## ", index, flags=re.MULTILINE)[1:]:
        yield section.splitlines()[0].strip(), ENTRY.findall(section)


def place_of(page: Path) -> Path | None:
    """Where a file of the repository stands in the site's sources; None for what is no page of it."""
    if page == INDEX:
        return Path("index.md")
    if page.parent == DOCS:
        return Path(page.name)
    if page.is_relative_to(ROOT) and page.relative_to(ROOT).as_posix() in BESIDE:
        return Path("repository") / page.relative_to(ROOT)
    return None


def with_links(text: str, page: Path) -> str:
    """The page's text with every relative link as the site has it, or without it."""
    here = place_of(page)
    assert here is not None

    def link(found: re.Match[str]) -> str:
        picture, words, path, section = found[1], found[2], found[3], found[4] or ""
        if "://" in path:
            return found[0]
        to = place_of((page.parent / path).resolve())
        if to is None:
            return "" if picture else words
        return f"{picture}[{words}]({Path(os.path.relpath(to, here.parent)).as_posix()}{section})"

    blocks = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(block if block.startswith("```") else LINK.sub(link, block) for block in blocks)


def settings(index: str) -> str:
    """zensical.toml."""
    entries = [f"  {{ {json.dumps('Overview')} = {json.dumps('index.md')} }},"]
    for heading, pages in navigation(index):
        inside = ", ".join(f"{{ {json.dumps(title)} = {json.dumps(file)} }}" for title, file in pages)
        entries.append(f"  {{ {json.dumps(heading)} = [{inside}] }},")
    beside = ", ".join(f'"repository/{each}"' for each in BESIDE)
    return "\n".join(
        [
            "[project]",
            'site_name = "shikyu"',
            'site_description = "Customer messages from Kafka, urgent or routine, each exactly once"',
            'docs_dir = "site-pages"',
            'site_dir = "site"',
            "use_directory_urls = false",
            "nav = [",
            *entries,
            f'  {{ "The project" = [{beside}] }},',
            "]",
            "[project.theme]",
            'features = ["navigation.sections", "navigation.top", "content.code.copy", "search.highlight"]',
            "font = false",
            "[[project.theme.palette]]",
            'media = "(prefers-color-scheme: light)"',
            'scheme = "default"',
            "[[project.theme.palette]]",
            'media = "(prefers-color-scheme: dark)"',
            'scheme = "slate"',
            "[project.markdown_extensions.tables]",
            "[project.markdown_extensions.toc]",
            "permalink = true",
            "[project.markdown_extensions.pymdownx.highlight]",
            "[project.markdown_extensions.pymdownx.superfences]",
            "",
        ]
    )


def write(folder: Path) -> None:
    """The sources and zensical.toml, anew."""
    pages = folder / "site-pages"
    shutil.rmtree(pages, ignore_errors=True)
    for page in [*sorted(DOCS.glob("*.md")), *(ROOT / each for each in BESIDE)]:
        place = place_of(page)
        assert place is not None
        to = pages / place
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(with_links(page.read_text(encoding="utf-8"), page), encoding="utf-8")
    for picture in DOCS.glob("*.svg"):
        shutil.copy(picture, pages / picture.name)
    (folder / "zensical.toml").write_text(settings(INDEX.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))

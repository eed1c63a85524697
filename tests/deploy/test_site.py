"""What the site is made of; that no link is broken is held by tests/docs/test_pages.py, and by `make docs`."""

import re
import tomllib
from pathlib import Path

from deploy.site.__main__ import BESIDE, DOCS, INDEX, ROOT, settings, with_links, write


def test_the_navigation_is_the_index(tmp_path):
    """Every page, under the index's headings, in its order."""
    made = tomllib.loads(settings(INDEX.read_text(encoding="utf-8")))["project"]
    overview, *sections, project = made["nav"]

    files = [file for section in sections for pages in section.values() for page in pages for file in page.values()]
    assert overview == {"Overview": "index.md"}
    assert sorted(files) == sorted(path.name for path in DOCS.glob("*.md") if path != INDEX)
    assert [next(iter(section)) for section in sections] == re.findall(
        r"^## (.+)$", INDEX.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert project == {"The project": [f"repository/{each}" for each in BESIDE]}


def test_links_lead_to_where_pages_stand_on_the_site():
    """The index has another name there; what lies outside docs/ was taken along, or is named without a link."""
    page = DOCS / "faq.md"
    given = (
        "[a](delivery.md#how) [b](../benchmarks/LOG.md) [c](../examples/ticketing/event.avsc) [d](README.md)\n"
        "![e](stream.svg) [f](https://example.org/x) [`g`](../README.md)\n```\n[h](../README.md)\n```\n"
    )

    assert with_links(given, page) == (
        "[a](delivery.md#how) [b](repository/benchmarks/LOG.md) c [d](index.md)\n"
        "![e](stream.svg) [f](https://example.org/x) `g`\n```\n[h](../README.md)\n```\n"
    )
    assert with_links("[a](docs/faq.md) [b](README.md)", ROOT / "ARCHITECTURE.md") == "[a](../faq.md) b"


def test_every_page_and_picture_is_written(tmp_path):
    """And what was there before is gone."""
    (tmp_path / "site-pages").mkdir()
    (tmp_path / "site-pages" / "old.md").touch()

    write(tmp_path)

    found = {path.relative_to(tmp_path / "site-pages").as_posix() for path in tmp_path.rglob("site-pages/**/*.*")}
    ours = {path.name for path in [*DOCS.glob("*.md"), *DOCS.glob("*.svg")]} - {"README.md"}
    assert found == {"index.md", *ours, *(f"repository/{each}" for each in BESIDE)}
    assert "](../" not in (tmp_path / "site-pages" / "operations.md").read_text()
    assert Path(tmp_path / "zensical.toml").exists()

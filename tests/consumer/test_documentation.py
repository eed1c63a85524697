"""`shikyu docs`, which brings the pages along."""

import tomllib
from pathlib import Path

import pytest

from consumer import cli, documentation
from consumer.documentation import anchor, headings, sections

ROOT = Path(__file__).parents[2]
PAGE = """# Title

## A `code` title, [linked](x.md#y)
one
### Below
two
```sh
# no heading
```
## A code title, linked
three
"""


def test_sections_go_down_to_the_next_of_their_level():
    """With those below; a comment in a block of code is no heading, and a title that comes twice has a number."""
    found = sections(PAGE)

    assert list(found) == ["title", "a-code-title-linked", "below", "a-code-title-linked-1"]
    assert "two" in found["a-code-title-linked"]
    assert "three" not in found["a-code-title-linked"]
    assert "# no heading" in found["below"]
    assert found["title"] == PAGE
    assert [level for level, _, _ in headings(PAGE)] == [1, 2, 3, 2]


def test_anchors_are_as_github_makes_them():
    assert anchor("What is *not* there: `--x`, and [y](z.md)") == "what-is-not-there---x-and-y"


def test_pages_are_listed_and_printed(capsys):
    """All of docs/, and a section alone."""
    assert cli.main(["docs"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == sorted(path.stem for path in (ROOT / "docs").glob("*.md"))

    assert cli.main(["docs", "security#acls"]) == 0
    assert capsys.readouterr().out.startswith("## ACLs\n")
    assert cli.main(["docs", "runbook#ShikyuLate"]) == 0, "as an alert is called"
    assert capsys.readouterr().out.startswith("## ShikyuLate\n")
    assert cli.main(["docs", "docs/delivery.md"]) == 0
    assert capsys.readouterr().out == (ROOT / "docs" / "delivery.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("page", "said"),
    [("securty", "did you mean security?"), ("security#acl", "did you mean acls?"), ("../README", "no page")],
)
def test_what_is_not_there_is_named(page, said, capsys):
    """With the nearest that is; nothing outside the pages can be read."""
    assert cli.main(["docs", page]) == 2

    assert said in capsys.readouterr().err


def test_the_wheel_has_the_pages():
    """Where documentation.folder() looks first."""
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]

    assert wheel["force-include"] == {"docs": "consumer/docs"}
    assert documentation.folder() == ROOT / "docs"

"""`make audit`: what it makes of what pip-audit and metadata say; pip-audit itself is in an environment apart."""

import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

SCRIPT = Path(__file__).parents[1] / "locks" / "audit.py"


@pytest.fixture
def audit(monkeypatch):
    """The script, and what the programs that it calls are to say."""
    spec = importlib.util.spec_from_file_location("audit", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    said = {"licences": [["orjson", "3.11.0", "MPL-2.0 AND (Apache-2.0 OR MIT)"]], "holes": [], "words": ""}

    def run(command, **_):
        if command[0] == "python":
            return SimpleNamespace(stdout=json.dumps(said["licences"]), stderr="")
        found = "" if said["holes"] is None else json.dumps({"dependencies": said["holes"]})
        return SimpleNamespace(stdout=found, stderr=said["words"], command=command)

    monkeypatch.setattr(module.subprocess, "run", run)
    return SimpleNamespace(main=lambda: module.main("serve.txt", "python"), said=said, module=module)


def package(*holes, **more):
    return {"name": "orjson", "version": "3.11.0", "vulns": list(holes), **more}


def test_nothing_known_is_well(audit, capsys):
    audit.said["holes"] = [package()]

    assert audit.main() == 0
    assert "1 packages, 0 known holes" in capsys.readouterr().out


def test_a_known_hole_is_told_with_what_mends_it(audit, capsys):
    audit.said["holes"] = [package({"id": "GHSA-1", "fix_versions": ["3.12.0"]})]

    assert audit.main() == 5
    assert "orjson 3.11.0: GHSA-1, mended in 3.12.0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("holes", "told"),
    [
        (None, "could not say which holes are known: no route"),
        ([package(skip_reason="not found on PyPI")], "told nothing of 1 of 1 packages (orjson"),
    ],
)
def test_a_database_that_is_not_reached_is_no_all_clear(audit, capsys, holes, told):
    """pip-audit itself exits with 0 when it found no package."""
    audit.said |= {"holes": holes, "words": "a\nno route"}

    assert audit.main() == 3
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("licence", "code"),
    [
        ("GPL-3.0-only", 5),
        ("GPL-3.0-only AND MIT", 5),
        ("LGPLv3, MIT License", 5),
        ("GPL-2.0-or-later OR MIT", 0),
        ("", 5),
        ("BSD-3-Clause AND 0BSD AND CC0-1.0", 0),
    ],
)
def test_a_licence_that_may_ask_something_is_named(audit, capsys, licence, code):
    audit.said |= {"licences": [["new", "1.0", licence]], "holes": [package()]}

    assert audit.main() == code
    assert ("look at these licences before you ship: new" in capsys.readouterr().err) is bool(code)


def test_holes_that_security_md_lists_are_passed_by(audit, monkeypatch, tmp_path):
    """And nothing else in it is taken for one."""
    asked = []
    monkeypatch.setattr(audit.module, "SECURITY", tmp_path / "SECURITY.md")
    (tmp_path / "SECURITY.md").write_text("| `GHSA-aaaa-bbbb` | x | why |\n| CVE-2026-1 | y | why |\nGHSA-no | z\n")
    told = SimpleNamespace(stdout=json.dumps({"dependencies": []}), stderr="")
    monkeypatch.setattr(audit.module.subprocess, "run", lambda command, **_: asked.append(command) or told)

    assert audit.module.holes("serve.txt") == 0
    assert [name for name in asked[0] if name.startswith(("GHSA", "CVE"))] == ["GHSA-aaaa-bbbb", "CVE-2026-1"]
    assert asked[0][0] == sys.executable

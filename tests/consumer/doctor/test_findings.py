"""What findings come to, and how they are told."""

import json

import click
import pytest

from consumer.doctor.findings import Finding, conclusion, fail, ok, skipped, warn
from consumer.doctor.told import as_json, lines, total
from consumer.errors import ArtifactError, LimitError, PassingFault, SettingsError, SurroundingsError

WELL = [ok("resolve", "b:1", "10.0.0.1"), skipped("tls", "", "security.protocol is plaintext")]
WARNED = [*WELL, warn("clock", "the registry", "60 s behind", "have it set")]


def test_nothing_that_failed_is_well():
    """A warning stops a pipeline only where it was asked for."""
    assert conclusion(WELL, strict=True) is None
    assert conclusion(WARNED, strict=False) is None
    told = conclusion(WARNED, strict=True)
    assert isinstance(told, LimitError)
    assert str(told) == "1 warning, first clock of the registry: 60 s behind"


@pytest.mark.parametrize(
    ("error", "code"),
    [(SettingsError, 2), (SurroundingsError, 3), (PassingFault, 3), (ArtifactError, 4), (LimitError, 5)],
)
def test_the_first_failure_says_who_must_act(error, code):
    """As `shikyu run` would have ended: what comes later may be its consequence."""
    findings = [*WARNED, fail("x", "y", "z", error("do this")), fail("speed", "", "slow", "more", LimitError)]

    told = conclusion(findings, strict=False)

    assert told is not None
    assert told.exit_code == code
    assert str(told) == "2 checks failed, first x of y: z"


def test_each_has_one_line_and_what_to_do_beneath_it():
    """Colours apart."""
    assert click.unstyle(lines(ok("resolve", "b:1", "10.0.0.1"))) == "ok      resolve        b:1: 10.0.0.1"
    assert click.unstyle(lines(WARNED[-1])).splitlines() == [
        "warn    clock          the registry: 60 s behind",
        "                       → have it set",
    ]
    assert total(WARNED) == "1 ok, 1 warn, 0 fail, 1 skipped"


def test_a_terminal_s_width_is_kept():
    narrow = lines(fail("login", "b:1", "no " * 40, "check " * 40), 60)

    assert max(map(len, click.unstyle(narrow).splitlines())) <= 60


def test_words_of_others_cannot_move_the_cursor():
    """A broker's or a registry's own words may be among them."""
    told = lines(Finding("login", "fail", "b\x1b[2J", "a\nb\u202e", "c\x07"))

    assert not {"\x1b[2J", "\u202e", "\x07"} & {told[i : i + n] for i in range(len(told)) for n in (1, 4)}
    assert len(told.splitlines()) == 2


def test_json_has_the_same_and_the_exit_code():
    whole = json.loads(as_json(WARNED, 0))

    assert whole["exit_code"] == 0
    assert whole["counts"] == {"ok": 1, "warn": 1, "fail": 0, "skipped": 1}
    assert whole["checks"][2] == {
        "check": "clock",
        "status": "warn",
        "what": "the registry",
        "value": "60 s behind",
        "advice": "have it set",
    }

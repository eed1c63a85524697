"""
Every place that shows a customer's text, before one corpus.

A new place goes into PLACES. There is no place that writes CSV, so that no cell can start a formula there; a test holds
that this stays so.
"""

import io
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import numpy as np
import orjson
import pytest
from rich.console import Console

from consumer.preview import told as preview
from consumer.records import Dead, Decision, Message, ModelVersion, Record, Satisfaction
from tests.payloads import PAYLOADS

UNSEEN = {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}
JOINERS = {"\u200c", "\u200d"}  # emoji and several scripts need them
ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


def decision() -> Decision:
    fifth = (0.2,) * 5
    return Decision(Satisfaction.NEUTRAL, fifth, 0.4, False, 0.5, "model", False, ModelVersion("fake", "1", "fp32"))


def in_the_preview(text: str) -> str:
    fate = Message(text, id=text, customer_id=text, channel=text, language=text, attributes={text: text})
    return "\n".join(preview([Record("in", 0, 0, None, None, b"")], lambda _: fate, Counter()))


def in_the_preview_of_the_dead(text: str) -> str:
    from consumer.dead_letters import MISSING_TEXT

    fate = Dead(MISSING_TEXT.error(), (text,), 1)
    return "\n".join(preview([Record("in", 0, 0, None, None, b"")], lambda _: fate, Counter()))


def in_the_table(text: str) -> str:
    from consumer.commands import classify

    written = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classify, "Console", lambda: Console(file=written, width=120))
        classify._table(1, [text], [decision()])
    return written.getvalue()


def in_the_demo(text: str) -> str:
    from local.arrivals import Classified, DeadLetter
    from local.live_view import LiveView
    from local.tally import Tally

    written = io.StringIO()
    with LiveView(Tally(), Console(file=written, width=120)) as view:
        view.show(Classified(("in", 0, 0), "urgent", "neutral", 0.9, text, 0.1))
        view.show(DeadLetter(("in", 0, 0), text, text))
    return written.getvalue()


def in_what_check_says(text: str) -> str:
    pytest.importorskip("torch")
    from consumer.manifest import Promise
    from training.operating.kept import verdict
    from training.reporting.tables import check_table

    promise = Promise(target=0.95, recall=0.95, confidence=0.95, calibration_size=100, needless=0.1)
    written = io.StringIO()
    console = Console(file=written, width=200, markup=False, highlight=False)
    console.print(check_table({"fp32": (promise, {text: verdict(1, 100, 0.95, 0.95)})}, "channel"))
    return written.getvalue()


def in_the_list_of_tickets(text: str) -> str:
    pytest.importorskip("sqlalchemy")
    from examples.ticketing import listing

    return listing.line(ticket(text), NOW) + "\n"


def in_a_ticket(text: str) -> str:
    pytest.importorskip("sqlalchemy")
    from examples.ticketing import listing

    return "\n".join(listing.whole(ticket(text), NOW))


def ticket(text: str) -> Any:
    from examples.ticketing.tables import Message as Row
    from examples.ticketing.tables import Note, Ticket

    said = {"customer_id": text, "channel": text, "text": text, "run": text, "model": text, "source_topic": text}
    message = Row(id=1, source_partition=0, source_offset=0, decision="urgent", urgency=0.9, **said)
    note = Note(id=1, at=NOW, text=text)
    return Ticket(id=1, customer_id=text, state="open", urgency=0.9, due_at=NOW, messages=[message], notes=[note])


def in_what_was_set_aside(text: str) -> str:
    pytest.importorskip("sqlalchemy")
    from examples.ticketing import listing
    from examples.ticketing.tables import SetAside

    return "\n".join(listing.set_aside([SetAside(topic=text, partition=0, offset=0, code="bad-event", reason=text)]))


def in_the_flips(text: str) -> str:
    from consumer.flips.told import told
    from tests.consumer.flips.made_up import of_text

    written = io.StringIO()
    console = Console(file=written, width=1000, markup=False, highlight=False)
    console.print(told(of_text(text), with_text=True), crop=False)
    return written.getvalue()


def in_the_corrections(text: str) -> str:
    from consumer.corrections import told
    from consumer.corrections.settle import Conflict, Held
    from tests.consumer.corrections.made_up import made

    first, second = (made(offset, text, message_id=text, writer=text) for offset in (0, 1))
    lines = [told.line(first), *told.conflict_lines(Conflict(first, (second,)))]
    return "\n".join([*lines, *told.held_lines([Held(first, "unknown-writer"), Held(second, "burst")])])


def in_what_is_due(text: str) -> str:
    from consumer.audit import due
    from consumer.settings import Audit
    from tests.consumer.audit.live_window import lived

    answer = lived(1, Audit())[0].answer(text=text, satisfaction=text)
    return "\n".join(due.lines([(text, answer)], with_text=True))


def in_drift(text: str) -> str:
    from consumer.drift import report
    from consumer.drift.gather import Messages, PassedOver

    empty = Messages(np.array([], dtype=np.int64), {})
    found = report.Found(empty, PassedOver(models=Counter({text: 3})), ())
    return "\n".join(report._told(found, SimpleNamespace(version=ModelVersion("made-up", "1", "int8"))))


def in_what_the_doctor_says(text: str) -> str:
    from consumer.doctor import told
    from consumer.doctor.findings import Finding

    finding = Finding("topics", "fail", text, text, text or "nothing", 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(click, "style", lambda words, **_: words)
        return told.lines(finding)


def in_top(text: str) -> str:
    from consumer.top.screen import screen
    from tests.consumer.top.made_up import answer, frame

    told = {"channel": text, "language": text, "satisfaction": text, "reason": text, "source": (text, 0, 1)}
    odd = frame(
        answer(text, **told), answer(None, **told),
        models=[text], problems=[text], dead_letters={"all": 1, "by_code": {text: 1}, "counted": "seen in the topic"},
        lag=[{"topic": text, "partition": 0, "records": 1, "seconds": None}],
        drift=[{"feature": text, "distance": 0.1, "limit": 0.2, "alarm": False}],
    )  # fmt: skip
    written = io.StringIO()
    console = Console(file=written, width=20_000, markup=False, highlight=False, emoji=False)
    console.print(screen(odd, 150))
    return written.getvalue()


TERMINALS: dict[str, Callable[[str], str]] = {
    "config test": in_the_preview,
    "config test of dead letters": in_the_preview_of_the_dead,
    "classify": in_the_table,
    "the demo": in_the_demo,
    "check": in_what_check_says,
    "the list of tickets": in_the_list_of_tickets,
    "a ticket": in_a_ticket,
    "what was set aside": in_what_was_set_aside,
    "flips": in_the_flips,
    "corrections": in_the_corrections,
    "drift": in_drift,
    "what is due": in_what_is_due,
    "doctor": in_what_the_doctor_says,
    "top": in_top,
}


def the_report(text: str) -> str:
    pytest.importorskip("jinja2")
    pytest.importorskip("torch")
    from tests.training.made_up_run import run
    from training.reporting.report import report

    as_format = text.replace("{", "{{").replace("}", "}}") + " {row}"
    return report(*run(text=as_format, channel=text or "none", description=text))


def the_page_of_the_data(text: str) -> str:
    pytest.importorskip("jinja2")
    pytest.importorskip("torch")
    from tests.training.made_up_run import recipe
    from tests.training.reporting.made_up_inspection import inspection
    from training.reporting.data_page import Examples, Pair, data_page

    pair = Pair(text, text, 1, text, text, 2, 0.8)
    found = inspection()
    sources = found["splits"]["train"]["sources"]
    found["splits"]["train"]["sources"] = {text: sources["own"]}
    return data_page(recipe(), found, Examples([pair], [pair]))


def the_page_of_flips(text: str) -> str:
    from consumer.flips.page import page
    from tests.consumer.flips.made_up import of_text

    return page(of_text(text))


def the_report_of_live_messages(text: str) -> str:
    """Channels, languages and attributes are the customer's system's own; ids and writers may be anybody's."""
    from consumer.report.figures import as_page
    from consumer.report.slices import Slices
    from consumer.settings import Audit
    from tests.consumer.audit.live_window import KEY, lived
    from tests.consumer.report.made_up import reported

    messages = lived(60, Audit(share=0.3, share_at_threshold=0.6, key=KEY))
    slices = Slices((text or "none",), frozenset())
    for each in messages:
        slices.add(each.answer(channel=text, language=text, attributes={text or "none": text}))
    said = [
        messages[0].correction(place, event_id=event_id, message_id=text, writer=writer, role=role)
        for place, (event_id, writer, role) in enumerate(
            [
                (messages[0].event_id, "shikyu", "quality"),
                (messages[0].event_id, "shikyu", "agent"),
                (text, text, "agent"),
            ]
        )
    ]
    said[1] = replace(said[1], decision="routine" if said[0].decision == "urgent" else "urgent")
    codes = [{"code": text, "messages": 3}]
    more = {"dead_letters": {"all": 3, "codes": codes}, "notes": [{"said": text, "more": f"see {text}"}]}
    return as_page(reported(messages, said, slices=slices.figures({}, "very-unsatisfied"), **more)).decode()


def the_live_page(text: str) -> str:
    """Its own words stand in its markup; a text comes later, by `told_by_the_live_page`."""
    from tests.consumer.live_page.asking import Desk

    desk = Desk()
    desk.words.model = replace(desk.words.model, name=text, version=text)
    return desk.get("/").body.decode().replace(desk.keys.csrf, "")


def told_by_the_live_page(text: str) -> list[tuple[str, Any]]:
    """What its script is told, to be put in as text: the stream, a trial, and how the promise stands."""
    from consumer.live_page.standing import told
    from tests.consumer.live_page.asking import Desk, events
    from tests.consumer.report.made_up import reported

    desk = Desk()
    given = {"text": text, "channel": text, "language": text, "reason": text, "satisfaction": text}
    desk.tail.put(**given, source=(text, 0, 1))
    dead = {"all": 1, "codes": [{"code": text, "messages": 1}]}
    odd = reported([], [], dead_letters=dead, notes=[{"said": text, "more": f"see {text}"}])
    drift = {"verdict": "No drift.", "why": [text], "more": [text]}
    desk.standing.told = {"number": 1, **told({**odd, "drift": drift})}
    tried = desk.post("/api/try", {"text": text.encode("utf-8", "replace").decode(), "words": True})
    assert tried.status == 200
    return [*events(desk.get("/api/stream").body), ("trial", tried.json)]


PAGES: dict[str, Callable[[str], str]] = {
    "report.html": the_report,
    "data.html": the_page_of_the_data,
    "flips.html": the_page_of_flips,
    "the report of live messages": the_report_of_live_messages,
}
LIVE_PAGES: dict[str, Callable[[str], str]] = {"shikyu page": the_live_page}


class Page(HTMLParser):
    """What a browser would make of it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.policies: list[str] = []
        self.words = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        given = {name: value or "" for name, value in attributes}
        self.attributes += given.items()
        if tag == "meta" and given.get("http-equiv") == "Content-Security-Policy":
            self.policies.append(given["content"])

    handle_startendtag = handle_starttag

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("place", TERMINALS)
def test_a_terminal_gets_nothing_that_steers_it(place, payload):
    """No escape, no control, nothing that hides or turns words; and still lines of its own."""
    shown = TERMINALS[place](PAYLOADS[payload])

    lines = TERMINALS[place]("x").count("\n")
    odd = {each for each in shown if each != "\n" and unicodedata.category(each) in UNSEEN} - JOINERS
    assert not odd, [hex(ord(each)) for each in odd]
    assert place == "the demo" or shown.count("\n") == lines
    shown.encode("utf-8")


@pytest.fixture(scope="module")
def plain() -> dict[str, Page]:
    """Of each page without anything evil in it."""
    return {place: Page(make("x")) for place, make in PAGES.items()}


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("place", PAGES)
@pytest.mark.train
def test_a_page_gets_no_markup(plain, place, payload):
    """The same elements and attributes as with a harmless text, under a policy that lets no script run."""
    page = PAGES[place](PAYLOADS[payload])
    found = Page(page)

    assert found.tags == plain[place].tags
    assert Counter(name for name, _ in found.attributes) == Counter(name for name, _ in plain[place].attributes)
    assert not [value for name, value in found.attributes if name in {"href", "src"} and "javascript:" in value]
    [policy] = found.policies
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    odd = {each for each in page if each not in "\n\t" and unicodedata.category(each) in UNSEEN} - JOINERS
    assert not odd, [hex(ord(each)) for each in odd]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_the_live_page_gets_no_markup(payload):
    """Its policy is a header: tests/consumer/live_page/test_access.py looks at that."""
    for make in LIVE_PAGES.values():
        found, plain = Page(make(PAYLOADS[payload])), Page(make("x"))

        assert found.tags == plain.tags
        assert Counter(name for name, _ in found.attributes) == Counter(name for name, _ in plain.attributes)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_the_live_page_s_script_is_told_nothing_unseen(payload):
    """Each event stays one, and what hides or turns words is written as numbers."""
    told = told_by_the_live_page(PAYLOADS[payload])

    assert [name for name, _ in told] == ["answers", "standing", "trial"]
    for word in words_of(told):
        odd = {each for each in word if each not in "\n\t" and unicodedata.category(each) in UNSEEN} - JOINERS
        assert not odd, [hex(ord(each)) for each in odd]


def words_of(told: Any) -> Iterator[str]:
    if isinstance(told, str):
        yield told
    elif isinstance(told, dict):
        yield from words_of(list(told.items()))
    elif isinstance(told, list | tuple):
        for each in told:
            yield from words_of(each)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_lines_of_json_stay_lines(payload, capsysbinary):
    """Whatever the text holds, it is one line, and another program gets it back."""
    from consumer.commands import classify

    text = PAYLOADS[payload].encode("utf-8", "replace").decode()

    classify._jsonl(with_text=True)(1, [text], [decision()])

    written = capsysbinary.readouterr().out
    assert written.count(b"\n") == 1
    assert orjson.loads(written)["text"] == text
    assert b"\x1b" not in written


@pytest.mark.parametrize("payload", [each for each in PAYLOADS if each != "nothing"])
def test_a_log_holds_no_text(payload, capsys):
    """Neither where a record is dead-lettered, nor where a rule fails on it."""
    from consumer import logs
    from consumer.decode import Decoder
    from consumer.rule_failures import RuleFailures
    from consumer.schema_store import SchemaStore
    from consumer.settings import Input, Log, Rules

    logs.configure(Log(format="json", level="debug"))
    text = PAYLOADS[payload].encode("utf-8", "replace").decode() + "canary-7f3a"
    rules = Rules(always_urgent={"vip": "contains(attributes.tier, text)"})
    failures = RuleFailures(lambda _: None)
    decoder = Decoder(Input(format="json"), SchemaStore(None), rules, rule_failed=failures)
    for event in ({"text": text, "attributes": {"tier": 1}}, {text: text}, {"text": [text]}, text):
        decoder.decode(Record("in", 0, 0, 0, text.encode(), orjson.dumps(event)))

    out, err = capsys.readouterr()
    assert "canary-7f3a" not in out + err


def sources() -> Iterator[Path]:
    for room in ("consumer", "training", "local", "examples"):
        yield from (ROOT / room).rglob("*.py")


def test_nothing_writes_csv():
    """Where something does one day, its cells belong into this file."""
    writers = re.compile(r"csv\.(writer|DictWriter)|to_csv\(")

    assert [path.name for path in sources() if writers.search(path.read_text("utf-8"))] == []

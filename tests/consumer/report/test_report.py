"""The page for the head of support tells what the figures hold, in plain words."""

import json
import re
from dataclasses import replace

import pytest

from consumer import cli
from consumer.audit.notes import Note
from consumer.audit.promise import Promised
from consumer.errors import SettingsError
from consumer.report.figures import _require_there, as_json, as_page
from consumer.report.page import bars, finely, in_100
from consumer.report.slices import LEAST_MESSAGES, MOST_VALUES, Slices
from consumer.report.volume import Volume
from consumer.settings import Audit, Settings
from tests.consumer.audit.live_window import KEY, START_MS, Live, judged, lived
from tests.consumer.report.made_up import reported

HALF = Audit(share=0.3, share_at_threshold=0.6, key=KEY)
DAY_MS = 86_400_000


def words(found) -> str:
    """What a reader of the page reads."""
    body = as_page(found).decode().partition("<body>")[2]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body).replace("\u00a0", " "))


@pytest.fixture(scope="module")
def messages() -> list[Live]:
    return lived(4000, HALF, apart_ms=2 * 60_000)


def test_a_manager_reads_how_much_how_good_and_whether_the_promise_is_kept(messages):
    corrections = list(judged(messages))

    read = words(reported(messages, corrections, Promised(0.99)))

    urgent = sum(each.decision.urgent for each in messages)
    assert "4,000 messages came." in read
    assert f"{urgent:,} ( {100 * urgent / 4000:.1f} % ) were put before agents" in read.replace("(", "( ").replace(
        ")", " )"
    ).replace("  ", " ")
    assert re.search(r"Of a hundred writers who were very unsatisfied, about (8|9)\d were found", read)
    assert "promised were 99" in read
    assert "promise broken" in read
    assert "a day were missed" in read
    assert "Not measured." in read, "drift"


def test_before_anybody_judged_it_says_that_nobody_knows(messages):
    read = words(reported(messages, []))

    assert "nobody knows yet" in read
    assert "not measured" in read
    assert "Nobody disagrees." in read


def test_no_message_is_a_page_too():
    read = words({**reported([], []), "dead_letters": None, "corrections": None})

    assert "No message came." in read
    assert "They are not collected yet." in read
    assert "Not counted." in read


def test_slices_are_told_worst_first_and_small_ones_left_out(messages):
    """By what their recall is at most: a few unlucky judgements put nothing on top."""
    blind = [
        replace(each, decision=replace(each.decision, urgent=False)) if number % 4 == 2 else each
        for number, each in enumerate(messages)
    ]
    found = reported(blind, list(judged(blind)))

    plans = found["slices"]["plan"]
    assert plans["values"][0]["value"] == "plan 2"
    assert plans["values"][0]["recall"]["high"] < 0.5
    assert [each["messages"] for each in plans["values"]] == [1000] * 4
    assert list(found["slices"]) == ["channel", "language", "plan"]
    few = reported(messages[: 4 * LEAST_MESSAGES - 4], [])["slices"]["plan"]
    assert (few["values"], few["left_out"]) == ([], 4)


def test_a_name_with_a_value_for_each_message_takes_no_memory(messages):
    slices = Slices(("id",), frozenset())
    for each in messages:
        slices.add(each.answer(attributes={"id": each.event_id}))

    assert len(slices._found["id"]) <= MOST_VALUES + 1
    assert slices.figures({}, "very-unsatisfied")["id"]["values"] == []


def test_days_without_messages_stand_in_the_picture():
    volume = Volume()
    message = lived(1, Audit())[0]
    for day in (0, 0, 3):
        volume.add(message.answer(fate="routine", audit=None, written_ms=START_MS + day * DAY_MS))
    volume.add(message.answer(fate="urgent", written_ms=START_MS))
    volume.add(message.answer(fate="routine", audit=0.1, written_ms=START_MS))
    volume.add(message.answer(fate="routine", run="replay", written_ms=START_MS))

    assert [(each["urgent"], each["routine"]) for each in volume.by_day()] == [(1, 3), (0, 0), (0, 0), (0, 1)]
    assert volume.work() == {"messages": 5, "looked_at": 2, "not_looked_at": 3, "share": 0.6}
    drawn = bars(volume.by_day())
    assert (drawn["most"], drawn["days"][0]["urgent_height"], drawn["days"][0]["routine_height"]) == (4, 30, 90)
    assert bars([]) == {"most": 1, "days": []}


def test_disagreement_is_listed_without_a_word_of_the_customer(messages):
    first = next(each for each in messages if each.decision.audit is not None)
    said = [
        first.correction(1, decision="urgent", role="agent"),
        first.correction(2, decision="routine", role="supervisor"),
    ]

    found = reported(messages, said)

    assert found["corrections"]["conflicts"] == 1
    assert found["corrections"]["listed"][0]["stands"].startswith("routine (supervisor")
    assert "urgent (agent" in words(found)


def test_what_somebody_named_a_channel_breaks_no_page(messages):
    """Markup and the tricks of bidirectional text."""
    slices = Slices((), frozenset())
    for each in messages[:200]:
        slices.add(each.answer(channel="<script>\u202ex"))
    page = as_page(reported(messages, [], slices=slices.figures({}, "very-unsatisfied"))).decode()

    assert "<script>" not in page
    assert "\u202e" not in page


def test_the_page_needs_nothing_but_itself(messages):
    page = as_page(reported(messages, [])).decode()

    assert not re.search(r"https?://", page)
    assert "Content-Security-Policy" in page
    found = reported(messages, [])
    assert json.loads(as_json(found)) == json.loads(json.dumps(found))


def test_figures_are_rounded_as_people_read_them():
    assert [in_100(each) for each in (0.931, 0.995, 1.0, 0)] == ["93", "99.5", "100", "0"]
    assert [finely(each) for each in (0.1234, 1.0, 0.0)] == ["12.3\u00a0%", "100\u00a0%", "0\u00a0%"]


def test_names_of_settings_stand_at_its_end_alone(messages):
    """For who runs it; whoever reads the page for its figures is told the same in plain words."""
    said = [messages[number].correction(number, writer="stranger") for number in range(9)]
    gone = [Note("some messages are kept no more", "in/0 begins later"), Note("some messages are kept no more", "in/1")]
    found = reported(messages, said, None, window_notes=gone)
    nobody = {"drift": None, "dead_letters": None, "corrections": None}
    for page in (found, {**reported(lived(300, Audit()), []), **nobody}, {**reported([], []), **nobody}):
        body = as_page(page).decode().partition("<body>")[2]
        plain, _, end = body.partition('<section id="operators">')

        settings = "|".join(Settings.model_fields)
        assert not re.search(rf"<code>|--[a-z]|shikyu |\b({settings})\.[a-z]", plain)
        assert "--slice" in end
    read = words(found)
    assert read.count("some messages are kept no more. ") == 1
    assert "some messages are kept no more: in/0 begins later. some messages are kept no more: in/1." in read
    assert "no message of this time was marked for review: set audit.share, so that some are." in words(
        reported(lived(300, Audit()), [])
    )


def test_a_slice_that_no_answer_has_is_refused_with_those_there_are(messages):
    """As far as their names are such as programs give, and no customer's."""
    slices = Slices(("plan", "plam", "language"), frozenset())
    for each in messages[:3]:
        slices.add(each.answer(language="en", attributes={"plan": "gold", "region": "north", "jo@example.com": "x"}))

    assert slices.unknown() == ["plam"]
    assert slices.figures({}, "very-unsatisfied")["language"]["left_out"] == 1, "the event's own, and asked for or not"
    with pytest.raises(SettingsError) as refused:
        _require_there(slices)
    assert str(refused.value) == (
        '--slice "plam": no answer of this time has an attribute of that name; those there are: plan, '
        "region. Channel and language are told unasked"
    )


@pytest.mark.parametrize("command", ["report", "flips"])
def test_a_page_is_not_called_what_it_is_not(command, capsys, tmp_path):
    """A PDF that no reader opens."""
    more = ["--run", "r"] if command == "flips" else []

    assert cli.main([command, *more, "--html", str(tmp_path / "week.pdf")]) == 2
    said = capsys.readouterr().err
    assert "week.html" in said
    assert "a browser opens it" in said

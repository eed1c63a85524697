"""Which messages are marked for people to check: the same ones whenever they are read, as many as is set."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from pydantic import ValidationError

from consumer.answer import Steps
from consumer.audit.draw import marking, probability, unmarked
from consumer.dead_letters import MISSING_TEXT
from consumer.encode import Encoder
from consumer.errors import SettingsError
from consumer.flips.answers import Reader
from consumer.job import Job
from consumer.job import marking as marking_for
from consumer.records import Dead, Decision, Message, ModelVersion, OutputRecord, Record, Satisfaction
from consumer.schema_store import open_store
from consumer.settings import Audit, Output, Settings
from consumer.settings_sources import resolve
from consumer.telemetry import UNTOLD

KEY = "a secret of the whole group"
AUDIT = Audit(share=0.02, share_at_threshold=0.3, key=KEY)
MODEL = ModelVersion("tiny", "1", "fp32")


def record(offset: int, partition: int = 0, topic: str = "in") -> Record:
    return Record(topic, partition, offset, 0, None, b"x")


def decision(urgency: float = 0.0, threshold: float = 0.5) -> Decision:
    urgent = urgency >= threshold
    return Decision(Satisfaction.NEUTRAL, (0.2,) * 5, urgency, urgent, threshold, "model", truncated=False, model=MODEL)


def marked(settings: Audit, urgency: float, count: int = 15_000) -> set[int]:
    mark = marking(settings)
    return {n for n in range(count) if mark(record(n), decision(urgency)).audit is not None}


@pytest.mark.parametrize("urgency", [0.0, 0.25, 0.49, 0.9])
def test_as_many_are_marked_as_the_event_says(urgency):
    """Within five standard deviations of the probability that each marked one carries."""
    likely = probability(AUDIT, urgency, 0.5, urgent=urgency >= 0.5)

    found = marked(AUDIT, urgency)

    assert abs(len(found) - 15_000 * likely) < 5 * np.sqrt(15_000 * likely)
    assert marking(AUDIT)(record(min(found)), decision(urgency)).audit == likely


def test_the_share_over_many_messages_is_the_mean_of_their_probabilities():
    """Of 15,000 with the urgencies that messages have: most far below the threshold."""
    urgencies = np.random.default_rng(7).beta(0.3, 2.5, 15_000)
    mark = marking(AUDIT)

    each = [mark(record(n, n % 3), decision(float(urgency))) for n, urgency in enumerate(urgencies)]

    likely = [probability(AUDIT, one.urgency, 0.5, urgent=one.urgent) for one in each]
    drawn = [one.audit for one in each if one.audit is not None]
    assert abs(len(drawn) - sum(likely)) < 5 * np.sqrt(sum(likely))
    # So the marked ones speak for all: Horvitz and Thompson's count of the messages.
    assert abs(sum(1 / p for p in drawn) - 15_000) < 5 * np.sqrt(sum(1 / p for p in likely))


def test_the_probability_rises_toward_the_threshold_and_never_leaves_its_bounds():
    urgencies = np.linspace(0, 0.4999, 50)
    rising = [probability(AUDIT, float(each), 0.5, urgent=False) for each in urgencies]

    assert rising[0] == 0.02
    assert rising == sorted(rising)
    assert 0.29 < rising[-1] <= 0.3
    assert probability(AUDIT, 0.125, 0.5, urgent=False) == pytest.approx(0.16), "half way up, at a quarter of it"
    assert probability(AUDIT, 0.99, 0.5, urgent=True) == 0.02
    assert probability(AUDIT, 0.9, 0.5, urgent=False) == 0.3, "a text that the model could not judge, left as routine"
    assert probability(Audit(share=0.5, key=KEY), 0.4, 0.5, urgent=False) == 0.5, "never less than the share"
    assert probability(AUDIT, 0.0, 0.0, urgent=False) == 0.3


def test_the_same_are_marked_again_whatever_shares_their_window():
    """After a rewind, a restart, in a replay, in another process; not with another key, topic or partition."""
    assert marked(AUDIT, 0.1) == marked(Audit(share=0.02, share_at_threshold=0.3, key=KEY), 0.1)
    others = {n for n in range(15_000) if marking(AUDIT)(record(n, 1), decision(0.1)).audit is not None}
    assert len(marked(AUDIT, 0.1) & others) < 0.2 * len(others)
    assert len(marked(AUDIT.model_copy(update={"key": KEY + "2"}), 0.1) & marked(AUDIT, 0.1)) < 0.2 * len(others)


def test_a_higher_share_marks_those_of_the_lower_too():
    """What is judged already stays good when the share is raised."""
    assert marked(AUDIT, 0.1) < marked(AUDIT.model_copy(update={"share": 0.1}), 0.1)


def test_nothing_is_touched_while_the_share_is_0():
    assert marking(Audit(key=KEY)) is unmarked
    first = decision(0.2)
    assert unmarked(record(1), first) is first


def test_a_record_that_died_before_is_marked_by_where_it_came_from_first():
    """Its event's source is the first place, too."""
    everything = Audit(share=0.5, share_at_threshold=0.5, key=KEY)
    original = next(record(n) for n in range(99) if marking(everything)(record(n), decision()).audit is not None)
    letter = next(
        record(n, topic="dead")
        for n in range(99)
        if marking(everything)(record(n, 0, "dead"), decision()).audit is None
    )

    assert marking_for(everything, Job(original=lambda _: original))(letter, decision()).audit == 0.5


def test_steps_mark_decisions_and_nothing_else():
    def encode(of: Record, message: Message, answer: Decision, now) -> OutputRecord:
        return OutputRecord("out", None, repr(answer.audit).encode(), ())

    class Model:
        at_once, portion, start = 1, None, None

        def tokenize(self, texts):
            return []

        def batches(self, tokens):
            return []

    dead = Dead(MISSING_TEXT.error())
    steps = Steps(
        lambda _: dead, Model(), encode, lambda *_: OutputRecord("dead", None, b"", ()), UNTOLD, lambda: None,
        mark=lambda *_: pytest.fail("a dead letter is no decision"),
    )  # fmt: skip
    assert steps.answer([record(1)]).fates == (dead,)
    assert replace(steps, mark=marking(AUDIT.model_copy(update={"share": 1.0})))._fate(
        record(1), decision(0.9)
    ).audit == 1.0  # fmt: skip


@pytest.mark.parametrize("output_format", ["json", "avro-single-object"])
def test_the_event_carries_the_probability(output_format):
    with open_store(None, {}, ()) as store:
        encoder = Encoder(Output(format=output_format), store)
        made = [
            encoder.encode(record(1), Message("text"), replace(decision(), audit=audit), run="live", attempt=1,
                           classified_at=datetime(2026, 1, 1, tzinfo=UTC))
            for audit in (0.07, None)
        ]  # fmt: skip
        reader = Reader(Output(format=output_format), store)
        told = [reader.answer(Record("routine", 0, 0, 0, None, each.value, each.headers)).audit for each in made]

    assert told == [0.07, None]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"audit": {"share": 0.1, "key": "short"}}, "guessed"),
        ({"audit": {"share": 0.1, "key": KEY}, "output": {"format": "text"}}, "carries no `audit`"),
    ],
)
def test_settings_that_could_not_be_told_are_refused(values, words):
    with pytest.raises(ValidationError, match=words):
        Settings.model_validate(values)


def test_whoever_marks_needs_the_key_and_whoever_reads_the_marks_does_not():
    assert Settings(audit=Audit(share=0.1)).audit.key is None
    with pytest.raises(SettingsError, match=r"audit\.key is not set: set SHIKYU_AUDIT_KEY"):
        marking(Audit(share=0.1))


def test_the_key_is_shown_nowhere():
    """Who knows it knows which messages nobody will check."""
    with pytest.raises(SettingsError, match="SHIKYU_AUDIT_KEY") as refused:
        resolve(None, {}, {"audit.share": "0.1", "audit.key": KEY})
    assert KEY not in str(refused.value)
    with pytest.raises(SettingsError, match="redacted") as short:
        resolve(None, {"SHIKYU_AUDIT_SHARE": "0.1", "SHIKYU_AUDIT_KEY": "canary"}, {})
    assert "canary" not in str(short.value)

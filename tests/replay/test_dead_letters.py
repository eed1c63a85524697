"""Dead letters looked at and retried, on a real Kafka."""

import json
import re
from collections import Counter
from dataclasses import replace

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from consumer.dead_letters import MISSING_TEXT, dead_letter
from consumer.errors import SettingsError
from consumer.records import Record
from consumer.replay.entries import Covered, Ended, Known, Run, Span
from consumer.replay.letters import attempt, codes, letter, original
from consumer.replay.retry import passed_over
from consumer.replay.runs import Runs
from consumer.replay.within import is_outside
from tests.replay.conftest import Replay
from tests.service.process import shikyu

RECORD = Record("in", 2, 41, 1_700_000_000_000, b"k", b"secret words", (("a", b"1"), ("__connect.errors.topic", b"x")))


def dead(record: Record, attempt: int = 1) -> Record:
    out = dead_letter(
        record,
        MISSING_TEXT.error(),
        topic="dead",
        connector_name="g",
        task_id="0",
        run="live",
        attempt=attempt,
        model_version="7",
    )
    return Record(out.topic, 0, 7, 1_800_000_000_000, out.key, out.value, out.headers)


def test_a_letter_gives_its_record_back_byte_for_byte():
    """Headers of the same names that came with it stay."""
    assert original(dead(RECORD)) == RECORD


def test_a_record_without_a_time_has_none_again():
    assert original(dead(replace(RECORD, timestamp_ms=None))).timestamp_ms is None


def test_a_letter_tells_its_attempt_and_the_next_is_one_more():
    letters = dead(RECORD), dead(RECORD, attempt=3)

    assert [letter(each).attempt for each in letters] == [1, 3]
    assert [attempt(each) for each in letters] == [2, 4]


def test_what_is_no_letter_of_ours_is_left_as_it_is():
    odd = dead(RECORD)
    odd = replace(odd, headers=(*odd.headers[:-2], ("shikyu.model.version", b"7"), ("shikyu.source.timestamp", b"x")))

    for each in (RECORD, replace(RECORD, headers=()), odd):
        assert letter(each) is None
        assert original(each) == each


def test_a_code_that_there_is_not_is_told():
    assert codes(["invalid-json,missing-text", "bad-framing"]) == {"invalid-json", "missing-text", "bad-framing"}
    with pytest.raises(SettingsError, match="--code 'nonsense' is no dead letter's code; there are: bad-framing"):
        codes(["nonsense"])


def run_of(**changes) -> Run:
    """Of dead letters, beside group `g`."""
    told = {
        "run": "r", "reads": "dead-letters", "live_group": "g", "group_id": "g.replay.r", "window": (),
        "partitions": {}, "since_ms": None, "until_ms": None, "asked": {}, "model": {}, "options": {},
        "topics": {"urgent": "u", "routine": "r", "dead_letters": "dead"}, "created_at": "",
    }  # fmt: skip
    return Run.model_validate(told | changes)


def covered(start: int, end: int, *codes: str) -> Covered:
    return Covered(
        window=(Span(topic="dead", partition=0, start=start, end=end),), codes=codes, since_ms=None, until_ms=None
    )


def test_only_the_live_streams_own_letters_are_retried():
    """A replay's have a live answer, perhaps, and another group's are its own business."""
    mine = dead(RECORD)

    assert not is_outside(run_of(), mine)
    assert is_outside(run_of(live_group="other"), mine)
    replayed = tuple((name, b"a" if name == "shikyu.run" else value) for name, value in mine.headers)
    assert is_outside(run_of(), replace(mine, headers=replayed))
    assert is_outside(run_of(), RECORD)


def test_what_an_earlier_run_retried_is_outside_by_offset_and_code():
    mine = dead(RECORD)  # at offset 7, for its missing text

    assert is_outside(run_of(passed_over=(covered(0, 8),)), mine)
    assert is_outside(run_of(passed_over=(covered(0, 8, "missing-text"),)), mine)
    assert not is_outside(run_of(passed_over=(covered(0, 7),)), mine)
    assert not is_outside(run_of(passed_over=(covered(0, 8, "invalid-json"),)), mine)
    assert is_outside(run_of(codes=("invalid-json",)), mine)


def test_what_another_group_retried_or_of_a_topic_that_is_gone_is_not_passed_over():
    """One topic of runs and one of dead letters may serve several groups; a topic made anew has other letters."""
    window = (Span(topic="dead", partition=0, start=0, end=8),)
    mine = {"window": window, "topic_ids": {"dead": "now"}}
    known = Known()
    for run in (
        run_of(run="another", live_group="other", **mine),
        run_of(run="of-the-old-topic", window=window, topic_ids={"dead": "then"}),
        run_of(run="of-the-input", reads="input", **mine),
        run_of(run="of-earlier-ones", window=(Span(topic="dead", partition=0, start=8, end=9),)),
    ):
        known.runs[run.run] = run  # of which Kafka is not even asked how far it is

    assert passed_over({}, known, run_of(**mine)) == ()
    for earlier in (run_of(**mine), run_of(window=window)):  # the latter begun by an older version
        known = Known({"r": earlier}, {"r": Ended(kind="done", run="r", at="")})
        assert passed_over({}, known, run_of(**mine)) == (covered(0, 8),)
        assert passed_over({}, known, run_of(window=window)) == (covered(0, 8),)  # Kafka tells no id now


@pytest.mark.parametrize(
    ("header", "number"),
    [("__connect.errors.partition", -1), ("__connect.errors.offset", 2**63), ("shikyu.attempt", 2**31 - 1),
     ("shikyu.attempt", 0), ("shikyu.source.timestamp", 2**64)],
)  # fmt: skip
def test_a_number_that_no_event_has_room_for_is_no_letter_of_ours(header, number):
    """Whoever may write there could else stop every retry."""
    forged = tuple((name, b"%d" % number if name == header else value) for name, value in dead(RECORD).headers)

    assert letter(replace(dead(RECORD), headers=forged)) is None


@pytest.fixture
def retry(past, options, tmp_path):
    """Runs `shikyu dead-letters retry`."""
    running: list[Replay] = []

    def start(*more: str) -> Replay:
        running.append(Replay(tmp_path, *options, *more, command=("dead-letters", "retry")))
        running[-1].runs_topic = options[-2:]
        return running[-1]

    yield start
    for each in running:
        if each.process.poll() is None:
            each.kill()


def answers(past) -> Counter:
    """Event ids in the live topics, with their attempt."""
    return Counter(
        (event["event_id"], event["attempt"])
        for record in past.read([past.topics["urgent"], past.topics["routine"]])
        if (event := json.loads(record.value))["run"] == "live"
    )


@pytest.mark.kafka
@pytest.mark.timeout(180)
class TestRetry:
    """What died for want of a field is answered once it is named: `text` was written as `body`."""

    @pytest.fixture
    def died(self, past, start_live):
        """Thirty records, of which ten died of their missing text and ten of no JSON."""
        bodies = [json.dumps({"body": f"body {n}"}) for n in range(10)]
        texts = [json.dumps({"text": f"text {n}"}) for n in range(10)]
        past.produce_values([*bodies, *["{"] * 10, *texts])
        start_live(30)
        return past

    def test_filtered_by_code_it_is_answered_once_with_its_attempt(self, died, retry):
        run = retry("--run", "mended", "--code", "missing-text", "--input-text", "body")

        assert run.ended() == 0, run.log
        by_attempt = Counter(attempt for _, attempt in answers(died))
        assert by_attempt == {1: 10, 2: 10}
        assert set(answers(died).values()) == {1}
        assert len(died.read([died.topics["dead"]])) == 20

    def test_what_dies_again_is_a_new_letter(self, died, retry):
        assert retry("--run", "in-vain", "--code", "invalid-json", "--dead-letters-max-share", "1").ended() == 0

        attempts = Counter(letter(record).attempt for record in died.read([died.topics["dead"]]))
        assert attempts == {1: 20, 2: 10}

    def test_what_was_retried_is_passed_over_unless_it_is_asked_for_again(self, died, retry):
        mended = ("--code", "missing-text", "--input-text", "body")
        assert retry("--run", "one", *mended).ended() == 0
        assert retry("--run", "two", *mended).ended() == 0
        assert set(answers(died).values()) == {1}

        assert retry("--run", "three", "--again", *mended).ended() == 0

        assert Counter(answers(died).values()) == {1: 10, 2: 10}

    def test_killed_it_goes_on_and_answers_once(self, died, retry):
        options = ("--run", "killed", "--code", "missing-text", "--input-text", "body")
        run = retry(*options, "--max-rate", "3")
        run.until("partitions-assigned")
        run.kill()
        other = retry("--code", "missing-text", "--input-text", "body")
        assert other.ended() == 2
        # For a second more, the group has who was killed as its member, and it counts as at work.
        assert re.search("run killed retries dead letters of this topic, and is (not done|at work)", other.log)

        assert retry(*options).ended() == 0

        assert set(answers(died).values()) == {1}
        assert len(answers(died)) == 20

    def test_two_that_begin_at_once_answer_once(self, died, retry):
        """The later one finds the earlier at work, or done."""
        mended = ("--code", "missing-text", "--input-text", "body")
        runs = [retry("--run", f"at-once-{number}", *mended) for number in range(2)]

        codes = sorted(run.ended() for run in runs)

        assert codes in ([0, 0], [0, 2]), [run.log for run in runs]
        assert set(answers(died).values()) == {1}
        assert len(answers(died)) == 20

    def test_what_was_cancelled_is_gone_on_with_where_it_stopped(self, died, retry):
        """Also when Kafka has forgotten the run's offsets since, and the cancelling was killed half-way."""
        mended = ("--code", "missing-text", "--input-text", "body")
        run = retry("--run", "cancelled", *mended, "--max-rate", "0.5")
        run.until('"committed"')
        config = {"bootstrap.servers": died.bootstrap}
        Runs(run.runs_topic[1], config, config).end("cancelled", "cancelled")
        kafka = ["--kafka", f"bootstrap.servers={died.bootstrap}", *run.runs_topic, "--delivery-group-id", died.group]
        assert shikyu("replay", "cancel", "cancelled", *kafka).returncode == 0
        assert run.ended() == 5
        group = f"{died.group}.replay.cancelled"
        admin = AdminClient({"bootstrap.servers": died.bootstrap})
        admin.delete_consumer_groups([group])[group].result(20)
        answered = len(answers(died))
        assert answered < 20

        assert retry("--run", "rest", *mended).ended() == 0

        assert set(answers(died).values()) == {1}
        assert len(answers(died)) == 20

    def test_what_somebody_else_wrote_there_is_passed_over(self, died, retry):
        producer = Producer({"bootstrap.servers": died.bootstrap})
        producer.produce(died.topics["dead"], value=b"a stranger's", partition=0)
        assert producer.flush(20) == 0

        run = retry("--code", "missing-text", "--input-text", "body")

        assert run.ended() == 0, run.log
        assert len(answers(died)) == 20

    def test_so_many_that_die_again_are_no_wrong_setting(self, died, retry):
        """Twenty in a row would stop a live stream."""
        run = retry("--dead-letters-max-share", "1")

        assert run.ended() == 0, run.log
        assert "by this process: 20 dead-lettered" in run.log

    def test_they_are_listed_and_shown(self, died):
        kafka = ["--kafka", f"bootstrap.servers={died.bootstrap}", "--dead-letters-topic", died.topics["dead"]]

        listed = shikyu("dead-letters", "list", "--code", "missing-text", *kafka).stdout.splitlines()

        assert listed[-1] == f"10 dead letters in {died.topics['dead']}"
        assert len(listed) == 11
        place = listed[0].split()[0]
        shown = shikyu("dead-letters", "show", place, *kafka).stdout
        assert "code       missing-text" in shown
        assert "body" not in shown
        asked_for = shikyu("dead-letters", "show", place, "--with-text", *kafka).stdout
        assert "body" in asked_for
        gone = shikyu("dead-letters", "show", "0/999", *kafka)
        assert (gone.returncode, "has no record at offset 999" in gone.stderr) == (2, True)

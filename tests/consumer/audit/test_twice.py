"""Messages that were answered twice, as at least once may, are counted once."""

from collections.abc import Callable
from dataclasses import replace

from consumer.audit.population import Population
from consumer.audit.twice import PAGE, Seen, told_once
from consumer.flips.answers import Answer
from consumer.report.slices import Slices
from consumer.report.volume import Volume
from consumer.settings import Audit
from tests.consumer.audit.live_window import KEY, judged, lived

HALF = Audit(share=0.3, share_at_threshold=0.6, key=KEY)


class Counting:
    """What a report counts; made anew by `telling`."""

    def __init__(self, corrected: set[str]) -> None:
        self.corrected = corrected
        self.reads = 0

    def telling(self) -> Callable[[Answer], None]:
        self.population, self.volume = Population(self.corrected), Volume()
        self.slices = Slices(("plan",), self.corrected)
        counted = (self.population, self.volume, self.slices)
        return lambda answer: [each.add(answer) for each in counted]

    def of(self, answers: list[Answer]) -> int:
        def read() -> list[Answer]:
            self.reads += 1
            return answers

        return told_once(read, self.telling)

    def figures(self) -> tuple:
        population = self.population
        found = (population.held, population.models, population.marked, population.known, population.others)
        return (*found, self.volume.by_day(), self.volume.work(), self.slices.figures({}, "should-be-urgent"))


def test_the_latest_answer_of_each_counts_and_all_is_as_if_it_were_the_only_one():
    """In strata, marks, volume and slices; whatever said the answer before, and in whichever order they are read."""
    messages = lived(2000, HALF)
    corrected = {each.event_id for each in judged(messages)}
    latest = [each.answer(attributes={"plan": "x"}) for each in messages]
    earlier = [
        replace(each, fate="routine" if each.fate == "urgent" else "urgent", audit=None if each.audit else 0.5,
                written_ms=each.written_ms - 1, model=("demo", "0", "int8"))
        for each in latest[::7]
    ]  # fmt: skip
    replayed = [replace(each, run="again") for each in latest[:5]] * 2
    once, twice, other_way = (Counting(corrected) for _ in range(3))

    assert once.of(latest + replayed) == 0
    assert twice.of(earlier + latest + earlier + replayed) == len(earlier)
    assert other_way.of(latest + replayed + earlier) == len(earlier)

    assert once.figures() == twice.figures() == other_way.figures()
    assert (once.reads, twice.reads) == (1, 2)


def test_equal_answers_count_once():
    message = lived(1, HALF)[0].answer()
    counting = Counting(set())

    assert counting.of([message] * 3) == 1

    assert counting.volume.work()["messages"] == 1


def test_messages_are_known_by_their_whole_coordinates():
    seen = Seen()
    places = [("in", 0, 0), ("in", 0, 1), ("in", 1, 0), ("on", 0, 0), ("in", 0, 8), ("in", 0, PAGE), ("in", 0, 10**15)]

    assert [seen.add(place) for place in places] == [False] * len(places)
    assert [seen.add(place) for place in places] == [True] * len(places)

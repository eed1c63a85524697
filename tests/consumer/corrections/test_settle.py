from hypothesis import given
from hypothesis import strategies as st

from consumer.corrections.entries import DECISIONS, ROLES
from consumer.corrections.settle import Rules, burst_name, settle
from consumer.records import Satisfaction
from tests.consumer.corrections.made_up import HOUR_MS, RULES, START_MS, made

KNOWN = {"in/0/1/live", "in/0/2/live"}

corrections = st.lists(
    st.builds(
        made,
        offset=st.integers(0, 400),
        event_id=st.sampled_from([*sorted(KNOWN), "in/0/3/live"]),
        decision=st.sampled_from(DECISIONS),
        satisfaction=st.sampled_from([None, *Satisfaction]),
        role=st.sampled_from(ROLES),
        writer=st.sampled_from(["shikyu", "ticketing", "mallory", None]),
        corrected_ms=st.integers(START_MS, START_MS + 400 * 60_000),
        written_ms=st.one_of(st.none(), st.integers(START_MS, START_MS + 400 * 60_000)),
    ),
    unique_by=lambda each: each.offset,
    max_size=30,
)


@given(corrections, st.randoms())
def test_the_order_in_which_they_are_read_changes_nothing(some, random):
    """Partitions are read as they come."""
    shuffled = random.sample(some, len(some))

    assert settle(shuffled, KNOWN, RULES) == settle(some, KNOWN, RULES)


@given(corrections)
def test_what_is_read_twice_counts_once(some):
    """Also: what stands, settled again, stands."""
    once = settle(some, KNOWN, RULES)

    assert settle([*some, *some], KNOWN, RULES) == once
    assert settle(once.standing.values(), KNOWN, RULES).standing == once.standing


@given(corrections)
def test_each_correction_has_one_fate(some):
    """It is held, stands, or gave way to one that weighs more."""
    settled = settle(some, KNOWN, RULES)

    held = {each.correction for each in settled.held}
    assert len(held) == len(settled.held)
    for each in set(some) - held:
        stands = settled.standing[each.event_id]
        assert each.event_id in KNOWN
        assert stands == each or stands.weight > each.weight
    assert not held & set(settled.standing.values())


@given(corrections)
def test_what_is_written_later_changes_no_verdict_on_earlier_hours(some):
    """Else a flood could take back what stood, or let an older flood in."""
    first = [each for each in some if (each.written_ms or each.corrected_ms) < START_MS + 3 * HOUR_MS]

    before = {each.correction: each.reason for each in settle(first, KNOWN, RULES).held}
    after = {each.correction: each.reason for each in settle(some, KNOWN, RULES).held}

    assert {each: after.get(each) for each in first} == {each: before.get(each) for each in first}


def test_the_weightiest_role_has_the_last_word_and_within_it_the_latest():
    """Quality, supervisor, agent, customer, other: whoever speaks after them."""
    said = [made(0, role="quality", decision="routine"), made(1, role="agent"), made(2, role="customer")]
    assert settle(said, KNOWN, RULES).standing["in/0/1/live"] == said[0]

    changed = [*said, made(3, role="quality", decision="urgent", writer="shikyu")]
    assert settle(changed, KNOWN, RULES).standing["in/0/1/live"] == changed[3]


def test_nobody_has_the_last_word_from_the_future():
    """A time that lies behind that of the writing counts as the writing's."""
    first, later = made(0, corrected_ms=START_MS * 2), made(1, decision="routine")

    assert settle([first, later], KNOWN, RULES).standing["in/0/1/live"] == later


def test_a_conflict_has_all_that_were_heard_and_say_otherwise():
    """About the decision, or a satisfaction that both have judged."""
    urgent = made(0, role="supervisor", satisfaction=Satisfaction.UNSATISFIED)
    others = [made(1, decision="routine"), made(2, satisfaction=Satisfaction.NEUTRAL), made(3)]

    [conflict] = settle([urgent, *others], KNOWN, Rules(RULES.writers, floor=10)).conflicts

    assert conflict.stands == urgent
    assert set(conflict.others) == set(others[:2])


def test_unknown_writers_and_unknown_messages_are_held():
    """Each for one reason; a writer that is none of ours is not asked what it speaks of."""
    some = [made(0), made(1, writer="mallory"), made(2, writer=None), made(3, event_id="in/9/9/live")]

    settled = settle(some, KNOWN, Rules(RULES.writers, floor=10))

    assert [(each.correction.offset, each.reason) for each in settled.held] == [
        (1, "unknown-writer"), (2, "unknown-writer"), (3, "unknown-message"),
    ]  # fmt: skip
    assert list(settled.standing.values()) == [some[0]]


def hours(*counts: int, writer: str = "ticketing") -> list:
    """So many corrections in the first hour, the second, and so on."""
    places = [(hour, number) for hour, count in enumerate(counts) for number in range(count)]
    return [
        made(offset, f"in/0/{offset}/live", writer=writer, written_ms=START_MS + hour * HOUR_MS + number)
        for offset, (hour, number) in enumerate(places)
    ]


def held_hours(some: list, rules: Rules = RULES) -> list[int]:
    return sorted(
        {(each.correction.written_ms - START_MS) // HOUR_MS for each in settle(some, known(some), rules).held}
    )


def known(some: list) -> set[str]:
    return {each.event_id for each in some}


def test_a_writers_hour_is_a_burst_above_five_times_its_usual_hour():
    """The median of eight earlier hours at least that had any; before, the floor alone counts."""
    usual = [4, 4, 0, 2, 2, 4, 2, 3, 3]
    many = Rules(RULES.writers, floor=4)

    assert held_hours(hours(*usual, 15), many) == []
    assert held_hours(hours(*usual, 16), many) == [9]
    assert held_hours(hours(4, 5), many) == [1]


def test_a_burst_is_held_whole_and_is_not_what_its_writer_is_used_to():
    """Else a second one, of the same size, would pass for usual."""
    floods = hours(1, 1, 1, 1, 1, 1, 1, 1, *[20] * 30)

    assert held_hours(floods) == list(range(8, 38))
    assert len(settle(floods, known(floods), RULES).held) == 20 * 30


def test_what_is_written_again_makes_no_burst():
    """Its writer was not sure that Kafka had it."""
    again = [made(100 + number, each.event_id, written_ms=START_MS + 60) for number, each in enumerate(hours(3))]

    assert held_hours([*hours(3), *again]) == []
    assert held_hours(hours(6)) == [0]


def test_one_writers_burst_holds_nobody_elses():
    """They share an hour."""
    both = [*hours(9), *more()]

    assert {each.correction.writer for each in settle(both, known(both), RULES).held} == {"ticketing"}


def more() -> list:
    return [made(900 + number, writer="shikyu", written_ms=START_MS + number) for number in range(3)]


def test_a_burst_that_somebody_has_looked_at_is_heard():
    """By its writer and hour, and no other of them."""
    floods = hours(9, 9)
    rules = Rules(RULES.writers, floor=3, released=frozenset({"ticketing@2025-11-24T17"}))

    assert burst_name(floods[0]) == "ticketing@2025-11-24T16"
    assert held_hours(floods, rules) == [0]

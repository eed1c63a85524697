from local.tally import Tally

A, B, C = ("in", 0, 0), ("in", 0, 1), ("in", 1, 0)


def test_all_is_well_when_each_came_out_once():
    """Every input with one output is no fault, whatever its fate."""
    tally = Tally()
    for source, fate, latency in ((A, "urgent", 0.04), (B, "routine", 0.06), (C, "dead-lettered", None)):
        tally.came_out(source, fate, latency)  # an output may be read before its input
        tally.went_in(source)
    assert tally.faults(produced=3) == []
    assert tally.line() == ("demo: 3 in, 1 urgent, 1 routine, 1 dead-lettered, 0 lost, 0 twice, p50 50 ms, p99 60 ms")


def test_an_input_without_output_is_lost():
    """What went in and did not come out is counted as lost."""
    tally = Tally()
    tally.went_in(A)
    assert tally.lost == 1
    assert tally.faults(produced=1) == ["1 lost"]


def test_an_input_with_two_outputs_came_twice():
    """Twice is twice, also when the two outputs are on different topics."""
    tally = Tally()
    tally.went_in(A)
    tally.came_out(A, "urgent", 0.1)
    tally.came_out(A, "dead-lettered")
    assert tally.twice == 1
    assert tally.faults(produced=1) == ["1 twice"]


def test_an_output_from_nowhere_and_a_missing_input_are_faults():
    """An output must name an input that exists, and all that was produced must stand in the input topic."""
    tally = Tally()
    tally.came_out(A, "urgent", 0.1)
    assert tally.faults(produced=1) == [
        "1 were produced but 0 stand in the input topic",
        "1 outputs name an input that does not exist",
    ]

import time
from decimal import Decimal

import pytest

from consumer.errors import SettingsError
from consumer.exact_number import ExactNumber
from consumer.expressions import Expression, ExpressionFailed


def search(expression: str, event: object) -> object:
    return Expression(expression, "input.text").search(event)


@pytest.mark.parametrize("expression", ["a", "a.b", "a.b.c", '"a"."b"', "a | b", "a.b[0]", "@.a"])
@pytest.mark.parametrize("event", [{"a": {"b": {"c": 1}}}, {"a": {"b": [5]}}, {"a": None}, {}, [], "text", None, 5])
def test_plain_paths_find_what_jmespath_finds(expression: str, event: object) -> None:
    """Most expressions go without the interpreter; nobody may notice."""
    import jmespath

    assert search(expression, event) == jmespath.search(expression, event)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("a.", "breaks off at character 3"),
        ("a == ", "breaks off at character 6"),
        ("a ? b", "breaks off at character 3"),
        ("", "is no JMESPath expression"),
        ("a.size(b)", r"calls size\(\) at character 3, which does not exist; there are abs, .*mentions"),
        ("contains(a)", r"calls contains\(\) at character 1 with 1 arguments; it takes 2"),
        ("mentions(a)", r"with 1 arguments; it takes at least 2"),
        ("[?lower(a, b)]", r"calls lower\(\) at character 3 with 2 arguments; it takes 1"),
    ],
)
def test_a_wrong_expression_is_refused_with_its_place(expression: str, said: str) -> None:
    """Also calls of functions, which JMESPath itself would notice only when an event comes."""
    with pytest.raises(SettingsError, match=said) as refused:
        Expression(expression, "input.where")

    assert "input.where" in str(refused.value)


def test_slices_and_references_are_no_obstacle() -> None:
    """Their nodes hold numbers where others hold nodes."""
    assert search("a[0:2]", {"a": [1, 2, 3]}) == [1, 2]
    assert search("sort_by(a, &n)[0].n", {"a": [{"n": 2}, {"n": 1}]}) == 1


@pytest.mark.parametrize("expression", ["length(a)", "a > b", "sum(a)", "join(',', a)", "sort_by(a, &b)"])
def test_what_cannot_be_evaluated_says_nothing_of_the_event(expression: str) -> None:
    """JMESPath's own message quotes the value, so neither it nor its cause is kept."""
    with pytest.raises(ExpressionFailed) as failed:
        search(expression + " || length(`5`)", {"a": 5, "b": "CANARY"})

    assert str(failed.value) == ""
    assert failed.value.__suppress_context__


@pytest.mark.parametrize(("found", "holds"), [(None, False), (False, False), ("", False), ([], False), ({}, False)])
def test_nothing_false_and_empty_do_not_hold(found: object, holds: bool) -> None:
    assert Expression("a", "input.where").holds({"a": found}) is holds


@pytest.mark.parametrize("found", [True, 0, 0.0, "a", [0], {"a": None}])
def test_everything_else_holds(found: object) -> None:
    """Zero too, as JMESPath has it."""
    assert Expression("a", "input.where").holds({"a": found})


@pytest.mark.parametrize(
    ("text", "mentioned"),
    [
        ("I smell gas", True),
        ("a GAS LEAK!", True),
        ("gas-fired", True),
        ("Vegas", False),
        ("gasket", False),
        ("C++ is not C", True),
        ("carbon\n monoxide", True),
        ("carbon, monoxide", False),
        ("ÉTEINT", True),
        ("", False),
        (None, False),
    ],
)
def test_mentions_finds_whole_words_in_any_case(text: str | None, mentioned: bool) -> None:
    """A phrase may be broken by a line's end; a word within another does not count."""
    found = search("mentions(text, 'gas', 'C++', 'carbon monoxide', 'éteint')", {"text": text})

    assert found is mentioned


def test_from_json_and_lower_pass_nothing_on() -> None:
    """What is no JSON, and null, give null."""
    assert search("from_json(a).b", {"a": '{"b": 1}'}) == 1
    assert search("from_json(a)", {"a": b"[1]"}) == [1]
    assert [search("from_json(a)", {"a": a}) for a in (None, 5, "{", "NaN", "\ud83d", "[" * 5000)] == [None] * 6
    assert search("lower(a)", {"a": "İX"}) == "İX".lower()
    assert search("lower(a)", {}) is None


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("price == `19.99`", True),
        ("price < `20` && price > `19`", True),
        ("sum([price, `0.01`])", 20.0),
        ("max([price, `5`])", 19.99),
        ("to_number(price)", 19.99),
        ("to_string(price)", "19.99"),
        ("to_string(long)", "12345678901234567.890"),
        ("type(price)", "number"),
        ("ceil(price)", 20),
        ("sort_by(orders, &price)[0].price", 1.5),
    ],
)
def test_an_exact_number_is_a_number_everywhere(expression: str, found: object) -> None:
    """A decimal of Avro's is compared, summed and sorted as JSON's numbers are."""
    price, long = ExactNumber(Decimal("19.99")), ExactNumber("12345678901234567.890")
    event = {"price": price, "long": long, "orders": [{"price": price}, {"price": 1.5}]}

    assert search(expression, event) == found


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("to_string(@)", '{"l":[1e400,2,{"price":12345678901234567.890}],"s":"\\u00e9\\"","n":null,"t":true}'),
        ("to_string(l)", '[1e400,2,{"price":12345678901234567.890}]'),
        ("to_string([`{}`, `[]`, `0.5`])", "[{},[],0.5]"),
    ],
)
def test_an_exact_number_keeps_its_digits_within_a_container(expression: str, shown: str) -> None:
    """Written as JSON, where the standard library's encoder would write Infinity."""
    price = ExactNumber("12345678901234567.890")
    event = {"l": [ExactNumber("1e400"), 2, {"price": price}], "s": 'é"', "n": None, "t": True}

    assert search(expression, event) == shown


@pytest.mark.parametrize("written", ["9" * 4300, "-" + "9" * 4301, "1e400"])
def test_a_number_that_is_read_from_a_string_keeps_its_digits(written: str) -> None:
    """As one that the event holds itself: summed it is infinite, and no integer that Python would not write."""
    assert str(search("to_number(s)", {"s": f" {written} "})) == written
    assert str(search("sum([to_number(s), to_number(s)])", {"s": written})) == ("-inf" if "-" in written else "inf")


@pytest.mark.parametrize(("given", "number"), [("12", 12), ("-1.5", -1.5), ("x", None), (True, None), (7, 7)])
def test_other_numbers_are_read_from_strings_as_jmespath_reads_them(given: object, number: object) -> None:
    assert search("to_number(s)", {"s": given}) == number


def test_an_expression_knows_the_fields_that_it_speaks_of() -> None:
    assert Expression("a[?_record.topic == 'x'].b", "input.text").names == {"a", "_record", "topic", "b"}


def test_a_long_blank_does_not_take_the_square_of_its_length():
    """Phrases with padding or double spaces, on a text of a megabyte of blanks."""
    rule = Expression("mentions(text, ' gas  leak ', ' sue ')", "rules.always_urgent.safety")
    began = time.monotonic()

    assert not rule.holds({"text": "gas" + " " * 1_000_000})
    assert rule.holds({"text": "a GAS   leak!"})
    assert time.monotonic() - began < 5


def test_a_word_that_an_event_gives_is_short():
    """Or compiling it would hold the stream up, and remembering it fill the memory."""
    rule = Expression("mentions(text, word)", "rules.always_urgent.own")

    assert rule.holds({"text": "a" * 1000, "word": "a" * 1000})
    with pytest.raises(ExpressionFailed):
        rule.holds({"text": "a", "word": "a" * 1001})


@pytest.mark.parametrize(
    "expression", ["(" * 2000 + "a" + ")" * 2000, "a" + " || a" * 2000, "[" * 251 + "a" + "]" * 251]
)
def test_an_expression_too_deep_to_evaluate_is_refused(expression: str) -> None:
    """At the start, or each event would fail on it."""
    with pytest.raises(SettingsError, match="is nested more than 250 deep"):
        Expression(expression, "input.where")

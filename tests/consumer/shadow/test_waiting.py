"""What finds no room is refused at once, and nobody waits."""

from consumer.records import Message, Record
from consumer.shadow.waiting import Item, Waiting


def item(text: str = "", attributes=None, headers=(), key=None, **fields) -> Item:
    return Item(Record("in", 0, 0, 0, key, None, headers), Message(text, attributes=attributes or {}, **fields), None)


def test_it_holds_so_many_and_gives_the_oldest_first():
    waiting, items = Waiting(items=2), [item(), item(), item()]

    assert [waiting.offer(each) for each in items] == [True, True, False]
    assert [waiting.take(0), waiting.take(0), waiting.take(0)] == [items[0], items[1], None]
    assert waiting.offer(items[2])


def test_it_holds_so_many_characters():
    """A few long texts may be as much as many short ones."""
    waiting = Waiting(characters=10)

    assert [waiting.offer(item("x" * size)) for size in (6, 5, 4)] == [True, False, True]
    waiting.take(0)
    assert waiting.offer(item("x" * 6))


def test_what_a_sender_adds_counts_too():
    """An event's attributes and its record's headers may be a whole mail."""
    waiting = Waiting(characters=10)

    assert not waiting.offer(item(attributes={"body": "x" * 7}))
    assert not waiting.offer(item(headers=[("h", b"x" * 10)]))
    assert not waiting.offer(item(key=b"x" * 11))
    assert not waiting.offer(item(customer_id="x" * 11))
    assert waiting.offer(item(attributes={"a": "x" * 4}, headers=[("h", b"x" * 4), ("", None)]))
    assert not waiting.offer(item("x"))

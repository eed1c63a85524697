"""What finds no room is refused at once, and nobody waits."""

from types import SimpleNamespace

from consumer.shadow.waiting import Waiting


def item(text: str = "") -> SimpleNamespace:
    return SimpleNamespace(message=SimpleNamespace(text=text))


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

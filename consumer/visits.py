"""Named places on a window's way, so that a test can stop or kill a consumer at any of them."""

from collections.abc import Callable

Visit = Callable[[str], None]


def nothing(place: str) -> None:
    """What production does there."""

"""Which values of a label's column may be named: classes of the user's own, and never what a customer wrote."""

import difflib
import re
from collections import Counter
from collections.abc import Iterable
from itertools import islice

from consumer.visible import visible

MOST_LOOKED_AT, MOST_CLASSES, LONGEST = 10_000, 20, 30
# As people write classes: a word or three. What could be an address, a telephone number or an order's is none.
_LIKE_A_CLASS = re.compile(r"(?!.*\d{4})[^\s@]+(?: [^\s@]+){0,2}")


def classes(values: Iterable[str], known: Iterable[str] = ()) -> frozenset[str]:
    """
    Of a column's spelled values, those that may be named; of a column that does not look like one of classes, none.

    Classes are few, short, and stand there again and again: a column of texts, names or numbers is not so. What stands
    there once may have come from another column, unless it is near a label that is `known`.
    """
    counts, labels = Counter(islice(values, MOST_LOOKED_AT)), tuple(known)
    if len(counts) > MOST_CLASSES or 2 * len(counts) > counts.total() or any(len(each) > LONGEST for each in counts):
        return frozenset()
    return frozenset(
        value
        for value, count in counts.items()
        if _LIKE_A_CLASS.fullmatch(value) and (count > 1 or nearest_label(value, labels))
    )


def nearest_label(value: str, known: Iterable[str]) -> str:
    """` (did you mean "angry"?)`, whatever the case and the spaces around; nothing where no known label is near."""
    by_folded = {label.strip().casefold(): label for label in known}
    matches = difflib.get_close_matches(value[: 2 * LONGEST].strip().casefold(), by_folded, n=1, cutoff=0.6)
    return f" (did you mean {visible(by_folded[matches[0]])}?)" if matches else ""

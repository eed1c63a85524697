"""Messages in the order of time, cut into windows, and each held against the reference."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from consumer.drift.compare import Drift, Expectation, Yardstick, compare
from consumer.drift.gather import Messages

MOST_WINDOWS = 100


@dataclass(frozen=True, slots=True)
class Window:
    """From the first answer's time to the last one's, in milliseconds since 1970."""

    first_ms: int
    last_ms: int
    drift: Drift


def judged(messages: Messages, expectation: Expectation, window_messages: int, rate: float) -> tuple[Window, ...]:
    """
    Windows of about equal size, of at least `window_messages`, or all in one where there are fewer.

    No more than MOST_WINDOWS, which then are larger. Of all that differ by chance alone, any drifts at most at `rate`.
    """
    parts = cut(len(messages), window_messages)
    yardstick = Yardstick(expectation, len(parts[-1]), rate, len(parts))
    return tuple(
        Window(
            int(messages.at_ms[part[0]]),
            int(messages.at_ms[part[-1]]),
            compare(
                yardstick,
                expectation.counted({name: column[part[0] : part[-1] + 1] for name, column in messages.values.items()}),
            ),
        )
        for part in parts
    )


def cut(messages: int, window_messages: int) -> Sequence[range]:
    """The last is the smallest, by one message at most."""
    count = min(MOST_WINDOWS, max(1, messages // window_messages))
    ends = np.cumsum([len(part) for part in np.array_split(np.arange(messages), count)]).tolist()
    return [range(start, end) for start, end in zip([0, *ends], ends, strict=False)]

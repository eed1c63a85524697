"""How much one window takes: what the model answers within the latency target, or more while there is a backlog."""

import statistics
from collections import defaultdict, deque
from dataclasses import dataclass
from functools import partial

# What is left of the target for waiting, publishing and committing.
MODEL_SHARE = 0.8
# How fast the estimates follow the windows: about the last ten count.
SMOOTHING = 0.2
# Of the best rate, what a shorter window may lack: it has less to do again, and says sooner what it found.
AS_GOOD = 0.97
# After so many windows of one backlog the lengths are tried anew: other texts, or another neighbour on the machine.
TRIED_FOR = 40
# The longest is left for no shorter one before it had as many, for one window may be chance; and no length is judged by
# more of its last ones, for what was long ago may no longer be.
FEWEST, LAST = 2, 5


@dataclass(frozen=True, slots=True)
class Limits:
    """A window ends at whichever comes first."""

    records: int
    bytes: int
    tokens: int

    def are_reached(self, records: int, value_bytes: int, tokens: int) -> bool:
        return records >= self.records or value_bytes >= self.bytes or tokens >= self.tokens


class Sizer:
    """
    Learns tokens a second and tokens a record from the windows that were answered.

    While records that wait are older than the target, each window may take twice as long as the one before, up to
    `max_window_s`; then the shortest that is as good as the best is kept, for more texts to sort by length give more
    tokens a second, up to some number. The first window in time again falls back to the target.

    What waits is not known before it is received: a window's first record tells, and the oldest of the window before
    where that was full, for of several partitions one may be late and the others not.
    """

    def __init__(
        self, limits: Limits, *, latency_target_s: float, max_window_s: float, tokens_per_s: float, max_tokens: int
    ) -> None:
        """`tokens_per_s` is the warm-up's measure; `max_tokens` the longest text in tokens."""
        self._limits = limits
        self._latency_target_s = latency_target_s
        self._max_window_s = max_window_s
        self._tokens_per_s = tokens_per_s
        self._tokens_per_record = float(max_tokens)
        self._max_tokens = max_tokens
        self._window_s = latency_target_s
        # Tokens a second in this backlog, by how long a window may take.
        self._rates: dict[float, deque[float]] = defaultdict(partial(deque, maxlen=LAST))
        self._windows = 0  # of this backlog
        self._oldest_age_s = 0.0  # in the last full window

    def limits(self, first_age_s: float) -> Limits:
        """The next window's limits, from the age of its first record."""
        oldest_age_s = max(first_age_s, self._oldest_age_s)
        self._window_s = self._next_window_s(is_late=oldest_age_s > self._latency_target_s)
        affordable = self._tokens_per_s * self._window_s * MODEL_SHARE
        records = max(1, min(self._limits.records, int(affordable / self._tokens_per_record)))
        # The number of records follows a mean; texts that are suddenly longer must not make a window last longer.
        most = int(self._tokens_per_s * self._max_window_s)
        return Limits(records, self._limits.bytes, max(self._max_tokens, min(self._limits.tokens, most)))

    def _next_window_s(self, *, is_late: bool) -> float:
        self._windows += 1
        if not is_late or self._windows > TRIED_FOR:
            self._windows = 0
            self._rates.clear()
            return min(self._latency_target_s, self._max_window_s)
        longer = min(2 * self._window_s, self._max_window_s)
        if len(self._rates[longer]) < (FEWEST if longer == self._max_window_s else 1):
            return longer
        rates = {window_s: statistics.median(some) for window_s, some in self._rates.items() if some}
        best = max(rates.values())
        return min(window_s for window_s, rate in rates.items() if rate >= AS_GOOD * best)

    def follow(self, *, tokens_per_s: float, max_tokens: int) -> None:
        """Another model answers from now on: what was learned of the last one's speed is not its own."""
        self._tokens_per_s, self._max_tokens = tokens_per_s, max_tokens
        self._tokens_per_record = min(self._tokens_per_record, float(max_tokens))
        self._windows = 0
        self._rates.clear()

    def at_most_tokens(self, value_bytes: int) -> int:
        """An upper bound known before a record is tokenized: a token has at least one byte, and a text max_length."""
        return min(self._max_tokens, value_bytes + 2)

    def learn(self, *, records: int, tokens: int, answered_s: float, is_full: bool, oldest_age_s: float = 0.0) -> None:
        """Takes note of a window and how long its answers took; `is_full` says whether one of its limits ended it."""
        self._oldest_age_s = oldest_age_s if is_full else 0.0
        if not records or not tokens or answered_s <= 0:
            return
        rate = tokens / answered_s
        if is_full:  # one that was not says nothing of its length
            self._rates[self._window_s].append(rate)
        self._tokens_per_s += SMOOTHING * (rate - self._tokens_per_s)
        self._tokens_per_record += SMOOTHING * (tokens / records - self._tokens_per_record)

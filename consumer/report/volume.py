"""How many messages came each day, and how many of them had to be looked at."""

from collections import Counter
from datetime import date, timedelta
from typing import Any

from consumer.flips.answers import FATES, Answer
from consumer.run_names import LIVE
from consumer.timestamps import from_millis

Figures = dict[str, Any]


class Volume:
    """Of live messages, by the day (UTC) on which they were answered."""

    def __init__(self) -> None:
        self._days: Counter[tuple[str, str]] = Counter()
        self._looked_at = self._messages = 0

    def add(self, answer: Answer) -> None:
        if answer.fate not in FATES or answer.run != LIVE:
            return
        self._messages += 1
        self._looked_at += answer.fate == "urgent" or answer.audit is not None
        if answer.written_ms is not None and (at := from_millis(answer.written_ms)) is not None:
            self._days[at.date().isoformat(), answer.fate] += 1

    def by_day(self) -> list[Figures]:
        """Every day from the first to the last, those without messages too."""
        known = sorted({day for day, _ in self._days})
        if not known:
            return []
        first, last = date.fromisoformat(known[0]), date.fromisoformat(known[-1])
        days = [(first + timedelta(days=n)).isoformat() for n in range((last - first).days + 1)]
        return [{"day": day, **{fate: self._days[day, fate] for fate in FATES}} for day in days]

    def work(self) -> Figures:
        """Looked at are the urgent ones, and the routine ones that were marked for review."""
        saved = self._messages - self._looked_at
        return {
            "messages": self._messages,
            "looked_at": self._looked_at,
            "not_looked_at": saved,
            "share": saved / self._messages if self._messages else None,
        }

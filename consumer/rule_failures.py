"""Tells of the rules that could not be evaluated: each time to the metrics, once a process to the log."""

from collections.abc import Callable

import structlog

log = structlog.get_logger()


class RuleFailures:
    """A Decoder's `rule_failed`. `count` is told the rule's name each time."""

    def __init__(self, count: Callable[[str], None]) -> None:
        self._count = count
        self._told: set[str] = set()

    def __call__(self, rule: str) -> None:
        self._count(rule)
        if rule not in self._told:
            self._told.add(rule)
            log.warning("rule-failed", rule=rule)

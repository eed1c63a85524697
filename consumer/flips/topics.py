"""Which topics hold a run's answers and its dead letters."""

from collections.abc import Sequence
from dataclasses import dataclass

from consumer.errors import SettingsError, SurroundingsError
from consumer.run_names import LIVE, own_topic
from consumer.settings import Settings


@dataclass(frozen=True, slots=True)
class Wanted:
    """`dead_letters` says whose each topic's are; runs that were written to the live topics share those with it."""

    answers: tuple[str, ...]
    dead_letters: dict[str, str]
    unread: tuple[str, ...]  # runs whose dead letters nobody can tell apart, or that have no topic for them


def wanted(settings: Settings, runs: Sequence[str], more: Sequence[str], known: Sequence[str]) -> Wanted:
    """
    Of the topics that are `known`, those of these runs, and `more`, which were named.

    A replay that has no topics of its own was written to the live ones. Raises SettingsError for a named topic that is
    missing, SurroundingsError for a live one.
    """
    there = set(known)
    if gone := sorted(set(more) - there):
        raise SettingsError(f"--topic names {', '.join(gone)}, which is missing, or this client may not DESCRIBE it")
    answers, dead_letters, unread = dict.fromkeys(more), {}, []
    for run in runs:
        answers.update(dict.fromkeys(_answers(settings, run, there, is_named=bool(more))))
        live = settings.dead_letters.topic
        own = own_topic(live, run)
        if own in there:
            dead_letters[own] = run
        elif live in there and not more:
            dead_letters.setdefault(live, LIVE)  # a replay's that was written there says whose it is
        else:
            unread.append(run)
    return Wanted(tuple(answers), dead_letters, tuple(unread))


def _answers(settings: Settings, run: str, there: set[str], *, is_named: bool) -> list[str]:
    live = [settings.output.urgent, settings.output.routine]
    own = [own_topic(topic, run) for topic in live]
    if not there & set(own):
        if is_named and run != LIVE:
            return []  # it is for such a run that topics are named
        own = live
    gone = [topic for topic in own if topic not in there]
    if gone and not is_named:
        raise SurroundingsError(
            f"topic {' and '.join(gone)} is missing, or this client may not DESCRIBE it: check output.urgent and "
            "output.routine, grant DESCRIBE and READ, or name the topics that hold the answers by --topic"
        )
    return [topic for topic in own if topic in there]

"""What whoever reads the figures has to know of how they came about."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from consumer.audit.population import Population
from consumer.visible import visible

Figures = dict[str, Any]

LEAST_RESPONSE = 0.8  # of the marked, below which a note says what the rest is taken for
FAR = 5.0  # standard deviations
SHOWN = 60


@dataclass(frozen=True, slots=True)
class Note:
    """`said` is for everybody; `more` for who runs the stream: names of settings, commands and places in Kafka."""

    said: str
    more: str = ""

    def __str__(self) -> str:
        return f"{self.said}: {self.more}" if self.more else self.said


def notes(made: Figures, population: Population) -> Iterator[Note]:
    """Of `count.figures`; the gravest first."""
    marked, judged = made["marked"], made["marked"]["judged"]
    if not (count := marked["urgent"] + marked["routine"]):
        yield Note("no message of this time was marked for review", "set audit.share, so that some are")
        return
    for side in ("urgent", "routine"):
        if marked[side] and not judged[side]:
            yield Note(
                f"none of the {marked[side]:,} marked {side} messages is judged yet, so that nothing can be estimated"
            )
    done = (judged["urgent"] + judged["routine"]) / count
    if 0 < done < LEAST_RESPONSE:
        yield Note(
            f"{done:.0%} of the marked messages are judged: the others are taken to be like the judged ones of about "
            "the same urgency, which is wrong if people choose which ones they judge"
        )
    stands_for, deviation, messages = population.speaks_for()
    if abs(stands_for - messages) > FAR * deviation + 0.01 * messages:
        yield Note(
            f"the marked messages stand for {stands_for:,.0f}, and {messages:,} came; the part of this time in which "
            "they were marked otherwise, or not at all, is taken to be like the rest",
            "was audit.share or audit.key changed, or audit off, for a part of the window?",
        )
    if made["live"] is None and made["of"] == "very-unsatisfied" and made["recall"]["should-be-urgent"]:
        yield Note(
            "the judgements do not say enough of how satisfied the writers are",
            "give --satisfaction with corrections, or compare by --of should-be-urgent",
        )
    yield from _models(made, population)
    if population.others:
        yield Note(f"{population.others:,} answers of replays are not counted, for they were not given live")
    if held := made["corrections"]["held"]:
        told = ", ".join(f"{count:,} {reason.replace('-', ' ')}" for reason, count in held.items())
        yield Note(f"corrections that are held back, and not counted: {told}", "see `shikyu corrections held`")


def _models(made: Figures, population: Population) -> Iterator[Note]:
    if len(population.models) > 1:
        told = ", ".join(f"{_name(model)} ({count:,})" for model, count in population.models.most_common(5))
        yield Note(f"several models answered, and are counted together: {told}")
    promise = made["promise"]
    if promise is not None and promise["model"] and tuple(promise["model"]) not in population.models:
        yield Note(f"the promise is that of {_name(tuple(promise['model']))}, which answered none of these messages")


def _name(model: tuple[str | None, ...]) -> str:
    return visible(" ".join(part for part in model if part), SHOWN)[1:-1]

"""Messages that were marked for people to check, and that nobody has judged yet."""

from collections.abc import Callable, Container, Iterator, Sequence
from datetime import timedelta

from consumer import kafka_options, logs
from consumer.audit import live
from consumer.audit.window import Advance
from consumer.flips.answers import FATES, Answer
from consumer.run_names import LIVE
from consumer.settings import Settings
from consumer.timestamps import from_millis, iso_millis
from consumer.visible import visible

SHOWN = 200


def due(settings: Settings, since: timedelta, advance: Advance) -> dict[str, Answer]:
    """
    By event id, in the order in which they were answered.

    Raises SettingsError where events tell no marks, SurroundingsError or PassingFault where Kafka or the registry does
    not answer.
    """
    live.require_marks(settings)
    logs.configure(settings.log)
    kafka_options.verify(settings)
    marked: dict[str, Answer] = {}

    def beside(_corrected: Container[str]) -> Callable[[Answer], None]:
        def tell(answer: Answer) -> None:
            if answer.audit is not None and answer.run == LIVE and answer.fate in FATES:
                marked[answer.event_id] = answer

        return tell

    judged = live.read(settings, since, advance, beside, needs_corrections=False).settled.standing
    left = ((event_id, answer) for event_id, answer in marked.items() if event_id not in judged)
    return dict(sorted(left, key=lambda each: each[1].written_ms or 0))


def as_json(event_id: str, answer: Answer, *, with_text: bool) -> dict[str, object]:
    """`decision` is the answered one."""
    at = None if answer.written_ms is None else from_millis(answer.written_ms)
    return {
        "event_id": event_id,
        "message_id": answer.id,
        "decision": answer.fate,
        "answered_satisfaction": answer.satisfaction,
        "urgency": answer.urgency,
        "channel": answer.channel,
        "language": answer.language,
        "answered_at": None if at is None else iso_millis(at),
        **({"text": answer.text} if with_text else {}),
    }


def lines(found: Sequence[tuple[str, Answer]], *, with_text: bool) -> Iterator[str]:
    """One each; whoever may write to the topics may write anything into an event."""
    for event_id, answer in found:
        shown = visible(event_id, SHOWN)[1:-1]
        urgency = "" if answer.urgency is None else f" {answer.urgency:.3f}"
        told = f"{shown}  {answer.fate}{urgency}"
        if answer.satisfaction is not None:
            told += f", {visible(answer.satisfaction)[1:-1]}"
        yield f"{told}: {visible(answer.text, 2000)}" if with_text and answer.text is not None else told

"""The order of the checks, and which of them need which."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from consumer.doctor import access, clock, model, pace, reach, registry, topics
from consumer.doctor.findings import Finding, fail, ok, skipped
from consumer.doctor.seen import Seen
from consumer.errors import ShikyuError
from consumer.settings import Settings
from consumer.settings_check import must_be_right


@dataclass(frozen=True, slots=True)
class Check:
    """`look` yields what it found, and raises ShikyuError where it can find nothing."""

    name: str
    needs: tuple[str, ...]
    look: Callable[[Seen], Iterator[Finding]]


def _settings(seen: Seen) -> Iterator[Finding]:
    try:
        must_be_right(seen.settings)
    except ShikyuError as error:
        yield fail("settings", "", "they do not go together, or librdkafka refuses an option", error)
    else:
        yield ok("settings", "", "they are right")


CHECKS = (
    Check("settings", (), _settings),
    Check("resolve", ("settings",), reach.resolve),
    Check("connect", ("resolve",), reach.connect),
    Check("tls", ("connect",), reach.tls),
    Check("login", ("tls",), reach.login),
    Check("brokers", ("login",), reach.brokers),
    Check("acl", ("login",), access.topics),
    Check("acl", ("login",), access.group),
    Check("acl", ("login",), access.transactions),
    Check("topics", ("login",), topics.presence),
    Check("topic-settings", ("login",), topics.settings),
    Check("ends", ("login",), pace.ends),
    Check("registry", ("settings",), registry.answers),
    Check("schemas", ("registry",), registry.schemas),
    Check("artifact", ("settings",), model.artifact),
    Check("events", ("login",), model.events),
    Check("answer", ("artifact",), model.answer),
    Check("encode", ("answer", "schemas"), model.encode),
    Check("speed", ("login", "answer"), pace.speed),
    Check("clock", ("settings",), clock.clock),
)


def examined(settings: Settings) -> Iterator[Finding]:
    """
    What each check finds, as it finds it; what leans on a check that failed, or could not be made, is skipped.

    Takes some ten seconds, and longer for a large model or for who does not answer.
    """
    seen = Seen(settings)
    unmet: dict[str, str] = {}
    for check in CHECKS:
        lacking = next((need for need in check.needs if need in unmet), None)
        if lacking is not None:
            unmet.setdefault(check.name, "was skipped")
            yield skipped(check.name, "", f"because {lacking} {unmet[lacking]}")
            continue
        for finding in _found(check, seen):
            if finding.status == "fail":
                unmet[check.name] = "failed"
            yield finding


def _found(check: Check, seen: Seen) -> Iterator[Finding]:
    try:
        yield from check.look(seen)
    except ShikyuError as error:
        yield fail(check.name, "", "it could not be looked at", error)

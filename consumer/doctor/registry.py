"""The Schema Registry, and the schemas that answers are written with."""

from collections.abc import Iterator

from consumer.doctor.findings import Finding, fail, ok, skipped, warn
from consumer.doctor.seen import Seen
from consumer.errors import PassingFault, ShikyuError
from consumer.redaction import redact
from consumer.registration import Outcome, compared, served
from consumer.schema_registry import answers_at_all, connect


def answers(seen: Seen) -> Iterator[Finding]:
    settings = seen.settings.registry
    if settings.url is None:
        yield skipped("registry", "", "registry.url is not set, and nothing here needs it")
        return
    what = str(redact("url", settings.url))
    try:
        with connect(settings.url, settings.options) as client:
            answers_at_all(client, settings.url)
    except ShikyuError as error:
        value = "it does not answer" if isinstance(error, PassingFault) else "it refuses us, or is no registry"
        yield fail("registry", what, value, error)
    else:
        yield ok("registry", what, "it answers")


def schemas(seen: Seen) -> Iterator[Finding]:
    """As they are registered now; `shikyu schemas register` would first raise the subjects' levels to BACKWARD."""
    settings = seen.settings.registry
    wanted = served(seen.settings)
    if settings.url is None or not wanted:
        yield skipped("schemas", "", "neither input.format nor output.format needs any")
        return
    try:
        with connect(settings.url, settings.options) as client:
            for outcome in compared(client, settings.url, wanted):
                yield _told(outcome)
    except ShikyuError as error:
        yield fail("schemas", "", "the registry does not say what it has", error)


def _told(outcome: Outcome) -> Finding:
    target = outcome.target
    what = f"{target.subject} ({target.event}, {target.schema_type})"
    value = f"{outcome.fate}: {outcome.detail}"
    if outcome.fate in ("unchanged", "left alone"):
        return ok("schemas", what, value)
    # Whoever writes the input registers what he writes with, and each event says by which it was written.
    if target.event == "customer-message":
        if outcome.fate == "not registered":
            return ok("schemas", what, f"{value}; events bring their own schemas' ids")
        return warn("schemas", what, value, "events that are written with ours cannot be registered there")
    if outcome.fate == "incompatible":
        advice = (
            f"what is registered under {target.subject} is another event, or one that ours would break readers of: "
            "name another topic in output.urgent or output.routine, or settle with whoever registered it"
        )
        return fail("schemas", what, value, advice)
    return fail("schemas", what, value, "register it: shikyu schemas register")

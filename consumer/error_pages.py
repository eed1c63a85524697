"""Which page of docs/ helps with an error: the one that it names, its room's, or that of its class."""

import traceback

from consumer.errors import ShikyuError

# The room that an error was raised in says what it is about. The longest name that fits counts.
ROOMS = {
    "consumer.artifact": "artifact",
    "consumer.at_least_once": "delivery",
    "consumer.audit": "recall",
    "consumer.avro": "formats#schemas",
    "consumer.backfill": "backfill",
    "consumer.certificates": "security#logins-and-certificates",
    "consumer.classify": "performance",
    "consumer.commands.backfill": "backfill",
    "consumer.commands.classify": "python-api",
    "consumer.commands.config": "configuration",
    "consumer.commands.correct": "corrections",
    "consumer.commands.dead_letters": "dead-letters",
    "consumer.commands.doctor": "doctor",
    "consumer.commands.drift": "drift",
    "consumer.commands.flips": "flips",
    "consumer.commands.models": "models",
    "consumer.commands.page": "page",
    "consumer.commands.recall": "recall",
    "consumer.commands.replay": "replay",
    "consumer.commands.report": "recall#one-page-for-the-head-of-support",
    "consumer.commands.schemas": "formats#schemas",
    "consumer.commands.top": "page",
    "consumer.commands.topics": "operations#topics",
    "consumer.corrections": "corrections",
    "consumer.decode": "formats#where-the-message-stands-in-an-event",
    "consumer.doctor": "doctor",
    "consumer.documentation": "README",
    "consumer.drift": "drift",
    "consumer.encode": "formats#what-is-written",
    "consumer.exactly_once": "delivery#how-a-window-goes",
    "consumer.expressions": "formats#where-the-message-stands-in-an-event",
    "consumer.flips": "flips",
    "consumer.guard": "formats#where-the-message-stands-in-an-event",
    "consumer.health": "operations#health",
    "consumer.kafka_options": "configuration#kafka",
    "consumer.lifecycle": "models",
    "consumer.versions": "models",
    "consumer.live_page": "page",
    "consumer.manifest": "artifact",
    "consumer.preview": "formats#where-the-message-stands-in-an-event",
    "consumer.receive": "delivery",
    "consumer.refusals": "security",
    "consumer.registration": "formats#schemas",
    "consumer.replay": "replay",
    "consumer.replay.letter_box": "dead-letters",
    "consumer.replay.letters": "dead-letters",
    "consumer.replay.retry": "dead-letters",
    "consumer.report": "recall#one-page-for-the-head-of-support",
    "consumer.schema_registry": "formats#schemas",
    "consumer.schema_store": "formats#schemas",
    "consumer.settings_check": "configuration",
    "consumer.settings_sources": "configuration",
    "consumer.signature": "security#the-model",
    "consumer.slot": "delivery#how-a-window-goes",
    "consumer.surroundings": "operations#topics",
    "consumer.top": "page",
    "consumer.topic_creation": "operations#topics",
    "consumer.topics": "operations#topics",
    "consumer.torch_backend": "performance",
    "consumer.tracing": "tracing",
    "training": "training",
}


def page_of(error: ShikyuError) -> str:
    """As `shikyu docs` takes it."""
    if error.page is not None:
        return error.page
    rooms = [_room(frame.f_globals.get("__name__", "")) for frame, _ in traceback.walk_tb(error.__traceback__)]
    return next((room for room in reversed(rooms) if room is not None), error.class_page)


def _room(module: str) -> str | None:
    while module:
        if module in ROOMS:
            return ROOMS[module]
        module = module.rpartition(".")[0]
    return None

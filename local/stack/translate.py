"""From what a container sees to what is here: a service's address, and where its files are."""

import re
from collections.abc import Mapping
from pathlib import Path

from consumer.errors import SettingsError

# The listener's side of a broker is the place's own affair; the rest of its settings is what the file says.
OF_THE_PLACE = {
    "advertised.listeners",
    "controller.listener.names",
    "controller.quorum.voters",
    "inter.broker.listener.name",
    "listener.security.protocol.map",
    "listeners",
    "log.dirs",
    "node.id",
    "process.roles",
}


def translated(text: str, addresses: Mapping[str, str], files: Mapping[str, Path]) -> str:
    """`text` with each `service:port` of `addresses`, and each place in a container of `files`, as they are here."""
    names = {**addresses, **{place: str(path) for place, path in files.items()}}
    if not names:
        return text
    known = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.sub(rf"(?<![\w.-])(?:{known})(?![\w-])", lambda found: names[found[0]], text)


def broker_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Kafka's own names for what its image takes as variables. Raises SettingsError for one that is none of Kafka's."""
    found = {}
    for variable, value in environment.items():
        if not variable.startswith("KAFKA_"):
            raise SettingsError(f"{variable} is no setting of Kafka's: its image takes KAFKA_…")
        # As the image does: three underscores are a dash, two are one, and one is a dot.
        parts = re.split(r"(_{1,3})", variable.removeprefix("KAFKA_").lower())
        name = "".join({"_": ".", "__": "_", "___": "-"}.get(part, part) for part in parts)
        if name not in OF_THE_PLACE:
            found[name] = value
    return found

"""One setting, four spellings: in code, in TOML, in the environment and as a flag."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from consumer.settings import leaves

ENVIRONMENT_PREFIX = "SHIKYU_"
# A second flag, for the setting that each consumer of a host needs for itself.
SHORT_FLAGS = {"delivery.slot": "--slot"}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with the setting at `path`; the sentence goes on after the setting's name."""

    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Leaf:
    """One setting. `holds_options` is true where the user names the options: [kafka], [rules.always_urgent] …"""

    section: str
    name: str
    info: Any

    @property
    def path(self) -> str:
        return f"{self.section}.{self.name}"

    @property
    def holds_options(self) -> bool:
        return get_origin(self.info.annotation) is dict

    @property
    def is_list(self) -> bool:
        kinds = (self.info.annotation, *get_args(self.info.annotation))
        return any(get_origin(kind) is tuple for kind in kinds)

    @property
    def toml(self) -> str:
        """The table and name in the file."""
        if self.path == "kafka.options":
            return "[kafka]"
        return f"[{self.path}]" if self.holds_options else f"[{self.section}] {self.name}"

    @property
    def variable(self) -> str:
        """The environment variable; for options of libraries, what their variables begin with."""
        if self.path == "kafka.options":
            return f"{ENVIRONMENT_PREFIX}KAFKA_"
        name = f"{ENVIRONMENT_PREFIX}{self.section}_{self.name}".upper()
        return f"{name}_" if self.passes_through else name

    @property
    def passes_through(self) -> bool:
        """Whether its options are a library's, written in variables the way Confluent's images do."""
        return self.holds_options and self.section != "rules"

    @property
    def flag(self) -> str:
        return "--kafka" if self.path == "kafka.options" else f"--{self.section}-{self.name}".replace("_", "-")

    @property
    def flags(self) -> tuple[str, ...]:
        """`flag`, and a short one where there is one."""
        short = SHORT_FLAGS.get(self.path)
        return (self.flag,) if short is None else (self.flag, short)


LEAVES: tuple[Leaf, ...] = tuple(Leaf(*leaf) for leaf in leaves())
LEAF_BY_PATH = {leaf.path: leaf for leaf in LEAVES}


def option_name(variable: str) -> str:
    """The option that the rest of a variable's name spells: `_` is a dot, `__` an underscore, `___` a dash."""
    return variable.lower().replace("___", "-").replace("__", "\0").replace("_", ".").replace("\0", "_")


def option_variable(prefix: str, option: str) -> str:
    """The reverse of `option_name`, with the prefix."""
    return prefix + option.replace("_", "__").replace(".", "_").replace("-", "___").upper()


def spelling(path: str) -> str:
    """A setting, or an option within one, as the file spells it; for error messages."""
    section, _, rest = path.partition(".")
    leaf, _, option = rest.partition(".")
    if not option:
        return path
    return f"kafka's {option}" if (section, leaf) == ("kafka", "options") else f"{section}.{leaf}'s {option}"


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """`; did you mean X?`, or nothing where no known name is near."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff)
    return f"; did you mean {matches[0]}?" if matches else ""

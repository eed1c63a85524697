"""docker-compose.yml as far as it is needed here: services, what they wait for, their settings and their files."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from consumer.errors import SettingsError

FILE = Path(__file__).parents[2] / "docker-compose.yml"
_VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


@dataclass(frozen=True, slots=True)
class Service:
    """
    One of its services.

    `files` are by their place in the container: files and folders of this repository, or names of volumes. `published`
    are this machine's ports, by the container's.
    """

    name: str
    image: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    files: Mapping[str, Path | str]
    published: Mapping[int, int]
    runs_to_its_end: bool

    @property
    def program(self) -> str:
        """The image, without its version."""
        return self.image.rpartition(":")[0]


def services(file: Path, variables: Mapping[str, str]) -> list[Service]:
    """
    In the order in which they can be started, without those of a profile, which are started by name alone.

    `${NAME:-default}` is taken from `variables`. Raises SettingsError.
    """
    try:
        described = _filled_in(yaml.safe_load(file.read_text(encoding="utf-8"))["services"], variables)
    except (OSError, yaml.YAMLError) as problem:
        raise SettingsError(f"{file} cannot be read: {problem}") from problem
    described = {name: each for name, each in described.items() if not each.get("profiles")}
    waits_for = {name: each.get("depends_on", {}) for name, each in described.items()}
    awaited = {
        name
        for conditions in waits_for.values()
        for name, how in conditions.items()
        if how["condition"] == "service_completed_successfully"
    }
    order = TopologicalSorter({name: list(conditions) for name, conditions in waits_for.items()}).static_order()
    return [_service(name, described[name], file.parent, name in awaited) for name in order]


def _service(name: str, described: Mapping[str, Any], folder: Path, runs_to_its_end: bool) -> Service:
    return Service(
        name=name,
        image=described["image"],
        command=tuple(described.get("command", ())),
        environment=dict(described.get("environment", {})),
        files=dict(_file(each, folder) for each in described.get("volumes", ())),
        published=dict(_port(each) for each in described.get("ports", ())),
        runs_to_its_end=runs_to_its_end,
    )


def _filled_in(described: Any, variables: Mapping[str, str]) -> Any:
    """In what was read, as compose does: a value is no YAML, whatever characters it has."""
    if isinstance(described, dict):
        return {name: _filled_in(each, variables) for name, each in described.items()}
    if isinstance(described, list):
        return [_filled_in(each, variables) for each in described]
    if isinstance(described, str):
        return _VARIABLE.sub(lambda found: variables.get(found[1]) or found[2], described)
    return described


def _file(written: str, folder: Path) -> tuple[str, Path | str]:
    here, there, *_ = written.split(":")
    return there, (folder / here).resolve() if here.startswith(".") else here


def _port(written: str) -> tuple[int, int]:
    _, here, there = written.split(":")
    return int(there), int(here)

"""What `shikyu models list` tells: the versions of a folder, which is current, and what is wrong with one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from consumer import artifact as artifacts
from consumer import versions
from consumer.errors import ArtifactError, ShikyuError
from consumer.manifest import Manifest
from consumer.settings import Model
from consumer.versions import Current


@dataclass(frozen=True, slots=True)
class Row:
    """A version; `manifest` is None where that cannot be read, and `wrong` says why it cannot be served."""

    version: str
    is_current: bool
    manifest: Manifest | None = None
    wrong: str | None = None

    def line(self) -> str:
        mark = "*" if self.is_current else " "
        if self.wrong is not None or self.manifest is None:
            return f"{mark} {self.version}  cannot be served: {self.wrong}"
        made = self.manifest.created_at.date().isoformat()
        served = (
            f"{name} (urgent from {each.threshold:.4f})" if each.servable else f"{name} (not servable)"
            for name, each in self.manifest.precisions.items()
        )
        weight = self.manifest.class_shares.unsatisfied_weight
        counting = "" if weight == 1 else f", two stars count {weight:g} times"
        return f"{mark} {self.version}  {self.manifest.name}, made {made}, {', '.join(served)}{counting}"

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {"version": self.version, "current": self.is_current, "problem": self.wrong}
        if self.manifest is None:
            return told
        return told | {
            "name": self.manifest.name,
            "created_at": self.manifest.created_at.isoformat(),
            "unsatisfied_weight": self.manifest.class_shares.unsatisfied_weight,
            "precisions": {
                name: {"threshold": each.threshold, "servable": each.servable}
                for name, each in self.manifest.precisions.items()
            },
        }


@dataclass(frozen=True, slots=True)
class Listing:
    """`problem` is what is wrong with `current`, also that it is not there."""

    folder: Path
    rows: tuple[Row, ...]
    current: Current | None
    problem: str | None

    def lines(self) -> Iterator[str]:
        yield from (row.line() for row in self.rows)
        if self.problem is not None:
            yield self.problem
        if self.current and self.current.before:
            yield f"before: {', '.join(self.current.before)}"

    def as_json(self) -> dict[str, Any]:
        return {
            "folder": str(self.folder),
            "current": self.current.version if self.current else None,
            "with_canary": self.current.with_canary if self.current else None,
            "before": self.current.before if self.current else (),
            "problem": self.problem,
            "versions": [row.as_json() for row in self.rows],
        }


def listed(folder: Path, model: Model) -> Listing:
    """By names and sizes: whole files are not read, as `use` does. Raises SurroundingsError."""
    names = versions.names(folder)
    current, problem = _current(folder, names)
    served = current.version if current else None
    rows = [_row(folder / name, model, is_current=name == served) for name in names]
    if served is not None and served not in names:
        rows.append(Row(served, is_current=True, wrong="it is not there"))
    return Listing(folder, tuple(rows), current, problem)


def _current(folder: Path, names: list[str]) -> tuple[Current | None, str | None]:
    if not versions.holds_versions(folder):
        return None, "nothing is current" if names else f"no VERSION/ with a manifest.json is in {folder}"
    try:
        return versions.read(folder), None
    except ArtifactError as error:
        return None, f"nothing is current: {error}"


def _row(folder: Path, model: Model, *, is_current: bool) -> Row:
    manifest = None
    try:
        manifest = artifacts.read_manifest(folder, model.public_key)
        versions.require_own_name(folder, manifest.version)
        artifacts.glance(folder, model.precision, device=model.device, public_key=model.public_key)
    except ShikyuError as error:
        return Row(folder.name, is_current, manifest, str(error))
    return Row(folder.name, is_current, manifest)

"""A recipe with all its defaults as TOML, for people to read and for `shikyu-train run` to take."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from training.data.sources import Named
from training.recipe import Recipe

BARE = re.compile(r"[A-Za-z0-9_-]+")
AS_RUN = """\
# What was run, with every default; `shikyu-train run` takes it. Of absolute paths, only the names are left.
"""


def recipe_lines(recipe: Recipe) -> list[str]:
    """Plain settings first, then one table after the other; what is not set is left out, for TOML has no null."""
    return _lines(recipe.model_dump(mode="json"))


def as_run(recipe: Recipe, settings: Mapping[str, Any]) -> str:
    """The recipe for an artifact, which goes to others: `settings` in the place of its own, and no absolute path."""
    return AS_RUN + "\n".join(_lines(_without_places({**recipe.model_dump(mode="json"), **settings}))) + "\n"


def _lines(settings: Mapping[str, Any]) -> list[str]:
    data = settings["data"]
    if data["sources"]:  # each says its own, and beside them the short form is refused
        data = {name: value for name, value in data.items() if name not in Named.model_fields}
    return list(_table({**settings, "data": data}, ()))


def _without_places(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_places(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_without_places(each) for each in value]
    return PurePath(value).name if isinstance(value, str) and PurePath(value).is_absolute() else value


def _table(settings: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    tables = {name: value for name, value in settings.items() if isinstance(value, dict) and value}
    for name, value in settings.items():
        if value is not None and name not in tables and not (isinstance(value, dict) or _is_tables(value)):
            yield f"{_key(name)} = {_value(value)}"
    for name, value in tables.items():
        lines = list(_table(value, (*path, name)))
        if lines and lines[0]:  # a table that holds tables alone needs no line of its own
            yield from ("", f"[{'.'.join(map(_key, (*path, name)))}]")
        yield from lines
    for name, value in settings.items():
        for each in value if _is_tables(value) else ():
            yield from ("", f"[[{'.'.join(map(_key, (*path, name)))}]]")
            yield from _table(each, (*path, name))


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) for each in value)


def _key(name: str) -> str:
    return name if BARE.fullmatch(name) else _value(name)


def _value(value: Any) -> str:
    """JSON's words are TOML's for all but nulls, which lists of settings do not hold, and the character DEL."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(name)} = {_value(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

"""A recipe with all its defaults as TOML, for people to read and for `shikyu-train run` to take."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from training.data.sources import Named
from training.recipe import Recipe

BARE = re.compile(r"[A-Za-z0-9_-]+")


def recipe_lines(recipe: Recipe) -> list[str]:
    """Plain settings first, then one table after the other; what is not set is left out, for TOML has no null."""
    settings = recipe.model_dump(mode="json")
    if recipe.data.sources:  # each says its own, and beside them the short form is refused
        settings["data"] = {name: value for name, value in settings["data"].items() if name not in Named.model_fields}
    return list(_table(settings, ()))


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

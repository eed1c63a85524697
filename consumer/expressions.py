"""
The user's JMESPath expressions (https://jmespath.org), compiled and checked at start.

Three functions are ours, because events hold JSON within strings and rules look for words:

* `from_json(string)`         the JSON within a string; null when there is none
* `lower(string)`             in lower case; null stays null
* `mentions(text, word, …)`   whether a text holds one of the words or phrases, whole and in any case;
                              fails on a word of more than 1,000 characters
"""

import math
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions, signature
from jmespath.visitor import Options, TreeInterpreter

from consumer import strict_json
from consumer.errors import RecordError, SettingsError
from consumer.exact_number import ExactNumber, dumps

MOST_LEVELS = 250  # two of Python's frames each, of the thousand that there are
LONGEST_WORD = 1000  # compiling takes 5 s for a megabyte that an event gives as a word
TOO_DEEP = f"is nested more than {MOST_LEVELS} deep, as a long chain of || or && is too; say it shorter"

Search = Callable[[object], object]
Tree = Any  # JMESPath's nodes: type, value, children

# What evaluation raises when data meets a function or comparison that it does not fit.
_EVALUATION_ERRORS = (JMESPathError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError)


class ExpressionFailed(Exception):
    """The expression cannot be evaluated on this event. Holds nothing of the event."""


class Expression:
    """A compiled expression; `names` are the fields that it speaks of anywhere."""

    __slots__ = ("_search", "names", "setting")

    def __init__(self, expression: str, setting: str) -> None:
        """Raises SettingsError, naming the setting and the place, unless the expression is one."""
        try:
            tree = parse(expression)
        except ValueError as problem:
            raise SettingsError(f"{setting} = {expression!r} {problem}") from problem
        self.setting = setting
        self.names = frozenset(node["value"] for node in _nodes(tree) if node["type"] == "field")
        self._search = _compiled(tree)

    def search(self, event: object) -> object:
        """What the expression finds; None for nothing. Raises ExpressionFailed."""
        return self._search(event)

    def holds(self, event: object) -> bool:
        """Whether JMESPath takes what is found for true: anything but null, false, and what is empty."""
        found = self._search(event)
        return not (found is None or found is False or found in ("", [], {}))


class _Functions(Functions):
    @signature({"types": []})
    def _func_from_json(self, value: object) -> object:
        try:
            content = value.encode() if isinstance(value, str) else value
            return strict_json.loads(content) if isinstance(content, bytes) else None
        except (RecordError, UnicodeEncodeError):
            return None

    @signature({"types": []})
    def _func_to_string(self, value: object) -> str:
        return value if isinstance(value, str) else dumps(value)

    @signature({"types": []})
    def _func_to_number(self, value: object) -> object:
        # JMESPath's own makes integers that sum up to what Python refuses to write.
        if isinstance(value, str) and not _is_finite(value):
            return ExactNumber(value.strip())
        return super()._func_to_number(value)  # type: ignore[misc]

    @signature({"types": ["string", "null"]})
    def _func_lower(self, text: str | None) -> str | None:
        return None if text is None else text.lower()

    @signature({"types": ["string", "null"]}, {"types": ["string"], "variadic": True})
    def _func_mentions(self, text: str | None, *words: str) -> bool:
        if max(map(len, words)) > LONGEST_WORD:
            raise ValueError("a word is too long")
        return text is not None and _any_of(words).search(text) is not None


def _is_finite(written: str) -> bool:
    try:
        return math.isfinite(float(written))
    except ValueError:
        return True  # it is no number


@lru_cache(maxsize=1024)
def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    # No \b: it asks for a letter at the word's own end, which "C++" does not have.
    # One \s+ between two words and none at the ends: two in a row would take the square of a long blank's time.
    alternatives = "|".join(r"\s+".join(map(re.escape, word.split())) for word in words if word.strip()) or r"(?!)"
    return re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)", re.IGNORECASE)


_INTERPRETER = TreeInterpreter(Options(custom_functions=_Functions()))


def parse(expression: str) -> Tree:
    """The expression, its functions checked too. Raises ValueError, in words that go on after the expression."""
    try:
        tree: Tree = jmespath.compile(expression).parsed
    except JMESPathError as problem:
        position = getattr(problem, "lex_position", None)
        at = "" if position is None else f" at character {position + 1}"
        raise ValueError(f"is no JMESPath expression: it breaks off{at}; see https://jmespath.org") from problem
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    _check_depth(tree)
    _check_functions(tree, expression)
    return tree


def _check_depth(tree: Tree) -> None:
    level = [tree]
    for _ in range(MOST_LEVELS):
        level = [child for node in level for child in node.get("children", ()) if isinstance(child, dict)]
    if level:
        raise ValueError(TOO_DEEP)


def _check_functions(tree: Tree, expression: str) -> None:
    for node in _nodes(tree):
        if node["type"] != "function_expression":
            continue
        name, given = node["value"], len(node["children"])
        at = expression.find(name) + 1
        known = _Functions.FUNCTION_TABLE.get(name)
        if known is None:
            raise ValueError(
                f"calls {name}() at character {at}, which does not exist; "
                f"there are {', '.join(sorted(_Functions.FUNCTION_TABLE))}"
            )
        wanted = len(known["signature"])
        variadic = wanted > 0 and known["signature"][-1].get("variadic", False)
        if given < wanted or (given > wanted and not variadic):
            raise ValueError(
                f"calls {name}() at character {at} with {given} arguments; "
                f"it takes {'at least ' if variadic else ''}{wanted}"
            )


def _nodes(tree: Tree) -> Iterator[Tree]:
    yield tree
    for child in tree.get("children", ()):
        if isinstance(child, dict):  # a slice's children are numbers
            yield from _nodes(child)


def _compiled(tree: Tree) -> Search:
    path = _plain_path(tree)
    if path is None:
        return _interpreted(tree)
    return _field(path[0]) if len(path) == 1 else _fields(path)


def _plain_path(tree: Tree) -> tuple[str, ...] | None:
    """The names of `a.b.c`, which most expressions are, and which need no interpreter."""
    if tree["type"] == "field":
        return (tree["value"],)
    if tree["type"] != "subexpression":
        return None
    parts = [_plain_path(child) for child in tree["children"]]
    return None if None in parts else tuple(name for part in parts if part for name in part)


def _field(name: str) -> Search:
    return lambda event: event.get(name) if isinstance(event, dict) else None


def _fields(path: tuple[str, ...]) -> Search:
    def search(event: object) -> object:
        for name in path:
            if not isinstance(event, dict):
                return None
            event = event.get(name)
        return event

    return search


def _interpreted(tree: Tree) -> Search:
    def search(event: object) -> object:
        try:
            return _INTERPRETER.visit(tree, event)
        except _EVALUATION_ERRORS:
            # `from None`: JMESPath's own words quote the value
            raise ExpressionFailed from None

    return search

"""What a setting takes: the types and checks of its values, and the words that errors and the documentation use."""

import re
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from consumer import expressions

MAX_TOPIC_CHARACTERS = 249
LEAST_KEY_CHARACTERS = 16
LEAST_TOKEN_CHARACTERS = 32


class Section(BaseModel):
    # Nested models do not inherit the settings' strictness, and a misspelt
    # setting would otherwise be a silent default.
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


def check_expression(expression: str) -> str:
    expressions.parse(expression)
    return expression


def check_topic(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]+", name) or len(name) > MAX_TOPIC_CHARACTERS or name in {".", ".."}:
        raise ValueError(
            f"is no topic name: Kafka takes letters, digits, '.', '_' and '-', at most {MAX_TOPIC_CHARACTERS}"
        )
    return name


def check_topic_or_pattern(name: str) -> str:
    if not name.startswith("^"):
        return check_topic(name)
    # librdkafka reads a pattern as POSIX, and our own checks as Python: only what both read alike is taken.
    if re.search(r"\[[:.=]|\(\?|\\[A-Za-z0-9]", name):
        raise ValueError(
            "holds [: :], (? ) or a backslash with a letter or digit, which regular expressions read differently"
        )
    try:
        re.compile(name)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error.msg}") from error
    except RecursionError:
        raise ValueError("is nested too deep for a regular expression") from None
    return name


def check_key(key: str) -> str:
    if len(key) < LEAST_KEY_CHARACTERS:
        raise ValueError(f"is shorter than {LEAST_KEY_CHARACTERS} characters, so that it could be guessed")
    return key


def check_token(token: str) -> str:
    if len(token) < LEAST_TOKEN_CHARACTERS or not re.fullmatch(r"[A-Za-z0-9_-]+", token):
        raise ValueError(
            f"is not {LEAST_TOKEN_CHARACTERS} or more letters, digits, '-' and '_', which an address holds as they are "
            "and nobody guesses: `openssl rand -hex 32` makes one"
        )
    return token


def none_when_empty(value: object) -> object:
    # The environment and flags have no null: an empty string switches an optional setting off.
    return None if value == "" else value


def _tuple_of_one(value: object) -> object:
    return (value,) if isinstance(value, str | Path) else value


Expression = Annotated[str, AfterValidator(check_expression)]
OptionalExpression = Annotated[Expression | None, BeforeValidator(none_when_empty)]
OptionalPath = Annotated[Path | None, BeforeValidator(none_when_empty)]
Topic = Annotated[str, AfterValidator(check_topic)]
TopicsOrPattern = Annotated[
    tuple[Annotated[str, AfterValidator(check_topic_or_pattern)], ...],
    Field(min_length=1),
    BeforeValidator(_tuple_of_one),
]
Expressions = Annotated[tuple[Expression, ...], Field(min_length=1), BeforeValidator(_tuple_of_one)]
Paths = Annotated[tuple[Path, ...], BeforeValidator(_tuple_of_one)]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$", max_length=128)]
OptionalIdentifier = Annotated[Identifier | None, BeforeValidator(none_when_empty)]
OptionalKey = Annotated[Annotated[str, AfterValidator(check_key)] | None, BeforeValidator(none_when_empty)]
OptionalToken = Annotated[Annotated[str, AfterValidator(check_token)] | None, BeforeValidator(none_when_empty)]
OptionalUrl = Annotated[Annotated[str, Field(pattern=r"^https?://")] | None, BeforeValidator(none_when_empty)]
RuleName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=40)]
Options = dict[str, str]

_BY_CHECK = {
    check_expression: "a JMESPath expression",
    check_topic: "a topic's name",
    check_topic_or_pattern: "a topic's name or a pattern that starts with ^",
}


def allowed(info: Any) -> str:
    """The values of a pydantic field, such as `a whole number from 0 to 65535`."""
    return _kind(info.annotation, list(info.metadata))


def _kind(annotation: Any, metadata: list[Any]) -> str:
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return _kind(inner, [m for item in more for m in getattr(item, "metadata", [item])] + metadata)
    options = [kind for kind in get_args(annotation) if kind is not NoneType]
    if NoneType in get_args(annotation):
        return _kind(options[0], metadata)
    for item in metadata:
        if isinstance(item, AfterValidator) and item.func in _BY_CHECK:
            return _BY_CHECK[item.func]
    if get_origin(annotation) is Literal:
        return "one of " + ", ".join(str(option) for option in options)
    if get_origin(annotation) is tuple:
        return f"a list, each {_kind(options[0], [])}"
    if get_origin(annotation) is dict:
        return f"names, each with {_kind(options[1], [])}"
    return _plain(annotation, metadata)


def _plain(annotation: Any, metadata: list[Any]) -> str:
    pattern = next((item.pattern for item in metadata if getattr(item, "pattern", None)), None)
    if pattern:
        return f"a text that matches {pattern}"
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", Path: "a path"}[annotation]
    return words + _range(metadata)


def _range(metadata: list[Any]) -> str:
    bounds = {name: getattr(item, name) for item in metadata for name in ("ge", "gt", "le") if hasattr(item, name)}
    if not bounds:
        return ""
    low = f" above {bounds['gt']:,}" if "gt" in bounds else f" from {bounds['ge']:,}"
    return f"{low} to {bounds['le']:,}"

"""What a setting takes, in words: for errors and for the documentation."""

from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import AfterValidator

from consumer import settings

_BY_CHECK = {
    settings.check_expression: "a JMESPath expression",
    settings.check_topic: "a topic's name",
    settings.check_topic_or_pattern: "a topic's name or a pattern that starts with ^",
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

"""
Settings from a TOML file, the environment and flags; the later beats the earlier.

A name that none of them knows is an error that names the nearest right one, and every value keeps
where it came from.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from consumer import kafka_options, librdkafka
from consumer.errors import SettingsError
from consumer.names import (
    ENVIRONMENT_PREFIX,
    LEAF_BY_PATH,
    LEAVES,
    Leaf,
    Problem,
    nearest,
    option_name,
    option_variable,
    spelling,
)
from consumer.redaction import redact
from consumer.settings import Settings
from consumer.settings_types import allowed

CONFIG_VARIABLE = "SHIKYU_CONFIG"
DEFAULT_ORIGIN = "default"

# What Kubernetes puts into every pod for a service that is called shikyu or shikyu-something.
_KUBERNETES_NAME = re.compile(r"SHIKYU_(\w+_)?SERVICE_(HOST|PORT(_\w+)?)")
_KUBERNETES_PORT = re.compile(r"SHIKYU_(\w+_)?PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?")

_NAME = re.compile(r"[\w.-]+")
_EXAMPLES = {
    "kafka": "linger.ms=5",
    "registry": "basic.auth.credentials.source=USER_INFO",
    "rules": "legal=\"mentions(text, 'lawyer')\"",
}


@dataclass(frozen=True, slots=True)
class Given:
    """One value as a source gave it; `option` is its name within a setting that holds options."""

    leaf: Leaf
    option: str | None
    value: object
    origin: str

    @property
    def path(self) -> str:
        return self.leaf.path if self.option is None else f"{self.leaf.path}.{self.option}"


@dataclass(frozen=True, slots=True)
class Resolved:
    """The settings, and by path (`http.port`, `kafka.options.linger.ms`) where each that was given came from."""

    settings: Settings
    origins: Mapping[str, str]

    def origin(self, path: str) -> str:
        return self.origins.get(path, DEFAULT_ORIGIN)


def resolve(toml: Path | None, environ: Mapping[str, str], flags: Mapping[str, object]) -> Settings:
    """
    The effective settings. `flags` are keyed by path (`input.topics`), options as `NAME=VALUE` strings.

    Raises SettingsError, one line for each thing that is wrong.
    """
    return resolve_with_origins(toml, environ, flags).settings


def resolve_with_origins(toml: Path | None, environ: Mapping[str, str], flags: Mapping[str, object]) -> Resolved:
    """As `resolve`, with where each value came from."""
    values: dict[str, dict[str, Any]] = {}
    origins: dict[str, str] = {}
    wrong: list[str] = []  # of names; with them goes what is wrong of the others' values
    try:
        for given in (*_from_toml(toml, wrong), *_from_environment(environ), *_from_flags(flags)):
            section = values.setdefault(given.leaf.section, {})
            if given.option is None:
                section[given.leaf.name] = given.value
            else:
                section.setdefault(given.leaf.name, {})[given.option] = given.value
            origins[given.path] = given.origin
        settings = _validated(values, origins)
    except SettingsError as error:
        raise SettingsError("\n".join([*wrong, str(error)])) from None
    if wrong:
        raise SettingsError("\n".join(wrong))
    return Resolved(settings, origins)


def _validated(values: Mapping[str, Any], origins: Mapping[str, str]) -> Settings:
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_lines(_refusals(error), origins)) from None  # its cause would show the values
    found = kafka_options.problems(settings)
    if found:
        raise SettingsError(_lines(found, origins))
    return settings


def _lines(problems: Iterable[Problem], origins: Mapping[str, str]) -> str:
    def line(problem: Problem) -> str:
        if not problem.path:
            return problem.message
        origin = origins.get(problem.path)
        return f"{spelling(problem.path)}{f' (from {origin})' if origin else ''} {problem.message}"

    return "\n".join(line(problem) for problem in problems)


def _refusals(error: ValidationError) -> Iterator[Problem]:
    """pydantic's errors as sentences, one for each setting."""
    told = set()
    for detail in error.errors(include_url=False):
        if not detail["loc"]:  # about several settings, and written by us
            yield Problem("", str(detail["ctx"]["error"]))
            continue
        leaf = LEAF_BY_PATH[f"{detail['loc'][0]}.{detail['loc'][1]}"]
        path = f"{leaf.path}.{detail['loc'][2]}" if leaf.holds_options and len(detail["loc"]) > 2 else leaf.path
        if path not in told:
            told.add(path)
            yield Problem(path, _refusal(leaf, path, detail))


def _refusal(leaf: Leaf, path: str, detail: Mapping[str, Any]) -> str:
    value = redact(path, detail["input"])
    if detail["type"] == "value_error":
        return f"= {value!r} {detail['ctx']['error']}"
    if detail["loc"][-1] == "[key]":
        return "has a name that is none: rules are named in lower case, with letters, digits, '-' and '_'"
    return f"is {value!r}, but takes {allowed(leaf.info)}"


def _from_toml(path: Path | None, wrong: list[str]) -> Iterator[Given]:
    """What names nothing is told in `wrong`."""
    if path is None:
        return
    sections = {leaf.section for leaf in LEAVES}
    for section, table in _read(path).items():
        if section not in sections:
            wrong.append(f"{path} has [{section}], which is no section{nearest(section, sections)}")
            continue
        if not isinstance(table, dict):
            raise SettingsError(
                f"{path} gives {section} a value, but it is a section: write [{section}] above its settings"
            )
        if section == "kafka":
            table = _kafka_table(table)
        for name, value in table.items():
            yield from _from_table(path, section, name, value, wrong)


def _read(path: Path) -> dict[str, Any]:
    try:
        loaded = tomllib.loads(path.read_text(encoding="utf-8"))
        str(loaded)  # a hexadecimal number may be longer than Python would write into an error
        return loaded
    except FileNotFoundError:
        raise SettingsError(f"the settings file {path} does not exist; name another one by --config") from None
    except OSError as error:
        raise SettingsError(f"the settings file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise SettingsError(f"the settings file {path} is not UTF-8; save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"the settings file {path} is no TOML: {error}") from None
    except (ValueError, RecursionError):
        raise SettingsError(f"the settings file {path} holds a number too long, or a list too deep, to read") from None


def _kafka_table(table: Mapping[str, Any]) -> dict[str, Any]:
    rooms = {room: table[room] for room in ("consumer", "producer") if room in table}
    return {"options": {name: value for name, value in table.items() if name not in rooms}, **rooms}


def _from_table(path: Path, section: str, name: str, value: object, wrong: list[str]) -> Iterator[Given]:
    leaf = LEAF_BY_PATH.get(f"{section}.{name}")
    if leaf is None:
        wrong.append(f"{path} sets [{section}] {name}, which is no setting{_nearest_leaf(section, name)}")
    elif not leaf.holds_options:
        yield Given(leaf, None, value, str(path))
    elif not isinstance(value, dict):
        raise SettingsError(f"{path} gives {leaf.path} a single value, but it takes {allowed(leaf.info)}")
    elif leaf.passes_through:
        yield from (Given(leaf, option, text, str(path)) for option, text in _flat(value))
    else:
        yield from (Given(leaf, option, text, str(path)) for option, text in value.items())


def _nearest_leaf(section: str, name: str) -> str:
    own = [leaf.name for leaf in LEAVES if leaf.section == section and leaf.path != "kafka.options"]
    elsewhere = [f"[{leaf.section}] {leaf.name}" for leaf in LEAVES if leaf.name == name]
    return nearest(name, own) or (f"; did you mean {elsewhere[0]}?" if elsewhere else f"; it has {', '.join(own)}")


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """`linger.ms = 5` is a table within a table to TOML, and one name to librdkafka."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, _option_text(value)


def _option_text(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _from_environment(environ: Mapping[str, str]) -> Iterator[Given]:
    settings = {leaf.variable: leaf for leaf in LEAVES if not leaf.passes_through}
    prefixes = sorted(((leaf.variable, leaf) for leaf in LEAVES if leaf.passes_through), key=lambda p: -len(p[0]))
    for variable in sorted(name for name in environ if name.startswith(ENVIRONMENT_PREFIX)):
        text = environ[variable]
        if _is_kubernetes(variable, text):  # of a Service that is named shikyu, or shikyu-kafka
            continue
        if variable in settings:
            yield from _from_variable(settings[variable], variable, text)
            continue
        for prefix, leaf in prefixes:
            if variable.startswith(prefix):
                yield Given(leaf, option_name(variable.removeprefix(prefix)), text, variable)
                break
        else:
            if variable != CONFIG_VARIABLE:
                raise SettingsError(f"the variable {variable} is no setting{nearest(variable.upper(), _variables())}")


def _from_variable(leaf: Leaf, variable: str, text: str) -> Iterator[Given]:
    if leaf.holds_options:
        yield from (Given(leaf, name, value, variable) for name, value in _json_object(variable, text).items())
    else:
        yield Given(leaf, None, _listed(leaf, variable, text) if leaf.is_list else text, variable)


def _listed(leaf: Leaf, variable: str, text: str) -> object:
    """A list is JSON or separated by commas; but an expression has commas of its own."""
    if text.lstrip().startswith("[") and (leaf.path != "input.text" or '"' in text):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            if leaf.path != "input.text":
                raise SettingsError(f"the variable {variable} starts like a JSON list, and is none") from None
    if leaf.path == "input.text":
        return [text]
    return [part.strip() for part in text.split(",") if part.strip()]


def _json_object(variable: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise SettingsError(
            f'the variable {variable} takes a JSON object, such as {{"legal": "contains(text, \'lawyer\')"}}'
        )
    return value


def _is_kubernetes(variable: str, text: str) -> bool:
    if _KUBERNETES_NAME.fullmatch(variable):
        return True
    return bool(_KUBERNETES_PORT.fullmatch(variable)) and (
        text.startswith(("tcp://", "udp://", "sctp://")) or "_TCP" in variable
    )


def _variables() -> list[str]:
    names = [leaf.variable for leaf in LEAVES if not leaf.passes_through]
    libraries = [leaf.variable for leaf in LEAVES if leaf.section == "kafka"]
    options = [option_variable(prefix, option) for prefix in libraries for option in librdkafka.properties()]
    return [CONFIG_VARIABLE, *names, *options]


def _from_flags(flags: Mapping[str, object]) -> Iterator[Given]:
    for path, value in flags.items():
        leaf = LEAF_BY_PATH.get(path)
        if leaf is None:
            raise SettingsError(f"{path} is no setting{nearest(path, LEAF_BY_PATH)}")
        if not leaf.holds_options:
            _refuse_secret(leaf, None, value)
            yield Given(leaf, None, value, leaf.flag)
            continue
        assert isinstance(value, list | tuple)
        for pair in value:
            name, equals, text = str(pair).partition("=")
            if not equals or not _NAME.fullmatch(name):
                # Nothing of it is shown, for it may be a password behind a wrong sign.
                raise SettingsError(f"{leaf.flag} takes NAME=VALUE, such as {_EXAMPLES[leaf.section]}")
            _refuse_secret(leaf, name, text)
            yield Given(leaf, name, text, leaf.flag)


def _refuse_secret(leaf: Leaf, option: str | None, value: object) -> None:
    """A process's flags are seen by whoever may list processes."""
    if not leaf.passes_through and leaf.path not in ("registry.url", "audit.key", "page.token"):
        return
    path = leaf.path if option is None else f"{leaf.path}.{option}"
    if redact(path, value) != value:
        variable = leaf.variable if option is None else option_variable(leaf.variable, option)
        raise SettingsError(
            f"{leaf.flag}{f' {option}' if option else ''} would show a secret to whoever may list processes: set "
            f"{variable} in the environment, or write it into the settings file"
        )

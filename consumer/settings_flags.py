"""The settings as flags of a command, made from the model and grouped by section in its --help."""

import functools
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from consumer.names import LEAF_BY_PATH, LEAVES, Leaf
from consumer.settings import Settings
from consumer.settings_sources import CONFIG_VARIABLE, Resolved, resolve_with_origins
from consumer.settings_types import allowed

DEFAULT_FILE = Path("shikyu.toml")

Command = TypeVar("Command", bound=Callable[..., Any])


class SettingFlag(click.Option):
    """A flag that is a setting's; its `section` heads it in --help."""

    def __init__(self, *args: Any, section: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The values of a setting that has a few; files where it is a path."""
        metavar = self.metavar or ""
        if metavar == "PATH":
            return [CompletionItem(incomplete, type="file")]
        if metavar.startswith("["):
            return [CompletionItem(each) for each in metavar.strip("[]").split("|") if each.startswith(incomplete)]
        return super().shell_complete(ctx, incomplete)


class SettingsCommand(click.Command):
    """A command with flags of settings_flags()."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            help_record = parameter.get_help_record(ctx)
            if help_record is not None:
                sections.setdefault(getattr(parameter, "section", ""), []).append(help_record)
        for section, records in sections.items():
            heading = f"[{section}] {Settings.model_fields[section].annotation.__doc__}" if section else "Options"
            with formatter.section(heading.rstrip(".")):
                formatter.write_dl(records)


class SettingsGroup(SettingsCommand, click.Group):
    """The same, with sub-commands."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


def settings_flags(*sections: str) -> Callable[[Command], Command]:
    """
    Adds --config and a flag for each setting of these sections (all, if none is named).

    The command is called with `resolved`, the settings of all sources, and without the flags.
    """

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def resolved_first(config: Path | None, **given: Any) -> Any:
            flags = {_path(name): given.pop(name) for name in list(given) if _path(name) in LEAF_BY_PATH}
            return command(resolved=_resolved(config, flags), **given)

        decorated: Any = resolved_first
        for leaf in reversed(LEAVES):
            if not sections or leaf.section in sections:
                decorated = _flag(leaf)(decorated)
        file = click.option(
            "--config", type=click.Path(path_type=Path), metavar="FILE",
            help=f"The TOML file to read; else {CONFIG_VARIABLE}, else ./{DEFAULT_FILE} where there is one.",
        )  # fmt: skip
        return file(decorated)  # type: ignore[no-any-return]

    return decorate


def _resolved(config: Path | None, flags: Mapping[str, Any]) -> Resolved:
    given = {path: _value(value) for path, value in flags.items() if value is not None and value != ()}
    return resolve_with_origins(config or _file(os.environ), os.environ, given)


def _file(environ: Mapping[str, str]) -> Path | None:
    named = environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named)
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


def _value(value: object) -> object:
    return [] if value == ("",) else value


def _flag(leaf: Leaf) -> Callable[[Any], Any]:
    parameter = leaf.path.replace(".", "__")
    text = leaf.info.description
    if leaf.info.annotation is bool:
        names = f"{leaf.flag}/--no-{leaf.flag[2:]}"
        return click.option(names, parameter, default=None, cls=SettingFlag, section=leaf.section, help=text)
    return click.option(
        *leaf.flags, parameter, cls=SettingFlag, section=leaf.section, metavar=_metavar(leaf),
        multiple=leaf.is_list or leaf.holds_options, help=text + _default(leaf),
    )  # fmt: skip


def _metavar(leaf: Leaf) -> str:
    takes = allowed(leaf.info)
    if leaf.holds_options:
        return "NAME=VALUE"
    if takes.startswith("one of "):
        return "[" + takes.removeprefix("one of ").replace(", ", "|") + "]"
    words = {"a path": "PATH", "a number": "NUMBER", "a whole number": "NUMBER", "a JMESPath expression": "JMESPATH"}
    single = takes.removeprefix("a list, each ")
    return next((name for start, name in words.items() if single.startswith(start)), "TEXT")


def _default(leaf: Leaf) -> str:
    default = leaf.info.get_default(call_default_factory=True)
    if default is None or default in ((), {}):
        return ""
    return f"  [default: {', '.join(default) if isinstance(default, tuple) else default}]"


def _path(parameter: str) -> str:
    return parameter.replace("__", ".")

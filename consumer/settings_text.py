"""The settings in writing: as the TOML that is in effect, and as the page that documents them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from consumer.names import LEAVES, Leaf
from consumer.redaction import redact
from consumer.settings import Settings
from consumer.settings_sources import Resolved
from consumer.settings_types import allowed

_INTRODUCTION = """\
# Configuration

<!-- Made by `shikyu config docs --output docs/configuration.md`; change consumer/settings.py instead. -->

Every setting is a line in a TOML file, a variable and a flag. Flags beat the environment, the environment beats the
file. The file is `--config FILE`, else `SHIKYU_CONFIG`, else `./shikyu.toml` where there is one. A misspelt name is an
error (exit code 2) that names the nearest right one. Relative paths start at the working directory.

- `shikyu config show` prints what is in effect and where each value came from, secrets redacted.
- `shikyu config lint` checks everything, librdkafka's options and the expressions included, without connecting.
- `shikyu config test --from-topic 5` shows what would be read from five real events, and commits nothing.

Lists are repeated flags (`--input-topics a --input-topics b`), and JSON lists or commas in the environment
(`SHIKYU_INPUT_TOPICS=a,b`; for `SHIKYU_INPUT_TEXT` a JSON list, as expressions have commas of their own). An empty
value switches an optional setting off.

Secrets belong into the file or the environment: flags can be seen by everybody on the host.
"""

_LIBRDKAFKA = """\
## librdkafka's own options

They keep [librdkafka's names](https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md) and pass
through untouched. A client's own section beats the common one:

```toml
[kafka]
bootstrap.servers = "broker-1:9093,broker-2:9093"
security.protocol = "sasl_ssl"

[kafka.consumer]
session.timeout.ms = 10000

[kafka.producer]
compression.type = "zstd"
```

In the environment `_` is a dot, `__` an underscore and `___` a dash, as in Confluent's images:
`SHIKYU_KAFKA_BOOTSTRAP_SERVERS`, `SHIKYU_KAFKA_CONSUMER_SESSION_TIMEOUT_MS`,
`SHIKYU_REGISTRY_OPTIONS_BASIC_AUTH_USER_INFO`. As flags:
`--kafka bootstrap.servers=broker:9092 --kafka-consumer session.timeout.ms=10000`.

`group.instance.id` (static membership) is allowed with the classic protocol, and costs at scale-in: the partitions of a
member that has gone for good wait for session.timeout.ms. With `group.protocol=consumer` it is refused, and so are
`partition.assignment.strategy`, `session.timeout.ms` and `heartbeat.interval.ms`. `max.poll.interval.ms` must hold four
times `batching.max_window_s`.

These are refused, because shikyu sets them itself:

| option | why |
|---|---|
"""


def shown(resolved: Resolved) -> str:
    """The effective settings as TOML, each with where it came from; secrets are redacted."""
    lines: list[str] = []
    for section, leaves in _by_section():
        single = [leaf for leaf in leaves if not leaf.holds_options]
        if single:
            lines += ["", f"[{section}]", *(_shown_line(resolved, leaf) for leaf in single)]
        for leaf in leaves:
            if leaf.holds_options:
                lines += ["", leaf.toml, *_shown_options(resolved, leaf)]
    return "\n".join(lines[1:])


def documented(owned: Mapping[str, str]) -> str:
    """docs/configuration.md. `owned` are librdkafka's options that are refused, with the reason."""
    page = _INTRODUCTION
    for section, leaves in _by_section():
        title = (Settings.model_fields[section].annotation.__doc__ or "").strip()
        page += f"\n## [{section}]\n\n{title}\n\n"
        page += "| setting | variable | flag | takes | default | |\n|---|---|---|---|---|---|\n"
        page += "".join(_row(leaf) for leaf in leaves)
    return f"{page}\n{_LIBRDKAFKA}" + "".join(f"| `{name}` | {reason} |\n" for name, reason in owned.items())


def _by_section() -> Iterator[tuple[str, Sequence[Leaf]]]:
    for section in Settings.model_fields:
        yield section, [leaf for leaf in LEAVES if leaf.section == section]


def _shown_line(resolved: Resolved, leaf: Leaf) -> str:
    value = getattr(getattr(resolved.settings, leaf.section), leaf.name)
    text = f"# {leaf.name} is not set" if value is None else f"{leaf.name} = {_toml(redact(leaf.path, value))}"
    return f"{text:<50} # {resolved.origin(leaf.path)}"


def _shown_options(resolved: Resolved, leaf: Leaf) -> Iterator[str]:
    for name, value in getattr(getattr(resolved.settings, leaf.section), leaf.name).items():
        path = f"{leaf.path}.{name}"
        text = f"{_toml(name)} = {_toml(redact(path, value))}"
        yield f"{text:<50} # {resolved.origin(path)}"


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(item) for item in value)}]"
    # JSON's strings, numbers and booleans are TOML's.
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)


def _row(leaf: Leaf) -> str:
    option = "NAME" if leaf.passes_through else ""
    flags = ", ".join(f"`{flag}{' NAME=VALUE' if leaf.holds_options else ''}`" for flag in leaf.flags)
    cells = [f"`{leaf.toml if leaf.holds_options else leaf.name}`", f"`{leaf.variable}{option}`", flags]
    takes = allowed(leaf.info).replace("|", "\\|")
    return f"| {' | '.join(cells)} | {takes} | {_default(leaf.info)} | {leaf.info.description} |\n"


def _default(info: Any) -> str:
    default = info.get_default(call_default_factory=True)
    return "" if default is None or default in ((), {}) else f"`{_toml(default)}`"

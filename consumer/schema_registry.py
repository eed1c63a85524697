"""Confluent's registry client with bounded waits, and each of its errors told by who must act."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from confluent_kafka.schema_registry import RegisteredSchema, Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from consumer.errors import PassingFault, SettingsError, ShikyuError, SurroundingsError
from consumer.redaction import redact

# One look-up takes 2 x 2 s and a short pause at most: the loop tries again itself, and has to leave within 10 s.
_BOUNDS = {"timeout": 2, "max.retries": 1, "retries.wait.ms": 100, "retries.max.wait.ms": 500}
# The registry's codes for "no such subject, version, schema, or level of a subject"; another 404 is a wrong URL's.
_ABSENT = frozenset({40401, 40402, 40403, 40408})
_NUMBERS = {**dict.fromkeys(_BOUNDS, float), "cache.capacity": int, "cache.latest.ttl.sec": float}


class RegistryClient(Protocol):
    """What shikyu asks of confluent_kafka's SchemaRegistryClient."""

    def get_schema(self, schema_id: int) -> Schema: ...

    def get_schema_by_guid(self, guid: str) -> Schema: ...

    def get_version(self, subject_name: str, version: int) -> RegisteredSchema: ...

    def lookup_schema(self, subject_name: str, schema: Schema) -> RegisteredSchema: ...

    def get_schema_types(self) -> list[str]: ...

    def __exit__(self, *raised: object) -> object: ...


class Absent(Exception):
    """The registry answered, and has no such thing."""


class Incompatible(Exception):
    """The registry refuses a schema; says why in its own words."""


class Refused(SurroundingsError):
    """This question was not answered as a registry would; `answers_at_all` says whether another one is."""


def connect(url: str, options: Mapping[str, str]) -> SchemaRegistryClient:
    """
    A client, to be used as a context; nothing is asked yet. `options` go by Confluent's names, and beat our bounds.

    Raises SettingsError for an option that it does not know or that is out of range.
    """
    try:
        numbers = {name: _NUMBERS[name](value) if name in _NUMBERS else value for name, value in options.items()}
        return SchemaRegistryClient({**_BOUNDS, **numbers, "url": url})
    except (ValueError, TypeError, OSError) as problem:
        raise SettingsError(
            f"registry.url = {redact('url', url)} with registry.options {sorted(options)} makes no client: "
            f"{problem}; the options are those of confluent-kafka's SchemaRegistryClient"
        ) from problem


@contextmanager
def asking(url: str) -> Iterator[None]:
    """
    Turns what the client raises into Absent, Incompatible, PassingFault (try again) or SurroundingsError (act).

    Refused, of the last kind, may also be the fault of what was asked about.

    All of 401, 403, 404, 409, 429 and 5xx come as one class; transport errors as the HTTP library's own.
    """
    shown = redact("url", url)
    try:
        yield
    except ShikyuError:
        raise
    except SchemaRegistryError as problem:
        raise _translated(problem, str(shown)) from problem
    except (ValueError, TypeError, AttributeError) as problem:
        raise Refused(
            f"{shown} answers, but not as a Schema Registry; does registry.url lack a path, such as "
            "/apis/ccompat/v7 of Apicurio?"
        ) from problem
    except Exception as problem:
        # The HTTP library's own errors; which library that is depends on confluent-kafka's version.
        raise PassingFault(
            f"the Schema Registry at {shown} did not answer ({type(problem).__name__}: {problem}); {_remedy(problem)}"
        ) from problem


def answers_at_all(client: RegistryClient, url: str) -> bool:
    """Whether it answers a question that any registry answers anybody. Raises as `asking` does when it does not."""
    with asking(url):
        return isinstance(client.get_schema_types(), list)


def _remedy(problem: Exception) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(problem):
        return "is its certificate signed by a CA of your own? Name that CA's file: ssl.ca.location in registry.options"
    return "is registry.url right, and is it up?"


def _translated(problem: SchemaRegistryError, shown: str) -> Exception:
    status, code = problem.http_status_code, problem.error_code
    if code in _ABSENT:
        return Absent(f"HTTP {status}, code {code}")
    if status == 409:
        return Incompatible(problem.error_message)
    if status in (401, 403):
        return SurroundingsError(
            f"the Schema Registry at {shown} refuses us (HTTP {status}); check registry.options "
            "(basic.auth.user.info, bearer.auth.*) and what that user may read"
        )
    if status == 404:
        return Refused(
            f"{shown} answers HTTP 404 without a Schema Registry's code; does registry.url lack a path, such as "
            "/apis/ccompat/v7 of Apicurio, or is the registry too old for what was asked?"
        )
    if status in (408, 429) or status >= 500:
        return PassingFault(f"the Schema Registry at {shown} cannot answer now (HTTP {status}); it is asked again")
    return Refused(
        f"the Schema Registry at {shown} refuses the request (HTTP {status}, code {code}: {problem.error_message})"
    )

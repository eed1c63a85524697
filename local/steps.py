"""The demo's steps: each is named while it runs, and named again when it fails."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaException
from confluent_kafka.schema_registry import SchemaRegistryError
from rich.console import Console

from consumer.errors import ShikyuError, SurroundingsError


class StepFailed(ShikyuError):
    """One step failed, and the whole with it; the exit code is its cause's."""

    def __init__(self, name: str, cause: ShikyuError) -> None:
        super().__init__(f"stopped at: {name}\n{cause}")
        self.code = cause.code if isinstance(cause, ChildEnded) else cause.exit_code


class ChildEnded(ShikyuError):
    """A process of the demo ended by itself."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code if code > 0 else SurroundingsError.exit_code  # below zero it is a signal's number


@contextmanager
def step(console: Console, name: str) -> Iterator[None]:
    """Say what is done and how long it took. Raises StepFailed for all but a bug."""
    start = time.monotonic()
    try:
        yield
    except ShikyuError as error:
        raise StepFailed(name, error) from error
    except (KafkaException, SchemaRegistryError, OSError) as error:
        raise StepFailed(name, SurroundingsError(f"{type(error).__name__}: {error}")) from error
    except Exception as error:
        error.add_note(f"in the demo's step: {name}")
        raise
    console.print(f"{name}: {time.monotonic() - start:.1f} s", style="dim", highlight=False)

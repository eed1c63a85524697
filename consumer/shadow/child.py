"""The second model's process, as the first one's sees it."""

import subprocess
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import orjson

from consumer.errors import ArtifactError, SettingsError, SurroundingsError
from consumer.records import Decision, Message, ModelVersion, Satisfaction
from consumer.settings import Settings

ENDED_S = 2.0
BATCH_TOKENS = 512  # texts come one by one, and measuring what is fastest would take its time


def arguments(settings: Settings) -> dict[str, Any]:
    """What `load` is called with in there. Raises SettingsError where no artifact is named."""
    model, shadow = settings.model, settings.shadow
    if shadow.artifact is None:
        raise SettingsError("shadow.artifact is not set: name the second model's folder")
    return {
        "folder": str(shadow.artifact),
        "precision": shadow.precision,
        "threads": shadow.threads,
        "device": model.device,
        "truncate": model.truncate,
        "when_unsure": model.when_unsure,
        "max_unknown_share": model.max_unknown_share,
        "max_batch_tokens": BATCH_TOKENS,
        "public_key": None if model.public_key is None else str(model.public_key),
    }


class Child:
    """Loads when it is made; then `ask` answers one message. A context, which ends the process."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        # In our session while it loads: in one of its own it would get as much of the cores as all of this one. -P, for
        # whatever is called consumer/ in the working directory is none of ours.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "consumer.shadow.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._given = given

    def ready(self) -> ModelVersion:
        """Once it is loaded. Raises ArtifactError with what was wrong."""
        return ModelVersion(**self._answer(self._given))

    def ask(self, message: Message) -> Decision | None:
        """Its decision; None for a text that it fails on. Raises SurroundingsError when it is no more."""
        found = self._answer([message.text, message.urgent_rule])
        return None if "code" in found else decision(found)

    def _answer(self, question: object) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(orjson.dumps(question, option=orjson.OPT_APPEND_NEWLINE))
            stdin.flush()
            line = stdout.readline()
        except (OSError, ValueError):  # ValueError: closed by `end`
            line = b""
        if not line:
            raise SurroundingsError(f"the second model's process is gone (exit code {self._ended()})")
        found: dict[str, Any] = orjson.loads(line)
        if "error" in found:
            raise ArtifactError(found["error"])
        return found

    def _ended(self, within_s: float = ENDED_S) -> int | None:
        try:
            return self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            return None

    def end(self, within_s: float = ENDED_S) -> None:
        """At once, from any thread: it holds nothing that could be lost. One that does not die is not waited for."""
        self._process.kill()
        self._ended(within_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # what it was not told any more
                    continue


def decision(found: Mapping[str, Any]) -> Decision:
    """As it was told; JSON keeps doubles to the last bit."""
    return Decision(
        **{
            **found,
            "satisfaction": Satisfaction(found["satisfaction"]),
            "probabilities": tuple(found["probabilities"]),
            "model": ModelVersion(**found["model"]),
        }
    )

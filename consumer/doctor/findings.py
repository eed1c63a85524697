"""What a check found, and what all of it comes to."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from consumer.errors import ArtifactError, LimitError, SettingsError, ShikyuError, SurroundingsError

Status = Literal["ok", "warn", "fail", "skipped"]

_BY_CODE: dict[int, type[ShikyuError]] = {
    each.exit_code: each for each in (SettingsError, SurroundingsError, ArtifactError, LimitError)
}


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One thing that was looked at: `what` it was, the `value` that was found and, unless it is well, what to do.

    `exit_code` is a failure's, by who must act. Holds no customer's text and no secret.
    """

    check: str
    status: Status
    what: str
    value: str
    advice: str = ""
    exit_code: int = 0


def ok(check: str, what: str, value: str) -> Finding:
    return Finding(check, "ok", what, value)


def warn(check: str, what: str, value: str, advice: str) -> Finding:
    return Finding(check, "warn", what, value, advice)


def fail(
    check: str, what: str, value: str, advice: str | ShikyuError, by: type[ShikyuError] = SurroundingsError
) -> Finding:
    """An error says by itself what to do and who must act."""
    code = advice.exit_code if isinstance(advice, ShikyuError) else by.exit_code
    return Finding(check, "fail", what, value, str(advice), code)


def skipped(check: str, what: str, why: str) -> Finding:
    return Finding(check, "skipped", what, why)


def counts(findings: Sequence[Finding]) -> dict[Status, int]:
    found = Counter(each.status for each in findings)
    return {status: found[status] for status in ("ok", "warn", "fail", "skipped")}


def conclusion(findings: Sequence[Finding], *, strict: bool) -> ShikyuError | None:
    """
    None when all is well, else an error of the kind that the first failure is, as `shikyu run` would end with it.

    With `strict` a warning is a limit that was not met.
    """
    failed = [each for each in findings if each.status == "fail"]
    warned = [each for each in findings if each.status == "warn"]
    if failed:
        first = failed[0]
        return _BY_CODE.get(first.exit_code, SurroundingsError)(
            f"{_many(len(failed), 'check')} failed, first {_of(first)}"
        )
    if strict and warned:
        return LimitError(f"{_many(len(warned), 'warning')}, first {_of(warned[0])}")
    return None


def _of(finding: Finding) -> str:
    return f"{finding.check}{f' of {finding.what}' if finding.what else ''}: {finding.value}"


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"

"""What the Hugging Face Hub's refusals mean, and what to do about each."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub import constants
from huggingface_hub.errors import (
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from consumer.errors import SettingsError, ShikyuError, SurroundingsError
from consumer.redaction import redact

LOG_IN = "log in with `hf auth login`, or set HF_TOKEN"
# The HTTP library's own, whichever the installed client is made with.
NO_ANSWER = (HfHubHTTPError.__bases__[0], ConnectionError, TimeoutError, socket.gaierror)


class NotReached(SurroundingsError):
    """Nobody answered: what there is to do without a network is for who asked."""


@contextmanager
def saying(what: str) -> Iterator[None]:
    """A refusal of the Hub's, as what to do about `what`; anything else goes on as it is."""
    try:
        yield
    except Exception as error:
        if (told := reason(error, what)) is None:
            raise
        raise told from error


def reason(error: BaseException, what: str) -> ShikyuError | None:
    """
    Why the Hub, or the way there, did not give or take `what`; None where neither is to blame.

    Never the client's own words: they hold addresses, and those of uploads are signed.
    """
    return next(filter(None, (_reason(each, what) for each in causes(error))), None)


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it was raised from or amid."""
    each: BaseException | None = error
    while each is not None:
        yield each
        each = each.__cause__ or each.__context__


def _reason(error: BaseException, what: str) -> ShikyuError | None:
    match error:
        case ShikyuError():
            return error
        case HFValidationError():
            return SettingsError(f"{what} is no name of a repository on the Hub: write OWNER/NAME.")
        case OfflineModeIsEnabled() | LocalEntryNotFoundError() if constants.HF_HUB_OFFLINE:
            return SurroundingsError(
                f"{what} is not in the Hub's cache, and HF_HUB_OFFLINE is set, so nobody may be asked. Where there is "
                "a network, unset it; where there is none, bring the cache (HF_HOME) of a machine that has it, or name "
                "a folder. Or the name is wrong: a Hub name is OWNER/NAME."
            )
        case HfHubHTTPError():
            return _refused(error, what)
        case OSError(errno=errno.ENOSPC | errno.EDQUOT):
            return SurroundingsError(
                f"{what} did not fit on the disk ({error.strerror}): make room, or name another folder (of the Hub's "
                "cache: HF_HOME)."
            )
        case _ if isinstance(error, NO_ANSWER):
            no_address = isinstance(error, socket.gaierror)
            why = "was not found by its name" if no_address else f"did not answer ({type(error).__name__})"
            return NotReached(
                f"{what} was not reached, for {endpoint()} {why}: check the "
                "network, the proxy (HTTPS_PROXY) and HF_ENDPOINT. Or the name is wrong: a Hub name is OWNER/NAME."
            )
    return None


def _refused(error: HfHubHTTPError, what: str) -> ShikyuError:
    """The Hub answered, and its answer is no."""
    match error:
        case GatedRepoError():
            return SurroundingsError(f"{what} is gated: ask for access on its page at {endpoint()}, then {LOG_IN}.")
        case DisabledRepoError():
            return SettingsError(f"{what} was disabled by the Hub or its owner: name another.")
        case RevisionNotFoundError():
            return SettingsError(f"{what}: there is no such revision; name a commit, a branch or a tag that is there.")
        case RepositoryNotFoundError():
            return SettingsError(
                f"{what} is not on {endpoint()}, or it is private and this login may not see it: check the name, or "
                f"{LOG_IN}."
            )
    status = error.response.status_code
    advice = _ADVICE.get(status, "try again later" if status >= 500 else "check the name, the network and the proxy")
    return SurroundingsError(f"{what} was refused: {endpoint()} answered {status}, {advice}.")


_ADVICE = {
    401: f"the token is wrong or has expired: {LOG_IN}",
    403: f"the token may not do this (to push, it must be able to write): {LOG_IN} with one that may",
    402: "the account's plan or room does not allow it: see its billing page",
    409: "somebody else changed it in the meantime: try again",
    412: "somebody else changed it in the meantime: try again",
    413: "that is more than it takes",
    429: "too many requests: try again in some minutes",
}


def endpoint() -> str:
    """The Hub's address, for people."""
    return str(redact("endpoint", constants.ENDPOINT))

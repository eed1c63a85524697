"""Why a data set of the Hub's cannot be had, and what to do about it."""

from datasets.exceptions import DatasetNotFoundError

from consumer.errors import SettingsError, ShikyuError, SurroundingsError
from training.sharing.hub_errors import LOG_IN, reason


def why(error: Exception, name: str) -> ShikyuError | None:
    """None where neither the name nor the way to the Hub is to blame."""
    what = f"The data set {name!r}"
    if (told := reason(error, what)) or not isinstance(error, DatasetNotFoundError):
        return told
    if "gated" in str(error):  # datasets keeps no other trace of the Hub's answer
        return SurroundingsError(f"{what} is gated: ask for access on its page, then {LOG_IN}.")
    return SettingsError(
        f"{what} is not on the Hub, or it is private and this login may not see it: check the name, or {LOG_IN}."
    )

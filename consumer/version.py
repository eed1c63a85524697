"""Which shikyu this is."""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed


def version() -> str:
    """The installed version; `0+source` when run from a checkout that was not installed."""
    try:
        return installed("shikyu")
    except PackageNotFoundError:
        return "0+source"

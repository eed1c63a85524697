"""Programs of the system that some tests need: `make system-packages` installs them, and CI has to have them."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest


def required(program: str, elsewhere: Iterable[Path] = ()) -> str:
    """Its path, on the PATH or in a folder `elsewhere`; without it a laptop skips the test, and CI=true fails it."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *map(str, elsewhere)])
    found = shutil.which(program, path=path)
    if found is None:
        says = f"{program} is not installed; `make system-packages` does it"
        pytest.fail(says) if os.environ.get("CI") == "true" else pytest.skip(says)
    return found

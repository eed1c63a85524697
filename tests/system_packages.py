"""Programs of the system that some tests need: `make system-packages` installs them, and CI has to have them."""

import os
import shutil

import pytest


def required(program: str) -> str:
    """Its path; without it the test is skipped on a laptop, and fails with CI=true."""
    found = shutil.which(program)
    if found is None:
        says = f"{program} is not installed; `make system-packages` does it"
        pytest.fail(says) if os.environ.get("CI") == "true" else pytest.skip(says)
    return found

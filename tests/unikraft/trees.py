"""Real Unikraft trees, which the repository does not have: where they are, if anywhere."""

import os
from pathlib import Path

import pytest

VARIABLE = "PORTTOOL_UNIKRAFT"
LIBRARIES = ("lib-musl", "lib-lwip")


def folder() -> Path:
    """The folder of the trees, or a skip that says how to have one."""
    named = os.environ.get(VARIABLE)
    if not named:
        pytest.skip(
            f"{VARIABLE} is not set: it names a folder with archives/ and, for each release,"
            " RELEASE/{unikraft,lib-musl,lib-lwip}"
        )
    return Path(named)

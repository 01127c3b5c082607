"""Thousands of connections of all kinds leave the exporter as it was.

With ``PORTTOOL_SOAK=10000`` each kind of client comes that often.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.served import copy_port, serve
from tests.e2e.soak import soak

#: What a lost connection keeps, at the least: its buffer for a request.
CONNECTION = 8000


@pytest.mark.parametrize("options", [[], ["--sanitize"]], ids=["plain", "sanitizers"])
def test_it_loses_nothing(
    tmp_path: Path, options: list[str], record_property: Callable[[str, object], None]
) -> None:
    with serve(copy_port(tmp_path / "port"), tmp_path, *options) as running:
        before, after = soak(running)
        record_property("held", f"{before} before, {after} after")
        assert after.descriptors == before.descriptors
        # A flood may be taken in with a few more at once than the one before.
        assert after.live <= before.live + 32
        assert after.used <= before.used + 32 * CONNECTION

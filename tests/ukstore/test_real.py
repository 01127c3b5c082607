"""The real store.c of each release does what the vectors say that the host twin does."""

from pathlib import Path

import pytest

from tests.ukstore.stores import conversions, real, vectors
from tests.unikraft.trees import folder
from tests.unikraft_real import record


@pytest.mark.unikraft
@pytest.mark.parametrize("release", record.releases())
def test_each_trap_and_conversion(release: str, tmp_path: Path) -> None:
    tree = folder() / release / "unikraft"
    if not tree.is_dir():
        pytest.skip(f"{tree} is not there; PORTTOOL_UNIKRAFT names the folder of it")
    store = real(tree, release, tmp_path)
    table = [*vectors(store.generation), *conversions()]
    assert {v.trap: store.make(v) for v in table} == {v.trap: v.expected for v in table}

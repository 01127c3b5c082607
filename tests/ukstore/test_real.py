"""The real store.c of each release does what the vectors say that the host twin does."""

import pytest

from tests.ukstore.stores import Store, conversions, real, vectors
from tests.unikraft.trees import folder
from tests.unikraft_real import record

pytestmark = pytest.mark.unikraft


@pytest.fixture(scope="module", params=record.releases())
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    tree = folder() / request.param / "unikraft"
    if not tree.is_dir():
        pytest.skip(f"{tree} is not there; PORTTOOL_UNIKRAFT names the folder of it")
    return real(tree, tmp_path_factory.mktemp("store"))


def test_each_trap(store: Store) -> None:
    table = vectors(store.generation)
    assert {v.trap: store.make(v) for v in table} == {v.trap: v.expected for v in table}


def test_numbers_of_every_type_read_as_every_other(store: Store) -> None:
    table = list(conversions())
    assert {v.trap: store.make(v) for v in table} == {v.trap: v.expected for v in table}

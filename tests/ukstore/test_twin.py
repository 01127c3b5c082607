"""The host twin's ukstore does what the vectors say, as the real one does (test_real.py)."""

import pytest

from tests.ukstore.stores import Store, Vector, conversions, twin, vectors


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return twin(tmp_path_factory.mktemp("vectors"))


@pytest.mark.parametrize("vector", vectors(2), ids=lambda vector: str(vector.trap))
def test_each_trap(store: Store, vector: Vector) -> None:
    assert store.make(vector) == vector.expected


def test_numbers_of_every_type_read_as_every_other(store: Store) -> None:
    for vector in conversions():
        assert store.make(vector) == vector.expected, vector.trap

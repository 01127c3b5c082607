"""The host twin's ukstore does what the vectors say, as the real one does (test_real.py)."""

from pathlib import Path

from tests.ukstore.stores import conversions, twin, vectors


def test_each_trap_and_conversion(tmp_path: Path) -> None:
    store = twin(tmp_path)
    table = [*vectors(store.generation), *conversions()]
    assert {v.trap: store.make(v) for v in table} == {v.trap: v.expected for v in table}

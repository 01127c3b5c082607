"""The list of entries that lib-ukmetrics adds agrees with its C sources."""

import re
from pathlib import Path

import porttool
from porttool.unikraft.table import own_entries

SOURCES = Path(porttool.__file__).parent / "ukmetrics"
NEWEST = "99.0.0"


def test_ids_are_those_of_the_header() -> None:
    header = (SOURCES / "include" / "ukm_store.h").read_text()
    defined = dict(re.findall(r"^#define (UKM_STORE_\w+)\s+(0x[0-9a-f]+)", header, re.MULTILINE))
    entries = own_entries(NEWEST)
    assert {entry.id: entry.value for entry in entries} == {
        name: int(value, 16) for name, value in defined.items()
    }
    assert len({entry.value for entry in entries}) == len(entries)
    assert all(entry.header == "ukm_store.h" for entry in entries)


def test_every_entry_is_made_by_a_source() -> None:
    text = "\n".join(path.read_text() for path in sorted(SOURCES.glob("*.c")))
    for entry in own_entries(NEWEST):
        made = re.search(rf"\(\s*{entry.id},\s*(\w+)", text)
        assert made is not None, entry.id
        if made[1] in entry.name:  # some macros paste a part of the name
            assert entry.name.endswith(made[1]), entry.id

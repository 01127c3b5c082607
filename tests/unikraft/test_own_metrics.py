"""The file of one's own metrics: what a scan makes of it, and what emitting makes of that."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from porttool.unikraft.own_metrics import (
    MARKER,
    OwnMetrics,
    Update,
    combined,
    load,
    update,
)
from porttool.unikraft.provides import Entry
from porttool.unikraft.scan.entries import Folder
from porttool.unikraft.table import TableError, metric_table

RELEASE = "0.16.3"


def entry(name: str, type_: str = "u64", library: str = "libtoy", **facts: Any) -> Entry:
    made = Entry(
        library, name, f"TOY_{name.upper()}", 7, type_, "toy_store.h", ("LIBTOY", "LIBUKSTORE")
    )
    return replace(made, **facts)


def scan(path: Path, *entries: Entry, release: str = RELEASE) -> Update:
    """A scan that finds these entries, its result written."""
    result = update(path, Folder(("libtoy",), entries), release)
    path.write_text(result.text)
    return result


def names(result: Update) -> list[str]:
    return [family.name for family in result.added]


@pytest.fixture(name="path")
def path_fixture(tmp_path: Path) -> Path:
    return tmp_path / "metrics.toml"


def test_families_by_rule(path: Path) -> None:
    objects: dict[str, Any] = {"dynamic": True, "object": "queue-%d"}
    result = scan(
        path,
        entry("depth", **objects),
        entry("kind", "charp", **objects),
        entry("label", "charp"),
        entry("rx_bytes_total"),
        entry("wait_seconds", "s32"),
    )
    families = {
        each.name: (each.type, each.unit, each.samples[0].object_label) for each in result.added
    }
    assert families == {
        "unikraft_toy_depth": ("gauge", "", "queue"),
        "unikraft_toy_kind_info": ("gauge", "", "queue"),
        "unikraft_toy_label_info": ("gauge", "", None),
        "unikraft_toy_rx_bytes_total": ("counter", "bytes", None),
        "unikraft_toy_wait_seconds": ("gauge", "seconds", None),
    }
    loaded = load(path)
    assert loaded.families == result.added
    assert loaded.entries == result.entries
    catalogue, mapping = combined(RELEASE, loaded)
    table = metric_table(catalogue, mapping)
    assert "#if CONFIG_LIBTOY\n#include <toy_store.h>" in table
    assert ".entry = UKM_KEY(TOY_DEPTH, depth)" in table


@pytest.mark.parametrize(
    ("object_", "label"),
    [("netdev%d", "netdev"), ("pool0", "pool"), ("%s", "object"), (None, "object"), ("A%d", None)],
)
def test_what_an_object_is_called(path: Path, object_: str | None, label: str | None) -> None:
    (family,) = scan(path, entry("x", dynamic=True, object=object_)).added
    assert family.samples[0].object_label == label or (label is None and "object")
    assert load(path).entries[0].object == object_


def test_names_that_are_taken_give_way(path: Path) -> None:
    # In OpenMetrics a counter's family has no _total.
    result = scan(path, entry("rx"), entry("rx_total"), entry("uptime_seconds", library="lib_"))
    assert names(result) == [
        "unikraft__uptime_seconds",
        "unikraft_libtoy_rx",
        "unikraft_toy_rx_total",
    ]
    result = scan(path, entry("rx"), entry("rx_total"), entry("rx", library="apptoy"))
    assert names(result) == ["unikraft_apptoy_rx"]
    combined(RELEASE, load(path))


def test_a_rescan_keeps_what_was_edited_and_adds_what_is_new(path: Path) -> None:
    scan(path, entry("a"), entry("b"))
    text = path.read_text()
    start = text.index("\n[[families]]")
    ruled = text[start : text.index("\n[[families]]", start + 1)]
    text = text.replace('"unikraft_toy_b"', '"unikraft_toy_bees_ratio"', 1)
    text = text.replace('help = "The ukstore entry b of libtoy."', 'help = "Bees."  # buzz')
    text = text.replace('entry = "libtoy/b" }', 'entry = "libtoy/b", scale = 0.01 }')
    path.write_text(text.replace("\n[[families]]", "\n# Mine\n[[families]]", 1))
    before = path.read_text().partition(MARKER)[0]

    assert names(scan(path, entry("a"), entry("b"))) == []
    assert path.read_text().partition(MARKER)[0] == before

    assert names(scan(path, entry("a"), entry("b"), entry("c"))) == ["unikraft_toy_c"]
    assert path.read_text().startswith(before.rstrip())

    # What somebody took out stays out.
    path.write_text(path.read_text().replace(ruled, "\n", 1))
    result = scan(path, entry("a"), entry("b"), entry("c"))
    assert (result.added, result.gone) == ((), ())
    assert [family.name for family in load(path).families] == [
        "unikraft_toy_bees_ratio",
        "unikraft_toy_c",
    ]


def test_what_is_gone_is_said(path: Path) -> None:
    scan(path, entry("a"), entry("b"), entry("c", library="libother"))
    text = path.read_text()
    path.write_text(text.replace('"unikraft_toy_b"', '"unikraft_toy_bees"', 1))
    result = scan(path)
    assert result.gone == ("libtoy/a", "libtoy/b")
    assert (result.dropped, result.dangling) == (("unikraft_toy_a",), ("unikraft_toy_bees",))
    assert [each.key for each in load(path).entries] == ["libother/c"]
    with pytest.raises(TableError, match="unikraft_toy_bees: there is no entry 'libtoy/b'") as said:
        combined(RELEASE, load(path))
    assert said.value.where == str(path)


def test_a_key_that_was_added_is_an_edit(path: Path) -> None:
    scan(path, entry("a"), entry("b"))
    text = path.read_text()
    line = 'samples = [{ entry = "libtoy/a" }]\n'
    path.write_text(text.replace(line, line + 'collector = "memory"\n', 1))
    result = scan(path, entry("b"))
    assert (result.dropped, result.dangling) == ((), ("unikraft_toy_a",))
    assert load(path).families[0].collector == "memory"


def test_what_changed_is_said_and_follows_unless_edited(path: Path) -> None:
    scan(path, entry("a"), entry("b"))
    result = scan(path, entry("a", "charp"), entry("b", value=9))
    assert result.changed == ("libtoy/a", "libtoy/b")
    assert names(result) == ["unikraft_toy_a_info"]
    assert (result.gone, result.dropped) == ((), ())
    assert [each.name for each in load(path).families] == ["unikraft_toy_b", "unikraft_toy_a_info"]
    combined(RELEASE, load(path))


def test_a_family_of_the_users_own_needs_no_other(path: Path) -> None:
    path.write_text(
        '[[families]]\nname = "mine"\nhelp = "Mine."\ntype = "gauge"\n'
        'samples = [{ entry = "libtoy/a", labels = { is = "mine" } }]\n'
    )
    assert names(scan(path, entry("a"), entry("b"))) == ["unikraft_toy_b"]


def test_what_cannot_be_a_metric_is_said(path: Path) -> None:
    result = scan(
        path,
        entry("address", "uptr"),
        entry("no_id", id="X", value=None, header=None),
        entry("same"),
        entry("same", dynamic=True),
        entry("cur_mem_free", library="libukalloc"),
    )
    assert [(each.entry, each.why) for each in result.left] == [
        ("libtoy/address", "an address is neither a figure nor a text"),
        ("libtoy/no_id", "its id is not known"),
        ("libtoy/same", "another entry of the library has its name"),
    ]
    assert result.shipped == ("libukalloc/cur_mem_free",)
    assert names(result) == ["unikraft_toy_same"]


def test_releases_without_objects(path: Path) -> None:
    named = entry("a", id=None, value=None, header=None)
    pooled = entry("b", dynamic=True)
    assert [each.entry for each in scan(path, named, pooled, release="0.13.1").left] == ["libtoy/b"]
    # The same file, when the port goes to another release and back.
    scan(path, entry("a"), pooled)
    for release, known in (("0.13.1", {"libtoy/a"}), (RELEASE, {"libtoy/a", "libtoy/b"})):
        catalogue, mapping = combined(release, load(path))
        metric_table(catalogue, mapping)
        assert {e.key for e in catalogue.entries if e.library == "libtoy"} == known


def test_headers_that_not_every_build_has(path: Path) -> None:
    scan(path, entry("a", library="apptoy", requires=("LIBUKSTORE",)), entry("b", header="é.h"))
    catalogue, mapping = combined(RELEASE, load(path))
    table = metric_table(catalogue, mapping)
    assert "UKM_KEY(7, a)" in table and "UKM_KEY(7, b)" in table
    assert "toy_store.h" not in table


def test_the_line_between_the_parts(path: Path) -> None:
    scan(path, entry("a"))
    path.write_text(path.read_text().replace(MARKER, ""))
    with pytest.raises(TableError, match="the line above the libraries"):
        scan(path, entry("a"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("value = 7", "value = -1"),
        ("value = 7", "value = 9223372036854775808"),
        ('"toy_store.h"', '"../x.h"'),
        ('"toy_store.h"', '"x.h>\\n#error"'),
        ('"TOY_A"', '"1 + 1"'),
        ('id = "TOY_A", ', ""),
        ('"LIBTOY"', '"LIBTOY)"'),
        ('name = "libtoy"', 'name = "toy"'),
        ("requires =", "needs ="),
        ("entries = [", 'entries = [{ name = "a", type = "u8" },'),
        ('type = "gauge"', 'type = "counter"'),
    ],
)
def test_a_file_that_is_not_as_it_must_be(path: Path, old: str, new: str) -> None:
    scan(path, entry("a"))
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(TableError) as caught:
        combined(RELEASE, load(path))
    assert str(path) in (caught.value.where or "")


def test_nothing_of_ones_own() -> None:
    assert combined(RELEASE, None) == combined(RELEASE, OwnMetrics("metrics.toml"))

"""The metric table: a catalogue and a mapping become C."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from porttool.hosttwin.kconfig import TWIN
from porttool.unikraft.provides import Entry
from porttool.unikraft.table import (
    Catalogue,
    Family,
    Mapping,
    Sample,
    TableError,
    available,
    c_string,
    load_catalogue,
    load_mapping,
    merge_families,
    metric_table,
    own_entries,
    shipped_catalogue,
    shipped_mapping,
    shipped_releases,
)

RELEASE = "0.16.3"
UKMETRICS = TWIN.parent / "ukmetrics"


def gauge(name: str, *entries: str, help_: str = "Help.", unit: str = "") -> Family:
    return Family(name, help_, "gauge", unit, None, tuple(Sample(entry) for entry in entries))


def compile_table(table: str, tmp_path: Path, config: str) -> list[str]:
    """Compile a table with these CONFIG_ symbols set; gives the metric names in the object."""
    bits = tmp_path / "uk" / "bits"
    bits.mkdir(parents=True, exist_ok=True)
    symbols = " ".join(f"CONFIG_{name}" for name in config.split()).split()
    (bits / "config.h").write_text("".join(f"#define {name} 1\n" for name in symbols))
    (bits / "libid.h").write_text("#define __UKLIBID_COUNT__ 1\n")
    source = tmp_path / "metric_table.c"
    source.write_text(table)
    includes = [f"-I{path}" for path in (tmp_path, UKMETRICS, UKMETRICS / "include")]
    compiled = subprocess.run(
        [
            *("gcc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-D__LIBNAME__=libukmetrics"),
            *(*includes, f"-I{TWIN / 'include'}", "-c", str(source), "-o", f"{source}.o"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert compiled.returncode == 0, compiled.stderr
    data = Path(f"{source}.o").read_bytes()
    return sorted({m.decode() for m in re.findall(rb"(?:node|unikraft|ukmetrics)_\w+", data)})


def test_shipped_table_names_ids_by_their_macros() -> None:
    table = metric_table(shipped_catalogue(RELEASE), shipped_mapping())
    assert table == metric_table(shipped_catalogue(RELEASE), shipped_mapping())
    for entry in shipped_catalogue(RELEASE).entries:
        assert f".entry = UKM_KEY({entry.id}, {entry.name})" in table
    assert not re.search(r"UKM_KEY\([0-9]", table)


def test_every_entry_of_the_shipped_catalogue_is_mapped() -> None:
    samples = [sample for family in shipped_mapping().families for sample in family.samples]
    used = {entry for sample in samples for entry in sample.entries}
    assert used == {entry.key for entry in shipped_catalogue(RELEASE).entries}


@pytest.mark.parametrize("release", shipped_releases())
def test_a_release_has_a_table_of_what_is_in_its_ukstore(release: str) -> None:
    catalogue = shipped_catalogue(release)
    mapping = available(shipped_mapping(), catalogue)
    samples = [sample for family in mapping.families for sample in family.samples]
    assert {entry for sample in samples for entry in sample.entries} == {
        entry.key for entry in catalogue.entries
    }
    libraries = {entry.library for entry in catalogue.entries}
    if catalogue.ukstore == 2:
        assert libraries == {"libukalloc", "libuknetdev", "libukmetrics"}
    else:
        assert libraries == {"libukalloc", "libukmetrics"}
    table = metric_table(catalogue, mapping)
    for library in libraries:
        assert f"UKM_LIBRARY({library})" in table


def test_an_id_that_no_header_defines_is_a_number() -> None:
    entry = Entry("libx", "e", "PRIVATE", 7, "u8", None, ("LIBX",))
    table = metric_table(Catalogue(RELEASE, 2, (entry,)), Mapping((gauge("a", "libx/e"),)))
    assert ".entry = UKM_KEY(7, e)," in table
    assert "PRIVATE" not in table


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (Entry("libx", "e", "X_E", 1, "uptr", "x.h", ()), "no figure"),
        (Entry("libx", "e", "X_E", None, "u8", None, ()), "id of libx/e"),
    ],
)
def test_entries_that_cannot_be_metrics(entry: Entry, why: str) -> None:
    with pytest.raises(TableError, match=why):
        metric_table(Catalogue(RELEASE, 2, (entry,)), Mapping((gauge("a", "libx/e"),)))


@pytest.mark.parametrize(
    ("config", "groups"),
    [
        ("", set()),
        ("LIBUKALLOC_IFSTATS LIBUKALLOC_IFSTATS_GLOBAL", set()),
        ("LIBUKMETRICS_MEMORY", set()),
        ("LIBUKMETRICS_MEMORY LIBUKALLOC_IFSTATS", {"node_memory", "unikraft_alloc"}),
        ("LIBUKMETRICS_NETWORK LIBUKNETDEV_STATS", {"node_network"}),
        ("LIBUKMETRICS_LOCKS", {"unikraft_mutex"}),
        ("LIBUKMETRICS_CPU", {"node_cpu", "node_procs", "unikraft_sched"}),
        ("LIBUKMETRICS_FILES", {"node_filefd"}),
    ],
)
def test_guards(tmp_path: Path, config: str, groups: set[str]) -> None:
    table = metric_table(shipped_catalogue(RELEASE), shipped_mapping())
    names = compile_table(table, tmp_path, f"LIBUKSTORE LIBUKLIBID LIBUKMETRICS {config}")
    found = {"_".join(name.split("_")[:2]) for name in names}
    assert found >= groups | {"ukmetrics_dropped", "ukmetrics_unknown"}
    if "IFSTATS" in config and groups:
        # Without _GLOBAL ukalloc has one entry only.
        assert [name for name in names if "allocator" not in name and "Mem" not in name] == [
            "ukmetrics_dropped_objects_total",
            "ukmetrics_unknown_objects",
            "unikraft_alloc_free_bytes",
        ]


@pytest.mark.parametrize(
    ("sample", "why"),
    [
        (Sample("libukmetrics/uname_machine"), "a text"),
        (Sample(None, texts=(("a", "libukalloc/cur_mem_use"),)), "not a text"),
        (
            Sample("libukalloc/cur_mem_use", texts=(("a", "libukmetrics/uname_machine"),)),
            "several libraries",
        ),
        (Sample(None, texts=(("a", "libukmetrics/netdev_address"),)), "entry of objects"),
    ],
)
def test_texts_that_cannot_be_labels(sample: Sample, why: str) -> None:
    mapping = Mapping((replace(gauge("a"), samples=(sample,)),))
    with pytest.raises(TableError, match=why):
        metric_table(shipped_catalogue(RELEASE), mapping)


def test_what_a_release_does_not_have_is_left_out() -> None:
    v1 = Catalogue("0.13.1", 1, own_entries("0.13.1"))
    families = {family.name for family in available(shipped_mapping(), v1).families}
    assert {"unikraft_mutex_locks_total", "node_netstat_Tcp_InSegs"} <= families
    assert families.isdisjoint({"node_cpu_seconds_total", "node_network_up", "node_filefd_maximum"})
    assert {"cpu_idle", "files_max"} <= {entry.name for entry in own_entries("0.16.0")}


def test_rows_of_a_family_are_neighbours_wherever_they_were_listed() -> None:
    mapping = merge_families(
        [
            gauge("unikraft_b", "libukalloc/cur_nb_allocs"),
            gauge("unikraft_a", "libukalloc/max_nb_allocs"),
            replace(
                gauge("unikraft_b"),
                samples=(Sample("libukalloc/cur_mem_use", labels=(("x", "y"),)),),
            ),
        ]
    )
    table = metric_table(shipped_catalogue(RELEASE), mapping)
    rows = re.findall(r"\.family = &family_(\w+),", table)
    assert rows == ["unikraft_a", "unikraft_b", "unikraft_b"]


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_c_string_is_plain_ascii_that_means_the_same(text: str) -> None:
    literal = c_string(text)
    assert literal.isascii() and literal.isprintable() and "??" not in literal
    body = literal[1:-1]
    parts = re.findall(r"\\([0-7]{3})|\\(.)|([^\\\"])", body)
    assert "".join(re.findall(r"\\[0-7]{3}|\\.|[^\\\"]", body)) == body
    decoded = b"".join(
        bytes([int(octal, 8)]) if octal else (quoted or plain).encode()
        for octal, quoted, plain in parts
    )
    assert decoded.decode() == text


@pytest.mark.parametrize(
    ("families", "why"),
    [
        ([gauge("a", "libukalloc/cur_mem_use"), gauge("a", "libukalloc/x", help_="B.")], "differ"),
        ([gauge("a_total", "libukalloc/cur_mem_use")], "_total"),
        ([gauge("a", "libukalloc/cur_mem_use", unit="bytes")], "unit"),
        ([gauge("a", "libukalloc/cur_mem_use", "libukalloc/max_mem_use")], "same labels"),
        ([gauge("a")], "no samples"),
        (
            [
                gauge("a", "libukalloc/cur_mem_use"),
                replace(gauge("a_total", "libukalloc/tot_nb_allocs"), type="counter"),
            ],
            "OpenMetrics",
        ),
        (
            [
                replace(
                    gauge("a"),
                    samples=(Sample("l/e", object_label="x", labels=(("x", "1"),)),),
                )
            ],
            "twice",
        ),
    ],
)
def test_families_that_break_a_rule(families: list[Family], why: str) -> None:
    with pytest.raises(TableError, match=why):
        merge_families(families)


@pytest.mark.parametrize(
    ("sample", "why"),
    [
        (Sample("libukalloc/nothing"), "no entry 'libukalloc/nothing'"),
        (Sample("libuknetdev/rx_bytes"), "entry of objects"),
        (Sample("libukalloc/cur_mem_use", object_label="device"), "static"),
    ],
)
def test_samples_that_do_not_fit_the_catalogue(sample: Sample, why: str) -> None:
    mapping = Mapping((replace(gauge("a"), samples=(sample,)),))
    with pytest.raises(TableError, match=why):
        metric_table(shipped_catalogue(RELEASE), mapping)


CATALOGUE = """\
release = "0.16.3"
ukstore = 2
[[libraries]]
name = "libx"
header = "uk/x_store.h"
requires = ["LIBX"]
entries = [{ name = "e", id = "X_E", value = 1, type = "u8", requires = ["LIBX_STATS"] }]
"""


def test_load_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.toml"
    path.write_text(CATALOGUE)
    entry = Entry("libx", "e", "X_E", 1, "u8", "uk/x_store.h", ("LIBX", "LIBX_STATS"))
    assert load_catalogue(path) == Catalogue("0.16.3", 2, (entry,))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name = "libx"', 'name = "x"'),
        ('"uk/x_store.h"', '"uk/x.h>\\n#include <y.h"'),
        ('"uk/x_store.h"', '"../x.h"'),
        ('["LIBX"]', '["LIBX && 0"]'),
        ('["LIBX"]', '"LIBX"'),
        ('"X_E"', '"1, .x = 2"'),
        ("value = 1", 'value = "1"'),
        ("value = 1", "value = true"),
        ('"u8"', '"uptr"'),
        ('"u8"', '"u8", since = "new"'),
        ("ukstore = 2\n", ""),
        ("ukstore = 2", "ukstore = 2\nnew = 1"),
        ("entries = [{", "entries = [{ new = 1,"),
        ("entries = [", 'entries = [{ name = "e", id = "X_F", value = 2, type = "u8" },'),
        ("release", "release ="),
    ],
)
def test_catalogue_that_is_not_as_it_must_be(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "catalogue.toml"
    assert old in CATALOGUE
    path.write_text(CATALOGUE.replace(old, new, 1))
    with pytest.raises(TableError) as caught:
        load_catalogue(path)
    assert str(path) in (caught.value.where or "") or "twice" in caught.value.what


MAPPING = """\
[[families]]
name = "x_bytes"
help = "Help."
type = "gauge"
unit = "bytes"
collector = "memory"
samples = [{ entry = "libx/e", scale = 1024, labels = { kind = "a" }, object_label = "obj" }]
"""


def test_load_mapping(tmp_path: Path) -> None:
    path = tmp_path / "metrics.toml"
    path.write_text(MAPPING)
    sample = Sample("libx/e", (("kind", "a"),), object_label="obj", scale=1024.0)
    family = Family("x_bytes", "Help.", "gauge", "bytes", "memory", (sample,))
    assert load_mapping(path) == Mapping((family,))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"x_bytes"', '"x bytes"'),
        ('"Help."', '"two\\nlines"'),
        ('"Help."', '""'),
        ('"gauge"', '"histogram"'),
        ('"memory"', '"gpu"'),
        ("scale = 1024", "scale = 0"),
        ("scale = 1024", "scale = inf"),
        ("scale = 1024", 'zero = "maybe"'),
        ('kind = "a"', '"a-b" = "a"'),
        ('kind = "a"', '__name__ = "a"'),
        ('kind = "a"', 'kind = "\\u0007"'),
        ('kind = "a"', 'a = "1", b = "1", c = "1", d = "1", e = "1"'),
        ('"obj"', '"o b j"'),
        ("collector", "colector"),
        ("samples = [{", "samples = [3, {"),
    ],
)
def test_mapping_that_is_not_as_it_must_be(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "metrics.toml"
    assert old in MAPPING
    path.write_text(MAPPING.replace(old, new, 1))
    with pytest.raises(TableError) as caught:
        load_mapping(path)
    assert str(path) in (caught.value.where or "")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="cannot be read"):
        load_mapping(tmp_path / "none.toml")
    (tmp_path / "latin1.toml").write_bytes(b"# caf\xe9\n")
    with pytest.raises(TableError, match="not TOML"):
        load_mapping(tmp_path / "latin1.toml")
    with pytest.raises(TableError, match="no catalogue"):
        shipped_catalogue("../0.16.3")

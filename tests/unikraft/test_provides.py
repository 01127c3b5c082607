"""Files that say what a release provides."""

import json
from pathlib import Path

import pytest

from porttool.unikraft.provides import (
    Entry,
    Provides,
    ProvidesError,
    Symbol,
    Syscall,
    dumps,
    load,
    releases,
    shipped,
)

SOME = Provides(
    release="0.99.1",
    commits={"unikraft": "a" * 40, "lib-musl": None},
    symbols={
        "open": Symbol("open", "function", "libmusl", ("LIBMUSL",), ("open",), None, "src/open.c"),
        "fork": Symbol("fork", "function", "libmusl", ("LIBMUSL",), (), "enosys", "src/fork.c"),
        "exit": Symbol("exit", "function", "libmusl", ("LIBMUSL",), (), None, "src/exit.c"),
        "one": Symbol("one", "variable", "libone", ("LIBONE", "LIBTWO"), (), None, "one.c"),
        "host": Symbol(
            *("host", "function", "libmusl", ("LIBMUSL",), ("close", "open"), None, "host.c"),
            *(("LIBNAME", "LIBOTHER"), ("open",), ("close",)),
        ),
    },
    others={
        "host": (
            Symbol("host", "function", "libname", ("LIBNAME",), (), "empty", "name.c"),
            Symbol("host", "function", "libother", ("LIBOTHER",), (), None, "name.c"),
        )
    },
    syscalls={
        "open": Syscall("open", "libvfscore", ("LIBVFSCORE",), None),
        "mmap": Syscall("mmap", "libmmap", ("LIBMMAP",), None, ("LIBVMEM",)),
    },
    headers={"stdio.h": "libmusl", "crypt.h": "libmusl"},
    parts={"crypt.h": ("LIBMUSL_CRYPT",)},
    declared=frozenset({"daemon"}),
    ukstore=2,
    entries=(
        Entry("libone", "free", "ONE_FREE", 1, "u64", "one.h", ("LIBONE",)),
        Entry("libone", "name", None, None, "charp", None, ("LIBONE",), None, True),
        Entry("libone", "sent", "ONE_SENT", 2, "u64", "one.h", ("LIBONE",), "one%d", True),
    ),
)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text(dumps(SOME))
    assert load(path) == SOME
    assert dumps(load(path)) == dumps(SOME)


def test_the_order_of_facts_does_not_show() -> None:
    other = Provides(
        SOME.release,
        dict(sorted(SOME.commits.items(), reverse=True)),
        dict(sorted(SOME.symbols.items(), reverse=True)),
        SOME.syscalls,
        SOME.headers,
        SOME.declared,
        SOME.ukstore,
        SOME.entries,
        others=SOME.others,
        parts=dict(SOME.parts),
    )
    assert dumps(other) == dumps(SOME)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("schema", 2),
        ("symbols", {"libx": {"a": {"source": "a.c", "sometimes": "open"}}}),
        ("symbols", {"libx": {"a": {"kind": "function"}}}),
        ("symbols", {"libx": {"a": {"source": "a.c", "stub": "maybe"}}}),
        ("symbols", {"libx": ["a"]}),
        ("symbols", {"": {"a": "a.c"}}),
        ("syscalls", {"libx": {"a": 3}}),
        ("declared", "text"),
        ("headers", []),
        ("release", None),
        ("ukstore", 3),
        ("entries", [{}]),
        ("entries", [json.loads(dumps(SOME))["entries"][0] | {"type": "float"}]),
    ],
)
def test_other_files_are_refused(tmp_path: Path, key: str, value: object) -> None:
    path = tmp_path / "one.json"
    path.write_text(json.dumps(json.loads(dumps(SOME)) | {key: value}))
    with pytest.raises(ProvidesError, match="does not say") as caught:
        load(path)
    assert caught.value.where == str(path)


def test_what_must_not_be_set_stands_beside_what_must() -> None:
    document = json.loads(dumps(SOME))
    assert list(document["symbols"]["libmusl LIBMUSL !LIBNAME !LIBOTHER"]) == ["host"]
    assert list(document["others"]) == ["libname LIBNAME", "libother LIBOTHER"]
    assert document["syscalls"]["libmmap LIBMMAP !LIBVMEM"] == {"mmap": None}
    assert document["headers"]["libmusl LIBMUSL_CRYPT"] == ["crypt.h"]


def test_a_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text("[" * 100_000)
    with pytest.raises(ProvidesError, match="is not JSON"):
        load(path)
    with pytest.raises(ProvidesError, match="cannot be read"):
        load(tmp_path / "none.json")


def test_one_fact_stands_on_a_line() -> None:
    lines = dumps(SOME).splitlines()
    assert '   "exit": "src/exit.c",' in lines
    assert sum("ONE_FREE" in line and "one.h" in line for line in lines) == 1


@pytest.mark.parametrize("release", releases())
def test_shipped_files_are_as_they_are_written(release: str) -> None:
    found = shipped(release)
    assert found.release == release
    path = Path(__file__).parents[2] / "porttool" / "unikraft" / "provides" / f"{release}.json"
    assert dumps(found) == path.read_text()
    assert not found.declared & found.symbols.keys()


def test_a_release_that_is_not_known() -> None:
    with pytest.raises(ProvidesError, match=r"0\.1\.2") as caught:
        shipped("0.1.2")
    assert caught.value.fix is not None
    assert "catalogue scan" in caught.value.fix

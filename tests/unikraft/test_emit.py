import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import kconfiglib
import pytest

from porttool.errors import UserError
from porttool.unikraft.archive import write_archive
from porttool.unikraft.emit import EmitInput, compare_emitted, emit, libraries
from porttool.unikraft.patchdir import apply
from porttool.unikraft.stamped import STAMP
from porttool.unikraft.tree import differences, read_tree
from porttool.workspace import EmitConfig
from tests.unikraft.toyport import UPSTREAM, fetched, make_port, toy_port

URL = "https://example.org/v0.3/toy-exporter-0.3.tar.gz"


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_vendored_library_holds_what_the_build_needs(tmp_path: Path) -> None:
    port = toy_port(tmp_path)
    emit(port, tmp_path / "out")
    folder = tmp_path / "out" / "lib-toy-exporter"
    assert sorted(snapshot(folder)) == [
        STAMP,
        "Config.uk",
        "LICENSE.toy-exporter",
        "Library.uk",
        "Makefile.uk",
        "README.md",
        "exportsyms.uk",
        "glue.c",
        "upstream/include/toy/page.h",
        "upstream/src/main.c",
        "upstream/src/page.c",
        "upstream/src/texts.inc",
    ]
    for path in ("src/main.c", "src/page.c"):
        assert (folder / "upstream" / path).read_bytes() == (port.patched_tree / path).read_bytes()
    assert (folder / "LICENSE.toy-exporter").read_text() == UPSTREAM["LICENSE"]
    assert (folder / "exportsyms.uk").read_text() == "toy_exporter_serve\n"


def test_makefile(tmp_path: Path) -> None:
    _, exporter = libraries(toy_port(tmp_path))
    lines = exporter.files["Makefile.uk"].decode().splitlines()
    assert "$(eval $(call addlib_s,libtoy_exporter,$(CONFIG_LIBTOY_EXPORTER)))" in lines
    assert [line for line in lines if "SRCS" in line] == [
        "LIBTOY_EXPORTER_SRCS-y += $(LIBTOY_EXPORTER_BASE)/glue.c",
        "LIBTOY_EXPORTER_SRCS-y += $(LIBTOY_EXPORTER_UPSTREAM)/src/main.c",
        "LIBTOY_EXPORTER_SRCS-y += $(LIBTOY_EXPORTER_UPSTREAM)/src/page.c",
    ]
    assert [line.split(" += ")[1] for line in lines if "CFLAGS" in line] == [
        "-DTOY",
        "'-DGREETING=\"hello world\"'",
        "-fno-common",
    ]


def test_library_facts_come_from_the_lock(tmp_path: Path) -> None:
    port = toy_port(tmp_path)
    _, exporter = libraries(port)
    assert exporter.files["Library.uk"].decode().splitlines() == [
        'name        := "toy-exporter"',
        'description := "A toy that serves next to nothing"',
        'homepage    := "https://example.org/toy-exporter.git"',
        'license     := "MIT"',
        "version     := v0.3",
    ]
    for name in ("Makefile.uk", "README.md"):
        assert port.upstream.commit in exporter.files[name].decode()
    made_from = json.loads(exporter.files[STAMP])["made_from"]
    assert made_from["commit"] == port.upstream.commit
    assert made_from["tree"] == port.upstream.tree
    assert made_from["patched_tree"] == port.series_tree
    assert made_from["series"] == port.series_digest


@pytest.mark.parametrize("unknown", [None, "NOASSERTION"])
def test_what_is_not_known_is_left_out(tmp_path: Path, unknown: str | None) -> None:
    port = toy_port(tmp_path)
    port = replace(port, upstream=replace(port.upstream, license=unknown, license_file=None))
    _, exporter = libraries(port)
    assert b"license" not in exporter.files["Library.uk"]
    assert not [path for path in exporter.files if path.startswith("LICENSE")]


def test_the_second_emit_changes_nothing(tmp_path: Path) -> None:
    port = toy_port(tmp_path)
    first = emit(port, tmp_path / "out")
    assert [library.path.name for library in first.libraries] == [
        "lib-ukmetrics",
        "lib-toy-exporter",
    ]
    assert all(library.changed for library in first.libraries)
    before = snapshot(tmp_path / "out")
    assert compare_emitted(port, tmp_path / "out") == []
    second = emit(port, tmp_path / "out")
    assert [library.changed for library in second.libraries] == [(), ()]
    assert snapshot(tmp_path / "out") == before


def test_drift_is_named(tmp_path: Path) -> None:
    port, out = toy_port(tmp_path), tmp_path / "out"
    assert compare_emitted(port, out) == ["lib-toy-exporter", "lib-ukmetrics"]
    emit(port, out)
    (out / "lib-ukmetrics" / "metric_table.c").unlink()
    (out / "lib-toy-exporter" / "more").write_text("")
    other = replace(port, config=replace(port.config, stack_size=65536))
    assert compare_emitted(other, out) == [
        f"lib-toy-exporter/{STAMP}",
        "lib-toy-exporter/Config.uk",
        "lib-toy-exporter/more",
        "lib-ukmetrics/metric_table.c",
    ]


def test_files_that_no_longer_belong_go(tmp_path: Path) -> None:
    port, out = toy_port(tmp_path), tmp_path / "out"
    emit(port, out)
    emit(replace(port, config=replace(port.config, emit=EmitConfig("fetch"))), out)
    assert not (out / "lib-toy-exporter" / "upstream").exists()


def test_ukmetrics_is_the_library_and_its_table(tmp_path: Path) -> None:
    ukmetrics, _ = libraries(toy_port(tmp_path))
    assert {"Makefile.uk", "Config.uk", "Library.uk", "exportsyms.uk", "include/ukm.h"} <= set(
        ukmetrics.files
    )
    assert b"0.16.3" in ukmetrics.files["metric_table.c"]


def test_an_unknown_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"99\.1\.0"):
        libraries(toy_port(tmp_path, unikraft="99.1.0"))


# --- Kconfig ------------------------------------------------------------------------------------


def kconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: str) -> kconfiglib.Kconfig:
    """Evaluate both Config.uk as an application that selects the library would have it."""
    for library in emit(toy_port(tmp_path), tmp_path / "out").libraries:
        monkeypatch.setenv(library.library.name, str(library.path))
    (tmp_path / "Config.uk").write_text(
        "config HAVE_LIBC\n\tbool\n\tdefault y\n"
        'config HAVE_NW_STACK\n\tbool "network"\n'
        "config LIBUKSCHED\n\tbool\n"
        'source "$(libukmetrics)/Config.uk"\nsource "$(libtoy_exporter)/Config.uk"\n'
    )
    (tmp_path / ".config").write_text(config)
    with warnings.catch_warnings():
        # kconfiglib 14 on Python 3.11 and later
        warnings.simplefilter("ignore", DeprecationWarning)
        tree = kconfiglib.Kconfig(str(tmp_path / "Config.uk"), warn_to_stderr=False)
    tree.load_config(str(tmp_path / ".config"))
    assert tree.warnings == []
    return tree


def test_config_selects_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = kconfig(tmp_path, monkeypatch, "CONFIG_HAVE_NW_STACK=y\nCONFIG_LIBTOY_EXPORTER=y\n")
    values = {name: symbol.str_value for name, symbol in tree.syms.items()}
    assert values["LIBUKMETRICS"] == "y"
    assert values["LIBUKSCHED"] == "y"
    assert values["LIBTOY_EXPORTER_AUTOSTART"] == "y"
    assert values["LIBTOY_EXPORTER_STACK_SIZE"] == "32768"


def test_config_is_off_by_default_and_without_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = kconfig(tmp_path, monkeypatch, "CONFIG_HAVE_NW_STACK=y\n")
    assert tree.syms["LIBTOY_EXPORTER"].str_value == "n"
    assert tree.syms["LIBUKMETRICS"].str_value == "n"
    tree.load_config(str(tmp_path / ".config"))
    tree.syms["HAVE_NW_STACK"].set_value("n")
    tree.syms["LIBTOY_EXPORTER"].set_value("y")
    assert tree.syms["LIBTOY_EXPORTER"].str_value == "n"


# --- fetch mode ---------------------------------------------------------------------------------


def test_fetch_without_url_brings_its_own_archive(tmp_path: Path) -> None:
    port = toy_port(tmp_path, **fetched())
    _, exporter = libraries(port)
    assert exporter.archive is None
    assert sorted(path for path in exporter.files if "/" in path or path.endswith(".gz")) == [
        "patches/0001-Change-number-1.patch",
        "patches/0002-Change-number-2.patch",
        "toy-exporter-v0.3.tar.gz",
    ]
    makefile = exporter.files["Makefile.uk"].decode()
    assert "ifeq ($(CONFIG_LIBTOY_EXPORTER),y)" in makefile
    assert (
        "$(eval $(call unarchive,libtoy_exporter,$(LIBTOY_EXPORTER_BASE)/toy-exporter-v0.3.tar.gz))"
        in makefile
    )


def test_fetch_from_a_url(tmp_path: Path) -> None:
    port = toy_port(tmp_path)
    data = write_archive(read_tree(port.pinned_tree), "toy", 0)
    archive = tmp_path / "download"
    archive.write_bytes(data)
    with pytest.raises(UserError, match="archive_sha256 is missing") as caught:
        libraries(with_archive(port, archive, archive_url=URL))
    sha256 = str(caught.value.why).split()[-1]
    port = with_archive(port, archive, archive_url=URL, archive_sha256=sha256)
    _, exporter = libraries(port)
    makefile = exporter.files["Makefile.uk"].decode().splitlines()
    assert f"LIBTOY_EXPORTER_URL = {URL}" in makefile
    assert f"LIBTOY_EXPORTER_ORIGIN_SHA256 = {sha256}" in makefile
    assert f"version     := v0.3 sha256:{sha256} {URL}" in exporter.files["Library.uk"].decode()
    assert exporter.archive is not None
    assert (exporter.archive.basename, exporter.archive.data) == (URL.rpartition("/")[2], data)


def with_archive(port: EmitInput, archive: Path | None, **settings: Any) -> EmitInput:
    config = replace(port.config, emit=EmitConfig("fetch", **settings))
    return replace(port, config=config, archive=archive)


def test_the_three_ways_to_the_tree_are_one(tmp_path: Path) -> None:
    """What Unikraft's build does with the library gives the patched tree."""
    port = toy_port(tmp_path, **fetched())
    emit(port, tmp_path / "out")
    folder = tmp_path / "out" / "lib-toy-exporter" / "patches"
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    patched = apply(read_tree(port.pinned_tree), files)
    assert differences(patched, read_tree(port.patched_tree)) == ()


def test_without_patches_there_is_nothing_to_apply(tmp_path: Path) -> None:
    port = make_port(tmp_path, UPSTREAM, [], **fetched())
    _, exporter = libraries(port)
    assert b"call patch" not in exporter.files["Makefile.uk"]


@pytest.mark.parametrize(
    ("settings", "archive", "message"),
    [
        ({"archive_url": URL, "archive_sha256": "0" * 64}, "other", "does not hold the pinned"),
        ({"archive_url": URL, "archive_sha256": "0" * 64}, "pinned", "is not the archive's"),
        ({"archive_url": URL, "archive_sha256": "0" * 64}, None, "not at hand"),
        ({"archive_sha256": "0" * 64}, None, "is not the archive's"),
        ({"archive_prefix": "else"}, "pinned", "unpacks to 'toy'"),
        ({"archive_url": "https://example.org/toy.tar"}, "pinned", "cannot unpack 'toy.tar'"),
        ({"archive_url": "https://example.org/a?b&c.zip"}, None, "cannot be written"),
        ({"archive_url": "https://example.org/$(id).zip"}, None, "cannot be written"),
        ({"archive_url": "https://example.org/a%20b.zip"}, None, "cannot be written"),
        ({"archive_url": "file:///etc/x.zip"}, None, "cannot be written"),
        ({"archive_prefix": "a b"}, None, "cannot stand in a Makefile"),
    ],
)
def test_an_archive_that_will_not_do(
    tmp_path: Path, settings: dict[str, str], archive: str | None, message: str
) -> None:
    port = toy_port(tmp_path)
    path = None
    if archive:
        tree = read_tree(port.pinned_tree if archive == "pinned" else port.patched_tree)
        path = tmp_path / "download"
        path.write_bytes(write_archive(tree, "toy", 0))
    with pytest.raises(UserError, match=message):
        libraries(with_archive(port, path, **settings))


def test_a_series_that_patch_cannot_apply_is_refused(tmp_path: Path) -> None:
    port = make_port(tmp_path, UPSTREAM, [{"logo": b"\0\1"}], **fetched())
    with pytest.raises(UserError, match=r"^0001-Change-number-1.patch cannot be applied"):
        emit(port, tmp_path / "out")
    assert not (tmp_path / "out").exists()


# --- names --------------------------------------------------------------------------------------

HOSTILE = ["$(shell id)", "`id`", "a\nb", 'a"b', "a\\b", "a$b", "é", "\x1b[31m"]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "hurt",
    [
        lambda p, t: replace(p, config=replace(p.config, summary=t)),
        lambda p, t: replace(p, config=replace(p.config, name=t)),
        lambda p, t: replace(p, config=replace(p.config, defines=(t,))),
        lambda p, t: replace(p, config=replace(p.config, cflags=(f"-{t}",))),
        lambda p, t: replace(p, config=replace(p.config, includes=(t,))),
        lambda p, t: replace(p, upstream=replace(p.upstream, url=t)),
        lambda p, t: replace(p, upstream=replace(p.upstream, ref=t)),
        lambda p, t: replace(p, upstream=replace(p.upstream, commit=t)),
        lambda p, t: replace(p, upstream=replace(p.upstream, tree=t)),
        lambda p, t: replace(p, upstream=replace(p.upstream, license=t)),
        lambda p, t: replace(p, selects=(t,)),
    ],
    ids=["summary", "name", "defines", "cflags", "includes", "url", "ref", "commit", "tree",
         "license", "selects"],
)  # fmt: skip
def test_no_hostile_text_gets_into_a_file(
    port: EmitInput, tmp_path: Path, hurt: Callable[[EmitInput, str], EmitInput], text: str
) -> None:
    with pytest.raises(UserError):
        emit(hurt(port, text), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["ukmetrics", "lwip", "musl", "Upper", "a_b", "1st", "a--b"])
def test_names_that_are_no_library(port: EmitInput, name: str) -> None:
    with pytest.raises(UserError, match="cannot be the name"):
        libraries(replace(port, config=replace(port.config, name=name)))


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> EmitInput:
    with pytest.MonkeyPatch.context() as patch:
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "Ada")
            patch.setenv(f"GIT_{role}_EMAIL", "ada@example.org")
        return toy_port(tmp_path_factory.mktemp("toy"))


def test_patches_that_do_not_make_the_patched_tree_are_refused(tmp_path: Path) -> None:
    port = toy_port(tmp_path, **fetched())
    with pytest.raises(UserError, match="does not make of the pinned tree") as caught:
        libraries(replace(port, patches=port.patches[:1]))
    assert caught.value.why == "src/main.c: other content"

import json
import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import kconfiglib
import pytest

from porttool.errors import CheckFailed, UserError
from porttool.unikraft import provides
from porttool.unikraft.archive import write_archive
from porttool.unikraft.emit import EmitInput, compare_emitted, emit, libraries
from porttool.unikraft.kconfig import Consequences, to_kconfig
from porttool.unikraft.patchdir import apply
from porttool.unikraft.scan.condition import NEVER
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


RELEASES = ("0.13.1", "0.16.3", "0.17.0")
"""The last one with the first generation of ukstore, the default, and the newest."""


def kconfig(tmp_path: Path, release: str, monkeypatch: pytest.MonkeyPatch) -> kconfiglib.Kconfig:
    """Both Config.uk among the symbols of a release; a select of what is not there is a warning."""
    (tmp_path / "Config.unikraft").write_text(to_kconfig(provides.shipped(release).kconfig))
    sources = [tmp_path / "Config.unikraft"]
    for written in emit(toy_port(tmp_path, unikraft=release), tmp_path / "out").libraries:
        sources.append(written.path / "Config.uk")
    (tmp_path / "Config.uk").write_text("".join(f'source "{path}"\n' for path in sources))
    monkeypatch.setenv("KCONFIG_WARN_UNDEF", "y")
    with warnings.catch_warnings():
        # kconfiglib 14 on Python 3.11 and later
        warnings.simplefilter("ignore", DeprecationWarning)
        return kconfiglib.Kconfig(str(tmp_path / "Config.uk"), warn_to_stderr=False)


def needed(release: str) -> set[str]:
    """Every symbol that the toy's needs, those of our own C and the table's entries take."""
    known = provides.shipped(release)
    names = (
        *("accept", "bind", "close", "inet_pton", "listen", "recv", "send", "snprintf", "socket"),
        *("uk_sched_thread_create_fn1", "uk_mutex_get_metrics"),
    )
    symbols = [known.symbols[name] for name in names]
    taken = {name for symbol in symbols for name in symbol.requires}
    calls = [known.syscalls[name] for symbol in symbols for name in symbol.syscalls]
    taken |= {name for call in calls for name in call.requires}
    return taken | {name for entry in known.entries for name in entry.requires}


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("stubborn", [False, True])
def test_the_library_brings_all_that_it_needs(
    tmp_path: Path, release: str, stubborn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An application that names the libc, the stack and the library; or says no to all the rest."""
    tree = kconfig(tmp_path, release, monkeypatch)
    chosen = ("LIBMUSL", "LIBLWIP", "LIBTOY_EXPORTER")
    theirs = ("lib-musl", "lib-lwip")
    options = provides.shipped(release).kconfig.options
    if stubborn:
        for symbol in tree.unique_defined_syms:
            option = options.get(symbol.name)
            if option is None or option.source.startswith(theirs) or symbol.name in chosen:
                continue
            if option.prompt is not NEVER:
                symbol.set_value("n")
    for name in chosen:
        tree.syms[name].set_value("y")
    off = {name for name in needed(release) if tree.syms[name].str_value != "y"}
    # Which library answers mmap is the application's business.
    assert off <= ({"LIBUKMMAP"} if stubborn else set())
    assert tree.syms["LIBTOY_EXPORTER_STACK_SIZE"].str_value == "32768"
    tree.write_config(str(tmp_path / ".config"))
    assert tree.warnings == []


@pytest.mark.parametrize("missing", ["LIBMUSL", "LIBLWIP"])
def test_the_library_is_off_without_a_libc_or_a_network(
    tmp_path: Path, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = kconfig(tmp_path, "0.16.3", monkeypatch)
    for name in {"LIBMUSL", "LIBLWIP"} - {missing}:
        tree.syms[name].set_value("y")
    assert tree.syms["LIBTOY_EXPORTER"].str_value == "n"
    tree.syms["LIBTOY_EXPORTER"].set_value("y")
    assert tree.syms["LIBTOY_EXPORTER"].str_value == "n"


def test_no_line_could_be_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any one of the select lines, there is a configuration in which something is off."""
    kconfig(tmp_path, "0.16.3", monkeypatch)
    known = Consequences(provides.shipped("0.16.3").kconfig)
    for folder in ("lib-ukmetrics", "lib-toy-exporter"):
        text = (tmp_path / "out" / folder / "Config.uk").read_text()
        selected = re.findall(r"^\tselect (\w+)(?! if)", text, re.MULTILINE)
        assert selected
        for name in selected:
            rest = {*selected, "LIBMUSL"} - {name}
            assert name not in known.certain(rest)


@pytest.mark.parametrize("release", ["0.13.1", "0.14.0", "0.15.0", "0.16.3"])
def test_what_can_be_switched_on_has_something_to_show(tmp_path: Path, release: str) -> None:
    """And what is in the table can be switched on."""
    files = libraries(toy_port(tmp_path, unikraft=release))[0].files
    guards = re.findall(r"^(?:#if|   ) .*CONFIG_.*", files["metric_table.c"].decode(), re.MULTILINE)
    shown = set(re.findall(r"CONFIG_(LIBUKMETRICS_\w+)", "\n".join(guards)))
    config = files["Config.uk"].decode()
    assert shown <= set(re.findall(r"^config (\w+)$", config, re.MULTILINE))
    assert set(re.findall(r"^config (\w+)\n\tbool \"", config, re.MULTILINE)) <= shown
    assert (
        ("LIBUKMETRICS_NETWORK" in shown)
        == ("LIBUKMETRICS_MOUNTS" in shown)
        == (release != "0.13.1")
    )


@pytest.mark.parametrize("library", ["lib-ukmetrics", "lib-toy-exporter"])
def test_golden_config(tmp_path: Path, library: str) -> None:
    found = {made.folder: made for made in libraries(toy_port(tmp_path))}
    golden = Path(__file__).parent / "golden" / f"{library}-Config.uk"
    assert found[library].files["Config.uk"].decode() == golden.read_text()


def port_with(tmp_path: Path, files: dict[str, str]) -> EmitInput:
    return make_port(tmp_path, UPSTREAM | files, [])


def test_what_a_release_lacks_is_said(tmp_path: Path) -> None:
    lacking = "#include <unistd.h>\nint setsid_is_called(void)\n{\n\treturn nosuch();\n}\n"
    port = port_with(tmp_path, {"src/lacking.c": "int nosuch(void);\n" + lacking})
    missing = emit(port, tmp_path / "out").missing
    assert [(each.need.name, each.status) for each in missing] == [("nosuch", "absent")]


def test_a_source_that_does_not_parse_is_refused(tmp_path: Path) -> None:
    port = port_with(tmp_path, {"src/broken.c": "int broken(void) { return (; }\n"})
    with pytest.raises(CheckFailed, match="a file was not parsed") as caught:
        libraries(port)
    assert "src/broken.c:1" in (caught.value.why or "")


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

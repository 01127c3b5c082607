"""twin.mk does with a Makefile.uk what Unikraft's build system does."""

import hashlib
import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from porttool.hosttwin.kconfig import TWIN, write_config

CONFIG = 'menuconfig LIBX\n\tbool "x"\n\nconfig LIBX_MORE\n\tbool "more"\n\tdepends on LIBX\n'
MAKEFILE = """\
$(eval $(call addlib_s,libx,$(CONFIG_LIBX)))
CINCLUDES-$(CONFIG_LIBX) += -I$(LIBX_BASE)/include
LIBX_CFLAGS-y += -DWHO=1
LIBX_CINCLUDES-y += -I$(LIBX_BASE)/private
LIBX_MAIN_FLAGS-y += -DMAIN_ONLY
LIBX_PART_TWO_FLAGS-y += -DTWO
LIBX_SRCS-y += $(LIBX_BASE)/main.c
LIBX_SRCS-y += $(LIBX_BASE)/part.c
LIBX_SRCS-y += $(LIBX_BASE)/part.c|two
LIBX_SRCS-$(CONFIG_LIBX_MORE) += $(LIBX_BASE)/more.c
"""
SOURCES = {
    "Config.uk": CONFIG,
    "Makefile.uk": MAKEFILE,
    "exportsyms.uk": "exported\n",
    "include/x.h": "int exported(void);\nint part(void);\nint part_two(void);\n",
    "private/p.h": "#define PRIVATE 7\n",
    "main.c": """\
#include <p.h>
#include <uk/essentials.h>
#include <x.h>
#if !defined(MAIN_ONLY) || WHO != 1 || defined(__linux__) || !defined(__Unikraft__)
#error flags
#endif
char name[] = STRINGIFY(__LIBNAME__);
int exported(void)
{
	return PRIVATE + part() + part_two();
}
""",
    "part.c": """\
#include <x.h>
#ifdef MAIN_ONLY
#error flags of another file
#endif
#ifdef TWO
int part_two(void)
#else
int part(void)
#endif
{
	return 1;
}
""",
    "more.c": "int more(void);\nint more(void)\n{\n\treturn 0;\n}\n",
}


def tree(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def make(folder: Path, out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *("make", "-j3", "-f", str(TWIN / "twin.mk"), f"TWIN={TWIN}", f"L={folder}"),
            *(f"O={out}", *arguments),
        ],
        capture_output=True,
        text=True,
        check=False,
    )


def compiled(done: subprocess.CompletedProcess[str]) -> set[str]:
    assert done.returncode == 0, done.stdout + done.stderr
    lines = (line.split() for line in done.stdout.splitlines())
    return {words[1] for words in lines if words[0] == "CC"}


@pytest.fixture
def lib(tmp_path: Path) -> Path:
    return tree(tmp_path / "lib-x", SOURCES)


@pytest.fixture
def out(tmp_path: Path, lib: Path) -> Path:
    write_config([lib], tmp_path / "out")
    return tmp_path / "out"


def test_flags_variants_and_exported_symbols(lib: Path, out: Path) -> None:
    objects = {name for name in compiled(make(lib, out)) if name.startswith("libx/")}
    assert objects == {"libx/main.o", "libx/part.o", "libx/part.two.o"}
    nm = subprocess.run(
        ["nm", "--defined-only", str(out / "libx.o")], capture_output=True, text=True, check=True
    )
    symbols = {line.split()[2]: line.split()[1] for line in nm.stdout.splitlines()}
    assert symbols["exported"] == "T"
    assert symbols["part"] == symbols["part_two"] == "t"
    assert symbols["name"] == "d"
    assert b"libx\0" in (out / "libx.o").read_bytes()


def test_makes_again_what_changed_and_nothing_else(lib: Path, out: Path) -> None:
    assert compiled(make(lib, out))
    assert make(lib, out).stdout == ""

    (lib / "private" / "p.h").write_text("#define PRIVATE 8\n")
    assert compiled(make(lib, out)) == {"libx/main.o"}

    (lib / "Makefile.uk").write_text(MAKEFILE + "LIBX_PART_FLAGS-y += -DNEW\n")
    assert compiled(make(lib, out)) == {"libx/part.o"}

    write_config([lib], out, {"LIBX_MORE": "y"})
    assert {"libx/more.o", "libx/main.o", "hosttwin/boot.o"} <= compiled(make(lib, out))
    assert make(lib, out).stdout == ""

    (lib / "exportsyms.uk").write_text("exported\npart\n")
    assert compiled(make(lib, out)) == set()
    nm = subprocess.run(["nm", str(out / "libx.o")], capture_output=True, text=True, check=True)
    assert " T part\n" in nm.stdout


def test_a_warning_is_an_error(lib: Path, out: Path) -> None:
    (lib / "part.c").write_text(SOURCES["part.c"].replace("return 1;", "int unused;\n\treturn 1;"))
    done = make(lib, out)
    assert done.returncode != 0
    assert "unused" in done.stderr
    assert not (out / "twin").exists()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("LIBX_SRCS-y += $(LIBX_BASE)/other/main.c", "two sources are named main.c"),
        ("LIBX_SRCS-y += $(LIBX_BASE)/main.cpp", "compiles C only"),
        ("$(eval $(call clone,libx,https://example.org/x.git,main))", "does not clone"),
        ("$(eval $(call fetch,libx,https://example.org/x.zip))", "cannot unpack"),
    ],
)
def test_what_it_does_not_do(lib: Path, out: Path, line: str, why: str) -> None:
    (lib / "Makefile.uk").write_text(MAKEFILE + line + "\n")
    done = make(lib, out)
    assert done.returncode != 0
    assert why in done.stderr


def test_arguments(lib: Path, out: Path, tmp_path: Path) -> None:
    assert "kconfig.py" in make(lib, tmp_path / "elsewhere").stderr
    assert "blanks" in make(Path("/a b"), out).stderr


URL = "https://example.org/v1/x-1.tar.gz"
FETCH = """\
$(eval $(call addlib_s,libx,$(CONFIG_LIBX)))
ifeq ($(CONFIG_LIBX),y)
LIBX_ORIGIN_SHA256 = {sha}
$(eval $(call fetch,libx,{url}))
$(eval $(call patch,libx,$(LIBX_BASE)/patches,x-1))
LIBX_SRC = $(LIBX_ORIGIN)/x-1
LIBX_CINCLUDES-y += -I$(LIBX_SRC)
LIBX_SRCS-y += $(LIBX_SRC)/main.c
endif
"""


def archive(text: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in (("x-1/main.c", text.encode()), ("x-1/x.h", b"int x(void);\n")):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def diff(old: str, new: str) -> str:
    lines = ["@@ -2,4 +2,4 @@", " int x(void)", " {", f"-{old}", f"+{new}", " }"]
    return "\n".join(["--- a/main.c", "+++ b/main.c", *lines, ""])


@pytest.fixture
def fetching(tmp_path: Path) -> Path:
    data = archive("#include <x.h>\nint x(void)\n{\nreturn 1\n}\n")
    lib = tree(
        tmp_path / "lib-x",
        {
            "Config.uk": CONFIG,
            "Makefile.uk": FETCH.format(sha=hashlib.sha256(data).hexdigest(), url=URL),
            # They depend on each other: only in this order do they apply, and only after both
            # does it compile.
            "patches/0001-one.patch": diff("return 1", "return 2"),
            "patches/0002-two.patch": diff("return 2", "return 3;"),
        },
    )
    write_config([lib], tmp_path / "out")
    tree(tmp_path / "out" / "libx", {})
    (tmp_path / "out" / "libx").mkdir(exist_ok=True)
    (tmp_path / "out" / "libx" / "x-1.tar.gz").write_bytes(data)
    return lib


def test_fetch_unpacks_checks_and_patches(fetching: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert "libx/main.o" in compiled(make(fetching, out))
    assert "return 3;" in (out / "libx/origin/x-1/main.c").read_text()
    assert make(fetching, out).stdout == ""


def test_fetch_without_archive(fetching: Path, tmp_path: Path) -> None:
    (tmp_path / "out/libx/x-1.tar.gz").unlink()
    done = make(fetching, tmp_path / "out")
    assert done.returncode != 0
    assert f"put the archive of {URL} there" in done.stderr


def test_fetch_with_another_archive(fetching: Path, tmp_path: Path) -> None:
    path = tmp_path / "out/libx/x-1.tar.gz"
    path.write_bytes(archive("something else"))
    done = make(fetching, tmp_path / "out")
    assert done.returncode != 0
    assert "SHA256 checksum validation failed" in done.stderr
    assert not (tmp_path / "out/libx/origin/x-1/main.c").exists()


def test_a_new_archive_replaces_the_old_one(fetching: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    compiled(make(fetching, out))
    data = archive("#include <x.h>\nint x(void)\n{\nreturn 1\n}\n\n")
    (out / "libx/x-1.tar.gz").write_bytes(data)
    os.utime(out / "libx/x-1.tar.gz")
    (fetching / "Makefile.uk").write_text(
        FETCH.format(sha=hashlib.sha256(data).hexdigest(), url=URL)
    )
    assert compiled(make(fetching, out)) == {"libx/main.o"}
    assert (out / "libx/origin/x-1/main.c").read_text().endswith("return 3;\n}\n\n")


def test_every_file_in_the_folder_of_patches_counts(fetching: Path, tmp_path: Path) -> None:
    (fetching / "patches" / "series").write_text("0001-one.patch\n")
    done = make(fetching, tmp_path / "out")
    assert done.returncode != 0
    assert "Only garbage was found" in done.stdout + done.stderr

"""Reading a Unikraft tree: a toy one, in the words that real ones are written in."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from porttool.errors import UserError
from porttool.unikraft.provides import Provides, Symbol, dumps
from porttool.unikraft.scan.archives import unpack
from porttool.unikraft.scan.assembler import of_assembler
from porttool.unikraft.scan.calls import node
from porttool.unikraft.scan.calls import stub as pretends
from porttool.unikraft.scan.condition import ALWAYS, NEVER, Condition, symbol
from porttool.unikraft.scan.conditional import Reader
from porttool.unikraft.scan.definitions import of_c
from porttool.unikraft.scan.kconfig import Way, least
from porttool.unikraft.scan.makefile import Makefile
from porttool.unikraft.scan.tree import provides, scan
from tests.support import Files, git, porttool, write_files

TREE: Files = {
    "version.mk": "UK_VERSION = 0\nUK_SUBVERSION = 99.1\n",
    "lib/files/Makefile.uk": (
        "$(eval $(call addlib_s,libfiles,$(CONFIG_LIBFILES)))\n"
        "CINCLUDES-$(CONFIG_LIBFILES) += -I$(LIBFILES_BASE)/include\n"
        "LIBFILES_SRCS-y += $(LIBFILES_BASE)/main.c\n"
        "LIBFILES_SRCS-$(CONFIG_LIBFILES_EXTRA) += \\\n"
        "\t$(LIBFILES_BASE)/extra.c|variant $(LIBFILES_BASE)/gone.c\n"
        "ifneq ($(filter y,$(CONFIG_LIBFILES_A) $(CONFIG_LIBFILES_B)),)\n"
        "LIBFILES_SRCS-y += $(LIBFILES_BASE)/either.c\n"
        "else ifeq ($(CONFIG_LIBFILES_C),y)\n"
        "LIBFILES_SRCS-y += $(LIBFILES_BASE)/other.c\n"
        "endif\n"
        "ifeq (arm64,$(CONFIG_UK_ARCH))\n"
        "LIBFILES_SRCS-y += $(LIBFILES_BASE)/arm.c\n"
        "endif\n"
        "LIBFILES_SRCS-y += $(LIBFILES_BASE)/arch/$(CONFIG_UK_ARCH)/low.S\n"
        "UK_PROVIDED_SYSCALLS-$(CONFIG_LIBFILES) += open-3 chown-3e\n"
        "UK_PROVIDED_SYSCALLS-$(CONFIG_LIBFILES) += fork-0 chroot-1 flock-2\n"
        "ifeq ($(CONFIG_LIBFILES_EXTRA),y)\n"
        "UK_PROVIDED_SYSCALLS-$(CONFIG_LIBFILES) += statx-5\n"
        "endif\n"
        "$(LIBFILES_BUILD)/made.h: $(LIBFILES_BASE)/main.c\n"
        "\tUNRELATED = recipe > $@\n"
    ),
    "lib/files/Config.uk": (
        "menuconfig LIBFILES\n\tbool\n\tselect LIBTOOLS\n"
        "config LIBFILES_EXTRA\n\tbool\n\tselect LIBFILES\n"
        "config LIBTOOLS\n\tbool\n\tselect LIBDEEP\n"
        "config LIBFILES_A\nconfig LIBFILES_B\nconfig LIBFILES_C\nconfig LIBFILES_FAST\n"
    ),
    "lib/files/exportsyms.uk": (
        "# not this: hidden_one\nvisible\nuk_syscall_r_open\nextra\neither\nother\nlow\n"
        "fork\nopen\n"
    ),
    "lib/files/main.c": (
        "#include <uk/syscall.h>\n"
        "int visible(void)\n{\n\treturn 1;\n}\n"
        "int hidden_one(void) { return 2; }\n"
        "UK_SYSCALL_R_DEFINE(int, open, const char *, path, int, flags, int, mode)\n"
        "{\n\treturn visible();\n}\n"
        "UK_SYSCALL_R_DEFINE(int, fork)\n{\n\tuk_pr(1);\n\treturn -ENOSYS;\n}\n"
        "UK_SYSCALL_R_DEFINE(int, chroot, const char *, path)\n"
        "{\n\tUK_WARN_STUBBED();\n\treturn 0;\n}\n"
        "UK_SYSCALL_R_DEFINE(int, flock, int, fd, int, how)\n{\n\treturn 0;\n}\n"
    ),
    "lib/files/extra.c": (
        "#if CONFIG_LIBFILES_FAST\nint extra;\n#endif\n#ifdef CONFIG_GONE\nint low;\n#endif\n"
    ),
    "lib/files/either.c": "void either(void) {}\n",
    "lib/files/other.c": "void other(void) { visible(); }\n",
    "lib/files/arm.c": "int arm_only;\n",
    "lib/files/arch/x86_64/low.S": ".global low\nlow:\n\tret\n",
    "lib/files/include/files.h": (
        "int visible(void);\nint promised(int);\nextern int also;\n"
        "typedef struct inner FILE;\nextern FILE *const one;\n#define one (one)\n"
        "struct packed { int x; } __attribute__((__packed__));\n"
    ),
    "lib/syscall_shim/Config.uk": (
        "config LIBSYSCALL_SHIM\n\tbool\nconfig LIBSYSCALL_SHIM_NOWRAPPER\n\tbool\n"
    ),
    "lib/syscall_shim/Makefile.uk": (
        "$(eval $(call addlib_s,libsyscall_shim,$(CONFIG_LIBSYSCALL_SHIM)))\n"
        "LIBSYSCALL_SHIM_SRCS-y += $(LIBSYSCALL_SHIM_BASE)/libc_stubs.awk>.c\n"
    ),
    "lib/syscall_shim/arch/x86_64/syscall.h.in": (
        "#define __NR_open 2\n#define __NR_fork 57\n#define __NR_chown 92\n#define __NR_bpf 321\n"
    ),
    "lib/syscall_shim/include/uk/syscall.h": (
        "#if CONFIG_LIBSYSCALL_SHIM_NOWRAPPER\n#define UK_LIBC_SYSCALLS (0)\n#else\n"
        "#define UK_LIBC_SYSCALLS (1)\n#endif\n"
    ),
}

MUSL: Files = {
    "Config.uk": (
        "config LIBMUSL\n\tselect LIBSYSCALL_SHIM\n\tselect LIBSYSCALL_SHIM_NOWRAPPER\n"
        "\tselect LIBMUSL_ONE\nconfig LIBMUSL_ONE\n\tbool\nconfig LIBMUSL_TWO\n\tbool\n"
    ),
    "Makefile.uk": (
        "$(eval $(call addlib_s,libmusl,$(CONFIG_LIBMUSL)))\n"
        "LIBMUSL_VERSION=7.0\n"
        "LIBMUSL_URL=https://example.org/musl-$(LIBMUSL_VERSION).tar.gz\n"
        "$(eval $(call fetch,libmusl,$(LIBMUSL_URL)))\n"
        "$(eval $(call patch,libmusl,$(LIBMUSL_BASE)/patches,musl-$(LIBMUSL_VERSION)))\n"
        "LIBMUSL=$(LIBMUSL_ORIGIN)/musl-$(LIBMUSL_VERSION)/\n"
        "LIBMUSL_COMPFLAGS-y += -I$(LIBMUSL)/src/internal\n"
        "CINCLUDES-$(CONFIG_LIBMUSL) += -I$(LIBMUSL)/arch/x86_64\n"
        "ifeq ($(CONFIG_LIBMUSL_ONE),y)\ninclude $(LIBMUSL_BASE)/Makefile.uk.musl.one\nendif\n"
        "ifeq ($(CONFIG_LIBMUSL_TWO),y)\ninclude $(LIBMUSL_BASE)/Makefile.uk.musl.two\nendif\n"
    ),
    "Makefile.uk.musl.one": (
        "LIBMUSL_ONE_HDRS-y += $(LIBMUSL)/include/one.h\n"
        "LIBMUSL_ONE_SRCS-y += $(LIBMUSL)/src/one/generic.c\n"
        "ifeq (x86_64,$(CONFIG_UK_ARCH))\nLIBMUSL_ONE_SRCS-y =\nendif\n"
        "ifneq ($(CONFIG_LIBFILES_A),y)\n"
        "LIBMUSL_ONE_SRCS-y += $(LIBMUSL)/src/one/either.c\nendif\n"
        "LIBMUSL_ONE_SRCS-y += $(LIBMUSL)/src/one/open.c\n"
        "# LIBMUSL_ONE_SRCS-y += $(LIBMUSL)/src/one/left_out.c\n"
        "$(eval $(call _libmusl_import_lib,one,$(LIBMUSL_ONE_HDRS-y),$(LIBMUSL_ONE_SRCS-y)))\n"
    ),
    "Makefile.uk.musl.two": (
        "LIBMUSL_TWO_HDRS-y += $(LIBMUSL)/include/two.h\n"
        "LIBMUSL_TWO_SRCS-y += $(LIBMUSL)/src/two/reopen.c\n"
        "$(eval $(call _libmusl_import_lib,two,$(LIBMUSL_TWO_HDRS-y),$(LIBMUSL_TWO_SRCS-y)))\n"
    ),
    "patches/0001-name.patch": (
        "--- a/src/two/reopen.c\n+++ b/src/two/reopen.c\n@@ -1,2 +1,2 @@\n"
        ' #include "internal.h"\n-int before(void) { return again(1); }\n'
        "+int after(void) { return again(1); }\n"
    ),
}

ARCHIVE: Files = {
    "musl-7.0/include/one.h": "int open(const char *, int, ...);\nint left_out(void);\n",
    "musl-7.0/include/two.h": "",
    "musl-7.0/src/one/generic.c": "int generic;\n",
    "musl-7.0/src/one/either.c": (
        '#include "internal.h"\nint open(const char *, int, ...);\n'
        "static int back(void) { return __syscall(SYS_open); }\n"
        "void either(int x)\n{\n\tif (x < 0) {\n\t\terrno = EINVAL;\n\t\treturn;\n\t}\n"
        "\t__syscall(SYS_fchmod, 1);\n\tif (x)\n\t\topen(0, x);\n\telse\n\t\trun(back);\n}\n"
    ),
    "musl-7.0/arch/x86_64/bits/syscall.h.in": "#define __NR_open 2\n#define __NR_fchmod 91\n",
    "musl-7.0/src/internal/internal.h": (
        "#define weak_alias(old, new) \\\n"
        "\textern __typeof(old) new __attribute__((__weak__, __alias__(#old)))\n"
        "#define sys_open(...) __go(SYS_open, __VA_ARGS__)\n"
        "static inline int helper(void) { return __syscall(SYS_fchmod, 1); }\n"
    ),
    "musl-7.0/src/one/open.c": (
        '#include "internal.h"\n'
        "static const char *const table[] = {\n#if LDBL_MANT_DIG == 64\n"
        '\t"}",\n#elif LDBL_MANT_DIG == 53\n\t"{",\n#endif\n};\n'
        "int open(const char *name, int flags, ...)\n{\n\treturn sys_open(name, flags);\n}\n"
        "#ifdef SYS_openat9\nint openat9;\n#endif\n"
        "static int dummy = 3;\nweak_alias(open, open64);\nweak_alias(dummy, __clever);\n"
        "int (*signal_like(int x, void (*f)(int)))(int) { return 0; }\n"
        "int (*pointer)(int), plain = 4, list[3] = { 1, 2 };\n"
        "struct thing { int member; } made;\ntypedef int number;\nextern int elsewhere;\n"
    ),
    "musl-7.0/src/two/reopen.c": '#include "internal.h"\nint before(void) { return again(1); }\n'
    "static int again(int x) { a->closing(x); return open(0, x) + helper(); }\n"
    "int closing(int x) { return __syscall(SYS_chown, x); }\n",
}


def _tar(folder: Path, files: Files) -> None:
    folder.mkdir()
    with tarfile.open(folder / "musl-7.0.tar.gz", "w:gz") as tar:
        for name, content in files.items():
            data = str(content).encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("scan")
    write_files(root / "unikraft", TREE)
    write_files(root / "lib-musl", MUSL)
    _tar(root / "archives", ARCHIVE)
    return root


@pytest.fixture(scope="module")
def alone(folders: Path) -> Provides:
    """The tree without a libc."""
    return provides(scan(folders / "unikraft", [], [], {"unikraft": None}))


@pytest.fixture(scope="module")
def with_musl(folders: Path) -> Provides:
    return provides(scan(folders / "unikraft", [folders / "lib-musl"], [folders / "archives"], {}))


def _requires(found: Provides) -> dict[str, tuple[str, ...]]:
    return {name: symbol.requires for name, symbol in found.symbols.items()}


def test_sources_count_under_the_conditions_of_makefile_and_file(alone: Provides) -> None:
    assert alone.release == "0.99.1"
    requires = _requires(alone)
    assert requires["visible"] == ("LIBFILES",)
    # LIBFILES_EXTRA selects LIBFILES; the file itself asks for another one.
    assert requires["extra"] == ("LIBFILES_EXTRA", "LIBFILES_FAST")
    assert requires["either"] == ("LIBFILES", "LIBFILES_A")
    assert requires["other"] == ("LIBFILES", "LIBFILES_C")
    assert "arm_only" not in requires
    assert alone.symbols["low"].kind == "function"
    assert alone.symbols["extra"].kind == "variable"
    assert alone.symbols["low"].source == "lib/files/arch/x86_64/low.S"


def test_what_is_not_exported_is_local(alone: Provides) -> None:
    assert "hidden_one" not in alone.symbols
    assert "uk_syscall_e_open" not in alone.symbols
    assert "uk_syscall_r_open" in alone.symbols


def test_system_calls_have_guards_and_stubs(alone: Provides) -> None:
    calls = {name: (each.requires, each.stub) for name, each in alone.syscalls.items()}
    assert calls == {
        "open": (("LIBFILES",), None),
        "chown": (("LIBFILES",), None),
        "statx": (("LIBFILES_EXTRA",), None),
        "fork": (("LIBFILES",), "enosys"),
        "chroot": (("LIBFILES",), "warn"),
        "flock": (("LIBFILES",), "empty"),
    }
    assert {each.library for each in alone.syscalls.values()} == {"libfiles"}


def test_the_shim_answers_for_calls_that_nobody_provides(alone: Provides) -> None:
    assert alone.symbols["bpf"] == Symbol(
        "bpf", "function", "libsyscall_shim", ("LIBSYSCALL_SHIM",), (), "enosys",
        "lib/syscall_shim/libc_stubs.c",
    )  # fmt: skip
    # Without a libc that does it, handlers of system calls make functions of their names, too.
    assert alone.symbols["open"].library == "libfiles"


def test_headers_and_what_they_only_promise(alone: Provides) -> None:
    assert alone.headers == {"files.h": "libfiles"}
    assert alone.declared == {"promised", "also", "one"}


def test_musl_is_read_from_its_patched_archive(with_musl: Provides) -> None:
    musl = {name for name, each in with_musl.symbols.items() if each.library == "libmusl"}
    assert musl == {
        "open", "open64", "__clever", "signal_like", "pointer", "plain", "list", "made", "after",
        "closing", "either",
    }  # fmt: skip
    assert with_musl.symbols["open"].source == "src/one/open.c"
    assert with_musl.headers["one.h"] == "libmusl"
    assert with_musl.headers["bits/syscall.h"] == "libmusl"
    assert "left_out" in with_musl.declared
    # LIBMUSL selects LIBMUSL_ONE.
    assert with_musl.symbols["open"].requires == ("LIBMUSL",)
    assert with_musl.symbols["after"].requires == ("LIBMUSL", "LIBMUSL_TWO")


def test_the_kind_of_an_alias_is_that_of_what_it_names(with_musl: Provides) -> None:
    kinds = {name: with_musl.symbols[name].kind for name in ("open64", "__clever", "pointer")}
    assert kinds == {"open64": "function", "__clever": "variable", "pointer": "variable"}
    assert with_musl.symbols["signal_like"].kind == "function"


def test_system_calls_are_found_through_macros_helpers_and_aliases(with_musl: Provides) -> None:
    assert with_musl.symbols["open"].syscalls == ("open",)
    assert with_musl.symbols["open64"].syscalls == ("open",)
    # By way of a static function of its file and an inline one of a header; a->closing is no call.
    assert with_musl.symbols["after"].syscalls == ("fchmod", "open")


def test_what_a_library_leaves_out_is_another_ones(with_musl: Provides) -> None:
    found = with_musl.symbols["either"]
    assert (found.library, found.requires, found.excludes) == (
        "libmusl",
        ("LIBMUSL",),
        ("LIBFILES_A",),
    )
    (other,) = with_musl.others["either"]
    assert (other.library, other.requires, other.excludes) == (
        "libfiles",
        ("LIBFILES", "LIBFILES_A"),
        (),
    )
    # A definition that nothing excludes is there whatever others there are.
    assert with_musl.others.keys() == {"either"}


def test_a_symbol_is_excluded_only_where_it_matters() -> None:
    one, other, third = symbol("A"), symbol("B"), symbol("C")
    assert least(one & ~other, {}) == Way(("A",), ("B",))
    assert least((one & ~other) | (one & other), {}) == Way(("A",))
    assert least((one & ~other) | (third & other), {}) == Way(("A",), ("B",))
    # What is on when nobody says otherwise would have to be switched off.
    assert least((one & ~other) | (third & other), {}, frozenset("B")) == Way(("B", "C"))
    assert least(NEVER, {}) is None


def test_a_header_takes_the_one_part_of_its_library_that_has_it(with_musl: Provides) -> None:
    assert with_musl.headers["two.h"] == "libmusl"
    assert with_musl.parts == {"two.h": ("LIBMUSL_TWO",)}


def test_calls_on_some_ways_alone_and_results_that_nobody_looks_at(with_musl: Provides) -> None:
    found = with_musl.symbols["either"]
    assert found.syscalls == ("fchmod", "open")
    assert (found.sometimes, found.unchecked) == (("open",), ("fchmod",))
    after = with_musl.symbols["after"]
    assert (after.sometimes, after.unchecked) == ((), ())


@pytest.mark.parametrize(
    ("body", "stub"),
    [
        ("if (unlikely(id != 0))\n\t\treturn -EINVAL;\n\treturn 0;", "empty"),
        (
            "int i;\n\tfor (i = 0; i < n; i++)\n\t\tif (l[i])\n\t\t\treturn -EINVAL;\n\treturn 0;",
            "empty",
        ),
        ('uk_pr_debug("no\\n");\n\treturn 0;', "empty"),
        ("if (unlikely(check(id)))\n\t\treturn -EINVAL;\n\treturn 0;", None),
        ("if (unlikely(id != 0))\n\t\treturn -EINVAL;\n\tkept = id;\n\treturn 0;", None),
        ("return 7;", None),
    ],
)
def test_what_only_checks_its_arguments_is_a_stub(
    tmp_path: Path, body: str, stub: str | None
) -> None:
    (tmp_path / "a.c").write_text(f"int set(int id)\n{{\n\t{body}\n}}\n")
    (found,) = of_c(Reader([tmp_path], {}, [tmp_path]).read(tmp_path / "a.c")).definitions
    assert pretends(found, empty_counts=True) == stub


def test_assembler_makes_system_calls_by_number(tmp_path: Path) -> None:
    (tmp_path / "vfork.s").write_text(
        ".global vfork\nvfork:\n\tpop %rdx\n\tmov $58,%eax\n\tsyscall\n\tmov $2,%eax\n\tret\n"
    )
    source = Reader([tmp_path], {}, [tmp_path]).read(tmp_path / "vfork.s")
    (found,) = of_assembler(source, {2: "open", 58: "vfork"}).definitions
    made = node(found, source.macros, frozenset({"open", "vfork"}))
    assert made.syscalls == {"vfork"}


def test_a_libc_switches_the_wrappers_of_the_shim_off(with_musl: Provides) -> None:
    assert with_musl.symbols["open"].library == "libmusl"
    shim = with_musl.symbols["fork"]
    assert (shim.library, shim.requires) == ("libsyscall_shim", ("LIBSYSCALL_SHIM",))


def test_scanning_twice_gives_the_same_bytes(folders: Path, with_musl: Provides) -> None:
    again = scan(folders / "unikraft", [folders / "lib-musl"], [folders / "archives"], {})
    assert dumps(provides(again)) == dumps(with_musl)


def test_the_command_names_the_commits(folders: Path, tmp_path: Path) -> None:
    tree = tmp_path / "unikraft"
    write_files(tree, TREE)
    git(tree, "init", "--quiet")
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", "One")
    args = ("--lib", folders / "lib-musl", "--archives", folders / "archives")
    shown = porttool("catalogue", "scan", tree, *args, cwd=tmp_path).stdout
    porttool("catalogue", "scan", tree, *args, "-o", "out.json", cwd=tmp_path)
    assert (tmp_path / "out.json").read_text() == shown
    assert f'"unikraft": "{git(tree, "rev-parse", "HEAD")}"' in shown
    assert '"lib-musl": null' in shown


def test_the_command_says_what_is_missing(folders: Path, tmp_path: Path) -> None:
    lib = ("--lib", folders / "lib-musl")
    done = porttool("catalogue", "scan", folders / "unikraft", *lib, cwd=tmp_path, check=1)
    assert "musl-7.0.tar.gz" in done.stderr
    assert "--archives" in done.stderr
    done = porttool("catalogue", "scan", tmp_path, cwd=tmp_path, check=1)
    assert "not a Unikraft tree" in done.stderr
    done = porttool("catalogue", "scan", "nowhere", cwd=tmp_path, check=1)
    assert "nowhere" in done.stderr


def test_a_patch_that_does_not_apply_is_named(folders: Path, tmp_path: Path) -> None:
    _tar(tmp_path / "archives", {**ARCHIVE, "musl-7.0/src/two/reopen.c": "int other;\n"})
    with pytest.raises(UserError, match="does not apply") as caught:
        scan(folders / "unikraft", [folders / "lib-musl"], [tmp_path / "archives"], {})
    assert "0001-name.patch" in str(caught.value.where)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("$(LIBMUSL_BASE)/patches", "$(LIBMUSL_BASE)/../outside"),
        ("patches,musl-$(LIBMUSL_VERSION)", "patches,../.."),
    ],
)
def test_patches_stay_inside_of_their_library(
    folders: Path, tmp_path: Path, old: str, new: str
) -> None:
    makefile = str(MUSL["Makefile.uk"])
    assert old in makefile
    write_files(tmp_path / "lib-musl", {**MUSL, "Makefile.uk": makefile.replace(old, new)})
    write_files(tmp_path / "outside", {"0001-secret.patch": "secret"})
    libraries, archives = [tmp_path / "lib-musl"], [folders / "archives"]
    with pytest.raises(UserError, match="outside"):
        scan(folders / "unikraft", libraries, archives, {})


def test_files_behind_links_out_of_the_tree_are_not_read(folders: Path, tmp_path: Path) -> None:
    tree = tmp_path / "unikraft"
    write_files(tree, TREE)
    write_files(tmp_path, {"secret.c": "int secret;\n", "secret.awk": 'print "long secret(int)"\n'})
    (tree / "lib/files/either.c").unlink()
    (tree / "lib/files/either.c").symlink_to(tmp_path / "secret.c")
    with (tree / "lib/syscall_shim/Makefile.uk").open("a") as makefile:
        makefile.write(
            "LIBSYSCALL_SHIM_SRCS-y += $(LIBSYSCALL_SHIM_BASE)/uk_syscall.awk>.c "
            "$(LIBSYSCALL_SHIM_BASE)/../../../secret.c\n"
        )
    (tree / "lib/syscall_shim/uk_syscall.awk").symlink_to(tmp_path / "secret.awk")
    assert "secret" not in provides(scan(tree, [], [], {})).symbols


def test_no_archive_writes_outside_of_its_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        made.writestr("../evil", "x")
    unpack(tmp_path / "a.zip", tmp_path / "zip")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("../evil"), io.BytesIO(b""))
    with pytest.raises(UserError):
        unpack(tmp_path / "a.tar.gz", tmp_path / "tar")
    assert not (tmp_path / "evil").exists()
    (tmp_path / "no.tar.gz").write_bytes(b"no archive")
    with pytest.raises(UserError, match="unpacked"):
        unpack(tmp_path / "no.tar.gz", tmp_path / "no")


@pytest.mark.parametrize(
    "text",
    [
        '#include "hostile.c"\n#include "hostile.c"\nint fine;\n',
        "#if " + "(" * 100_000 + "\n#endif\nint fine;\n",
        "#if 1/0\n#endif\n#define A A\n#if A\n#endif\nint fine;\n",
        "#define F(x) F(x) F(x)\nF(1)\nint fine;\n",
        "{" * 100_000 + "}" * 100_000 + "\nint fine;\n",
        "#else\n#endif\n#elif 1\n\0\xff\nint fine;\n",
        "#if 1 << 99999999999\n#endif\nint fine;\n",
        'char *text = "' + "x" * 1_000_000 + '";\nint fine;\n',
    ],
)
def test_hostile_sources_end(text: str, tmp_path: Path) -> None:
    path = tmp_path / "hostile.c"
    path.write_text(text)
    found = of_c(Reader([tmp_path], {}, [tmp_path]).read(path))
    assert "fine" in {each.name for each in found.definitions}


def test_hostile_makefiles_end(tmp_path: Path) -> None:
    path = tmp_path / "Makefile.uk"
    path.write_text(
        "A = $(B) $(B)\nB = $(A) $(A)\nLIBX_SRCS-y += $(A) fine.c\ninclude $(A) Makefile.uk\n"
        "include \0 /dev/zero\nendif\nelse\nifeq\nifeq (\nendif\nendif\n$(eval $(call addlib,))\n"
        f"include {path}\nLIBY_SRCS-y := $(LIBY_SRCS-y) y.c\n"
    )
    make = Makefile([tmp_path])
    make.read(path)
    assert "fine.c" in [word.text for word in make.words("LIBX_SRCS-y")]
    assert [word.text for word in make.words("LIBY_SRCS-y")] == ["y.c"]


def test_nothing_outside_of_the_tree_is_read(tmp_path: Path) -> None:
    write_files(tmp_path, {"secret.mk": "LIBX_SRCS-y += no.c\n", "secret.h": "#define HERE 1\n"})
    tree = tmp_path / "tree"
    source = (
        '#include "../secret.h"\n#include "/dev/zero"\n#ifdef HERE\nint no;\n#endif\nint yes;\n'
    )
    write_files(tree, {"a.c": source, "Makefile.uk": "include ../secret.mk link.mk\n"})
    (tree / "link.mk").symlink_to(tmp_path / "secret.mk")
    found = of_c(Reader([tree, tmp_path], {}, [tree]).read(tree / "a.c"))
    assert [each.name for each in found.definitions] == ["yes"]
    make = Makefile([tree])
    make.define("LIBX_BASE", str(tree))
    make.read(tree / "Makefile.uk")
    make.read(tree / "link.mk")
    assert list(make.words("LIBX_SRCS-y")) == []


def test_conditions_are_sums_of_products() -> None:
    a, b, c = symbol("A"), symbol("B"), symbol("C")
    assert a & ~a is NEVER
    assert a | ~a is ALWAYS
    assert (a | b) & a == a
    assert ~(a & b) == ~a | ~b
    assert (a & b | c).given({"A": True}) == b | c
    assert (a & ~b).holds({"A"})
    assert not (a & ~b).holds({"A", "B"})
    many: Condition = NEVER
    for number in range(100):
        many = many | (symbol(f"X{number}") & symbol(f"Y{number}"))
    assert many is ALWAYS


LOW: Files = {
    "asm.h": (
        "#ifdef __ASSEMBLY__\n"
        "#define ENTRY(name) \\\n.globl name; \\\n.align 2; \\\nname:\n#endif\n"
        "#define TRAP(name) trap_##name\n#define LAST 4\n"
    ),
    "low.S": (
        '#include "asm.h"\n'
        "ENTRY(first)\n\tret\n.globl nowhere\nhidden:\n\tret\n"
        ".altmacro\n"
        ".macro GATE name, code:req\nENTRY(TRAP(\\name))\n.if \\code\n\tpush\n.endif\n.endm\n"
        "GATE page, 1\nGATE  debug,0\n"
        ".macro LINE number\n.globl line_\\number\nline_\\number\\()_end: line_\\number :\n.endm\n"
        ".set n, 0\n.rept LAST - 1\nLINE %n\n.set n, n + 1\n.endr\n"
        "#if CONFIG_LIBX_DATA\n.section .data.low\n.globl table, size\ntable:\n\t.quad 1\n"
        "size = . - table\n#endif\n"
        "// .globl comment\n.rept 1000000000\n.rept 1000000000\n\tnop\n.endr\n.endr\n"
        ".macro SELF\nSELF\nSELF\nx:\n.endm\nSELF\n"
    ),
}


def test_names_that_macros_of_the_assembler_make(tmp_path: Path) -> None:
    write_files(tmp_path, LOW)
    found = of_assembler(Reader([tmp_path], {}, [tmp_path]).read(tmp_path / "low.S"), {})
    assert {each.name: each.function for each in found.definitions} == {
        **dict.fromkeys(("first", "trap_page", "trap_debug"), True),
        **dict.fromkeys(("line_0", "line_1", "line_2"), True),
        **dict.fromkeys(("table", "size"), False),
    }
    conditions = {each.name: each.condition for each in found.definitions}
    assert conditions["table"] == symbol("LIBX_DATA")
    assert conditions["first"] == ALWAYS


def _defined(tmp_path: Path, files: Files) -> dict[str, Condition]:
    write_files(tmp_path, files)
    found = of_c(Reader([tmp_path], {}, [tmp_path]).read(tmp_path / "a.c"))
    return {each.name: each.condition for each in found.definitions if not each.static}


def test_names_that_macros_of_c_make(tmp_path: Path) -> None:
    text = (
        "#define EVENT_OF(event) uk_event_ ## event\n#define EVENT(event) \\\n"
        "\textern const int EVENT_OF(event)[]; struct uk_event EVENT_OF(event) = { 1 }\n"
        "#define PAGE_FAULT page_fault\nEVENT(PAGE_FAULT);\nEVENT(plain);\n"
    )
    assert _defined(tmp_path, {"a.c": text}).keys() == {"uk_event_page_fault", "uk_event_plain"}


def test_a_header_that_is_a_list_is_read_where_it_is_included(tmp_path: Path) -> None:
    files: Files = {
        "list.h": "POOL(ONE, 1)\n#if CONFIG_TWO\nPOOL(TWO, 2)\n#endif\n#undef POOL\n",
        "pools.h": '#define POOL(name, size) POOL_##name,\nenum ids {\n#include "list.h"\n};\n',
        "a.c": (
            '#include "pools.h"\n#define MAKE(name, size) int pool_##name = size;\n'
            '#define POOL(name, size) MAKE(name, size)\n#include "list.h"\n'
            'int *all[] = {\n#define POOL(name, size) &pool_##name,\n#include "list.h"\n};\n'
        ),
    }
    assert _defined(tmp_path, files) == {
        "pool_ONE": ALWAYS, "pool_TWO": symbol("TWO"), "all": ALWAYS,
    }  # fmt: skip


def test_branches_may_give_one_body_several_heads(tmp_path: Path) -> None:
    text = "#if CONFIG_A\nint one(int x)\n#else\nlong two(void)\n#endif\n{\n\treturn 0;\n}\n"
    a = symbol("A")
    assert _defined(tmp_path, {"a.c": text}) == {"one": a, "two": ~a}


def test_a_header_included_on_a_condition_counts_again_without(tmp_path: Path) -> None:
    files: Files = {
        "a.h": "#ifndef A_H\n#define A_H\n#define MAKE(name) int name\n#endif\n",
        "a.c": '#if CONFIG_A\n#include "a.h"\n#endif\n#include "a.h"\nMAKE(made);\n',
    }
    write_files(tmp_path, files)
    found = of_c(Reader([tmp_path], {}, [tmp_path]).read(tmp_path / "a.c"))
    whole: Condition = NEVER
    for each in found.definitions:
        assert each.name == "made"
        whole = whole | each.condition
    assert whole == ALWAYS


def test_what_scripts_print_is_read_as_c(tmp_path: Path) -> None:
    tree = tmp_path / "unikraft"
    write_files(
        tree,
        {
            **TREE,
            "arch/x86/Makefile.uk": (
                "$(eval $(call addlib,libcontext))\n"
                "LIBCONTEXT_SRCS-y += $(LIBCONTEXT_BASE)/ctx.c|isr\n"
            ),
            "arch/x86/ctx.c": "void ctx(void) {}\n",
            "lib/ids/Config.uk": "config LIBIDS\n\tbool\n",
            "lib/ids/Makefile.uk": (
                "$(eval $(call addlib_s,libids,$(CONFIG_LIBIDS)))\n"
                "LIBIDS_SRCS-y += $(LIBIDS_BASE)/selfids.awk>.c $(LIBIDS_BASE)/name.awk>.c\n"
                "LIBIDS_SELFIDS_AWKINCLUDES-y += $(LIBIDS_BUILD)/libraries.in\n"
            ),
            "lib/ids/selfids.awk": (
                'BEGIN {\n\tprint "#include <uk/libid.h>\\n"\n}\n'
                '/./ {\n\tprintf "const int id_of_%s = __ID_%s;\\n", $1, $1;\n}\n'
            ),
            "lib/ids/name.awk": (
                'BEGIN {\n\tprint "const char *name_of(long id)\\n{"\n'
                '\tprint "\\tswitch (id) {"\n}\n'
                '/./ {\n\tprintf "\\tcase %s: return \\"%s\\";\\n", $1, $1;\n}\n'
                'END {\n\tprint "\\t}\\n}"\n}\n'
            ),
        },
    )
    found = provides(scan(tree, [], [], {})).symbols
    assert (found["name_of"].kind, found["name_of"].source) == ("function", "lib/ids/name.c")
    ids = {name: each.requires for name, each in found.items() if name.startswith("id_of_")}
    assert ids == {
        "id_of_libids": ("LIBIDS",),
        "id_of_libfiles": ("LIBFILES", "LIBIDS"),
        "id_of_libcontext": ("LIBIDS",),
        "id_of_libsyscall_shim": ("LIBIDS", "LIBSYSCALL_SHIM"),
    }
    assert found["ctx"].library == "libcontext"

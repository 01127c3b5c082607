"""The ukstore entries of libraries: toy ones, in the words that real ones are written in."""

from pathlib import Path

import pytest

from porttool.errors import UserError
from porttool.unikraft.provides import Entry
from porttool.unikraft.scan.entries import of_library
from porttool.unikraft.scan.tree import provides, scan
from tests.support import Files, write_files

MAKEFILE = (
    "$(eval $(call addlib_s,libx,$(CONFIG_LIBX)))\n"
    "CINCLUDES-$(CONFIG_LIBX) += -I$(LIBX_BASE)/include\n"
    "LIBX_SRCS-y += $(LIBX_BASE)/x.c\n"
    "LIBX_SRCS-$(CONFIG_LIBX_MORE) += $(LIBX_BASE)/more.c|isr\n"
)
CONFIG = (
    "menuconfig LIBX\n\tbool\nif LIBX\nconfig LIBX_STATS\n\tbool\nconfig LIBX_MORE\n\tbool\nendif\n"
)
HEADER = (
    "#define X_FREE 0x10\n#define X_LAST (X_FREE + 1)\nenum x_ids {\n\tX_ONE = 4,\n\tX_TWO,\n};\n"
)


def library(folder: Path, sources: Files) -> Path:
    """A library called libx with these files beside its Makefile and header."""
    write_files(
        folder,
        {
            "Makefile.uk": MAKEFILE,
            "Config.uk": CONFIG,
            "include/uk/x_store.h": HEADER,
            "x.c": "",
            **sources,
        },
    )
    return folder


def of_text(tmp_path: Path, text: str) -> tuple[Entry, ...]:
    includes = "#include <uk/store.h>\n#include <uk/x_store.h>\n"
    return of_library(library(tmp_path / "libx", {"x.c": includes + text}))


def entry(name: str, id_: str | None, value: int | None, type_: str, *more: str) -> Entry:
    header = "uk/x_store.h" if id_ else None
    requires = ("LIBUKSTORE", *more) if more else ("LIBUKSTORE", "LIBX")
    return Entry("libx", name, id_, value, type_, header, tuple(sorted(requires)))


def test_static_entries_of_both_generations(tmp_path: Path) -> None:
    text = (
        "UK_STORE_STATIC_ENTRY(X_FREE, free, u64,\n\t\t      get_free, NULL);\n"
        "UK_STORE_STATIC_ENTRY(used, s32, get_used, NULL, NULL);\n"
        "/* UK_STORE_STATIC_ENTRY(X_NO, no, u8, get_no, NULL); */\n"
    )
    assert of_text(tmp_path, text) == (
        entry("free", "X_FREE", 16, "u64"),
        entry("used", None, None, "s32"),
    )


def test_ids_are_macros_numbers_and_enumerations(tmp_path: Path) -> None:
    text = (
        "#define OWN 9\n"
        "UK_STORE_STATIC_ENTRY(X_LAST, a, u8, get, NULL);\n"
        "UK_STORE_STATIC_ENTRY(X_TWO, b, u8, get, NULL);\n"
        "UK_STORE_STATIC_ENTRY(1 << 5, c, u8, get, NULL);\n"
        "UK_STORE_STATIC_ENTRY(OWN, d, u8, get, NULL);\n"
        "UK_STORE_STATIC_ENTRY(X_GONE, e, u8, get, NULL);\n"
    )
    found = [(each.id, each.value, each.header) for each in of_text(tmp_path, text)]
    assert found == [
        ("X_LAST", 17, "uk/x_store.h"),
        ("X_TWO", 5, "uk/x_store.h"),
        (None, 32, None),
        # Others cannot include what defines it.
        ("OWN", 9, None),
        ("X_GONE", None, None),
    ]


def test_guards_are_those_of_the_file_and_of_its_place(tmp_path: Path) -> None:
    text = "UK_STORE_STATIC_ENTRY(X_FREE, free, u64, get, NULL);\n"
    files = {
        "x.c": f"#if CONFIG_LIBX_STATS\n{text}#endif\n",
        "more.c": text.replace("free", "more") + f"#ifdef CONFIG_GONE\n{text}#endif\n",
    }
    found = of_library(library(tmp_path, files))
    # The library's own switch goes without saying where one of its options is set.
    assert [(each.name, each.requires) for each in found] == [
        ("free", ("LIBUKSTORE", "LIBX_STATS")),
        ("more", ("LIBUKSTORE", "LIBX_MORE")),
    ]


def test_macros_of_the_library_are_followed(tmp_path: Path) -> None:
    text = (
        "#define STAT(id, type, name) \\\n"
        "\tstatic int get_##name(void *c, __##type *out) { return 0; } \\\n"
        "\tUK_STORE_STATIC_ENTRY(id, name, type, get_##name, NULL)\n"
        "STAT(X_FREE, u64, free);\n"
        "#define ALL(each) each(X_ONE, u8, one) each(X_TWO, u16, two)\n"
        "ALL(STAT)\n"
        "#define LOOP(x) LOOP(x) UK_STORE_STATIC_ENTRY\nLOOP(1)\n"
    )
    found = {(each.name, each.id, each.type) for each in of_text(tmp_path, text)}
    assert found == {("free", "X_FREE", "u64"), ("one", "X_ONE", "u8"), ("two", "X_TWO", "u16")}


ARRAY = (
    "static const struct uk_store_entry *list[] = {\n"
    '\tUK_STORE_ENTRY(X_ONE, "one", u64, get_one, NULL),\n'
    "#if CONFIG_LIBX_MORE\n\tUK_STORE_ENTRY(X_TWO, two, charp, get_two, NULL),\n#endif\n"
    "\tNULL\n};\n"
    'static const char other[] = "two";\n'
)


@pytest.mark.parametrize(
    ("made", "called"),
    [
        ('asprintf(&name, "dev" "%d", id);', "dev%d"),
        ('snprintf(name, sizeof(name), "x%u", id);', "x%u"),
        ('char *name = "fixed";', "fixed"),
        ("name = strdup(other);", None),
    ],
)
def test_entries_of_objects(tmp_path: Path, made: str, called: str | None) -> None:
    text = (
        'void before(void)\n{\n\tasprintf(&name, "wrong");\n}\n'
        f"int init(int id)\n{{\n\t{made}\n"
        "\to = uk_store_obj_alloc(a, id, name, list, dev);\n\treturn uk_store_obj_add(o);\n}\n"
    )
    one, two = of_text(tmp_path, ARRAY + text)
    assert (one.name, one.id, one.type, one.dynamic, one.object) == (
        "one", "X_ONE", "u64", True, called,
    )  # fmt: skip
    assert (two.name, two.type, two.requires) == ("two", "charp", ("LIBUKSTORE", "LIBX_MORE"))


def test_entries_whose_members_are_named(tmp_path: Path) -> None:
    text = (
        "static struct uk_store_entry one = {\n"
        '\t.id = X_ONE, .name = "one", .type = UK_STORE_ENTRY_TYPE(u8), .get.u8 = get,\n};\n'
        "static struct uk_store_entry all[] = {\n"
        '\t{ .type = UK_STORE_ENTRY_TYPE(s64), .name = "two", .id = X_TWO },\n'
        '\t{ .name = "three" },\n};\n'
        'struct other no = { .id = X_ONE, .name = "no", .type = UK_STORE_ENTRY_TYPE(u8) };\n'
    )
    found = [(each.name, each.value, each.type, each.dynamic) for each in of_text(tmp_path, text)]
    assert found == [("one", 4, "u8", True), ("two", 5, "s64", True)]


def test_a_folder_without_a_makefile(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Makefile\.uk"):
        of_library(tmp_path)


STORE = "void *_uk_store_obj;\n#define UK_STORE_STATIC_ENTRY(id, name, type, get, set) struct no\n"
LOOKUP = "const void *uk_store_static_entry_get(int, long);\n"


@pytest.mark.parametrize(("header", "generation"), [(STORE, 1), (STORE + LOOKUP, 2)])
def test_entries_of_a_tree(tmp_path: Path, header: str, generation: int) -> None:
    tree = tmp_path / "unikraft"
    text = "#include <uk/x_store.h>\nUK_STORE_STATIC_ENTRY(X_FREE, free, u64, get, NULL);\n"
    library(tree / "lib" / "x", {"x.c": text})
    write_files(
        tree,
        {
            "version.mk": "UK_VERSION = 0\nUK_SUBVERSION = 99.1\n",
            "lib/ukstore/Makefile.uk": (
                "$(eval $(call addlib_s,libukstore,$(CONFIG_LIBUKSTORE)))\n"
                "CINCLUDES-$(CONFIG_LIBUKSTORE) += -I$(LIBUKSTORE_BASE)/include\n"
            ),
            "lib/ukstore/Config.uk": "config LIBUKSTORE\n\tbool\n",
            "lib/ukstore/include/uk/store.h": header,
        },
    )
    found = provides(scan(tree, [], [], {}))
    assert found.ukstore == generation
    assert found.entries == (entry("free", "X_FREE", 16, "u64"),)
    app = tmp_path / "app"
    write_files(
        app,
        {
            "Makefile.uk": "$(eval $(call addlib,appy))\nAPPY_SRCS-y += $(APPY_BASE)/main.c\n",
            "main.c": text.replace("free", "mine"),
        },
    )
    # With the tree, an application can use ids of its libraries; without, they are not known.
    assert of_library(app, tree) == (
        Entry("appy", "mine", "X_FREE", 16, "u64", "uk/x_store.h", ("LIBUKSTORE",)),
    )
    assert of_library(app)[0].value is None

from pathlib import Path

import pytest

from porttool.errors import UserError
from porttool.unikraft.sources import SourceSet, select
from porttool.unikraft.tree import read_tree
from tests.unikraft.toyport import write_files


def chosen(
    root: Path, files: dict[str, str], sources: list[str], includes: list[str] | None = None
) -> SourceSet:
    write_files(root, files)
    return select(sources, includes or [], root, read_tree(root), reserved="glue.c")


def words(result: SourceSet) -> list[str]:
    return [source.word for source in result.compiled]


def test_globs_are_expanded_in_order(tmp_path: Path) -> None:
    files = {"src/b.c": "", "src/a.c": "", "src/deep/c.c": "", "other.c": "", "x.S": ""}
    result = chosen(tmp_path, files, ["x.S", "src/*.c", "src/a.c"])
    assert words(result) == ["src/a.c", "src/b.c", "x.S"]
    assert words(chosen(tmp_path, {}, ["**/*.c"])) == [
        "other.c",
        "src/a.c",
        "src/b.c",
        "src/deep/c.c",
    ]


def test_follows_includes(tmp_path: Path) -> None:
    files = {
        "src/a.c": '#include <stdio.h>\n  #  include "a.h"\n#if 0\n#include <top.h>\n#endif\n',
        "src/a.h": '#include "../shared/table.inc"\n#include "a.h"\n',
        "shared/table.inc": "",
        "include/top.h": '#include "beside.h"\n',
        "include/beside.h": "",
        "beside.h": "",
        "include/unused.h": "",
    }
    result = chosen(tmp_path, files, ["src/*.c"], ["include", "."])
    assert result.files == (
        "include/beside.h",
        "include/top.h",
        "shared/table.inc",
        "src/a.c",
        "src/a.h",
    )


def test_a_header_among_the_sources_is_copied_only(tmp_path: Path) -> None:
    files = {"a.c": '#define H "h.h"\n#include H\n', "h.h": ""}
    result = chosen(tmp_path, files, ["a.c", "h.h"])
    assert words(result) == ["a.c"]
    assert result.files == ("a.c", "h.h")


@pytest.mark.parametrize("include", ["../../secret.h", "/etc/hostname", "..", "."])
def test_no_include_leaves_the_tree(tmp_path: Path, include: str) -> None:
    (tmp_path / "secret.h").write_text("")
    result = chosen(tmp_path / "up" / "tree", {"a.c": f'#include "{include}"\n'}, ["a.c"], ["."])
    assert result.files == ("a.c",)


def test_objects_of_the_same_name_get_variants(tmp_path: Path) -> None:
    files = {"a/x.c": "", "b-c/x.c": "", "x.c": "", "isr/x.c": "", "a/y.c": "", "src/glue.c": ""}
    assert words(chosen(tmp_path, files, ["**/*.c"])) == [
        "a/x.c|in_a",
        "a/y.c",
        "b-c/x.c|in_b_c",
        "isr/x.c|in_isr",
        "src/glue.c|in_src",
        "x.c|in_",
    ]


def test_objects_that_cannot_be_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="two sources named 'x'"):
        chosen(tmp_path, {"a-b/x.c": "", "a_b/x.c": ""}, ["**/*.c"])


@pytest.mark.parametrize(
    "name", ["sp ace.c", "a$(shell id).c", "a#b.c", "a%b.c", "a|b.c", "a>b.c", "-o.c", "a:b.c",
             "d/-x/a.c", "quo'te.c", "new\nline.c", "ünï.c", "semi;colon.c", "back\\slash.c",
             "a=b.c", "a,b.c", "a(b).c", "~a.c", "a*.c"],
)  # fmt: skip
def test_hostile_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="cannot stand in a Makefile"):
        chosen(tmp_path, {name: ""}, ["**/*.c"])


def test_a_hostile_header_is_refused(tmp_path: Path) -> None:
    files = {"a.c": '#include "sp ace.h"\n', "sp ace.h": ""}
    with pytest.raises(UserError, match=r"'sp ace\.h' cannot stand in a Makefile"):
        chosen(tmp_path, files, ["a.c"])


def test_links_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.c").symlink_to("/etc/hostname")
    with pytest.raises(UserError, match=r"'a.c' is a symbolic link"):
        chosen(tmp_path, {}, ["*.c"])


def test_a_linked_folder_holds_nothing(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    write_files(outside, {"x.c": ""})
    root = tmp_path / "tree"
    root.mkdir()
    (root / "d").symlink_to(outside)
    with pytest.raises(UserError, match="matches no file"):
        chosen(root, {}, ["d/*.c"])


@pytest.mark.parametrize(
    ("sources", "includes", "message"),
    [
        (["a.c", "b*.c"], [], r"'b\*.c' matches no file"),
        (["a.c", "README"], [], "'README' is neither C nor assembler"),
        (["h.h"], [], "nothing to compile"),
        ([], [], "nothing to compile"),
        (["a.c"], ["nowhere"], "'nowhere' is not a folder"),
        (["a.c"], ["a b"], "cannot stand in a Makefile"),
        (["a.c"], ["../x"], "cannot stand in a Makefile"),
    ],
)
def test_settings_that_do_not_fit_the_tree(
    tmp_path: Path, sources: list[str], includes: list[str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        chosen(tmp_path, {"a.c": "", "README": "", "h.h": ""}, sources, includes)

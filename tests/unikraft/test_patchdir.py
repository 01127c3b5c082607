import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from porttool.errors import UserError
from porttool.unikraft import patchdir
from porttool.unikraft.emit import EmitInput
from porttool.unikraft.tree import read_tree
from tests.unikraft.toyport import commit_all, export_patches, git, make_port, write_files

BASE = {
    "a.c": "one\ntwo\nthree\n",
    "dir/k.c": "k\nl\nm\nn\no\n",
    "empty.h": "",
    "nonl.c": "no newline",
    "crlf.c": "cr\r\nlf\r\nend\r\n",
    "odd name.c": "x\n",
    "copied.c": "dup1\ndup2\ndup3\n",
}


def history(root: Path) -> EmitInput:
    """A series with every kind of change that git records and patch can make."""
    return make_port(
        root,
        BASE,
        [
            {"a.c": None, "b.c": BASE["a.c"]},
            {"dir/k.c": None, "dir/k2.c": "k\nl\nM\nn\no\n"},
            {"empty.h": None, "new/also-empty.h": ""},
            {"nonl.c": "still no newline"},
            {"crlf.c": "cr\r\nLF\r\nend\r\n"},
            {"odd name.c": "y\n", "ünï.c": "u\n"},
            {"copied2.c": "dup1\ndup2\ndup3\nmore\n"},
            {"new/also-empty.h": None},
            {"-- a": "--- looks\n+++ like\n@@ -1 +1 @@\n-a\n+patch\n"},
        ],
    )


def test_gives_the_tree_that_git_gives(tmp_path: Path) -> None:
    port = history(tmp_path)
    assert len(port.patches) == 9
    patchdir.verify(
        read_tree(port.pinned_tree), patchdir.numbered(port.patches), read_tree(port.patched_tree)
    )


def test_modes_and_links_that_come_with_content(tmp_path: Path) -> None:
    repository = tmp_path / "r"
    repository.mkdir()
    git(repository, "init", "-q")
    write_files(repository, {"s.sh": "#!/bin/sh\necho\n", "x.c": "x\n"})
    (repository / "link").symlink_to("x.c")
    commit_all(repository, "upstream")
    git(repository, "tag", "pin")
    (repository / "s.sh").write_text("#!/bin/sh\necho more\n")
    (repository / "s.sh").chmod(0o755)
    commit_all(repository, "mode and content")
    (repository / "link").unlink()
    (repository / "link").symlink_to("s.sh")
    commit_all(repository, "link elsewhere")
    (repository / "new.sh").write_text("new\n")
    (repository / "new.sh").chmod(0o755)
    commit_all(repository, "new executable")
    patched = read_tree(repository)
    patches = export_patches(repository, "pin")
    git(repository, "checkout", "-q", "pin")
    patchdir.verify(read_tree(repository), patchdir.numbered(patches), patched)


def test_sort_order_is_series_order() -> None:
    patches = [(name, b"") for name in ("0009-last.patch", "0001-first.patch", "plain.diff")]
    assert sorted(patchdir.numbered(patches)) == [
        "0001-last.patch",
        "0002-first.patch",
        "0003-plain.patch",
    ]
    many = patchdir.numbered([("x.patch", b"")] * 10_001)
    assert list(many) == sorted(many)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=12))
@settings(deadline=None)
def test_no_name_gets_out_of_hand(names: list[str]) -> None:
    files = patchdir.numbered([(name, b"") for name in names])
    assert len(files) == len(names)
    assert list(files) == sorted(files)
    for name in files:
        assert set(name) <= set(
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-"
        )


def test_make_sorts_like_python(tmp_path: Path) -> None:
    names = patchdir.numbered([(f"{stem}.patch", b"") for stem in ("b", "A", "-", "a", "_", "B.c")])
    write_files(tmp_path, dict.fromkeys(names, ""))
    (tmp_path / "Makefile").write_text("all:\n\t@printf '%s\\n' $(notdir $(sort $(wildcard 0*)))\n")
    made = subprocess.run(["make", "-sC", tmp_path], check=True, capture_output=True, text=True)
    assert made.stdout.split() == list(names)


def test_refuses_a_binary_patch_by_name(tmp_path: Path) -> None:
    port = make_port(tmp_path, {"x": "x"}, [{"x": "y"}, {"logo.png": b"\x89PNG\0\0"}])
    with pytest.raises(UserError, match=r"^0002-Change-number-2.patch cannot") as caught:
        patchdir.numbered(port.patches)
    assert "binary diffs" in str(caught.value.why)


def test_refuses_a_pure_mode_patch_by_name(tmp_path: Path) -> None:
    repository = tmp_path / "r"
    repository.mkdir()
    git(repository, "init", "-q")
    write_files(repository, {"run.sh": "x\n", "y": "y\n"})
    commit_all(repository, "upstream")
    git(repository, "tag", "pin")
    (repository / "run.sh").chmod(0o755)
    (repository / "y").write_text("z\n")
    commit_all(repository, "make it executable")
    with pytest.raises(UserError, match=r"^0001-make-it-executable.patch cannot") as caught:
        patchdir.numbered(export_patches(repository, "pin"))
    assert "nothing but a mode" in str(caught.value.why)


def test_a_message_that_patch_takes_for_a_diff_is_found_out(tmp_path: Path) -> None:
    port = make_port(tmp_path, {"x": "a\n", "y": "a\n"}, [{"x": "b\n"}])
    ((name, patch),) = port.patches
    head, mark, rest = patch.partition(b"\n---\n")
    message = b"\n  --- a/y\n  +++ b/y\n  @@ -1 +1 @@\n  -a\n  +c\n"
    files = patchdir.numbered([(name, head + message + mark + rest)])
    with pytest.raises(UserError, match="does not make") as caught:
        patchdir.verify(read_tree(port.pinned_tree), files, read_tree(port.patched_tree))
    assert caught.value.why == "y: other content"


def test_refuses_a_message_for_ed(tmp_path: Path) -> None:
    patch = b"Subject: x\n\nIndex: x\n1a\n!touch /tmp/owned\n.\n---\ndiff --git a/x b/x\n"
    with pytest.raises(UserError) as caught:
        patchdir.numbered([("0001-x.patch", patch)])
    assert "ed" in str(caught.value.why)


def test_a_patch_that_does_not_apply_is_named(tmp_path: Path) -> None:
    port = make_port(tmp_path, {"x": "a\n"}, [{"x": "b\n"}, {"x": "c\n"}])
    files = patchdir.numbered(port.patches[1:])
    with pytest.raises(UserError, match=r"^0001-Change-number-2.patch cannot be applied"):
        patchdir.apply(read_tree(port.pinned_tree), files)


def test_fuzz_is_found_out(tmp_path: Path) -> None:
    """``patch`` would place the hunk at a distance and leave a ``.orig`` behind."""
    lines = [f"{n}\n" for n in range(20)]
    port = make_port(
        tmp_path,
        {"x": "".join(lines)},
        [{"x": "".join(["new\n", *lines])}, {"x": "".join(["new\n", *lines, "end\n"])}],
    )
    files = patchdir.numbered(port.patches[1:])
    with pytest.raises(UserError) as caught:
        patchdir.verify(read_tree(port.pinned_tree), files, read_tree(port.patched_tree))
    assert "x.orig: should not be there" in str(caught.value.why)

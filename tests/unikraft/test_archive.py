import gzip
import hashlib
import io
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from porttool.errors import UserError
from porttool.unikraft.archive import read_archive, write_archive
from porttool.unikraft.tree import Kind, TreeFile, differences, read_tree, write_tree

TREE = {
    "README": TreeFile(Kind.FILE, b"hello\n"),
    "a/deep/er/file.c": TreeFile(Kind.FILE, bytes(range(256)) * 600),
    "empty.h": TreeFile(Kind.FILE, b""),
    "link": TreeFile(Kind.LINK, b"a/deep"),
    "run.sh": TreeFile(Kind.EXECUTABLE, b"#!/bin/sh\n"),
    "long/" + "n" * 120 + ".c": TreeFile(Kind.FILE, b"x"),
}


def test_bytes_are_the_same_on_every_machine() -> None:
    data = write_archive(TREE, "toy-1.0", 1_700_000_000)
    assert data == write_archive(dict(reversed(TREE.items())), "toy-1.0", 1_700_000_000)
    # Changes only with the format itself: archive_sha256 of published ports would then be wrong.
    assert hashlib.sha256(data).hexdigest() == (
        "8747e6808c4d21e270c61ab9eab33c47d0c53a6c69f5ff7a27588d7a59ccdcc1"
    )


def test_metadata_is_fixed() -> None:
    data = write_archive(TREE, "toy-1.0", 1_700_000_000)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        infos = tar.getmembers()
    assert [i.name for i in infos] == sorted(f"toy-1.0/{path}" for path in TREE)
    assert {(i.uid, i.gid, i.uname, i.gname, i.mtime) for i in infos} == {
        (0, 0, "", "", 1_700_000_000)
    }
    assert {i.name: i.mode for i in infos if i.isreg()} == {
        f"toy-1.0/{path}": 0o755 if file.kind is Kind.EXECUTABLE else 0o644
        for path, file in TREE.items()
        if file.kind is not Kind.LINK
    }


def test_tar_unpacks_it_as_the_build_does(tmp_path: Path) -> None:
    archive = tmp_path / "toy.tar.gz"
    archive.write_bytes(write_archive(TREE, "toy-1.0", 1_700_000_000))
    subprocess.run(["tar", "-xzf", archive, "-C", tmp_path], check=True)
    assert differences(read_tree(tmp_path / "toy-1.0"), TREE) == ()


@given(st.binary(max_size=200_000))
@settings(max_examples=25, deadline=None)
def test_any_content_survives(content: bytes) -> None:
    data = write_archive({"f": TreeFile(Kind.FILE, content)}, "p", 0)
    assert gzip.decompress(data).startswith(b"p/f\0")
    assert read_archive(data, "x.tar.gz") == ("p", {"f": TreeFile(Kind.FILE, content)})


def test_reads_what_a_forge_offers(tmp_path: Path) -> None:
    write_tree(TREE, tmp_path / "tree")
    for args in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run(["git", "-C", tmp_path / "tree", *args], check=True)
    for ending in ("tar.gz", "zip"):
        data = subprocess.run(
            ["git", "-C", tmp_path / "tree", "archive", "--prefix=toy-1/", f"--format={ending}",
             "HEAD"],
            check=True,
            capture_output=True,
        ).stdout  # fmt: skip
        top, tree = read_archive(data, f"toy.{ending}")
        assert top == "toy-1"
        assert differences(tree, TREE) == ()


def test_differences_names_each_path() -> None:
    changed = TREE | {
        "README": TreeFile(Kind.FILE, b"other"),
        "run.sh": TreeFile(Kind.FILE, b"#!/bin/sh\n"),
        "more": TreeFile(Kind.FILE, b""),
    }
    del changed["link"]
    assert differences(changed, TREE) == (
        "README: other content",
        "link: missing",
        "more: should not be there",
        "run.sh: file instead of executable",
    )


def test_refuses_a_damaged_archive() -> None:
    data = write_archive(TREE, "toy-1.0", 0)
    with pytest.raises(UserError, match="cannot be read"):
        read_archive(data[: len(data) // 2], "toy.tar.gz")
    with pytest.raises(UserError, match="cannot be read"):
        read_archive(b"not an archive", "toy.zip")


def test_refuses_an_archive_without_its_one_folder() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a/x.c", "")
        archive.writestr("b/x.c", "")
    with pytest.raises(UserError, match="exactly one folder") as caught:
        read_archive(buffer.getvalue(), "toy.zip")
    assert caught.value.why == "at its top: a, b"

import os
import subprocess
from pathlib import Path

import pytest

from porttool.git import Repository
from porttool.series import folder
from porttool.series.importer import DoesNotApply, import_series
from porttool.series.patch import parse
from tests.support import Upstream, git, tree_of_folder, write_files

CODE = "".join(f"line {n}\n" for n in range(60))


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    return Upstream.make(
        tmp_path / "up",
        {
            "a.c": CODE,
            "dir/b c.txt": "x\ny\nz\n",
            "crlf.txt": "one\r\ntwo\r\nthree\r\n",
            "latin.txt": "caf\u00e9\n".encode("latin-1"),
            "blob.bin": bytes(range(256)) * 8,
            "tail": "no newline",
        },
        "base",
    )


@pytest.fixture
def store(upstream: Upstream, tmp_path: Path) -> Repository:
    store = Repository.init_bare(tmp_path / "store.git")
    store.run("fetch", "--quiet", str(upstream.path), "refs/tags/base:refs/tags/base")
    return store


def everything(upstream: Upstream) -> None:
    """A history with all that a patch can hold."""
    upstream.commit("Edit", {"a.c": CODE.replace("line 7\n", "LINE 7\nmore\n")})
    upstream.commit(
        "Créate \u00fc\n\nLonger text.\n\nSigned-off-by: A <a@b.c>", {"new/f.c": "int x;\n"}
    )
    git(upstream.path, "mv", "a.c", "moved.c")
    upstream.commit("Move", {"moved.c": CODE.replace("line 7\n", "LINE 7\nmore\nstill\n")})
    upstream.commit("Delete", {"dir/b c.txt": None})
    upstream.commit("Carriage", {"crlf.txt": "one\r\nTWO\r\nthree\r\n"})
    upstream.commit("Latin", {"latin.txt": "caf\u00e9s\n".encode("latin-1")})
    upstream.commit("Binary", {"blob.bin": bytes(range(255, -1, -1)) * 9})
    upstream.commit("Tail", {"tail": "still no newline"})
    (upstream.path / "link").symlink_to("moved.c")
    upstream.commit("Link")
    (upstream.path / "new" / "f.c").chmod(0o755)
    upstream.commit("Mode")
    upstream.commit("Type", {"link": None})
    upstream.commit("Folder for a file", {"tail": None, "tail/deep": "x\n"})
    upstream.commit('Odd "names"', {'q"uote\ttab.c': "1\n", "ünï.c": "2\n", " lead": "3\n"})


def load(paths: list[Path]) -> list[folder.PatchFile]:
    return [folder.PatchFile(p.name, p.read_bytes(), parse(p.name, p.read_bytes())) for p in paths]


def test_every_kind_of_change_gives_the_tree_that_git_made(
    upstream: Upstream, store: Repository, tmp_path: Path
) -> None:
    everything(upstream)
    files = load(upstream.format_patches(tmp_path / "out", "base"))
    base = store.resolve("refs/tags/base^{commit}")
    assert base is not None
    imported = import_series(store, base, [file.patch for file in files])
    for number, patch in enumerate(imported.patches):
        wanted = git(upstream.path, "rev-parse", f"main~{len(files) - 1 - number}^{{tree}}")
        assert store.resolve(f"{patch.commit}^{{tree}}") == wanted, patch.name


def test_commits_are_those_of_git_am(
    upstream: Upstream, store: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything(upstream)
    paths = upstream.format_patches(tmp_path / "out", "base")
    base = store.resolve("refs/tags/base^{commit}")
    assert base is not None
    imported = import_series(store, base, [file.patch for file in load(paths)])
    git(upstream.path, "checkout", "--quiet", "base")
    monkeypatch.setenv("GIT_COMMITTER_NAME", "Ada Author")
    monkeypatch.setenv("GIT_COMMITTER_EMAIL", "ada@example.org")
    options = ("--keep-non-patch", "--keep-cr", "--committer-date-is-author-date")
    git(upstream.path, "am", "--quiet", *options, *map(str, paths))
    assert imported.head == git(upstream.path, "rev-parse", "HEAD")


def test_the_same_series_gives_the_same_commits(upstream: Upstream, store: Repository) -> None:
    base = store.resolve("refs/tags/base^{commit}")
    assert base is not None
    bare = b"--- a/a.c\n+++ b/a.c\n@@ -1,4 +1,4 @@\n-line 0\n+zero\n line 1\n line 2\n line 3\n"
    first = import_series(store, base, [parse("x.patch", bare)])
    os.environ["TZ"] = "Asia/Tokyo"
    assert import_series(store, base, [parse("x.patch", bare)]) == first
    assert store.run("log", "-1", "--format=%an %s", first.head) == b"unknown x\n"


def test_nothing_is_referenced_when_a_patch_does_not_apply(
    upstream: Upstream, store: Repository
) -> None:
    base = store.resolve("refs/tags/base^{commit}")
    assert base is not None
    good = b"--- a/a.c\n+++ b/a.c\n@@ -1,4 +1,4 @@\n-line 0\n+zero\n line 1\n line 2\n line 3\n"
    bad = good.replace(b"line 2", b"line two")
    with pytest.raises(DoesNotApply) as caught:
        import_series(store, base, [parse("1.patch", good), parse("2.patch", bad)])
    error = caught.value
    assert (error.patch, error.path, error.ambiguous) == ("2.patch", "a.c", False)
    assert error.hunk is not None
    assert error.hunk.number == 1
    assert "- line two" in str(error.why)
    assert "+ line 2" in str(error.why)
    assert store.resolve("refs/porttool/series") is None


@pytest.mark.parametrize(
    ("diff", "why"),
    [
        (b"--- a/none\n+++ b/none\n@@ -1 +1 @@\n-a\n+b\n", "no such file"),
        (b"--- /dev/null\n+++ b/a.c\n@@ -0,0 +1 @@\n+b\n", "there already"),
        (b"--- /dev/null\n+++ b/a.c/x\n@@ -0,0 +1 @@\n+b\n", "not a folder"),
        (b"--- a/crlf.txt\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-one\r\n-two\r\n", "does not apply"),
        (
            b"diff --git a/a.c b/tail\nsimilarity index 100%\nrename from a.c\nrename to tail\n",
            "there already",
        ),
    ],
)
def test_what_is_in_the_way_is_said(store: Repository, diff: bytes, why: str) -> None:
    base = store.resolve("refs/tags/base^{commit}")
    assert base is not None
    with pytest.raises(DoesNotApply) as caught:
        import_series(store, base, [parse("p.patch", diff)])
    assert why in f"{caught.value.what} {caught.value.why}"


def test_quilt_and_patch_and_am_agree(
    upstream: Upstream, store: Repository, tmp_path: Path
) -> None:
    """The text part of the series, through four readers, is one tree."""
    upstream.commit("Edit", {"a.c": CODE.replace("line 7\n", "LINE 7\nmore\n")})
    upstream.commit("Create", {"new/f.c": "int x;\n"})
    git(upstream.path, "mv", "a.c", "moved.c")
    upstream.commit("Move", {"moved.c": CODE.replace("line 7\n", "LINE 7\nmore\nstill\n")})
    upstream.commit("Delete", {"dir/b c.txt": None})
    upstream.commit("Carriage", {"crlf.txt": "one\r\nTWO\r\nthree\r\n"})
    upstream.commit("Tail", {"tail": "still no newline"})
    wanted = git(upstream.path, "rev-parse", "HEAD^{tree}")
    paths = upstream.format_patches(tmp_path / "out", "base")
    base = store.resolve("refs/tags/base^{commit}")
    assert base is not None
    ours = import_series(store, base, [file.patch for file in load(paths)])
    assert store.resolve(f"{ours.head}^{{tree}}") == wanted

    quilted = tmp_path / "quilt"
    store.export(base, quilted)
    series = {f"patches/{path.name}": path.read_bytes() for path in paths}
    names = "".join(f"{path.name}\n" for path in paths)
    write_files(quilted, {**series, "patches/series": names})
    subprocess.run(
        ["quilt", "--quiltrc", "-", "push", "-a", "--fuzz=0"],
        cwd=quilted,
        check=True,
        capture_output=True,
        env=os.environ | {"QUILT_PATCHES": "patches"},
    )
    assert tree_of_folder(quilted, without=("patches", ".pc")) == wanted


def through_git_am(upstream: Upstream, patch: bytes) -> str:
    git(upstream.path, "checkout", "--quiet", "base")
    git(upstream.path, "am", "--quiet", "--keep-cr", stdin=patch)
    return git(upstream.path, "rev-parse", "HEAD^{tree}")


def mail(diff: bytes) -> bytes:
    return b"From: A <a@b.c>\nDate: Tue, 14 Nov 2023 23:14:20 +0100\nSubject: X\n\n" + diff


def test_copies_and_swaps_start_from_what_was_there(upstream: Upstream, store: Repository) -> None:
    base = store.resolve("refs/tags/base^{commit}")
    assert base is not None
    edit = b"--- a/a.c\n+++ b/a.c\n@@ -1,4 +1,4 @@\n-line 0\n+zero\n line 1\n line 2\n line 3\n"
    copy = b"diff --git a/a.c b/z.c\nsimilarity index 100%\ncopy from a.c\ncopy to z.c\n"
    swap = (
        b"diff --git a/a.c b/tail\nsimilarity index 100%\nrename from a.c\nrename to tail\n"
        b"diff --git a/tail b/a.c\nsimilarity index 100%\nrename from tail\nrename to a.c\n"
    )
    for diff in (b"diff --git a/a.c b/a.c\n" + edit + copy, swap):
        head = import_series(store, base, [parse("p.patch", mail(diff))]).head
        assert store.resolve(f"{head}^{{tree}}") == through_git_am(upstream, mail(diff)), diff


def test_a_deletion_without_lines_needs_the_blob_id(upstream: Upstream, store: Repository) -> None:
    base = store.resolve("refs/tags/base^{commit}")
    assert base is not None
    right = git(upstream.path, "rev-parse", "base:a.c")
    text = "diff --git a/a.c b/a.c\ndeleted file mode 100644\nindex {}..{}\n"
    head = import_series(store, base, [parse("p", text.format(right, "0" * 40).encode())]).head
    assert b"a.c" not in store.tree(head)
    with pytest.raises(DoesNotApply, match=r"a\.c"):
        import_series(store, base, [parse("p", text.format("1" * 40, "0" * 40).encode())])


def test_a_file_that_gnu_diff_dates_to_the_epoch_is_gone(
    upstream: Upstream, store: Repository, tmp_path: Path
) -> None:
    base = store.resolve("refs/tags/base^{commit}")
    assert base is not None
    old, new = tmp_path / "old", tmp_path / "new"
    store.export(base, old)
    store.export(base, new)
    (new / "dir" / "b c.txt").unlink()
    (new / "fresh").write_text("1\n")
    done = subprocess.run(
        ["diff", "-Nru", "old", "new"], cwd=tmp_path, capture_output=True, check=False
    )
    head = import_series(store, base, [parse("p", done.stdout)]).head
    assert store.resolve(f"{head}^{{tree}}") == tree_of_folder(new)

"""The move of a worktree: what it refuses, and what comes after it was interrupted."""

import os
import shutil
from pathlib import Path

import pytest

from porttool.errors import UserError
from porttool.git import Repository
from porttool.series import worktree
from porttool.series.worktree import TREE_REF, finish_move, move, moving
from tests.support import Upstream, git, write_files

OLD = {
    "main.c": "int old;\n",
    "gone.c": "int gone;\n",
    "folder/one": "1\n",
    "file": "a file\n",
    "same": "same\n",
}
NEW = {
    "main.c": "int new; /* longer */\n",
    "gone.c": None,
    "folder/one": None,
    "folder": "now a file\n",
    "file": None,
    "file/one": "now a folder\n",
    "deep/er/new.c": "int deep;\n",
}


class Moved:
    """A store with a worktree that is at ``old`` and may go to ``new``."""

    def __init__(self, folder: Path) -> None:
        upstream = Upstream.make(folder / "upstream", OLD)
        self.old = git(upstream.path, "rev-parse", "HEAD")
        shutil.rmtree(upstream.path / "folder")
        (upstream.path / "file").unlink()
        write_files(upstream.path, {k: v for k, v in NEW.items() if v is not None})
        self.new = upstream.commit("New", {"gone.c": None})
        self.store = Repository.init_bare(folder / "store.git")
        self.store.run("fetch", "--quiet", str(upstream.path), "+refs/heads/*:refs/heads/*")
        self.tree = folder / "tree"
        worktree.create(self.store, self.tree, self.old, branch=worktree.BRANCH)
        self.git_dir = folder / "store.git/worktrees/tree"

    def interrupted(self, lock: bytes | None = None) -> None:
        """What is there when a move was killed before it wrote any file."""
        with pytest.raises(Killed), moving(self.tree, self.new, lock):
            raise Killed
        if lock is None:
            (self.git_dir / "index.lock").symlink_to("held-by-porttool")
            (self.git_dir / "porttool-index.lock").write_bytes(b"half an ind")

    def is_new(self, *edits: str) -> None:
        assert git(self.tree, "rev-parse", "HEAD", TREE_REF).split() == [self.new] * 2
        assert git(self.tree, "symbolic-ref", "--short", "HEAD") == worktree.BRANCH
        assert git(self.tree, "status", "--porcelain").splitlines() == list(edits)
        left = [path.name for path in self.git_dir.iterdir()]
        assert not [name for name in left if "porttool" in name or "lock" in name]


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.fixture
def moved(tmp_path: Path) -> Moved:
    return Moved(tmp_path)


def test_what_is_at_a_place_is_whole(moved: Moved, monkeypatch: pytest.MonkeyPatch) -> None:
    place = moved.tree.with_name("another")

    def rename(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(Path, "rename", rename)
        patched.setattr(shutil, "rmtree", lambda *_, **__: None)
        worktree.create(moved.store, place, moved.new)
    assert not place.exists()
    worktree.create(moved.store, place, moved.new)
    assert git(place, "status", "--porcelain") == ""
    listed = git(moved.tree, "worktree", "list", "--porcelain").splitlines()
    assert f"worktree {place}" in listed
    assert not [line for line in listed if line.startswith("prunable")]
    assert not list(place.parent.glob(".another*"))


def test_a_move(moved: Moved) -> None:
    (moved.tree / "mine").write_text("not tracked\n")
    move(moved.tree, moved.new)
    moved.is_new("?? mine")
    assert git(moved.tree, "rev-parse", "ORIG_HEAD") == moved.old


@pytest.mark.parametrize(
    ("name", "content"), [("main.c", "int edited;\n"), ("deep/er/new.c", "in the way\n")]
)
def test_what_is_in_the_way_is_named_before_anything_happens(
    moved: Moved, name: str, content: str
) -> None:
    write_files(moved.tree, {name: content})
    with pytest.raises(UserError, match="in the way") as caught, moving(moved.tree, moved.new):
        pytest.fail("it came to the block")
    assert name in str(caught.value.why)
    assert git(moved.tree, "rev-parse", "HEAD") == moved.old
    assert (moved.tree / name).read_text() == content
    assert not (moved.git_dir / "index.lock").is_symlink()


def test_a_git_of_the_users_is_let_be(moved: Moved) -> None:
    lock = moved.git_dir / "index.lock"
    lock.write_bytes(b"")
    with pytest.raises(UserError) as caught, moving(moved.tree, moved.new):
        pytest.fail("it came to the block")
    assert caught.value.where == str(lock)
    assert finish_move(moved.tree, b"") is None
    assert lock.exists()
    lock.unlink()
    moved.interrupted()
    (moved.git_dir / "index.lock").unlink()
    lock.write_bytes(b"")
    said = finish_move(moved.tree, b"")
    assert said is not None
    assert "waits" in said
    lock.unlink()
    assert finish_move(moved.tree, b"") is not None
    moved.is_new()


def test_a_worktree_that_lies_elsewhere(moved: Moved, tmp_path: Path) -> None:
    moved.tree.rename(tmp_path / "elsewhere")
    moved.tree.symlink_to(tmp_path / "elsewhere")
    moved.interrupted()
    write_files(moved.tree, {"main.c": "int mine;\n"})
    assert "main.c" in str(finish_move(moved.tree, b""))
    moved.is_new(" M main.c")


def test_the_users_git_waits_for_a_move(moved: Moved) -> None:
    with moving(moved.tree, moved.new), pytest.raises(AssertionError, match=r"index\.lock"):
        git(moved.tree, "commit", "--allow-empty", "--message", "Mine")
    moved.is_new()


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"gone.c": None, "main.c": ""},
        {"main.c": "int new; /* lo"},
        {"main.c": None},
        {"deep/er/new.c": "int deep;\n", "file": None},
    ],
)
def test_an_interrupted_move_is_finished(moved: Moved, files: dict[str, str | None]) -> None:
    moved.interrupted()
    write_files(moved.tree, files)
    said = finish_move(moved.tree, b"")
    assert said is not None
    assert "is finished" in said
    assert "edited" not in said
    moved.is_new()
    assert finish_move(moved.tree, b"") is None


@pytest.mark.parametrize("done", ["index", "head"])
def test_interrupted_after_the_files(moved: Moved, done: str) -> None:
    moved.interrupted()
    (moved.git_dir / "index.lock").unlink()
    git(moved.tree, "read-tree", "-m", "-u", moved.old, moved.new)
    if done == "head":
        git(moved.tree, "update-ref", "HEAD", moved.new)
    assert finish_move(moved.tree, b"") is not None
    moved.is_new()


def test_edits_since_an_interruption_stay(moved: Moved, tmp_path: Path) -> None:
    moved.interrupted()
    outside = tmp_path / "outside"
    outside.mkdir()
    write_files(moved.tree, {"main.c": "int mine;\n", "gone.c": "mine\n", "folder/two": "mine\n"})
    (moved.tree / "deep").symlink_to(outside)
    said = finish_move(moved.tree, b"")
    assert said is not None
    for name in ("main.c", "gone.c", "folder", "deep/er/new.c"):
        assert name in said
    moved.is_new(" D deep/er/new.c", " D folder", " M main.c", "?? deep", "?? gone.c")
    assert (moved.tree / "main.c").read_text() == "int mine;\n"
    assert (moved.tree / "folder/two").read_text() == "mine\n"
    assert not list(outside.iterdir())


def test_what_was_not_committed_is_not_moved(moved: Moved) -> None:
    moved.interrupted(b"the new lock")
    assert finish_move(moved.tree, b"the old lock") is None
    assert git(moved.tree, "rev-parse", "HEAD") == moved.old
    assert git(moved.tree, "status", "--porcelain") == ""
    assert finish_move(moved.tree, b"the new lock") is None


def test_what_was_committed_is_moved(moved: Moved) -> None:
    moved.interrupted(b"the new lock")
    assert finish_move(moved.tree, b"the new lock") is not None
    moved.is_new()


def test_somebody_who_went_on_is_let_be(moved: Moved) -> None:
    moved.interrupted()
    (moved.git_dir / "index.lock").unlink()
    git(moved.tree, "commit", "--quiet", "--allow-empty", "--message", "Mine")
    head = git(moved.tree, "rev-parse", "HEAD")
    said = finish_move(moved.tree, b"")
    assert said is not None
    assert "left as it is" in said
    assert git(moved.tree, "rev-parse", "HEAD") == head
    assert finish_move(moved.tree, b"") is None


def test_an_edit_that_only_the_time_of_the_index_gives_away(moved: Moved) -> None:
    """Of the same size and in the same tick: git looks closer when the index is not younger."""
    git(moved.tree, "config", "core.trustctime", "false")
    file, index = moved.tree / "main.c", moved.git_dir / "index"
    tick = (1_700_000_000, 1_700_000_000)
    os.utime(file, tick)
    git(moved.tree, "update-index", "--refresh")
    file.write_text("int bad;\n")
    for each in (file, index):
        os.utime(each, tick)
    with pytest.raises(UserError, match="in the way"):
        move(moved.tree, moved.new)
    assert file.read_text() == "int bad;\n"

"""The worktree of the patched upstream, where a maintainer edits the series as commits."""

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from porttool.errors import UserError
from porttool.git import CatFile, GitError, Repository, TreeEntry

#: The branch that the default worktree has checked out.
BRANCH = "series"

#: The commit that the default worktree was last brought to.
TREE_REF = "refs/porttool/tree"

#: In the worktree's git directory: what a move is about, and the index that it works on.
_NOTE = "porttool-move"
_INDEX = "porttool-index"

#: What the index.lock of a move is: a symbolic link, which is there whole or not at all and says
#: whose it is, also after a crash. To a git it is a lock like any other.
_CLAIM = "held-by-porttool"
_SUBMODULE = b"160000"

#: What is unfinished where CHERRY_PICK_HEAD is.
CHERRY_PICK = "a cherry-pick"

#: What git leaves in its folder while something is unfinished.
_OPERATIONS = {
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase or git am",
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": CHERRY_PICK,
    "REVERT_HEAD": "a revert",
    "sequencer": "a cherry-pick or revert of several commits",
    "BISECT_LOG": "a bisect",
}


@dataclass(frozen=True, slots=True)
class WorktreeState:
    """A worktree: the commit it is at, and whether it has loose edits.

    ``busy`` is what git is in the middle of there; ``untracked`` are files that nobody added;
    ``branch`` is None for a detached HEAD.
    """

    head: str
    dirty: bool
    busy: str | None = None
    untracked: tuple[str, ...] = ()
    branch: str | None = None


def inspect(path: Path) -> WorktreeState | None:
    """The state of the worktree at ``path``, or None when there is none."""
    git_dir = _git_dir(path)
    if git_dir is None:
        return None
    repository = Repository(git_dir)
    head = repository.resolve("HEAD^{commit}")
    if head is None:
        return None
    try:
        changes = _run_in(path, git_dir, "status", "--porcelain=v1", "-z")
    except GitError as error:
        raise UserError(
            "the worktree cannot be read", where=str(path), why=error.why, fix=f"rm -r {path}"
        ) from None
    busy = _operation(git_dir)
    branch = (
        repository.run("symbolic-ref", "--quiet", "--short", "HEAD", ok=(0, 1)).decode().strip()
    )
    records = [record.decode("utf-8", "replace") for record in changes.split(b"\0") if record]
    untracked = tuple(record[3:] for record in records if record.startswith("?? "))
    return WorktreeState(head, len(untracked) < len(records), busy, untracked, branch or None)


def _operation(git_dir: Path) -> str | None:
    """What git is in the middle of there."""
    return next((what for name, what in _OPERATIONS.items() if (git_dir / name).exists()), None)


def create(store: Repository, path: Path, commit: str, *, branch: str | None = None) -> None:
    """Check ``commit`` out at ``path``, which must not exist or be empty.

    It is made beside its place and moved there, so that what is there is whole.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(
            "there is something in the way of the worktree",
            where=str(path),
            fix="name another folder with --to, or move that one away",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = _beside(path, "new")
    shutil.rmtree(scratch, ignore_errors=True)
    store.run("worktree", "prune")
    where = ("-B", branch) if branch else ("--detach",)
    made = scratch / path.name
    try:
        store.run("worktree", "add", "--quiet", "--force", *where, str(made), commit)
        # Before it is moved: git prunes a worktree that is not where this says.
        place = path.parent.resolve() / path.name / ".git"
        (git_dir_of(made) / "gitdir").write_text(f"{place}\n", "utf-8", "surrogateescape")
        made.rename(path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def move(path: Path, commit: str) -> None:
    """Bring a clean worktree to another commit, as :func:`moving` does."""
    with moving(path, commit):
        pass


@contextmanager
def moving(path: Path, commit: str, lock: bytes | None = None) -> Iterator[None]:
    """Bring a clean worktree to ``commit`` after the block, and :data:`TREE_REF` with it.

    Files that git does not track stay. Raises :class:`UserError` before the block when they, or
    uncommitted changes, or a git at work are in the way. ``lock`` is the upstream.lock that the
    block writes: when porttool is killed, :func:`finish_move` finds by it whether to go on.
    """
    git_dir = git_dir_of(path)
    repository = Repository(git_dir)
    head = repository.resolve("HEAD^{commit}")
    if head == commit == repository.resolve(TREE_REF):
        yield
        return
    if head is None:
        raise AssertionError(f"{path} has no commit")
    with _claimed(git_dir):
        _require_movable(path, git_dir, head, commit)
        note = _Move(head, commit, None if lock is None else hashlib.sha256(lock).hexdigest())
        note.write(git_dir)
        yield
        if lock is not None:
            _Move(head, commit).write(git_dir)
        if head != commit:
            _run_in(path, git_dir, "read-tree", "-m", "-u", head, commit, index=git_dir / _INDEX)
        _conclude(git_dir, head, commit)


def finish_move(path: Path, lock: bytes) -> str | None:
    """Finish the move of a worktree that was interrupted; gives a sentence about it, or None.

    ``lock`` is upstream.lock as it is. What somebody edited since the interruption stays.
    """
    git_dir = _git_dir(path)
    if git_dir is None:
        return None
    _release(git_dir)
    note = _Move.read(git_dir)
    if note is None:
        return None
    if note.lock is not None and note.lock != hashlib.sha256(lock).hexdigest():
        (git_dir / _NOTE).unlink()  # what the move belonged to was not done, so nothing was moved
        return None
    if os.path.lexists(git_dir / "index.lock"):
        return "the move of the worktree that was interrupted waits: a git is at work there"
    head = Repository(git_dir).resolve("HEAD^{commit}")
    if head not in (note.source, note.target) or _operation(git_dir) is not None:
        (git_dir / _NOTE).unlink()
        return "the move of the worktree was interrupted, and somebody went on there: left as it is"
    with _claimed(git_dir):
        kept = _settle(path, git_dir, note) if note.source != note.target else []
        _conclude(git_dir, head, note.target)
    if not kept:
        return "the move of the worktree that was interrupted is finished"
    return (
        "the move of the worktree that was interrupted is finished; these were edited since, and "
        f"stay as they are: {', '.join(os.fsdecode(each) for each in kept)}"
    )


@dataclass(frozen=True, slots=True)
class _Move:
    """The move of a worktree from one commit to another.

    ``lock`` is the SHA-256 of the upstream.lock without which it must not be made.
    """

    source: str
    target: str
    lock: str | None = None

    @classmethod
    def read(cls, git_dir: Path) -> "_Move | None":
        with suppress(FileNotFoundError):
            return cls(**json.loads((git_dir / _NOTE).read_text()))
        return None

    def write(self, git_dir: Path) -> None:
        """Write it down: whole or not at all, and on the disk when this is back."""
        begun = git_dir / f"{_NOTE}.new"
        with begun.open("w") as handle:
            handle.write(json.dumps(asdict(self)))
            handle.flush()
            os.fsync(handle.fileno())
        begun.rename(git_dir / _NOTE)
        descriptor = os.open(git_dir, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _claimed(git_dir: Path) -> Iterator[None]:
    """Hold the worktree against the user's git, with a copy of its index to work on.

    Git itself never locks the index for porttool. So an index.lock that a crash leaves is either
    of a move, and says so, or it is the user's and is not touched.
    """
    lock = git_dir / "index.lock"
    try:
        lock.symlink_to(_CLAIM)
    except FileExistsError:
        raise UserError(
            "a git is at work in the worktree, or one was killed there",
            where=str(lock),
            fix="let it end; if no git is at work there, remove that lock file",
        ) from None
    try:
        with suppress(FileNotFoundError):
            # With the time of the original: by it git knows which files may have changed unseen.
            shutil.copy2(git_dir / "index", git_dir / _INDEX)
        yield
    finally:
        _release(git_dir)


def _release(git_dir: Path) -> None:
    """Forget the index that a move works on and, last, that it holds the worktree."""
    for name in (_INDEX, f"{_INDEX}.lock", f"{_NOTE}.new"):
        (git_dir / name).unlink(missing_ok=True)
    lock = git_dir / "index.lock"
    if lock.is_symlink() and str(lock.readlink()) == _CLAIM:
        lock.unlink()


def _require_movable(path: Path, git_dir: Path, head: str, commit: str) -> None:
    """Raise :class:`UserError` when the move would lose an edit. The worktree stays as it is."""
    index = git_dir / _INDEX
    _run_in(path, git_dir, "update-index", "-q", "--refresh", ok=(0, 1), index=index)
    try:
        _run_in(path, git_dir, "read-tree", "--dry-run", "-m", "-u", head, commit, index=index)
    except GitError as error:
        if error.fix is not None:  # a full disk: no file in the way
            raise
        raise UserError(
            "files in the worktree are in the way of the series",
            where=str(path),
            why=error.why,
            fix="commit them there, or move them away, and try again",
        ) from None


def _conclude(git_dir: Path, head: str, commit: str) -> None:
    """Let the index, HEAD with its branch, and :data:`TREE_REF` follow the files."""
    (git_dir / _INDEX).rename(git_dir / "index")
    refs = [f"update {TREE_REF} {commit}\n"]
    if head != commit:
        refs += [f"update HEAD {commit} {head}\n", f"update ORIG_HEAD {head}\n"]
    message = ("-m", f"porttool: moving to {commit}")
    Repository(git_dir).run("update-ref", *message, "--stdin", stdin="".join(refs).encode())
    (git_dir / _NOTE).unlink()


def _settle(path: Path, git_dir: Path, note: _Move) -> list[bytes]:
    """Bring the files that the move is about to their new state; gives those that stay.

    A file is brought there when it is gone, or what it was before, or the beginning of what it
    has to become: git was killed while it wrote. Anything else is an edit.
    """
    repository = Repository(git_dir)
    old, new = repository.tree(note.source), repository.tree(note.target)
    differing = sorted(each for each in old | new if old.get(each) != new.get(each))
    with repository.cat_file() as objects:
        kept = [
            each
            for each in differing
            if _is_edited(path, each, _content(objects, old, each), _content(objects, new, each))
        ]
    ours = [each for each in differing if each not in kept]
    for each in ours:
        if each not in new:
            _delete(path, each)
    written = [each for each in ours if each in new]
    for each in [each for each in written if not _is_free(path, each)]:
        written.remove(each)
        kept.append(each)
    index = git_dir / _INDEX
    if not index.exists():
        _run_in(path, git_dir, "read-tree", note.source, index=index)
    gone = [b"0 %s\t%s\0" % (b"0" * len(note.source), each) for each in differing]
    there = [
        b"%s %s\t%s\0" % (new[each].mode, new[each].oid.encode(), each)
        for each in differing
        if each in new
    ]
    listing = b"".join(gone + there)
    _run_in(path, git_dir, "update-index", "-z", "--index-info", stdin=listing, index=index)
    names = b"".join(b"%s\0" % each for each in written)
    checkout = ("checkout-index", "--force", "--index", "-z", "--stdin")
    _run_in(path, git_dir, *checkout, stdin=names, index=index)
    _run_in(path, git_dir, "update-index", "-q", "--refresh", ok=(0, 1), index=index)
    return kept


def _content(objects: CatFile, tree: dict[bytes, TreeEntry], name: bytes) -> bytes | None:
    """What a file of a tree has in it; None for none, and for a submodule, which is no file."""
    entry = tree.get(name)
    return None if entry is None or entry.mode == _SUBMODULE else objects.read(entry.oid)


def _is_edited(root: Path, name: bytes, old: bytes | None, new: bytes | None) -> bool:
    """Whether a file is something that no move from ``old`` to ``new`` leaves."""
    place = root / os.fsdecode(name)
    if not _is_plain(root, place) or not os.path.lexists(place) or place.is_dir():
        return False  # it is not there
    mode = place.lstat().st_mode
    if stat.S_ISLNK(mode):
        return os.fsencode(place.readlink()) not in (old, new)
    if not stat.S_ISREG(mode):
        return True
    found = place.read_bytes()
    return found != old and (new is None or not new.startswith(found))


def _is_plain(root: Path, place: Path) -> bool:
    """Whether every folder between ``root`` and ``place`` is one, and no link to elsewhere."""
    between = place.relative_to(root).parents[:-1]
    return all((root / each).is_dir() and not (root / each).is_symlink() for each in between)


def _is_free(root: Path, name: bytes) -> bool:
    """Whether git can write a file at its place without removing what somebody put in its way."""
    place = root / os.fsdecode(name)
    if place.is_dir() and not place.is_symlink():
        return False
    for each in place.relative_to(root).parents:
        if os.path.lexists(root / each):
            return _is_plain(root, root / each / "x")
    raise AssertionError(f"{root} is gone")


def _delete(root: Path, name: bytes) -> None:
    """Remove a file, and the folders that are empty without it."""
    place = root / os.fsdecode(name)
    if not _is_plain(root, place):
        return
    with suppress(IsADirectoryError):
        place.unlink(missing_ok=True)
    with suppress(OSError):  # somebody else's files are in it
        for each in place.relative_to(root).parents[:-1]:
            (root / each).rmdir()


def remove(store: Repository, path: Path) -> None:
    """Remove a worktree with everything in it. Killed in the middle, it is there or it is not.

    Whoever solves a conflict in it starts porttool there; what porttool starts, git among them,
    refuses to run in a folder that is gone. So this process leaves it.
    """
    if Path.cwd().is_relative_to(path.resolve()):
        os.chdir(store.git_dir)
    gone = _beside(path, "gone")
    shutil.rmtree(gone, ignore_errors=True)
    if path.exists():
        path.rename(gone)
        shutil.rmtree(gone)
    store.run("worktree", "prune")


def discard_unfinished(store: Repository, default: Path) -> None:
    """Forget worktrees that git was killed while making, and remove the one at ``default``.

    Git keeps such a one locked, and refuses to fetch while it is there.
    """
    for what in ("new", "gone"):
        shutil.rmtree(_beside(default, what), ignore_errors=True)
    for lock in (store.git_dir / "worktrees").glob("*/locked"):
        # The lock is the first that git writes, and HEAD comes behind it: a lock without a word is
        # one that somebody set, or one that git was killed over.
        head = lock.with_name("HEAD")
        begun = not head.is_file() or not head.stat().st_size
        if not begun and lock.read_text("utf-8", "replace").strip() != "initializing":
            continue
        if _git_dir(default) == lock.parent.resolve():
            remove(store, default)
        shutil.rmtree(lock.parent, ignore_errors=True)


def adopt(store: Repository, path: Path) -> None:
    """Tie the worktree at ``path`` to ``store`` again after its workspace was moved or copied.

    A worktree and its repository know each other by absolute paths. A copy would otherwise commit
    into the workspace that it was copied from.
    """
    link = path / ".git"
    if not link.is_file() or belongs_to(path, store):
        return
    text = link.read_text("utf-8", "surrogateescape").strip()
    ours = store.git_dir.resolve() / "worktrees" / Path(text.removeprefix("gitdir: ")).name
    if ours.is_dir():
        link.write_text(f"gitdir: {ours}\n", "utf-8", "surrogateescape")
        (ours / "gitdir").write_text(f"{link.resolve()}\n", "utf-8", "surrogateescape")


def belongs_to(path: Path, store: Repository) -> bool:
    """Whether the worktree at ``path`` is one of ``store``."""
    git_dir = _git_dir(path)
    return git_dir is not None and git_dir.is_relative_to(store.git_dir.resolve())


def _git_dir(path: Path) -> Path | None:
    """The git directory of the worktree at ``path``; never that of a repository around it."""
    link = path / ".git"
    if not link.is_file():
        return None
    text = link.read_text("utf-8", "surrogateescape").strip()
    git_dir = Path(os.path.normpath(path / text.removeprefix("gitdir: ")))
    return git_dir.resolve() if git_dir.is_dir() else None


def _beside(path: Path, what: str) -> Path:
    """Where a worktree is while it is made or removed."""
    return path.with_name(f".{path.name}.{what}")


def git_dir_of(path: Path) -> Path:
    """The git directory of the worktree at ``path``; :class:`UserError` when there is none."""
    found = _git_dir(path)
    if found is None:
        raise UserError("there is no worktree any more", where=str(path))
    return found


def _run_in(
    path: Path,
    git_dir: Path,
    *args: str,
    ok: tuple[int, ...] = (0,),
    stdin: bytes | None = None,
    index: Path | None = None,
) -> bytes:
    return Repository(git_dir).run(
        f"--work-tree={path}", *args, cwd=path, ok=ok, stdin=stdin, index=index
    )

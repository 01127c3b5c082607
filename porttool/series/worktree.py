"""The worktree of the patched upstream, where a maintainer edits the series as commits."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from porttool.errors import UserError
from porttool.git import GitError, Repository

#: The branch that the default worktree has checked out.
BRANCH = "series"


#: What git leaves in its folder while something is unfinished.
_OPERATIONS = {
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase or git am",
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
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
    busy = next((what for name, what in _OPERATIONS.items() if (git_dir / name).exists()), None)
    branch = (
        repository.run("symbolic-ref", "--quiet", "--short", "HEAD", ok=(0, 1)).decode().strip()
    )
    records = [record.decode("utf-8", "replace") for record in changes.split(b"\0") if record]
    untracked = tuple(record[3:] for record in records if record.startswith("?? "))
    return WorktreeState(head, len(untracked) < len(records), busy, untracked, branch or None)


def create(store: Repository, path: Path, commit: str, *, branch: str | None = None) -> None:
    """Check ``commit`` out at ``path``, which must not exist or be empty."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(
            "there is something in the way of the worktree",
            where=str(path),
            fix="name another folder with --to, or move that one away",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    store.run("worktree", "prune")
    where = ("-B", branch) if branch else ("--detach",)
    store.run("worktree", "add", "--quiet", "--force", *where, str(path), commit)


def move(path: Path, commit: str) -> None:
    """Bring a clean worktree to another commit. Files that git does not track stay.

    Raises :class:`UserError` when they, or uncommitted changes, are in the way.
    """
    require_movable(path, commit)
    _run_in(path, git_dir_of(path), "reset", "--keep", "--quiet", commit)


def require_movable(path: Path, commit: str) -> None:
    """Raise :class:`UserError` when :func:`move` would lose an edit. Changes nothing."""
    git_dir = git_dir_of(path)
    _run_in(path, git_dir, "update-index", "--refresh", ok=(0, 1))
    try:
        _run_in(path, git_dir, "read-tree", "--dry-run", "-m", "-u", "HEAD", commit)
    except GitError as error:
        if error.fix is not None:  # a lock that a killed git left, a full disk: no file in the way
            raise
        raise UserError(
            "files in the worktree are in the way of the series",
            where=str(path),
            why=error.why,
            fix="commit them there, or move them away, and try again",
        ) from None


def remove(store: Repository, path: Path) -> None:
    """Remove a worktree with everything in it. Killed in the middle, it is there or it is not."""
    gone = path.with_name(f".{path.name}.gone")
    shutil.rmtree(gone, ignore_errors=True)
    if path.exists():
        path.rename(gone)
        shutil.rmtree(gone)
    store.run("worktree", "prune")


def discard_unfinished(store: Repository, default: Path) -> None:
    """Forget worktrees that git was killed while making, and remove the one at ``default``.

    Git keeps such a one locked, and refuses to fetch while it is there.
    """
    for lock in (store.git_dir / "worktrees").glob("*/locked"):
        if lock.read_text("utf-8", "replace").strip() != "initializing":
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


def git_dir_of(path: Path) -> Path:
    """The git directory of the worktree at ``path``; :class:`UserError` when there is none."""
    found = _git_dir(path)
    if found is None:
        raise UserError("there is no worktree any more", where=str(path))
    return found


def _run_in(path: Path, git_dir: Path, *args: str, ok: tuple[int, ...] = (0,)) -> bytes:
    return Repository(git_dir).run(f"--work-tree={path}", *args, cwd=path, ok=ok)

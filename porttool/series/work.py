"""The worktree in which somebody solves a conflict, confirms a placement or edits one patch.

It is an ordinary worktree of git's with the sides of a conflict in its index, so that git's own
tools work in it.
"""

import re
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from porttool.errors import UserError
from porttool.git import Repository
from porttool.series import worktree
from porttool.series.clash import markers
from porttool.series.rebase import Merged, Pick, Stage


class NotSolved(UserError):
    """Something in the worktree still waits for a decision."""


@dataclass(frozen=True, slots=True)
class Solved:
    """What somebody made of a stop: the commits, oldest first, or the tree to be committed.

    ``untracked`` are files in the worktree that git was never told of.
    """

    tree: str | None
    commits: tuple[str, ...] = ()
    untracked: tuple[str, ...] = ()


def check_out(store: Repository, path: Path, commit: str) -> None:
    """Make the worktree at ``path`` anew, on ``commit``."""
    worktree.remove(store, path)
    worktree.create(store, path, commit)


def lay_out(store: Repository, path: Path, head: str, pick: Pick, merged: Merged) -> str:
    """Make the worktree at ``path`` anew: ``head`` checked out, and the merge of ``pick`` on it.

    Paths in conflict hold markers that name the patch, and have their sides in the index. A commit
    made there gets the patch's author and message. Gives the tree of what lies there.
    """
    check_out(store, path, head)
    _git(path, "read-tree", "-u", "--reset", merged.tree)
    for name in merged.conflicts:
        _name_sides(path / _text(name), pick.patch.name)
    _git(path, "add", "--update", "--", ":/")
    tree = _git(path, "write-tree").decode().strip()
    _git(path, "update-index", "-z", "--index-info", stdin=_index_info(merged.stages))
    git_dir = worktree.git_dir_of(path)
    (git_dir / "CHERRY_PICK_HEAD").write_text(f"{pick.commit}\n")
    (git_dir / "MERGE_MSG").write_bytes(pick.patch.message.text)
    return tree


def _index_info(stages: Sequence[Stage]) -> bytes:
    """The sides of a conflict, as ``git update-index --index-info`` reads them."""
    none = "0" * len(stages[0].oid) if stages else ""
    gone = [b"0 %s\t%s\0" % (none.encode(), path) for path in {stage.path for stage in stages}]
    sides = [b"%s %s %d\t%s\0" % (s.mode, s.oid.encode(), s.number, s.path) for s in stages]
    return b"".join((*gone, *sides))


def _name_sides(file: Path, patch: str) -> None:
    """Say in the markers of a file what their sides are; git knows them as ids only."""
    if not _is_file(file):
        return
    content = file.read_bytes()
    for mark, named in markers(patch).items():
        line = re.compile(rb"^" + re.escape(mark) + rb"[0-9a-f]{7,64}(?=:|\r?$)", re.MULTILINE)
        content = line.sub(named.replace(b"\\", rb"\\"), content)
    file.write_bytes(content)


def undecided(merged: Merged) -> tuple[str, ...]:
    """The paths in conflict that have no markers in them: deleted on one side, moved, replaced."""
    sides: dict[bytes, set[int]] = {}
    for stage in merged.stages:
        sides.setdefault(stage.path, set()).add(stage.number)
    return tuple(_text(path) for path, numbers in sides.items() if not numbers >= {2, 3})


def collect(
    path: Path, head: str, patch: str, conflicts: Sequence[str], undecided: Sequence[str]
) -> Solved:
    """What somebody made of the worktree at ``path``, which was made at ``head`` for ``patch``.

    Raises :class:`NotSolved` while a marker stands in one of ``conflicts``, or nobody said what
    becomes of one of ``undecided``.
    """
    require_solved(path, patch, conflicts, undecided)
    now = _git(path, "rev-parse", "HEAD").decode().strip()
    status = _git(path, "status", "--porcelain=v1", "--no-renames", "-z").split(b"\0")
    untracked = tuple(_text(entry[3:]) for entry in status if entry.startswith(b"?? "))
    loose = any(entry and not entry.startswith(b"?? ") for entry in status)
    if now == head:
        return Solved(_tree(path), (), untracked)
    if loose:
        raise NotSolved(
            "there are commits and uncommitted changes in the worktree",
            where=str(path),
            why="nobody can say to which patch the changes belong",
            fix=f"git -C {shlex.quote(str(path))} commit --all --amend, or commit them separately",
        )
    commits = _git(path, "rev-list", "--reverse", f"{head}..{now}").decode().split()
    return Solved(None, tuple(commits), untracked)


def _tree(path: Path) -> str:
    """The tree of what lies in a worktree, whose own index is not touched or locked for that."""
    with tempfile.TemporaryDirectory(prefix="porttool-") as scratch:
        index = Path(shutil.copy2(worktree.git_dir_of(path) / "index", scratch))
        _git(path, "add", "--update", "--", ":/", index=index)
        return _git(path, "write-tree", index=index).decode().strip()


def require_solved(
    path: Path, patch: str, conflicts: Sequence[str], undecided: Sequence[str]
) -> None:
    """Raise :class:`NotSolved` as :func:`collect` does."""
    marked = [place for name in conflicts for place in _marked(path, name, patch)]
    if marked:
        raise NotSolved(
            "there are conflict markers left",
            where=str(path),
            why="\n".join(marked),
            fix="edit these places, then porttool refresh --continue",
        )
    unmerged = _unmerged(path)
    waiting = [name for name in undecided if name in unmerged]
    if waiting:
        at = shlex.quote(str(path))
        raise NotSolved(
            f"nobody has decided what becomes of {', '.join(waiting)}",
            where=str(path),
            why="one side has this file and the other has not, which no marker can show",
            fix=f"git -C {at} add FILE keeps it as it is there, git -C {at} rm FILE drops it",
        )


def _marked(root: Path, name: str, patch: str) -> list[str]:
    """Where conflict markers in a file begin, or where one was forgotten, as ``file:line``."""
    if not _is_file(root / name):
        return []
    begin, *rest = markers(patch).values()
    lines = list(enumerate((root / name).read_bytes().split(b"\n"), 1))
    begun = [number for number, line in lines if line.startswith(begin)]
    strays = (number for number, line in lines if line.startswith(tuple(rest)))
    return [f"{name}:{number}" for number in begun or [*strays][:1]]


def _unmerged(path: Path) -> set[str]:
    out = _git(path, "ls-files", "--unmerged", "-z")
    return {_text(record.partition(b"\t")[2]) for record in out.split(b"\0") if record}


def _is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _git(path: Path, *args: str, stdin: bytes | None = None, index: Path | None = None) -> bytes:
    repository = Repository(worktree.git_dir_of(path))
    return repository.run(f"--work-tree={path}", *args, stdin=stdin, cwd=path, index=index)


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")

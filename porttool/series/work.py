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
from porttool.series.mergetree import Merged, Stage
from porttool.series.operation import Reason, Stop
from porttool.series.rebase import Pick


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


def undecided(path: Path, patch: str, merged: Merged) -> tuple[str, ...]:
    """The paths in conflict that no marker shows: deleted on one side, moved, replaced, no text.

    ``path`` is the worktree where ``merged`` was laid out.
    """
    sides: dict[bytes, set[int]] = {}
    for stage in merged.stages:
        sides.setdefault(stage.path, set()).add(stage.number)
    return tuple(
        _text(name)
        for name, numbers in sides.items()
        if not numbers >= {2, 3} or not _marked(path, _text(name), [*markers(patch).values()])
    )


def collect(path: Path, stop: Stop) -> Solved:
    """What somebody made of the worktree at ``path``, which was made for ``stop``.

    Raises :class:`NotSolved` while something there is not finished, a marker is left, nobody said
    what becomes of a file that no marker shows, or a commit is not one on top of the series below.
    """
    _require_idle(path, stop)
    _require_solved(path, stop)
    now = _git(path, "rev-parse", "HEAD").decode().strip()
    status = _git(path, "status", "--porcelain=v1", "--no-renames", "-z").split(b"\0")
    untracked = tuple(_text(entry[3:]) for entry in status if entry.startswith(b"?? "))
    loose = any(entry and not entry.startswith(b"?? ") for entry in status)
    if now in (stop.head, stop.base):
        return Solved(_tree(path), (), untracked)
    commits = _git(path, "rev-list", "--reverse", f"{stop.base}..{now}").decode().split()
    if _git(path, "rev-list", "--max-count=1", f"{now}..{stop.base}"):
        raise NotSolved(
            f"the worktree does not stand on the patches before {stop.name} any more",
            where=str(path),
            why="going on from there would lose some of them",
            fix=f"git -C {shlex.quote(str(path))} rebase {stop.base[:12]} puts its commits on them",
        )
    if loose:
        raise NotSolved(
            "there are commits and uncommitted changes in the worktree",
            where=str(path),
            why="nobody can say to which patch the changes belong",
            fix=f"git -C {shlex.quote(str(path))} commit --all --amend, or commit them separately",
        )
    return Solved(None, tuple(commits), untracked)


def require_added(path: Path, solved: Solved) -> None:
    """Raise :class:`NotSolved` when files would go with the worktree that git was never told of."""
    if solved.untracked:
        at = shlex.quote(str(path))
        raise NotSolved(
            f"git add was never run for {', '.join(solved.untracked)}",
            where=str(path),
            why="the worktree goes when its work is done, and they are not part of the patch",
            fix=f"git -C {at} add FILE puts one into the patch, git -C {at} clean -fd drops them",
        )


def _tree(path: Path) -> str:
    """The tree of what lies in a worktree, whose own index is not touched or locked for that."""
    with tempfile.TemporaryDirectory(prefix="porttool-") as scratch:
        index = Path(shutil.copy2(worktree.git_dir_of(path) / "index", scratch))
        _git(path, "add", "--update", "--", ":/", index=index)
        return _git(path, "write-tree", index=index).decode().strip()


def _require_idle(path: Path, stop: Stop) -> None:
    """Raise :class:`NotSolved` while git is in the middle of something that was begun there."""
    state = worktree.inspect(path)
    ours = None if stop.reason is Reason.EDIT else worktree.CHERRY_PICK
    if state is not None and state.busy not in (None, ours):
        raise NotSolved(
            "the worktree is in the middle of something",
            where=str(path),
            why=f"{state.busy} is not finished",
            fix="finish or abort it there, then porttool refresh --continue",
        )


def _require_solved(path: Path, stop: Stop) -> None:
    unmerged = _unmerged(path)
    ours = markers(stop.name)  # git writes others when somebody has it merge a file anew
    marks = dict.fromkeys(stop.conflicts, tuple(ours.values())) | dict.fromkeys(
        unmerged, tuple(ours)
    )
    marked = [place for name, each in marks.items() for place in _marked(path, name, each)]
    at = shlex.quote(str(path))
    if marked:
        raise NotSolved(
            "there are conflict markers left",
            where=str(path),
            why="\n".join(marked),
            fix=f"edit these places (or git -C {at} add FILE, if they belong there), "
            "then porttool refresh --continue",
        )
    waiting = unmerged - (set(stop.conflicts) - set(stop.undecided))
    if waiting:
        raise NotSolved(
            f"nobody has decided what becomes of {', '.join(sorted(waiting))}",
            where=str(path),
            why="one side has this file and the other has not, or it is no text: "
            "no marker can show that",
            fix=f"git -C {at} add FILE keeps it as it is there, git -C {at} rm FILE drops it; "
            f"git -C {at} checkout --theirs FILE brings the patch's",
        )


def _marked(root: Path, name: str, marks: Sequence[bytes]) -> list[str]:
    """Where conflict markers in a file begin, or where one was forgotten, as ``file:line``.

    ``marks`` are what the lines begin with, in the order of :func:`porttool.series.clash.markers`.
    """
    if not _is_file(root / name):
        return []
    begin, *rest = marks
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

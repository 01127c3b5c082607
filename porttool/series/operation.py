"""A series on its way, as it is kept on disk while a maintainer has to decide something.

One file holds all of it and is exchanged in one rename, so that a crash leaves the state before or
behind a step. What it names lies in the store; what a person edits, in the worktree of
:mod:`porttool.series.work`. ``patches/``, ``porttool.toml`` and the lock stay as they were until
the operation ends.
"""

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from porttool.errors import UserError
from porttool.series.folder import PatchFile
from porttool.series.outcome import Outcome, Verdict
from porttool.series.patch import parse
from porttool.series.rebase import Pick
from porttool.transaction import replace_whole
from porttool.upstream.lock import Pin
from porttool.workspace import Workspace

if TYPE_CHECKING:
    from cattrs.preconf.json import JsonConverter

_SCHEMA = 1


class Action(StrEnum):
    """What is done with a patch once it is in its new place."""

    PICK = "pick"
    EDIT = "edit"
    FOLD = "fold"


@dataclass(frozen=True, slots=True)
class Item:
    """A patch of the series: its file, its commit on the upstream it comes from, and the one below.

    ``strip`` and ``reverse`` are how ``series`` has the file applied. A ``fresh`` one has no file
    yet, its content is a header alone; to be edited, it may have no commit either.
    """

    name: str
    content: bytes
    commit: str
    parent: str
    strip: int = 1
    reverse: bool = False
    action: Action = Action.PICK
    fresh: bool = False

    @property
    def file(self) -> PatchFile:
        """The patch file, parsed."""
        patch = parse(self.name, self.content, self.strip)
        return PatchFile(self.name, self.content, patch.reversed() if self.reverse else patch)

    @property
    def pick(self) -> Pick:
        """What a rebase takes."""
        return Pick(self.file.patch, self.commit, self.parent)


@dataclass(frozen=True, slots=True)
class Done:
    """An item that is in its new place: what it came to, and its commit there, if it has one."""

    name: str
    commit: str | None
    outcome: Outcome


class Reason(StrEnum):
    """Why an operation waits for somebody."""

    CONFLICT = "conflict"
    AMBIGUOUS = "ambiguous"
    EDIT = "edit"


@dataclass(frozen=True, slots=True)
class Stop:
    """What an operation waits for.

    ``base`` is the commit that the patch is put on, ``head`` the one that the worktree was made at,
    ``tree`` what was laid out there; ``conflicts`` are the paths in conflict, ``undecided`` those
    of them that no marker shows.
    """

    name: str
    reason: Reason
    base: str
    head: str
    tree: str
    outcome: Outcome
    conflicts: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Start:
    """What the workspace was when the operation began: digests, and the worktree's commit.

    ``from_tree`` says that the series was taken from the worktree.
    """

    lock: str
    series: str
    tree: str | None
    from_tree: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """A series on its way from ``pin`` to ``goal``.

    ``todo`` stands on the upstream commit ``base`` and is being put on ``target``; ``done`` are the
    first of its items, ``head`` the last commit made. In steps, ``later`` are upstream's commits
    still to be looked at, ``goal`` the last of them; ``outcomes`` are the strongest verdicts of the
    steps behind. ``gone`` are the patches that left the series, with the comment that stays;
    ``absorbed`` those that upstream has in ``goal``, whatever it had in between. ``parked`` are the
    files of patches that were left out, as far as ``patches/`` does not have them as they were.
    ``finishing`` is the digest of the lock that is being written at the very end.
    """

    command: str
    start: Start
    pin: Pin
    goal: Pin
    base: str
    target: str
    head: str
    todo: tuple[Item, ...]
    done: tuple[Done, ...] = ()
    later: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    gone: tuple[tuple[str, str], ...] = ()
    absorbed: tuple[str, ...] = ()
    parked: tuple[tuple[str, bytes], ...] = ()
    notes: tuple[str, ...] = ()
    stopped: Stop | None = None
    drop_absorbed: bool = False
    reuse: bool = True
    finishing: str | None = None
    schema: int = _SCHEMA

    @property
    def waits_for(self) -> str | None:
        """What somebody has to decide, in short; None when it was merely interrupted."""
        if self.stopped is not None:
            return f"{self.stopped.name}: {self.stopped.reason}"
        absorbed = [o.name for o in self.verdicts if o.verdict is Verdict.ABSORBED]
        if len(self.done) < len(self.todo) or not absorbed or self.drop_absorbed:
            return None
        return f"--drop-absorbed: {', '.join(absorbed)}"

    @property
    def verdicts(self) -> tuple[Outcome, ...]:
        """The strongest outcome of every patch so far, in series order."""
        order = list(Verdict)
        found: dict[str, Outcome] = {outcome.name: outcome for outcome in self.outcomes}
        latest = [done.outcome for done in self.done]
        if self.stopped is not None and self.stopped.reason is not Reason.EDIT:
            latest.append(self.stopped.outcome)
        for outcome in latest:
            before = found.get(outcome.name)
            if before is None or order.index(outcome.verdict) <= order.index(before.verdict):
                found[outcome.name] = outcome
        return tuple(found.values())

    @property
    def item(self) -> Item:
        """The item that is next, or waited for."""
        return self.todo[len(self.done)]

    def with_done(self, done: Done, head: str | None = None) -> "Operation":
        """The next item is done, and nothing is waited for any more.

        ``head`` is the last commit when it is not the item's own.
        """
        head = head or done.commit or self.head
        return replace(self, done=(*self.done, done), head=head, stopped=None)


@cache
def _converter() -> "JsonConverter":
    from cattrs.preconf.json import make_converter

    return make_converter()


def folder(workspace: Workspace) -> Path:
    """Where an operation is kept."""
    return workspace.state / "refresh"


def save(workspace: Workspace, operation: Operation) -> None:
    """Keep the state of an operation, in the place of the one before."""
    text = _converter().dumps(operation, indent=1, ensure_ascii=True)
    replace_whole(folder(workspace) / "state.json", text.encode())


def load(workspace: Workspace) -> Operation | None:
    """The operation that is unfinished in this workspace, or None.

    One that a crash interrupted behind its commit point is over: it is forgotten here.
    """
    path = folder(workspace) / "state.json"
    if not path.is_file():
        return None
    from cattrs.errors import BaseValidationError

    try:
        operation = _converter().loads(path.read_bytes(), Operation)
    except (ValueError, BaseValidationError):
        operation = None
    if operation is None or operation.schema != _SCHEMA:
        raise UserError(
            "the unfinished refresh cannot be read",
            where=str(path),
            why="it is damaged, or another porttool wrote it",
            fix="porttool refresh --abort forgets it; patches/ and the lock are as they were",
        )
    if operation.finishing == digest_of(workspace.lock_path):
        forget(workspace)
        return None
    return operation


def forget(workspace: Workspace) -> None:
    """Drop the state of an operation: it is finished, or given up."""
    place = folder(workspace)
    for name in ("state.json", ".state.json.new"):
        (place / name).unlink(missing_ok=True)
    if place.is_dir():
        place.rmdir()


def digest_of(path: Path) -> str:
    """A digest of a file's content; ``absent`` when there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "absent"

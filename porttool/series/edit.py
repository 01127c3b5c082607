"""Editing a series: one patch, the order, what belongs to which patch.

Each edit is a list of items for :mod:`porttool.series.operate`, on the pin that the series stands
on; what follows an edited patch follows it. Nothing is written until all of it has its place.
"""

import re
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from porttool.errors import UserError
from porttool.git import Signature, user_identity
from porttool.port import Port, tree_of
from porttool.series import exporter, refresh, worktree
from porttool.series.importer import import_series
from porttool.series.message import header, one_line, split_trailers, with_trailer, with_trailers
from porttool.series.operate import items
from porttool.series.operation import Action, Item
from porttool.series.patch import FileDiff, Patch, parse
from porttool.series.refresh import Source
from porttool.series.trees import write_commit

_SCRATCH = "refs/porttool/edit"


def settled_source(port: Port) -> Source:
    """The series, where nothing waits to be refreshed: what an edit begins with.

    Raises :class:`UserError` when ``patches/`` or the worktree has edits of its own.
    """
    port.verify_settled()
    state = worktree.inspect(port.workspace.tree)
    if state is not None and (state.busy or refresh.tree_edited(port, state)):
        raise UserError(
            f"the worktree has {state.busy or 'commits that are not in patches/'}",
            where=str(port.workspace.tree),
            fix="porttool refresh first, or porttool apply --force to drop them",
        )
    if port.series.unlisted:
        raise UserError(
            f"not in series: {', '.join(port.series.unlisted)}",
            where=str(port.workspace.patches),
            fix="porttool refresh takes them up",
        )
    return refresh.gather(port, port.lock.pin.commit)


def edited(source: Source, name: str) -> list[Item]:
    """The items of a series of which one is to be edited."""
    todo = items(source)
    at = position(todo, name)
    todo[at] = replace(todo[at], action=Action.EDIT)
    return todo


def dropped(source: Source, names: Collection[str]) -> list[Item]:
    """The items of a series without some."""
    todo = items(source)
    leaving = {position(todo, name) for name in names}
    return [item for at, item in enumerate(todo) if at not in leaving]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a patch goes: before or after another, or (both None) behind the last."""

    before: str | None = None
    after: str | None = None

    def index(self, todo: Sequence[Item]) -> int:
        """The index in ``todo`` at which the patch is to be put."""
        if self.before is not None:
            return position(todo, self.before)
        return len(todo) if self.after is None else position(todo, self.after) + 1


def moved(source: Source, names: Sequence[str], place: Place) -> list[Item]:
    """The items of a series with some moved, in the order that they have, to a place."""
    todo = items(source)
    chosen = {position(todo, name) for name in names}
    moving = [item for at, item in enumerate(todo) if at in chosen]
    rest = [item for at, item in enumerate(todo) if at not in chosen]
    at = place.index(rest)
    return [*rest[:at], *moving, *rest[at:]]


def folded(source: Source, name: str, into: str | None) -> list[Item]:
    """The items of a series with one folded into another, else into the one before it."""
    todo = items(source)
    at = position(todo, name)
    if into is None:
        if at == 0:
            raise UserError(f"{name} is the first patch", fix="name a patch with --into")
        into = todo[at - 1].name
    if position(todo, into) == at:
        raise UserError(f"{todo[at].name} cannot be folded into itself")
    item = replace(todo.pop(at), action=Action.FOLD)
    todo.insert(position(todo, into) + 1, item)
    return todo


def begun(
    port: Port, source: Source, subject: str, status: str, place: Place, author: str | None
) -> list[Item]:
    """The items of a series with a new patch, of which there is the header alone.

    ``author`` is ``Name <address>``; without it, it is whom git's settings name.
    """
    todo = items(source)
    message = with_trailer(
        one_line(subject, "subject"), "Upstream-Status", one_line(status, "status")
    )
    name = exporter.new_name(subject.encode(), port.series.names)
    content = header(_author(author), message)
    item = Item(name, content, "", "", action=Action.EDIT, fresh=True)
    todo.insert(place.index(todo), item)
    return todo


@dataclass(frozen=True, slots=True)
class Part:
    """Part of a patch: a file of it, and which of its hunks (from 1); none for all of it."""

    path: str
    hunks: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Part":
        """Read ``PATH`` or ``PATH:1,3``; :class:`UserError` when it is neither."""
        match = re.fullmatch(r"(.+?)(?::(\d{1,6}(?:,\d{1,6})*))?", text, re.DOTALL)
        if match is None:
            raise UserError(f"{text!r} is not PATH or PATH:HUNK,HUNK")
        return cls(match[1], tuple(int(n) for n in (match[2] or "").split(",") if n))


def split(port: Port, source: Source, name: str, parts: Sequence[Part], subject: str) -> list[Item]:
    """The items of a series with some of a patch in a new one before it.

    The new one has the author and the trailers of the whole.
    """
    todo = items(source)
    at = position(todo, name)
    whole = todo[at]
    patch = whole.file.patch
    (commit,) = exporter.read_commits(port.store, whole.parent, whole.commit)
    message = with_trailers(one_line(subject, "subject"), split_trailers(commit.message)[1])
    new = exporter.new_name(subject.encode(), port.series.names)
    content = header(commit.author, message)
    part = replace(parse(new, content), files=_chosen(patch, parts))
    first = import_series(port.store, whole.parent, [part], _SCRATCH).head
    tree = tree_of(port.store, whole.commit)
    if tree_of(port.store, first) == tree:
        raise UserError(
            f"that is all of {whole.name}",
            fix="name some of its files or hunks; porttool split NAME lists them",
        )
    second = write_commit(port.store, tree, [first], commit.author, commit.message)
    todo[at : at + 1] = [
        Item(new, content, first, whole.parent, fresh=True),
        replace(whole, commit=second, parent=first),
    ]
    return todo


def _chosen(patch: Patch, parts: Sequence[Part]) -> tuple[FileDiff, ...]:
    """The file diffs that ``parts`` name, with the hunks that they name."""
    by_path = {diff.path.decode("utf-8", "surrogateescape"): diff for diff in patch.files}
    wanted: dict[str, set[int]] = {}
    for part in parts:
        if part.path not in by_path:
            raise UserError(
                f"{patch.name} does not change {part.path}",
                fix=f"it changes {', '.join(by_path)}",
            )
        numbers = {hunk.number for hunk in by_path[part.path].hunks}
        if unknown := set(part.hunks) - numbers:
            raise UserError(
                f"{part.path} has no hunk {min(unknown)} in {patch.name}",
                fix=f"it has {len(numbers)}",
            )
        wanted.setdefault(part.path, set()).update(part.hunks or numbers)
    found = []
    for diff in patch.files:
        path = diff.path.decode("utf-8", "surrogateescape")
        if path not in wanted:
            continue
        hunks = tuple(hunk for hunk in diff.hunks if hunk.number in wanted[path])
        if len(hunks) < len(diff.hunks) and (
            diff.old != diff.new or diff.old_mode != diff.new_mode
        ):
            raise UserError(
                f"{path} goes as a whole: the patch creates, deletes, moves it or sets its mode",
                fix=f"name {path} without hunks",
            )
        found.append(replace(diff, hunks=hunks))
    return tuple(found)


def position(todo: Sequence[Item], name: str) -> int:
    """Where a patch is in the series: by its name or the beginning of it, such as its number.

    Raises :class:`UserError` when none or several begin so.
    """
    names = [item.name for item in todo]
    if name in names:
        return names.index(name)
    found = [at for at, each in enumerate(names) if each.startswith(name)]
    if len(found) == 1:
        return found[0]
    raise UserError(
        f"the series has no patch {name}"
        if not found
        else f"{name} is the beginning of several patches",
        why=", ".join(names[at] for at in found) or None,
        fix="patches/series lists them",
    )


def _author(text: str | None) -> Signature:
    if text is None:
        return user_identity()
    match = re.fullmatch(r"([^<>\n]*[^<>\s])\s*<([^<>\s]+)>", text)
    if match is None or re.search("[\ud800-\udfff]", text):
        raise UserError(f"{text!r} is not Name <address>")
    now = f"{int(time.time())} +0000"
    return Signature(match[1].encode(), match[2].encode(), now.encode())

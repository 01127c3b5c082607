"""The difference between two states of a series, patch by patch, as ``git range-diff`` shows it.

What is compared is a patch as text: its author, its message, and for each file a header and the
hunks without line numbers and blob ids. The form is that of git 2.39 (git-range-diff(1) leaves it
open), but for three things. Patches are paired by name, which follows a patch through a rebase: one
whose lines all changed is still the same patch. A hunk names its section and not its file again, so
that a renamed file changes one line. And files keep their order, which a rename changes, too.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from pathlib import Path

from porttool.git import Repository
from porttool.series.folder import PatchFile
from porttool.series.patch import FileDiff, Patch, parse

#: What makes the lines that differ the same with every git, whatever its configuration.
_OPTIONS = (
    "--no-index",
    "--text",
    "--unified=3",
    "--inter-hunk-context=0",
    "--diff-algorithm=myers",
    "--indent-heuristic",
    "--no-prefix",
    "--no-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
)
_PLAIN_MODE = b"100644"


class State(StrEnum):
    """What became of a patch; ``git range-diff`` writes ``=``, ``!``, ``>`` and ``<``."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    NEW = "new"
    DROPPED = "dropped"

    @property
    def sign(self) -> str:
        """The sign of ``git range-diff``."""
        return {"unchanged": "=", "changed": "!", "new": ">", "dropped": "<"}[self]


class Kind(StrEnum):
    """How much a changed patch changed, the most first.

    ``content``: its message, a line it adds or removes, a mode, or which files it creates, deletes,
    renames or copies. ``paths``: the same lines, in files that upstream renamed. ``noise``: what
    lies around them, that is context and hunks.
    """

    CONTENT = "content"
    PATHS = "paths"
    NOISE = "noise"


class Outer(StrEnum):
    """Which of the two patches a line stands in; ``@``: it is the heading of an outer hunk."""

    BOTH = " "
    OLD = "-"
    NEW = "+"
    HUNK = "@"


class Inner(StrEnum):
    """What a line is within its patch."""

    HEADER = "header"
    MESSAGE = "message"
    HUNK = "hunk"
    CONTEXT = "context"
    REMOVED = "removed"
    ADDED = "added"


@dataclass(frozen=True, slots=True)
class InterdiffLine:
    """A line of an interdiff. ``text`` holds the inner sign, if the line has one, not the outer.

    That of a heading (``Outer.HUNK``) is the file and the section that the lines below are in.
    """

    outer: Outer
    inner: Inner
    text: str

    def __str__(self) -> str:
        return f"@@ {self.text}" if self.outer is Outer.HUNK else f"{self.outer}{self.text}"


@dataclass(frozen=True, slots=True)
class Renamed:
    """A file that a patch had under another path before."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class PatchInterdiff:
    """One patch in two states of the series.

    ``old_number`` and ``new_number`` are its places in the series, from 1, None where it is not;
    ``reordered`` says that it stands elsewhere among the patches that stayed. ``kind`` is None
    unless the patch changed; ``lines`` are empty then, too.
    """

    name: str
    subject: str
    state: State
    kind: Kind | None
    old_number: int | None
    new_number: int | None
    reordered: bool
    renamed: tuple[Renamed, ...]
    lines: tuple[InterdiffLine, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    inner: Inner
    text: bytes


def interdiff(
    repository: Repository, old: Sequence[PatchFile], new: Sequence[PatchFile]
) -> tuple[PatchInterdiff, ...]:
    """Compare the patches of a series before and after, in the order of the new series.

    Dropped patches stand where they were. ``repository`` only lends its git; nothing is written to
    it.
    """
    before, after = {file.name: file for file in old}, {file.name: file for file in new}
    stayed = [name for name in after if name in before]
    texts = {name: _texts(before[name].patch, after[name].patch) for name in stayed}
    lines = _compare(repository, {name: pair for name, pair in texts.items() if pair[0] != pair[1]})
    reordered = _reordered([name for name in before if name in after], stayed)
    places = tuple({name: n for n, name in enumerate(names, 1)} for names in (before, after))
    found = []
    for name in _order(list(before), list(after)):
        state = State.UNCHANGED
        kind: Kind | None = None
        renamed: tuple[Renamed, ...] = ()
        if name not in after:
            state = State.DROPPED
        elif name not in before:
            state = State.NEW
        elif name in lines:
            state = State.CHANGED
            kind = _kind(before[name].patch, after[name].patch)
            renamed = _renamed(before[name].patch, after[name].patch)
        found.append(
            PatchInterdiff(
                name,
                _shown((after.get(name) or before[name]).patch.message.subject),
                state,
                kind,
                places[0].get(name),
                places[1].get(name),
                name in reordered,
                renamed,
                lines.get(name, ()),
            )
        )
    return tuple(found)


def _order(old: list[str], new: list[str]) -> list[str]:
    """The new order, with those that are gone before the first patch that stood behind them."""
    gone = [name for name in old if name not in set(new)]
    places = {name: number for number, name in enumerate(old)}
    order: list[str] = []
    for name in new:
        while gone and places[gone[0]] < places.get(name, -1):
            order.append(gone.pop(0))
        order.append(name)
    return order + gone


def _reordered(old: list[str], new: list[str]) -> set[str]:
    """The names that stand elsewhere among the others; both lists hold the same ones."""
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    return set(old) - {old[block.a + n] for block in blocks for n in range(block.size)}


def _texts(old: Patch, new: Patch) -> tuple[list[_Line], list[_Line]]:
    return _text(old, old.files), _text(new, _in_order_of(old, new))


def _text(patch: Patch, files: Sequence[FileDiff]) -> list[_Line]:
    """A patch as the lines that are compared."""
    message = patch.message
    lines = [_Line(Inner.HEADER, b" ## Metadata ##")]
    if message.name is not None and message.email is not None:
        lines.append(_Line(Inner.MESSAGE, b"Author: %s <%s>" % (message.name, message.email)))
    lines += [_Line(Inner.MESSAGE, b""), _Line(Inner.HEADER, b" ## Commit message ##")]
    for line in message.text.rstrip(b"\n").split(b"\n"):
        lines.append(_Line(Inner.MESSAGE, (b"    " + line).rstrip()))
    for file in files:
        lines += [_Line(Inner.MESSAGE, b""), _Line(Inner.HEADER, b" ## %s ##" % _headline(file))]
        lines += _body(file)
    return lines


def _headline(file: FileDiff) -> bytes:
    if file.old is None:
        mode = file.new_mode or _PLAIN_MODE
        return file.path + (b" (new)" if mode == _PLAIN_MODE else b" (new, %s)" % mode)
    if file.new is None:
        return file.path + b" (deleted)"
    words = b"%s => %s" % (file.old, file.new) if file.is_transfer else file.path
    if file.copy:
        words += b" (copy)"
    if file.old_mode and file.new_mode and file.old_mode != file.new_mode:
        words += b" (mode change %s => %s)" % (file.old_mode, file.new_mode)
    return words


def _body(file: FileDiff) -> Iterator[_Line]:
    inner = {b" ": Inner.CONTEXT, b"-": Inner.REMOVED, b"+": Inner.ADDED}
    for hunk in file.hunks:
        yield _Line(Inner.HUNK, (b"@@ " + hunk.section).rstrip())
        for line in hunk.lines:
            kind = inner[line[:1]]
            yield _Line(kind, line.removesuffix(b"\n"))
            if not line.endswith(b"\n"):
                yield _Line(kind, b" \\ No newline at end of file")
    if file.binary is not None:
        forward = file.binary[0]
        digest = hashlib.sha256(forward.data).hexdigest()[:12]
        said = f" binary {forward.method} of {forward.size} bytes, {digest}"
        yield _Line(Inner.ADDED, said.encode())


def _essence(file: FileDiff) -> tuple[object, ...]:
    """What a patch does to a file, whatever its path and the lines around."""
    modes = file.old_mode, file.new_mode
    if file.old is None:
        modes = None, file.new_mode or _PLAIN_MODE
    elif file.new is None or modes[0] == modes[1]:
        modes = None, None
    kind = file.old is None, file.new is None, file.copy, file.is_transfer
    lines = tuple(line for hunk in file.hunks for line in hunk.lines if line[:1] != b" ")
    return (*kind, *modes, file.binary, lines)


def _kind(old: Patch, new: Patch) -> Kind:
    messages = [(p.message.name, p.message.email, p.message.text) for p in (old, new)]
    if messages[0] != messages[1] or len(old.files) != len(new.files):
        return Kind.CONTENT
    pairs = list(zip(old.files, _in_order_of(old, new), strict=True))
    if any(_essence(one) != _essence(other) for one, other in pairs):
        return Kind.CONTENT
    if any((one.old, one.new) != (other.old, other.new) for one, other in pairs):
        return Kind.PATHS
    return Kind.NOISE


def _partners(old: Patch, new: Patch) -> dict[int, int]:
    """Which file of ``new`` is which of ``old``, by position: same path, same change, same name."""
    partners: dict[int, int] = {}
    for key in (lambda f: f.path, _essence, lambda f: f.path.rpartition(b"/")[2]):
        waiting: dict[object, list[int]] = {}
        for at, file in enumerate(old.files):
            if at not in partners.values():
                waiting.setdefault(key(file), []).append(at)
        for at, file in enumerate(new.files):
            if at not in partners and (places := waiting.get(key(file))):
                partners[at] = places.pop(0)
    return partners


def _in_order_of(old: Patch, new: Patch) -> list[FileDiff]:
    """The files of ``new`` in the order of ``old``: git sorts by path, which may have changed."""
    partners = _partners(old, new)
    places: list[tuple[int, int]] = []
    last = -1
    for at in range(len(new.files)):
        last = partners.get(at, last)  # one without a partner stays behind the file before it
        places.append((last, at))
    return [new.files[at] for _, at in sorted(places)]


def _renamed(old: Patch, new: Patch) -> tuple[Renamed, ...]:
    pairs = [(old.files[at].path, new.files[to].path) for to, at in _partners(old, new).items()]
    return tuple(Renamed(_shown(was), _shown(now)) for was, now in sorted(pairs) if was != now)


def _compare(
    repository: Repository, texts: dict[str, tuple[list[_Line], list[_Line]]]
) -> dict[str, tuple[InterdiffLine, ...]]:
    """The interdiffs of pairs of texts, worked out by one git for all of them."""
    if not texts:
        return {}
    with tempfile.TemporaryDirectory(prefix="porttool-") as scratch:
        for side, folder in enumerate(("old", "new")):
            (Path(scratch) / folder).mkdir()
            for number, pair in enumerate(texts.values()):
                content = b"".join(line.text + b"\n" for line in pair[side])
                (Path(scratch) / folder / str(number)).write_bytes(content)
        out = repository.run("diff", *_OPTIONS, "old", "new", cwd=Path(scratch), ok=(0, 1))
    diffs = {int(file.path): file for file in parse("interdiff", out).files}
    return {
        name: tuple(_dual(diffs[number], before, after))
        for number, (name, (before, after)) in enumerate(texts.items())
    }


def _dual(diff: FileDiff, old: list[_Line], new: list[_Line]) -> Iterator[InterdiffLine]:
    """The lines of an interdiff with both of their signs."""
    for hunk in diff.hunks:
        at, to = hunk.old_start - 1, hunk.new_start - 1
        yield InterdiffLine(Outer.HUNK, Inner.HEADER, _shown(_heading(old[:at])))
        for line in hunk.lines:
            outer = Outer(line[:1].decode())
            said = new[to] if outer is Outer.NEW else old[at]
            at += outer is not Outer.NEW
            to += outer is not Outer.OLD
            yield InterdiffLine(outer, said.inner, _shown(said.text))


def _heading(before: Sequence[_Line]) -> bytes:
    """The file and the section of the line behind ``before``."""
    section = b""
    for line in reversed(before):
        if line.inner is Inner.HUNK and not section:
            section = line.text[2:].strip()
        if line.inner is Inner.HEADER:
            name = line.text.removeprefix(b" ## ").removesuffix(b" ##")
            return name + (b": " + section if section else b"")
    return section


def _shown(text: bytes) -> str:
    return text.decode("utf-8", "replace")

"""Patches to commits: the series on its pin, one commit a patch, in the store.

Every patch is placed here, in memory, on the contents of the tree before it, with no fuzz (see
:mod:`porttool.series.place`). The commits are the same on every machine: committer and author are
one, and what a header does not say is taken from the pin.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from porttool.errors import DecisionNeeded, UserError
from porttool.git import CatFile, Change, Repository, Signature, TreeEntry
from porttool.series.patch import FileDiff, Hunk, Patch
from porttool.series.place import Placement, PlacementError, apply, place, split_lines

#: Where the commits of the series are kept in the store.
SERIES_REF = "refs/porttool/series"

#: What ``fast-import`` calls the commits it writes, until they are complete.
SCRATCH_REF = "refs/porttool/incoming"


class DoesNotApply(DecisionNeeded):
    """A patch of the series has no place, or no single one, on this upstream."""

    def __init__(
        self,
        patch: str,
        path: bytes,
        why: str,
        *,
        hunk: Hunk | None = None,
        ambiguous: bool = False,
        fix: str | None = None,
    ) -> None:
        self.patch = patch
        self.path = path.decode("utf-8", "replace")
        self.hunk = hunk
        self.ambiguous = ambiguous
        place_ = f"{self.path}, hunk {hunk.number}" if hunk is not None else self.path
        what = "fits in more than one place" if ambiguous else "does not apply"
        super().__init__(f"{patch} {what}: {place_}", where=patch, why=why, fix=fix)


@dataclass(frozen=True, slots=True)
class AppliedPatch:
    """A patch as it was applied: its commit and how far its hunks lay from where they said."""

    name: str
    commit: str
    offsets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ImportedSeries:
    """The series as commits. ``head`` is the pin itself for an empty series."""

    base: str
    head: str
    patches: tuple[AppliedPatch, ...]


class _Files:
    """The files of a tree while patches change them; contents are read when first needed."""

    def __init__(self, entries: dict[bytes, TreeEntry], objects: CatFile, hash_name: str) -> None:
        self._entries = entries
        self._objects = objects
        self._hash_name = hash_name
        self._changed: dict[bytes, tuple[bytes, bytes] | None] = {}

    def __contains__(self, path: bytes) -> bool:
        if path in self._changed:
            return self._changed[path] is not None
        return path in self._entries

    def get(self, path: bytes) -> tuple[bytes, bytes]:
        """Mode and content of a file that is there."""
        file = self._changed.get(path)
        if file is None:
            entry = self._entries[path]
            content = b"" if entry.mode == b"160000" else self._objects.read(entry.oid)
            file = self._changed[path] = (entry.mode, content)
        return file

    def set(self, path: bytes, file: tuple[bytes, bytes] | None) -> None:
        self._changed[path] = file

    def oid(self, content: bytes) -> str:
        """The blob id of a content."""
        return hashlib.new(self._hash_name, b"blob %d\0" % len(content) + content).hexdigest()

    def blocked(self, path: bytes) -> bytes | None:
        """A file that stands where ``path`` needs a folder, or that needs ``path`` as one."""
        parts = path.split(b"/")
        for depth in range(1, len(parts)):
            parent = b"/".join(parts[:depth])
            if parent in self:
                return parent
        below = path + b"/"
        for other in chain(self._entries, self._changed):
            if other.startswith(below) and other in self:
                return other
        return None


def import_series(
    repository: Repository, base: str, patches: Sequence[Patch], ref: str = SERIES_REF
) -> ImportedSeries:
    """Commit ``patches``, in order, on top of the commit ``base``, and point ``ref`` at the last.

    Raises :class:`DoesNotApply` for the first patch that has not exactly one place. Commits that
    were written until then stay in the store unreferenced; ``ref`` is untouched.
    """
    if not patches:
        repository.run("update-ref", ref, base)
        return ImportedSeries(base, base, ())
    fallback = pin_signature(repository, base)
    hash_name = "sha256" if len(base) == 64 else "sha1"
    applied: list[AppliedPatch] = []
    head = base
    with repository.cat_file() as objects:
        files = _Files(repository.tree(base), objects, hash_name)
        with repository.fast_import() as writer:
            for patch in patches:
                changes, offsets = _apply_patch(patch, files)
                author = patch.message.signature(fallback)
                head = writer.commit(SCRATCH_REF, author, patch.message.text, changes, head)
                applied.append(AppliedPatch(patch.name, head, offsets))
    update = f"update {ref} {head}\ndelete {SCRATCH_REF}\n"
    repository.run("update-ref", "--stdin", stdin=update.encode())
    return ImportedSeries(base, head, tuple(applied))


def pin_signature(repository: Repository, commit: str) -> Signature:
    """Who a patch without an author is from: nobody, at the date of the pin."""
    date = repository.run("log", "-1", "--format=%cd", "--date=raw", commit).strip()
    return Signature(b"unknown", b"unknown@localhost", date)


def _apply_patch(patch: Patch, files: _Files) -> tuple[list[Change], tuple[int, ...]]:
    """Apply one patch to ``files``; gives the changes and the offset of each hunk."""
    if not patch.files:
        raise UserError(
            f"{patch.name} changes nothing",
            where=patch.name,
            why="it holds no diff; a patch that is empty cannot stay in a series",
            fix="remove the patch and its line in series",
        )
    _require_one_reading(patch, files)
    changes: dict[bytes, tuple[bytes, bytes] | None] = {}
    added: list[bytes] = []
    offsets: list[int] = []
    # As in git, what is renamed or copied is what was there before the patch, in any order.
    sources = {diff.old for diff in patch.files if diff.old is not None and diff.is_transfer}
    before = {path: files.get(path) for path in sources if path in files}
    leaving = {d.old for d in patch.files if d.old is not None and d.is_transfer and not d.copy}
    for diff in patch.files:
        result, placements = _apply_file(patch.name, diff, files, before, leaving)
        offsets += [placement.offset for placement in placements]
        goes = diff.old is not None and diff.old != diff.new and not diff.copy
        if goes and diff.old is not None and not (diff.is_transfer and diff.old in added):
            changes[diff.old] = None
            files.set(diff.old, None)
        if diff.new is not None and result is not None:
            changes[diff.new] = result
            files.set(diff.new, result)
            if diff.new != diff.old:
                added.append(diff.new)
    for path in added:  # only now: a patch may take away what stands in the way
        if path in files and (blocker := files.blocked(path)) is not None:
            shown = blocker.decode("utf-8", "replace")
            above = path.startswith(blocker + b"/")
            why = f"{shown} is a file, not a folder" if above else f"it is a folder, with {shown}"
            raise DoesNotApply(patch.name, path, why)
    # A path that goes away must go before one that needs its place as a folder.
    ordered: list[Change] = sorted(
        changes.items(), key=lambda change: (change[1] is not None, change[0])
    )
    return ordered, tuple(offsets)


def _require_one_reading(patch: Patch, files: _Files) -> None:
    """Raise :class:`UserError` when quilt would change another file than the patch names."""
    elsewhere = set(patch.operands) != {diff.path for diff in patch.files}
    creates = any(diff.old is None for diff in patch.files)
    if elsewhere and any(creates or word in files for word in patch.operands):
        words = b" ".join(patch.operands).decode("utf-8", "replace")
        raise UserError(
            f"series says more of {patch.name} than its readers agree on: {words}",
            where=patch.name,
            why="quilt has patch change the file of that name, others pass over the word",
            fix=f"remove it from the line of {patch.name}, or put # before it",
        )


def _apply_file(
    name: str,
    diff: FileDiff,
    files: _Files,
    before: Mapping[bytes, tuple[bytes, bytes]],
    leaving: Collection[bytes],
) -> tuple[tuple[bytes, bytes] | None, list[Placement]]:
    """New mode and content of one file (None: deleted), and where its hunks were placed.

    ``before`` are the files that the patch renames or copies, as they were before it; ``leaving``
    the paths that its renames leave free.
    """
    if diff.old is None:
        # A plain diff says no more than that there was no line: that holds for an empty file too.
        fills = diff.new_mode is None and diff.path in files and not files.get(diff.path)[1]
        if diff.path in files and not fills:
            raise DoesNotApply(
                name, diff.path, "the patch creates this file, but it is there already"
            )
        old_mode, old = files.get(diff.path) if fills else (b"100644", b"")
    elif diff.is_transfer and diff.old in before:
        old_mode, old = before[diff.old]
    elif diff.old not in files:
        raise DoesNotApply(name, diff.old, "there is no such file")
    else:
        old_mode, old = files.get(diff.old)
    if diff.is_transfer and diff.path in files and diff.path not in leaving:
        raise DoesNotApply(name, diff.path, "the patch moves a file here, but one is there already")
    if old_mode == b"160000":
        raise DoesNotApply(name, diff.path, "this path is a submodule")
    if diff.old_mode is not None and diff.old is not None and diff.old_mode != old_mode:
        kinds = {diff.old_mode[:3], old_mode[:3]}
        if len(kinds) > 1 or diff.new_mode != diff.old_mode:
            raise DoesNotApply(
                name,
                diff.path,
                f"the patch was made for mode {diff.old_mode.decode()}, "
                f"the file has {old_mode.decode()}",
            )
    mode = old_mode
    if diff.new_mode is not None and diff.new_mode != diff.old_mode:
        mode = diff.new_mode
    content, placements = _new_content(name, diff, old, files)
    if diff.new is None:
        if content:
            raise DoesNotApply(
                name, diff.path, "the patch deletes this file, but lines would be left in it"
            )
        return None, placements
    return (mode, content), placements


def _new_content(
    name: str, diff: FileDiff, old: bytes, files: _Files
) -> tuple[bytes, list[Placement]]:
    exact = (
        diff.old is not None
        and diff.old_oid is not None
        and len(diff.old_oid) >= 7
        and files.oid(old).startswith(diff.old_oid)
    )
    if diff.binary is not None:
        if diff.old is not None and not exact:
            raise DoesNotApply(
                name, diff.path, "the binary file is not the one the patch was made for"
            )
        try:
            return diff.binary[0].apply(old), []
        except ValueError as error:
            raise DoesNotApply(name, diff.path, str(error)) from None
    if not diff.hunks:
        if diff.new is not None:
            return old, []
        if old and not exact:
            why = "the patch deletes another version of this file, and does not show its lines"
            raise DoesNotApply(name, diff.path, why)
        return b"", []
    lines = split_lines(old)
    try:
        placements = place(diff.hunks, lines, exact=exact)
    except PlacementError as error:
        raise _refused(name, diff, error) from None
    return apply(placements, lines), placements


def _refused(name: str, diff: FileDiff, error: PlacementError) -> DoesNotApply:
    if error.ambiguous:
        places = ", ".join(str(line) for line in error.candidates[:12])
        return DoesNotApply(
            name,
            diff.path,
            f"the lines of the hunk stand at line {places}; its own line number proves nothing, "
            "because the patch was made from another version of the file",
            hunk=error.hunk,
            ambiguous=True,
            fix="make the patch again with more context (git diff -U10) or on this upstream",
        )
    wanted = b"".join(b"- " + line.rstrip(b"\n") + b"\n" for line in error.hunk.old)
    found = b"".join(b"+ " + line.rstrip(b"\n") + b"\n" for line in error.found)
    why = b"wanted at line %d:\n%s" % (error.hunk.old_start, wanted)
    why += b"found:\n%s" % found if found else b"found nothing like it"
    return DoesNotApply(name, diff.path, why.decode("utf-8", "replace").rstrip(), hunk=error.hunk)

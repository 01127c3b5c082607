"""The series on another upstream commit, worked out in the store; nothing else is touched.

Every patch is merged three-way, with git's rename detection, and placed directly besides: what the
two say together is its verdict. The merge bases are synthetic commits, because git before 2.40 has
no other way to name one to ``merge-tree``; one process serves the whole series.
"""

import hashlib
import os
import re
import subprocess
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum

from porttool.git import CatFile, Repository, Signature
from porttool.series.importer import AppliedPatch, pin_signature
from porttool.series.patch import FileDiff, Hunk, Patch
from porttool.series.place import PlacementError, apply, place, split_lines


class Verdict(StrEnum):
    """What a rebase means for one patch, the strongest first."""

    CONFLICT = "conflict"
    AMBIGUOUS = "ambiguous"
    ABSORBED = "absorbed"
    PARTLY_ABSORBED = "partly absorbed"
    MERGED = "merged"
    MOVED = "moved"
    OFFSET = "offset"
    CLEAN = "clean"


@dataclass(frozen=True, slots=True)
class Move:
    """A file that upstream renamed; ``similarity`` is git's, in percent."""

    old: str
    new: str
    similarity: int


class HunkState(StrEnum):
    """Where one hunk of a patch stands on the new upstream."""

    PLACED = "placed"
    ABSORBED = "absorbed"
    AMBIGUOUS = "ambiguous"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class HunkFact:
    """One hunk: the file it belongs to now, its number there, its state.

    ``offset`` is in lines, for one that is placed; ``lines`` are the places where it would fit
    (from 1); ``wanted`` and ``found`` are the lines it looks for and those that are nearest.
    """

    file: str
    number: int
    state: HunkState
    offset: int = 0
    lines: tuple[int, ...] = ()
    wanted: tuple[str, ...] = ()
    found: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """One patch on the new upstream. ``commit`` is its new commit, or None when it has none.

    ``upstream`` is the upstream commit that absorbed it, where one has the same patch id;
    ``conflicts`` are the paths that a merge left in conflict.
    """

    name: str
    verdict: Verdict
    commit: str | None
    moves: tuple[Move, ...] = ()
    hunks: tuple[HunkFact, ...] = ()
    conflicts: tuple[str, ...] = ()
    upstream: str | None = None

    @property
    def absorbed_hunks(self) -> tuple[HunkFact, ...]:
        """The hunks that upstream has already."""
        return tuple(hunk for hunk in self.hunks if hunk.state is HunkState.ABSORBED)


@dataclass(frozen=True, slots=True)
class Rebased:
    """The series on ``onto``: an outcome a patch, up to the first that needs a conflict solved.

    ``head`` is the last commit that could be made; ``complete`` says whether every patch was tried.
    """

    onto: str
    head: str
    outcomes: tuple[Outcome, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Merged:
    """What ``git merge-tree`` makes of two commits: a tree (with markers where it is not clean)."""

    clean: bool
    tree: str
    conflicts: tuple[bytes, ...]


class MergeTree:
    """Merges pairs of commits through one ``git merge-tree --stdin``."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdin is None or process.stdout is None:
            raise AssertionError("the process was started without pipes")
        self._stdin, self._stdout = process.stdin, process.stdout
        self._first = True

    def merge(self, ours: str, theirs: str) -> Merged:
        """Merge ``theirs`` into ``ours``; their merge base is found by git."""
        self._stdin.write(f"{ours} {theirs}\n".encode())
        self._stdin.flush()
        if not self._first:
            self._skip_messages()
        self._first = False
        clean = self._field() == b"1"
        tree = self._field().decode()
        conflicts: dict[bytes, None] = {}
        while record := self._field():
            conflicts.setdefault(record.partition(b"\t")[2])
        return Merged(clean, tree, tuple(conflicts))

    def _skip_messages(self) -> None:
        """Read the messages of the last answer: git writes their end with the next one only."""
        while count := self._field():
            for _ in range(int(count) + 2):  # the paths, the kind of message, its text
                self._field()

    def _field(self) -> bytes:
        """One field up to its NUL. The output is small, so a byte at a time will do."""
        out = bytearray()
        while (byte := self._stdout.read(1)) != b"\0":
            if not byte:
                raise EOFError("git merge-tree")
            out += byte
        return bytes(out)


@contextmanager
def merging(repository: Repository) -> Iterator[MergeTree]:
    """A long-lived ``git merge-tree --stdin`` that marks conflicts as zdiff3.

    It is asked for messages because git 2.39 flushes an answer only behind them.
    """
    options = ("merge-tree", "--write-tree", "--messages", "--stdin", "-z")
    with repository.long_lived("-c", "merge.conflictStyle=zdiff3", *options) as process:
        yield MergeTree(process)


def write_commit(
    repository: Repository, tree: str, parents: Sequence[str], author: Signature, message: bytes
) -> str:
    """Write a commit object; committer and author are one. Gives its id.

    Written as a loose object, so that the processes that read the store see it at once.
    """
    lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
    body = "\n".join(lines).encode() + b"\nauthor %s\ncommitter %s\n\n" % (
        bytes(author),
        bytes(author),
    )
    content = b"commit %d\0" % len(body + message) + body + message
    oid = hashlib.new("sha256" if len(tree) == 64 else "sha1", content).hexdigest()
    path = repository.git_dir / "objects" / oid[:2] / oid[2:]
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        part = path.with_name(f"tmp_obj_{os.getpid()}_{oid[:8]}")
        part.write_bytes(zlib.compress(content, 1))
        part.rename(path)
    return oid


def rebase(
    repository: Repository,
    base: str,
    onto: str,
    patches: Sequence[Patch],
    applied: Sequence[AppliedPatch],
    *,
    leave_out_conflicts: bool = False,
) -> Rebased:
    """Put the series ``applied`` (the commits of ``patches`` on ``base``) on ``onto``.

    Goes on over patches that are absorbed (they get no commit) or ambiguous (they get what the
    merge made of them, for somebody to confirm); stops behind the first conflict, whose commit
    holds the conflict markers. With ``leave_out_conflicts`` it goes on without that patch instead.
    """
    renames = _renames(repository, base, onto)
    upstream = _patch_ids(repository, base, onto)
    ours = _series_patch_ids(repository, base, applied)
    fallback = pin_signature(repository, base)
    outcomes: list[Outcome] = []
    head, parent = onto, base
    with repository.cat_file() as objects, merging(repository) as merger:
        for patch, old in zip(patches, applied, strict=True):
            outcome = _rebase_one(
                repository, objects, merger, patch, old, parent, head, renames, fallback
            )
            taken_by = upstream.get(ours.get(old.commit, ""))
            if taken_by is not None:
                # The id names the commit; whether the change is still there, the tree has to say.
                there = {hunk.state for hunk in outcome.hunks} == {HunkState.ABSORBED}
                if outcome.verdict is Verdict.CONFLICT and there:
                    outcome = replace(outcome, verdict=Verdict.ABSORBED, commit=None, conflicts=())
                if outcome.verdict is Verdict.ABSORBED:
                    outcome = replace(outcome, upstream=taken_by)
            if outcome.verdict is Verdict.CONFLICT and leave_out_conflicts:
                outcome = replace(outcome, commit=None)
            outcomes.append(outcome)
            if outcome.commit is not None:
                head = outcome.commit
            if outcome.verdict is Verdict.CONFLICT and not leave_out_conflicts:
                break
            parent = old.commit
    return Rebased(onto, head, tuple(outcomes), len(outcomes) == len(patches))


def _rebase_one(
    repository: Repository,
    objects: CatFile,
    merger: MergeTree,
    patch: Patch,
    old: AppliedPatch,
    parent: str,
    head: str,
    renames: dict[bytes, Move],
    fallback: Signature,
) -> Outcome:
    tree = _tree_of(objects, head)
    # A commit with the tree as it is now and the old parent: git then finds that as merge base.
    now = write_commit(repository, tree, [parent], fallback, b"porttool: merge side\n")
    merged = merger.merge(now, old.commit)
    facts: list[HunkFact] = []
    moves: list[Move] = []
    differs = False
    for diff in patch.files:
        move = renames.get(diff.old) if diff.old is not None else None
        if move is not None:
            moves.append(move)
        found, content = _look(objects, tree, diff, move)
        facts += found
        if content is not None and merged.clean:
            path = (move.new if move is not None else _text(diff.path)) if diff.new else None
            there = (
                _read(objects, merged.tree, path.encode("utf-8", "surrogateescape"))
                if path
                else b""
            )
            differs = differs or (there is not None and there != content)
    states = {fact.state for fact in facts}
    verdict = _verdict(merged, tree, facts, states, moves, differs)
    commit = None
    if verdict is not Verdict.ABSORBED:
        author = patch.message.signature(fallback)
        commit = write_commit(repository, merged.tree, [head], author, patch.message.text)
    conflicts = tuple(_text(path) for path in merged.conflicts)
    return Outcome(patch.name, verdict, commit, tuple(moves), tuple(facts), conflicts)


def _verdict(
    merged: Merged,
    tree: str,
    facts: Sequence[HunkFact],
    states: set[HunkState],
    moves: Sequence[Move],
    differs: bool,
) -> Verdict:
    if not merged.clean:
        return Verdict.CONFLICT
    if merged.tree == tree:
        return Verdict.ABSORBED
    if HunkState.AMBIGUOUS in states or differs:
        return Verdict.AMBIGUOUS
    if HunkState.ABSORBED in states:
        return Verdict.PARTLY_ABSORBED
    if HunkState.MISSING in states:
        return Verdict.MERGED
    if moves:
        return Verdict.MOVED
    if any(fact.offset for fact in facts):
        return Verdict.OFFSET
    return Verdict.CLEAN


def _look(
    objects: CatFile, tree: str, diff: FileDiff, move: Move | None
) -> tuple[list[HunkFact], bytes | None]:
    """Where the hunks of one file stand in ``tree``, and the content that placing them gives.

    The content is None unless every hunk has exactly one place.
    """
    path = diff.old if diff.old is not None else diff.path
    if move is not None:
        path = move.new.encode("utf-8", "surrogateescape")
    content = b"" if diff.old is None else _read(objects, tree, path)
    name = _text(path)
    if diff.old is None:
        there = _read(objects, tree, path)
        wanted = b"".join(line for hunk in diff.hunks for line in hunk.new)
        if there is not None:
            state = HunkState.ABSORBED if there == wanted else HunkState.MISSING
            return [HunkFact(name, hunk.number, state) for hunk in diff.hunks], None
    if content is None:
        gone = HunkState.ABSORBED if diff.new is None else HunkState.MISSING
        return [HunkFact(name, hunk.number, gone) for hunk in diff.hunks], None
    exact = diff.old_oid is not None and _oid(content, diff.old_oid).startswith(diff.old_oid)
    lines = split_lines(content)
    try:
        placements = place(diff.hunks, lines, exact=exact)
    except PlacementError:
        return [_one_hunk(name, hunk, lines) for hunk in diff.hunks], None
    facts = [
        HunkFact(name, each.hunk.number, HunkState.PLACED, each.offset, (each.line + 1,))
        for each in placements
    ]
    return facts, apply(placements, lines) if diff.hunks else None


def _one_hunk(name: str, hunk: Hunk, lines: list[bytes]) -> HunkFact:
    """Where one hunk stands by itself, its neighbours left out of account."""
    try:
        (placement,) = place([hunk], lines, exact=False)
    except PlacementError as error:
        wanted, found = _shown(hunk.old), _shown(error.found)
        if error.ambiguous:
            places = error.candidates
            return HunkFact(name, hunk.number, HunkState.AMBIGUOUS, 0, places, wanted, found)
        try:
            (reverse,) = place([hunk.reversed()], lines, exact=False)
        except PlacementError:
            return HunkFact(name, hunk.number, HunkState.MISSING, 0, (), wanted, found)
        return HunkFact(name, hunk.number, HunkState.ABSORBED, 0, (reverse.line + 1,))
    at = (placement.line + 1,)
    return HunkFact(name, hunk.number, HunkState.PLACED, placement.offset, at)


def upstream_renames(repository: Repository, base: str, onto: str) -> dict[str, str]:
    """The files that upstream renamed from ``base`` to ``onto``: old path to new."""
    return {move.old: move.new for move in _renames(repository, base, onto).values()}


def _renames(repository: Repository, base: str, onto: str) -> dict[bytes, Move]:
    """The files that upstream renamed between two commits."""
    options = ("-r", "-z", "--find-renames=40%", "-l0", "--diff-filter=R", "--raw", "--no-abbrev")
    fields = repository.run("diff-tree", *options, base, onto).split(b"\0")
    moves = {}
    for meta, old, new in zip(fields[0::3], fields[1::3], fields[2::3], strict=False):
        score = re.search(rb" R(\d+)$", meta)
        if score is not None:
            moves[old] = Move(_text(old), _text(new), int(score[1]))
    return moves


def _patch_ids(repository: Repository, base: str, onto: str) -> dict[str, str]:
    """Patch id to upstream commit, for the commits that ``onto`` has and ``base`` has not."""
    log = repository.run("log", "-p", "--no-merges", "--format=commit %H", f"{base}..{onto}", "--")
    return _ids(repository, log)


def _series_patch_ids(
    repository: Repository, base: str, applied: Sequence[AppliedPatch]
) -> dict[str, str]:
    """Commit to patch id, for the commits of the series."""
    if not applied:
        return {}
    log = repository.run("log", "-p", "--format=commit %H", f"{base}..{applied[-1].commit}", "--")
    return {commit: patch_id for patch_id, commit in _ids(repository, log).items()}


def _ids(repository: Repository, log: bytes) -> dict[str, str]:
    out = repository.run("patch-id", "--stable", stdin=log).decode()
    return dict(line.split() for line in out.splitlines())


def _tree_of(objects: CatFile, commit: str) -> str:
    return objects.read(commit)[5:].split(b"\n", 1)[0].decode()


def _read(objects: CatFile, tree: str, path: bytes) -> bytes | None:
    if b"\n" in path:
        return None  # cat-file reads one name a line
    try:
        return objects.read(f"{tree}:{_text(path)}")
    except KeyError:
        return None


def _oid(content: bytes, like: str) -> str:
    name = "sha256" if len(like) == 64 else "sha1"
    return hashlib.new(name, b"blob %d\0" % len(content) + content).hexdigest()


def _shown(lines: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(line.rstrip(b"\r\n").decode("utf-8", "replace") for line in lines)


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")

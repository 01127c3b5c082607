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
from porttool.series.place import Placement, PlacementError, apply, place, split_lines


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

    ``offset`` and ``length`` are in lines, for one that is placed: how far it lies from where the
    patch says, and how much of the file it takes as context or removes; ``lines`` are the places
    where it would fit (from 1); ``wanted`` and ``found`` are the lines it looks for and those that
    are nearest.
    """

    file: str
    number: int
    state: HunkState
    offset: int = 0
    length: int = 0
    lines: tuple[int, ...] = ()
    wanted: tuple[str, ...] = ()
    found: tuple[str, ...] = ()


class Solution(StrEnum):
    """What came of a patch that somebody had to decide about."""

    BY_HAND = "solved by hand"
    AS_BEFORE = "solved as before"
    CONFIRMED = "placement confirmed"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One patch on the new upstream. ``commit`` is its new commit, or None when it has none.

    ``upstream`` is the upstream commit that absorbed it, where one has the same patch id;
    ``conflicts`` are the paths that a merge left in conflict; ``solution`` is what was decided.
    """

    name: str
    verdict: Verdict
    commit: str | None
    moves: tuple[Move, ...] = ()
    hunks: tuple[HunkFact, ...] = ()
    conflicts: tuple[str, ...] = ()
    upstream: str | None = None
    solution: Solution | None = None

    @property
    def absorbed_hunks(self) -> tuple[HunkFact, ...]:
        """The hunks that upstream has already."""
        return tuple(hunk for hunk in self.hunks if hunk.state is HunkState.ABSORBED)


@dataclass(frozen=True, slots=True)
class Pick:
    """A patch of the series to be put elsewhere: its commit, and the one it stands on now."""

    patch: Patch
    commit: str
    parent: str


@dataclass(frozen=True, slots=True)
class Stage:
    """One side of a path in conflict, as in git's index: 1 the base, 2 ours, 3 the patch's."""

    path: bytes
    number: int
    mode: bytes
    oid: str


@dataclass(frozen=True, slots=True)
class Merged:
    """What ``git merge-tree`` makes of two commits: a tree (with markers where it is not clean).

    ``stages`` are the sides of the paths in conflict.
    """

    clean: bool
    tree: str
    stages: tuple[Stage, ...]

    @property
    def conflicts(self) -> tuple[bytes, ...]:
        """The paths in conflict."""
        return tuple(dict.fromkeys(stage.path for stage in self.stages))


@dataclass(frozen=True, slots=True)
class Rebased:
    """The series on ``onto``: an outcome a patch, up to the first that somebody must decide about.

    ``head`` is the last commit that could be made. ``stopped`` is the merge of the last patch where
    it is in conflict or ambiguous and was not left out; its outcome then has no commit.
    """

    head: str
    outcomes: tuple[Outcome, ...]
    stopped: Merged | None = None


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
        stages: list[Stage] = []
        while record := self._field():
            meta, _, path = record.partition(b"\t")
            mode, oid, number = meta.split(b" ")
            stages.append(Stage(path, int(number), mode, oid.decode()))
        return Merged(clean, tree, tuple(stages))

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


def picks(base: str, patches: Sequence[Patch], applied: Sequence[AppliedPatch]) -> list[Pick]:
    """The series as it stands on ``base``: a pick a patch."""
    commits = [each.commit for each in applied]
    below = [base, *commits]
    return [Pick(*each) for each in zip(patches, commits, below, strict=False)]


def rebase(
    repository: Repository,
    base: str,
    onto: str,
    todo: Sequence[Pick],
    head: str | None = None,
    *,
    leave_out_conflicts: bool = False,
) -> Rebased:
    """Put ``todo``, patches of a series that stands on the upstream commit ``base``, on ``onto``.

    ``head`` is what they are put on when some of the series is there already. Patches that are
    absorbed get no commit. Stops behind the first patch in conflict or ambiguous; with
    ``leave_out_conflicts`` it goes on without the ones in conflict, and with what the merge made of
    the ambiguous ones.
    """
    renames = _renames(repository, base, onto)
    upstream = _patch_ids(repository, base, onto)
    ours = _series_patch_ids(repository, todo) if upstream else {}
    fallback = pin_signature(repository, base)
    outcomes: list[Outcome] = []
    head = onto if head is None else head
    with repository.cat_file() as objects, merging(repository) as merger:
        for pick in todo:
            outcome, merged = _rebase_one(
                repository, objects, merger, pick, head, renames, fallback
            )
            if outcome.verdict is Verdict.CONFLICT and _is_there(pick.patch, outcome):
                outcome = replace(outcome, verdict=Verdict.ABSORBED, conflicts=())
            if outcome.verdict is Verdict.ABSORBED:
                # The id names the commit; whether the change is still there, the tree has said.
                taken_by = upstream.get(ours.get(pick.commit, ""))
                outcome = replace(outcome, upstream=taken_by)
            undecided = outcome.verdict in (Verdict.CONFLICT, Verdict.AMBIGUOUS)
            if undecided and not leave_out_conflicts:
                return Rebased(head, (*outcomes, outcome), merged)
            if outcome.verdict not in (Verdict.ABSORBED, Verdict.CONFLICT):
                author = pick.patch.message.signature(fallback)
                head = write_commit(
                    repository, merged.tree, [head], author, pick.patch.message.text
                )
                outcome = replace(outcome, commit=head)
            outcomes.append(outcome)
    return Rebased(head, tuple(outcomes))


def _is_there(patch: Patch, outcome: Outcome) -> bool:
    """Whether every part of a patch applies in reverse, however the merge of it went."""
    lines_only = all(
        diff.hunks and not diff.is_transfer and diff.old_mode == diff.new_mode
        for diff in patch.files
        if diff.old is not None and diff.new is not None
    )
    states = {hunk.state for hunk in outcome.hunks}
    return lines_only and states == {HunkState.ABSORBED}


def _rebase_one(
    repository: Repository,
    objects: CatFile,
    merger: MergeTree,
    pick: Pick,
    head: str,
    renames: dict[bytes, Move],
    fallback: Signature,
) -> tuple[Outcome, Merged]:
    tree = _tree_of(objects, head)
    # A commit with the tree as it is now and the old parent: git then finds that as merge base.
    now = write_commit(repository, tree, [pick.parent], fallback, b"porttool: merge side\n")
    merged = merger.merge(now, pick.commit)
    facts: list[HunkFact] = []
    moves: list[Move] = []
    differs = False
    for diff in pick.patch.files:
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
    conflicts = tuple(_text(path) for path in merged.conflicts)
    outcome = Outcome(pick.patch.name, verdict, None, tuple(moves), tuple(facts), conflicts)
    return outcome, merged


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
    facts = [_placed(name, each) for each in placements]
    return facts, apply(placements, lines) if diff.hunks else None


def _one_hunk(name: str, hunk: Hunk, lines: list[bytes]) -> HunkFact:
    """Where one hunk stands by itself, its neighbours left out of account."""
    try:
        (placement,) = place([hunk], lines, exact=False)
    except PlacementError as error:
        wanted, found = _shown(hunk.old), _shown(error.found)
        if error.ambiguous:
            places = error.candidates
            return HunkFact(name, hunk.number, HunkState.AMBIGUOUS, 0, 0, places, wanted, found)
        try:
            (reverse,) = place([hunk.reversed()], lines, exact=False)
        except PlacementError:
            return HunkFact(name, hunk.number, HunkState.MISSING, 0, 0, (), wanted, found)
        return HunkFact(name, hunk.number, HunkState.ABSORBED, 0, 0, (reverse.line + 1,))
    return _placed(name, placement)


def _placed(name: str, at: Placement) -> HunkFact:
    length = len(at.hunk.old)
    return HunkFact(name, at.hunk.number, HunkState.PLACED, at.offset, length, (at.line + 1,))


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


def _series_patch_ids(repository: Repository, todo: Sequence[Pick]) -> dict[str, str]:
    """Commit to patch id, for the commits of the series."""
    commits = "".join(f"{pick.commit}\n" for pick in todo).encode()
    options = ("--stdin", "--no-walk=unsorted", "-p", "--format=commit %H")
    log = repository.run("log", *options, stdin=commits) if todo else b""
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

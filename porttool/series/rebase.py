"""The series on another upstream commit, worked out in the store; nothing else is touched.

Every patch is merged three-way, with git's rename detection, and placed directly besides: what the
two say together is its verdict. The merge bases are synthetic commits, because git before 2.40 has
no other way to name one to ``merge-tree``; one process serves the whole series.

Git is not asked what is certain without it. A patch that neither moves nor replaces files, on a
tree that has every path of it, is merged path by path whatever else the tree holds; and a path that
one of the sides did not touch is what the other side has.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from porttool.git import CatFile, FastImport, Repository, TreeEntry
from porttool.series.importer import SCRATCH_REF, AppliedPatch, pin_signature
from porttool.series.mergetree import Merged, MergeTree, Stage, merging
from porttool.series.outcome import HunkFact, HunkState, Move, Outcome, Verdict
from porttool.series.patch import FileDiff, Hunk, Patch
from porttool.series.place import Placement, PlacementError, apply, place, split_lines
from porttool.series.trees import (
    FOLDER,
    Blobs,
    Trees,
    content,
    hash_name,
    object_id,
    write_commit,
    write_object,
)

#: The modes of files whose contents git merges, and that of a symbolic link.
_PLAIN = (b"100644", b"100755")
_LINK = b"120000"


@dataclass(frozen=True, slots=True)
class Pick:
    """A patch of the series to be put elsewhere: its commit, and the one it stands on now."""

    patch: Patch
    commit: str
    parent: str


@dataclass(frozen=True, slots=True)
class Rebased:
    """The series on ``onto``: an outcome a patch, up to the first that somebody must decide about.

    ``head`` is the last commit that could be made. ``stopped`` is the merge of the last patch where
    it is in conflict or ambiguous and was not left out; its outcome then has no commit.
    """

    head: str
    outcomes: tuple[Outcome, ...]
    stopped: Merged | None = None


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
    with rebasing(repository, base) as rebaser:
        return rebaser.rebase(onto, todo, head, leave_out_conflicts=leave_out_conflicts)


@contextmanager
def rebasing(repository: Repository, base: str, *, shortcuts: bool = True) -> Iterator["Rebaser"]:
    """A :class:`Rebaser` for a series on the upstream commit ``base``.

    Without ``shortcuts`` git merges every patch by itself, which comes to the same.
    """
    with repository.cat_file() as objects, merging(repository) as merger:
        yield Rebaser(repository, base, objects, merger, shortcuts=shortcuts)


@dataclass(frozen=True, slots=True)
class _Sides:
    """A path that a patch changes: before it, where the patch is to go, and behind it."""

    path: bytes
    base: TreeEntry | None
    ours: TreeEntry | None
    theirs: TreeEntry | None

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The sides as they stand in an index."""
        sides = enumerate((self.base, self.ours, self.theirs), 1)
        return tuple(Stage(self.path, at, e.mode, e.oid) for at, e in sides if e is not None)

    @property
    def is_certain(self) -> bool:
        """Whether one of the sides is what all others but one are."""
        return self.ours in (self.base, self.theirs)


@dataclass(frozen=True, slots=True)
class _Changed:
    """What a pick does: the trees before and behind it, and the entries that are not the same."""

    before: str
    behind: str
    paths: dict[bytes, tuple[TreeEntry | None, TreeEntry | None]]

    @property
    def may_move(self) -> bool:
        """Whether git could see a rename in it."""
        sides = self.paths.values()
        return any(old is None for old, _ in sides) and any(new is None for _, new in sides)


@dataclass(frozen=True, slots=True)
class _Look:
    """Where the hunks of one file stand, and the blob that placing them gives.

    The blob is None unless every hunk has exactly one place.
    """

    facts: tuple[HunkFact, ...]
    blob: str | None = None


class Rebaser:
    """Puts the patches of one series on upstream commits, and does nothing twice for it."""

    def __init__(
        self,
        repository: Repository,
        base: str,
        objects: CatFile,
        merger: MergeTree,
        *,
        shortcuts: bool = True,
    ) -> None:
        self._repository, self._base, self._merger = repository, base, merger
        self._shortcuts = shortcuts
        self._hash_name = hash_name(base)
        self._trees = Trees(repository, objects, self._hash_name)
        self._blobs = Blobs(objects)
        self._fallback = pin_signature(repository, base)
        self._changed: dict[tuple[str, str], _Changed] = {}
        self._contents: dict[tuple[TreeEntry | None, ...], TreeEntry | None] = {}
        self._looks: dict[tuple[str, int, bytes, TreeEntry | None], _Look] = {}
        self._renames: dict[str, dict[bytes, Move]] = {}
        self._patch_ids: dict[str, str] = {}
        self._takers: dict[str, dict[str, str]] = {}

    def rebase(
        self,
        onto: str,
        todo: Sequence[Pick],
        head: str | None = None,
        *,
        leave_out_conflicts: bool = False,
    ) -> Rebased:
        """What :func:`rebase` does."""
        outcomes: list[Outcome] = []
        head = onto if head is None else head
        tree = self._trees.of(head)
        with self._commits() as commit:
            for pick in todo:
                merged = self._merge(pick, tree)
                outcome = self._outcome(pick, tree, merged, onto, (onto,), todo)
                undecided = outcome.verdict in (Verdict.CONFLICT, Verdict.AMBIGUOUS)
                if undecided and not leave_out_conflicts:
                    self._trees.write(merged.tree)
                    return Rebased(head, (*outcomes, outcome), merged)
                if _goes_on(outcome, merged, tree):
                    head = commit(pick, head, tree, merged.tree)
                    outcome = replace(outcome, commit=head)
                    tree = merged.tree
                    self._trees.keep([tree])
                outcomes.append(outcome)
        return Rebased(head, tuple(outcomes))

    def forecast(
        self,
        ontos: Sequence[str],
        todo: Sequence[Pick],
        advance: Callable[[], None] = lambda: None,
    ) -> list[tuple[Outcome, ...]]:
        """What a rebase that leaves conflicts out comes to on each of ``ontos``; no commits.

        All go forward together, a patch at a time, so that git merges for all of them at once;
        ``advance`` is called behind each patch.
        """
        trees = [self._trees.of(onto) for onto in ontos]
        outcomes: list[list[Outcome]] = [[] for _ in ontos]
        for pick in todo:
            by_path = [self._by_path(pick, tree) for tree in trees]
            self._merge_contents(each for sides in by_path for each in sides or ())
            self._blobs.fetch(self._to_be_looked_at(pick, zip(ontos, trees, strict=True)))
            for at, onto in enumerate(ontos):
                sides, tree = by_path[at], trees[at]
                merged = self._ask(pick, tree) if sides is None else self._join(tree, sides)
                outcome = self._outcome(pick, tree, merged, onto, ontos, todo)
                outcomes[at].append(outcome)
                if _goes_on(outcome, merged, tree):
                    trees[at] = merged.tree
            self._trees.keep(trees)
            advance()
        return [tuple(each) for each in outcomes]

    @contextmanager
    def _commits(self) -> Iterator[Callable[[Pick, str, str, str], str]]:
        """A function that commits a pick: on a head, from its tree to another; gives the commit.

        The commits can be read by others once the block is left.
        """
        with ExitStack() as stack:
            writer: FastImport | None = None

            def commit(pick: Pick, head: str, old: str, new: str) -> str:
                nonlocal writer
                author = pick.patch.message.signature(self._fallback)
                message = pick.patch.message.text
                if self._repository.is_apart:
                    self._trees.write(new)
                if self._trees.is_written(new):
                    return write_commit(self._repository, new, [head], author, message)
                if writer is None:
                    stack.callback(self._repository.run, "update-ref", "-d", SCRATCH_REF)
                    writer = stack.enter_context(self._repository.fast_import())
                differences = self._trees.differences(old, new)
                changes = [(path, entry) for path, (_, entry) in differences.items()]
                return writer.commit(SCRATCH_REF, author, message, changes, head)

            yield commit

    def _merge(self, pick: Pick, tree: str) -> Merged:
        """One pick on one tree."""
        sides = self._by_path(pick, tree)
        if sides is None or not all(each.is_certain for each in sides):
            return self._ask(pick, tree)
        return self._join(tree, sides)

    def _ask(self, pick: Pick, tree: str) -> Merged:
        """Let git merge a pick into a tree."""
        self._trees.write(tree)
        # A commit with the tree as it is now and the old parent: git then finds that as merge base.
        parents, message = [pick.parent], b"porttool: merge side\n"
        now = write_commit(self._repository, tree, parents, self._fallback, message)
        return self._merger.merge(now, pick.commit)

    def _by_path(self, pick: Pick, tree: str) -> list[_Sides] | None:
        """The sides of each path of a pick, if each can be merged by itself; else None.

        That is so where no rename can come into it: nothing that the pick needs has gone, and
        neither a file nor the move of a folder is in the way of what it adds. Files that are there
        on both sides are never taken for one end of a rename (merge-ort has no break detection).
        """
        if not self._shortcuts:
            return None
        changed = self._changes_of(pick)
        if changed.may_move:
            return None
        found = []
        for path, (base, theirs) in changed.paths.items():
            sides = _Sides(path, base, self._trees.find(tree, path), theirs)
            if base is None:
                alone = sides.ours is None and self._is_free(path, changed.before, tree)
            elif theirs is None:
                alone = sides.ours == base
            else:
                alone = sides.is_certain or all(
                    side is not None and side.mode in _PLAIN for side in (base, sides.ours, theirs)
                )
            if not alone:
                return None
            found.append(sides)
        return found

    def _is_free(self, path: bytes, below: str, tree: str) -> bool:
        """Whether a file that is new behind the tree ``below`` would be at ``path`` in ``tree``.

        A file may stand where it needs a folder; and git takes it along where a folder moved.
        """
        folders = path.split(b"/")[:-1]
        for depth in range(1, len(folders) + 1):
            folder = b"/".join(folders[:depth])
            there = self._trees.find(tree, folder)
            if there is None:
                return self._trees.find(below, folder) is None
            if there.mode != FOLDER:
                return False
        return True

    def _join(self, tree: str, sides: Sequence[_Sides]) -> Merged:
        """The merge of a pick whose paths were merged by themselves."""
        changes: dict[bytes, TreeEntry | None] = {}
        stages: list[Stage] = []
        for each in sides:
            if each.is_certain:
                entry = each.theirs if each.ours == each.base else each.ours
            else:
                entry = self._contents[each.base, each.ours, each.theirs]
                if entry is None:
                    stages += each.stages
            if entry != each.ours:
                changes[each.path] = entry
        if stages:
            return Merged(False, tree, tuple(stages))
        return Merged(True, self._trees.change(tree, changes) if changes else tree, ())

    def _merge_contents(self, needed: Iterable[_Sides]) -> None:
        """Let git merge, all at once, the files whose sides all differ."""
        wanted = dict.fromkeys(
            (each.base, each.ours, each.theirs) for each in needed if not each.is_certain
        )
        todo = [key for key in wanted if key not in self._contents]
        if not todo:
            return
        commits: list[str] = []
        for side in zip(*todo, strict=True):
            files = {b"%08d" % at: each for at, each in enumerate(side) if each is not None}
            tree = write_object(self._repository, b"tree", content(files), self._hash_name)
            message = b"porttool: merge side\n"
            made = write_commit(self._repository, tree, commits[:1], self._fallback, message)
            commits.append(made)
        merged = self._merger.merge(commits[1], commits[2])
        for at, key in enumerate(todo):
            name = b"%08d" % at
            clean = name not in merged.conflicts
            self._contents[key] = self._trees.find(merged.tree, name) if clean else None

    def _changes_of(self, pick: Pick) -> _Changed:
        key = pick.parent, pick.commit
        if key not in self._changed:
            trees = self._trees.of(pick.parent), self._trees.of(pick.commit)
            paths = self._trees.differences(*trees)
            self._changed[key] = _Changed(*trees, dict(sorted(paths.items())))
        return self._changed[key]

    def _outcome(
        self,
        pick: Pick,
        tree: str,
        merged: Merged,
        onto: str,
        ontos: Sequence[str],
        todo: Sequence[Pick],
    ) -> Outcome:
        """What the merge of a pick and the direct placement of its hunks come to."""
        renames = self._renames_to(onto)
        facts: list[HunkFact] = []
        moves: list[Move] = []
        differs = False
        rest: list[bool | None] = []
        for at, diff in enumerate(pick.patch.files):
            move = renames.get(diff.old) if diff.old is not None else None
            if move is not None:
                moves.append(move)
            path = _place_of(diff, move)
            look = self._look(pick, at, path, self._trees.find(tree, path))
            facts += look.facts
            rest.append(self._has_rest(pick, diff, tree, path))
            if rest[-1]:
                facts.append(HunkFact(_text(path), 0, HunkState.ABSORBED))
            if look.blob is not None and merged.clean:
                differs = differs or not self._gives(merged.tree, diff, move, look.blob)
        if merged.clean and merged.tree == tree and self._can_be_undone(pick, tree, renames):
            verdict = Verdict.ABSORBED
        else:
            verdict = _verdict(merged, tree, facts, moves, differs)
        conflicts = tuple(_text(path) for path in merged.conflicts)
        states = {fact.state for fact in facts}
        if verdict is Verdict.CONFLICT and states == {HunkState.ABSORBED} and False not in rest:
            verdict, conflicts = Verdict.ABSORBED, ()  # all is there, however the merge of it went
        # The id names the commit; whether the change is still there, the tree has said.
        taker = self._taker(pick, onto, ontos, todo) if verdict is Verdict.ABSORBED else None
        name = pick.patch.name
        return Outcome(name, verdict, None, tuple(moves), tuple(facts), conflicts, taker)

    def _gives(self, tree: str, diff: FileDiff, move: Move | None, blob: str) -> bool:
        """Whether a merge made of a file, if it has it, what placing its hunks makes of it."""
        if diff.new is None:
            return blob == object_id(b"blob", b"", self._hash_name)
        there = self._trees.find(tree, diff.new if move is None else _bytes(move.new))
        return there is None or there.oid == blob

    def _has_rest(self, pick: Pick, diff: FileDiff, tree: str, path: bytes) -> bool | None:
        """Whether ``tree`` has what a diff does apart from its lines; None if that is nothing."""
        changed = self._changes_of(pick)
        before = None if diff.old is None else self._trees.find(changed.before, diff.old)
        behind = None if diff.new is None else self._trees.find(changed.behind, diff.new)
        if diff.is_transfer and diff.old is not None and diff.new is not None:
            there = self._trees.find(tree, diff.new)
            gone = diff.copy or self._trees.find(tree, diff.old) is None
            return gone and (there is not None if diff.hunks else there == behind)
        there = self._trees.find(tree, path)
        if before is None or behind is None:
            if not diff.hunks:
                return there == behind
            other = there is not None and behind is not None and there.mode != behind.mode
            return False if other else None
        if before.mode == behind.mode and diff.hunks:
            return None
        same_mode = there is not None and there.mode == behind.mode
        same_content = there is not None and there.oid == behind.oid
        return (same_mode or before.mode == behind.mode) and (
            same_content or before.oid == behind.oid or bool(diff.hunks)
        )

    def _can_be_undone(self, pick: Pick, tree: str, renames: dict[bytes, Move]) -> bool:
        """Whether each hunk of a pick has exactly one place in ``tree`` where it can be undone."""
        behind = self._changes_of(pick).behind
        for diff in pick.patch.files:
            if diff.old is None or diff.new is None or not diff.hunks:
                continue
            path = _place_of(diff, renames.get(diff.old))
            there = self._trees.find(tree, path)
            if there is None or there.mode not in (*_PLAIN, _LINK):
                return False
            exact = there == self._trees.find(behind, diff.new)
            lines = split_lines(self._blobs.read(there.oid))
            try:
                place([hunk.reversed() for hunk in diff.hunks], lines, exact=exact)
            except PlacementError:
                return False
        return True

    def _to_be_looked_at(self, pick: Pick, places: Iterable[tuple[str, str]]) -> Iterator[str]:
        """The blobs on which a pick will be placed, for upstream commits and the trees on them."""
        for onto, tree in places:
            renames = self._renames_to(onto)
            for at, diff in enumerate(pick.patch.files):
                if diff.old is not None:
                    path = _place_of(diff, renames.get(diff.old))
                    entry = self._trees.find(tree, path)
                    new = (pick.commit, at, path, entry) not in self._looks
                    if new and entry is not None and entry.mode in _PLAIN:
                        yield entry.oid

    def _look(self, pick: Pick, at: int, path: bytes, entry: TreeEntry | None) -> _Look:
        """Where the hunks of the pick's file number ``at`` stand in what is at ``path``."""
        key = pick.commit, at, path, entry
        if key not in self._looks:
            self._looks[key] = self._look_at(pick.patch.files[at], path, entry)
        return self._looks[key]

    def _look_at(self, diff: FileDiff, path: bytes, entry: TreeEntry | None) -> _Look:
        name = _text(path)
        if diff.old is None and entry is not None:
            wanted = b"".join(line for hunk in diff.hunks for line in hunk.new)
            same = entry.oid == object_id(b"blob", wanted, self._hash_name)
            state = HunkState.ABSORBED if same else HunkState.MISSING
            return _Look(tuple(HunkFact(name, hunk.number, state) for hunk in diff.hunks))
        if diff.old is not None and (entry is None or entry.mode not in (*_PLAIN, _LINK)):
            gone = HunkState.ABSORBED if diff.new is None else HunkState.MISSING
            return _Look(tuple(HunkFact(name, hunk.number, gone) for hunk in diff.hunks))
        old = b"" if entry is None else self._blobs.read(entry.oid)
        exact = (
            entry is not None
            and diff.old_oid is not None
            and len(diff.old_oid) >= 7
            and entry.oid.startswith(diff.old_oid)
        )
        lines = split_lines(old)
        try:
            placements = place(diff.hunks, lines, exact=exact)
        except PlacementError:
            return _Look(tuple(_one_hunk(name, hunk, lines) for hunk in diff.hunks))
        facts = tuple(_placed(name, each) for each in placements)
        if not diff.hunks:
            return _Look(facts)
        new = apply(placements, lines)
        oid = object_id(b"blob", new, self._hash_name)
        self._blobs.know(oid, new)
        return _Look(facts, oid)

    def _renames_to(self, onto: str) -> dict[bytes, Move]:
        """The files that upstream renamed up to ``onto``."""
        if onto not in self._renames:
            trees = self._trees.of(self._base), self._trees.of(onto)
            sides = self._trees.differences(*trees).values()
            may_be = any(new is None for _, new in sides)
            found = _renames(self._repository, self._base, onto) if may_be else {}
            self._renames[onto] = found
        return self._renames[onto]

    def _taker(
        self, pick: Pick, onto: str, ontos: Sequence[str], todo: Sequence[Pick]
    ) -> str | None:
        """The upstream commit in ``onto`` that has the patch id of a pick."""
        if pick.commit not in self._patch_ids:
            self._patch_ids |= dict.fromkeys((each.commit for each in todo), "")
            self._patch_ids |= _series_patch_ids(self._repository, todo)
        if onto not in self._takers:
            self._takers |= _patch_ids(self._repository, self._base, ontos)
        return self._takers[onto].get(self._patch_ids[pick.commit])


def _goes_on(outcome: Outcome, merged: Merged, tree: str) -> bool:
    """Whether a patch that was merged into ``tree`` makes a commit there."""
    gone = (Verdict.ABSORBED, Verdict.CONFLICT)
    return outcome.verdict not in gone and merged.tree != tree


def _place_of(diff: FileDiff, move: Move | None) -> bytes:
    """Where the file that a diff changes is now."""
    if move is not None:
        return _bytes(move.new)
    return diff.old if diff.old is not None else diff.path


def _verdict(
    merged: Merged,
    tree: str,
    facts: Sequence[HunkFact],
    moves: Sequence[Move],
    differs: bool,
) -> Verdict:
    states = {fact.state for fact in facts}
    if not merged.clean:
        return Verdict.CONFLICT
    if HunkState.AMBIGUOUS in states or differs:
        return Verdict.AMBIGUOUS
    if merged.tree == tree:
        return Verdict.ABSORBED
    if HunkState.ABSORBED in states:
        return Verdict.PARTLY_ABSORBED
    if HunkState.MISSING in states:
        return Verdict.MERGED
    if moves:
        return Verdict.MOVED
    if any(fact.offset for fact in facts):
        return Verdict.OFFSET
    return Verdict.CLEAN


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


def _patch_ids(
    repository: Repository, base: str, ontos: Sequence[str]
) -> dict[str, dict[str, str]]:
    """For each of ``ontos``, patch id to upstream commit, for what it has and ``base`` has not."""
    form = ("--no-merges", "--format=commit %H")
    pairs = _ids(repository, repository.run("log", "-p", *form, *ontos, f"^{base}", "--"))
    graph: dict[str, list[str]] = {}
    for line in repository.run("rev-list", "--parents", *ontos, f"^{base}", "--").splitlines():
        commit, *parents = line.decode().split()
        graph[commit] = parents
    found = {}
    for onto in ontos:
        reached = {onto}
        waiting = [onto]
        while waiting:
            parents = graph.get(waiting.pop(), [])
            waiting += [parent for parent in parents if parent not in reached]
            reached.update(parents)
        found[onto] = {patch_id: commit for patch_id, commit in pairs if commit in reached}
    return found


def _series_patch_ids(repository: Repository, todo: Sequence[Pick]) -> dict[str, str]:
    """Commit to patch id, for the commits of the series."""
    commits = "".join(f"{pick.commit}\n" for pick in todo).encode()
    options = ("--stdin", "--no-walk=unsorted", "-p", "--format=commit %H")
    log = repository.run("log", *options, stdin=commits)
    return {commit: patch_id for patch_id, commit in _ids(repository, log)}


def _ids(repository: Repository, log: bytes) -> list[tuple[str, str]]:
    """Patch id and commit, for each commit of a log with diffs."""
    out = repository.run("patch-id", "--stable", stdin=log).decode()
    return [(patch_id, commit) for patch_id, commit in map(str.split, out.splitlines())]


def _shown(lines: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(line.rstrip(b"\r\n").decode("utf-8", "replace") for line in lines)


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")

"""Refresh: bring series, worktree and lock to one state again, on the pin or on a newer upstream.

Everything is worked out in the store first. ``patches/`` and the lock are touched last, in one
transaction, and not at all when the outcome is what is there already.
"""

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from porttool.errors import DecisionNeeded, PorttoolError, UserError
from porttool.git import GitKilled, Repository
from porttool.port import Port, tree_of
from porttool.series import exporter, folder, worktree
from porttool.series.exporter import ExportedPatch, Fate
from porttool.series.folder import PatchesFolder, PatchFile
from porttool.series.follow import follow
from porttool.series.importer import DoesNotApply, ImportedSeries, import_series
from porttool.series.outcome import Outcome
from porttool.series.patch import parse, split_header
from porttool.series.side import Side
from porttool.transaction import Change
from porttool.transaction import commit as commit_change
from porttool.upstream.licence import detect_license
from porttool.upstream.lock import Lock, Pin


@dataclass(frozen=True, slots=True)
class PatchReport:
    """One patch after a refresh: its fate, its subject, and what its diff amounts to.

    ``offsets`` are the lines by which its hunks lie away from where the file on disk had said;
    ``outcome`` is what the move to another upstream meant for it, if there was one.
    """

    name: str
    fate: str
    subject: str
    offsets: tuple[int, ...]
    files: tuple[str, ...]
    added: int
    removed: int
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What a refresh comes to, before anything on disk was touched.

    ``outcomes`` are those of every patch that was put elsewhere, also of the dropped ones;
    ``moved`` says that this was another upstream commit.
    """

    lock: Lock
    head: str
    patches: tuple[PatchReport, ...]
    dropped: tuple[str, ...]
    change: Change
    notes: tuple[str, ...]
    outcomes: tuple[Outcome, ...] = ()
    moved: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """The series as a refresh finds it: its files, and their commits on the upstream ``base``.

    ``listing`` is the folder that they come from, ``offsets`` how far each hunk lay from where its
    file said. ``settled`` is the export when the commits are a worktree's. ``tree`` is the
    worktree's state, ``edited`` whether the series was taken from there.
    """

    listing: PatchesFolder
    files: tuple[PatchFile, ...]
    commits: tuple[str, ...]
    base: str
    offsets: Mapping[str, tuple[int, ...]]
    notes: tuple[str, ...]
    tree: worktree.WorktreeState | None
    settled: "Settled | None" = None

    @property
    def head(self) -> str:
        """The last commit of the series, or the upstream commit itself."""
        return self.commits[-1] if self.commits else self.base


@dataclass(frozen=True, slots=True)
class Settled:
    """A series that was exported, and imported again to prove the export."""

    exported: tuple[ExportedPatch, ...]
    imported: ImportedSeries

    @property
    def files(self) -> tuple[PatchFile, ...]:
        """The patch files as they are written."""
        return tuple(PatchFile(p.name, p.content, parse(p.name, p.content)) for p in self.exported)

    @property
    def commits(self) -> tuple[str, ...]:
        """The commit of each."""
        return tuple(patch.commit for patch in self.imported.patches)


def plan(port: Port, onto: Pin | None = None, take: Side | None = None) -> Plan:
    """Work out a refresh of ``port`` where it is; ``onto`` is another name of its pin.

    Raises :class:`DecisionNeeded` when a patch does not apply or both sides were edited, and
    :class:`UserError` when the worktree is not in a state to be taken up.
    """
    return settle_in_place(port, gather(port, port.lock.pin.commit, take), onto or port.lock.pin)


def settle_in_place(port: Port, source: Source, pin: Pin) -> Plan:
    """The plan for a series that stands on ``pin`` already."""
    settled = source.settled
    if settled is None:
        known = list(zip(source.files, source.commits, strict=True))
        settled = settle(port.store, pin.commit, source.head, known, port.series.names)
    return conclude(port, source, pin, settled)


def gather(port: Port, target: str, take: Side | None = None) -> Source:
    """The series from ``patches/`` or from the worktree, as commits in the store.

    They stand on the pin, or on ``target`` when the worktree was rebased there by hand.
    """
    notes: list[str] = []
    listing = port.series.with_unlisted(port.workspace.patches)
    if port.series.unlisted:
        unlisted = ", ".join(port.series.unlisted)
        notes.append(f"{unlisted}: not in series, taken up behind the others")
    nameless = [f.name for f in listing.files if not f.patch.header.strip()]
    if nameless:
        notes.append(
            f"{', '.join(nameless)}: no header, so no author and no reason; please add them"
        )
    state = worktree.inspect(port.workspace.tree)
    if state is not None and state.untracked:
        shown = ", ".join(state.untracked[:5]) + (", …" if len(state.untracked) > 5 else "")
        notes.append(f"git add was never run in the worktree for {shown}; not part of the series")
    pin = port.lock.pin.commit
    if state is not None and _from_tree(port, state, take):
        base = _base_of(port, state, target)
        _refuse_upstream_commits(port, base, state.head)
        listing = port.series  # what series does not name is not among the commits
        known = _known(port.store, pin, listing)
        made = settle(port.store, base, state.head, known, port.series.names)
        return Source(listing, made.files, made.commits, base, {}, tuple(notes), state, made)
    if port.series_edited:
        notes.append("patches/ was edited since the last refresh; taken up")
    first = import_series(port.store, pin, listing.patches)
    offsets = {patch.name: patch.offsets for patch in first.patches}
    commits = tuple(patch.commit for patch in first.patches)
    return Source(listing, listing.files, commits, pin, offsets, tuple(notes), state)


def carry_out(port: Port, outcome: Plan) -> bool:
    """Write what was planned; gives whether anything changed. Then the worktree follows."""
    if worktree.inspect(port.workspace.tree) is None:
        return commit_change(port.workspace, outcome.change)
    with worktree.moving(port.workspace.tree, outcome.head, outcome.change.lock):
        return commit_change(port.workspace, outcome.change)


def _from_tree(port: Port, state: worktree.WorktreeState, take: Side | None) -> bool:
    """Whether the worktree's commits are the series, rather than the patch files."""
    where = str(port.workspace.tree)
    if state.busy is not None:
        raise UserError(
            "the worktree is in the middle of something",
            where=where,
            why=f"{state.busy} is not finished",
            fix="finish or abort it there, and refresh again",
        )
    if not tree_edited(port, state):
        return False
    if state.branch != worktree.BRANCH:
        raise UserError(
            f"the worktree is not on its branch {worktree.BRANCH}",
            where=where,
            why=f"it is on {state.branch or 'no branch'}, at {state.head[:12]}; "
            "taking the series from there could drop patches",
            fix=f"git -C {shlex.quote(where)} switch {worktree.BRANCH} (or switch -C, to mean it)",
        )
    patches_edited = port.series_edited or bool(port.series.unlisted)
    if patches_edited and take is None:
        raise DecisionNeeded(
            "both patches/ and the worktree were edited",
            where=where,
            why="a refresh takes the series from one of them, which would lose the other's edits",
            fix="porttool refresh --take patches, or porttool refresh --take worktree",
        )
    return take is not Side.PATCHES


def tree_edited(port: Port, state: worktree.WorktreeState) -> bool:
    """Whether the worktree has commits that are not in ``patches/``."""
    if state.head == port.store.resolve(worktree.TREE_REF):
        return False
    try:  # a refresh that was killed may have moved the worktree without noting it
        series = import_series(port.store, port.lock.pin.commit, port.series.patches)
    except GitKilled:
        raise
    except PorttoolError:
        return True
    return _said(port, series.head) != _said(port, state.head)


def _said(port: Port, head: str) -> bytes:
    """All that a patch is made of, for each commit from the pin to ``head``; not the committer."""
    form = "--format=%T%x00%an%x00%ae%x00%ad%x00%B%x00"
    return port.store.run("log", "--date=raw", form, f"{port.lock.pin.commit}..{head}", "--")


def _refuse_upstream_commits(port: Port, base: str, head: str) -> None:
    """Raise :class:`UserError` when commits of upstream would become patches of the series."""
    ids = port.store.run("rev-list", f"{base}..{head}")
    answers = port.mirror.repository.run("cat-file", "--batch-check", stdin=ids).decode()
    upstream = [line.split()[0] for line in answers.splitlines() if not line.endswith(" missing")]
    if upstream:
        raise UserError(
            "the worktree stands on a newer upstream than the pin",
            where=str(port.workspace.tree),
            why=f"{len(upstream)} of its commits are upstream's, {upstream[0][:12]} the newest",
            fix="porttool refresh --onto REF, with the ref that it was rebased onto",
        )


def _base_of(port: Port, state: worktree.WorktreeState, target: str) -> str:
    """The upstream commit that the worktree's series begins on: the target, else the pin.

    A worktree that was rebased onto the target by hand is how a maintainer solves a conflict.
    """
    pin = port.lock.pin

    def reaches(ancestor: str, commit: str) -> bool:
        return port.store.status("merge-base", "--is-ancestor", ancestor, commit) == 0

    if reaches(target, state.head) and not (target != pin.commit and reaches(target, pin.commit)):
        return target
    if not reaches(pin.commit, state.head):
        raise UserError(
            "the worktree does not stand on the pin",
            where=str(port.workspace.tree),
            why=f"{pin.commit} ({pin.ref}) is no ancestor of its commit",
            fix="rebase it onto the pin, or porttool apply --force to make it anew from patches/",
        )
    return pin.commit


def _known(
    store: Repository, base: str, source: PatchesFolder
) -> list[tuple[PatchFile, str | None]]:
    """The patch files with the commits they would be; without, where they do not apply."""
    try:
        imported = import_series(store, base, source.patches)
    except DoesNotApply:
        return [(file, None) for file in source.files]
    return list(zip(source.files, (patch.commit for patch in imported.patches), strict=True))


def settle(
    store: Repository,
    base: str,
    head: str,
    known: Sequence[tuple[PatchFile, str | None]],
    reserved: Collection[str],
) -> Settled:
    """Export ``base..head`` and prove the export: imported again, it must give the same tree.

    ``known`` are the patch files with the commits they have become, ``reserved`` names that a new
    patch must not get. A kept file whose line numbers no longer say which of several places is
    meant is replaced by what git computes.
    """
    exported = exporter.export_series(store, base, head, known, reserved)
    for _ in range(len(exported) + 1):
        parsed = [parse(patch.name, patch.content) for patch in exported]
        try:
            imported = import_series(store, base, parsed)
        except DoesNotApply as error:
            at = next(i for i, patch in enumerate(exported) if patch.name == error.patch)
            patch = exported[at]
            if patch.content == patch.computed:
                raise
            exported[at] = replace(patch, content=patch.computed, fate=Fate.CHANGED)
            continue
        break
    if tree_of(store, imported.head) != tree_of(store, head):
        raise AssertionError(f"the export of {head} does not give its tree back")
    return Settled(tuple(exported), imported)


def conclude(
    port: Port,
    source: Source,
    pin: Pin,
    settled: Settled,
    *,
    outcomes: Sequence[Outcome] = (),
    epitaphs: Mapping[str, str] | None = None,
    parked: Mapping[str, bytes] | None = None,
) -> Plan:
    """What is to be written for a ``settled`` series on ``pin``.

    ``epitaphs`` are the comments that stay in ``series`` for patches that left it; ``parked`` are
    the files of some of these, which stay, too.
    """
    notes = list(source.notes)
    parked = parked or {}
    head = settled.imported.head
    config: bytes | None = None
    if pin.commit != port.lock.pin.commit:  # also when the series was rebased by hand
        config = follow(port, pin.commit, head)
        if config is not None:
            notes.append("upstream moved files: sources and includes in porttool.toml follow")
    if source.tree is not None and source.tree.dirty:
        require_clean(port, source.tree, head)
        notes.append("the worktree has uncommitted changes; they are not part of the series")
    names = [patch.name for patch in settled.exported]
    contents = {patch.name: patch.content for patch in settled.exported}
    listing = source.listing
    series_text = listing.series.rewritten(names, epitaphs).encode("utf-8", "surrogateescape")
    lock = Lock(
        name=port.workspace.config.name,
        pin=pin,
        license=port.workspace.config.license or detect_license(port.store, pin.commit),
        series_digest=folder.digest(series_text, list(contents.items())),
        series_tree=tree_of(port.store, head),
        unikraft=port.workspace.config.unikraft,
    )
    gone = [file.name for file in listing.files if file.name not in contents]
    change = Change(
        patches={**parked, **contents, folder.SERIES_NAME: series_text},
        dropped=frozenset(gone) - set(parked),
        config=config,
        lock=lock.dumps().encode(),
    )
    by_name = {outcome.name: outcome for outcome in outcomes}
    offsets = {**source.offsets} | {o.name: tuple(h.offset for h in o.hunks) for o in outcomes}
    before = {file.name: file.content for file in port.series.files}
    reports = tuple(
        _report(patch, before, offsets.get(patch.name, ()), by_name.get(patch.name))
        for patch in settled.exported
    )
    moved = pin.commit != port.lock.pin.commit
    return Plan(lock, head, reports, tuple(gone), change, tuple(notes), tuple(outcomes), moved)


def require_clean(port: Port, state: worktree.WorktreeState, head: str) -> None:
    """Raise :class:`UserError` when a worktree with loose edits would have to move to ``head``."""
    if tree_of(port.store, state.head) != tree_of(port.store, head):
        raise UserError(
            "the worktree has uncommitted changes and would have to move",
            where=str(port.workspace.tree),
            fix="commit or stash them there, then refresh again",
        )


def _report(
    patch: ExportedPatch,
    before: Mapping[str, bytes],
    offsets: tuple[int, ...],
    outcome: Outcome | None,
) -> PatchReport:
    """What becomes of a patch file, and how much it changes, as unidiff reads it.

    ``before`` are the files of the series as they are on disk; the export may have been compared
    with those of a step on the way.
    """
    from unidiff.patch import PatchSet

    _, diff = split_header(patch.content)
    changes = PatchSet(diff.decode("latin-1"), metadata_only=True)
    parsed = parse(patch.name, patch.content)
    fate = Fate.UNCHANGED if before.get(patch.name) == patch.content else Fate.CHANGED
    if patch.name not in before:
        fate = Fate.NEW
    return PatchReport(
        patch.name,
        str(fate),
        parsed.message.subject.decode("utf-8", "replace"),
        offsets,
        tuple(each.path.decode("utf-8", "replace") for each in parsed.files),
        sum(each.added for each in changes),
        sum(each.removed for each in changes),
        outcome,
    )

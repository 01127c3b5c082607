"""Refresh: bring series, worktree and lock to one state again, on the pin or on a newer upstream.

Everything is worked out in the store first. ``patches/`` and the lock are touched last, in one
transaction, and not at all when the outcome is what is there already.
"""

import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import tomlkit

from porttool.errors import DecisionNeeded, PorttoolError, UserError
from porttool.git import Repository
from porttool.port import Port, tree_of
from porttool.series import exporter, folder, worktree
from porttool.series.exporter import ExportedPatch, Fate
from porttool.series.folder import PatchesFolder, PatchFile
from porttool.series.importer import DoesNotApply, ImportedSeries, import_series
from porttool.series.patch import parse, split_header
from porttool.series.rebase import HunkState, Outcome, Verdict, picks, rebase, upstream_renames
from porttool.series.side import Side
from porttool.series.why import Culprit, find_culprit
from porttool.transaction import Change
from porttool.transaction import commit as commit_change
from porttool.upstream.licence import detect_license
from porttool.upstream.lock import Lock, Pin

#: The commit that the default worktree was last brought to.
TREE_REF = "refs/porttool/tree"


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

    ``outcomes`` are those of every patch, also of the dropped ones, if upstream moved.
    """

    lock: Lock
    head: str
    patches: tuple[PatchReport, ...]
    dropped: tuple[str, ...]
    change: Change
    notes: tuple[str, ...]
    outcomes: tuple[Outcome, ...] = ()


class SeriesDecision(DecisionNeeded):
    """The series cannot move without a maintainer's word; ``outcomes`` are those worked out.

    ``culprit`` is the upstream commit at which a patch in conflict stopped applying.
    """

    def __init__(
        self, outcomes: tuple[Outcome, ...], what: str, *, why: str | None, fix: str | None
    ) -> None:
        super().__init__(what, why=why, fix=fix)
        self.outcomes = outcomes
        self.culprit: Culprit | None = None


def plan(
    port: Port,
    onto: Pin | None = None,
    take: Side | None = None,
    *,
    drop_absorbed: bool = False,
) -> Plan:
    """Work out a refresh of ``port``, on ``onto`` if given.

    With ``drop_absorbed`` patches that upstream has by now leave the series. Raises
    :class:`DecisionNeeded` when a patch does not apply, is absorbed, or both sides were edited,
    and :class:`UserError` when the worktree is not in a state to be taken up.
    """
    notes: list[str] = []
    source = listing = port.series.with_unlisted(port.workspace.patches)
    reserved = port.series.names
    if port.series.unlisted:
        notes.append(
            f"{', '.join(port.series.unlisted)}: not in series, taken up behind the others"
        )
    nameless = [f.name for f in source.files if not f.patch.header.strip()]
    if nameless:
        notes.append(
            f"{', '.join(nameless)}: no header, so no author and no reason; please add them"
        )
    state = worktree.inspect(port.workspace.tree)
    pin = port.lock.pin.commit
    target = pin if onto is None else onto.commit
    offsets: dict[str, tuple[int, ...]] = {}
    settled_on = None
    if state is not None and _from_tree(port, state, take):
        settled_on = _base_of(port, state, target)
        _refuse_upstream_commits(port, settled_on, state.head)
        source = listing = port.series  # what series does not name is not among the commits
        known = _known(port.store, pin, source)
        exported, imported = _settle(port.store, settled_on, state.head, known, reserved)
        source = _as_folder(source, exported)
    outcomes: tuple[Outcome, ...] = ()
    config: bytes | None = None
    if settled_on != target:
        first = import_series(port.store, pin, source.patches)
        commits: list[str | None] = [patch.commit for patch in first.patches]
        head = first.head
        offsets = {patch.name: patch.offsets for patch in first.patches}
        if target != pin:
            todo = picks(pin, source.patches, first.patches)
            moved = rebase(port.store, pin, target, todo)
            outcomes, head = moved.outcomes, moved.head
            try:
                _require_no_decision(outcomes, drop_absorbed=drop_absorbed)
            except SeriesDecision as error:
                if (last := outcomes[-1]).verdict is Verdict.CONFLICT:
                    upto = todo[: len(outcomes)]
                    error.culprit = find_culprit(port.store, pin, target, upto, last)
                raise
            commits = [outcome.commit for outcome in outcomes]
            offsets = {o.name: tuple(hunk.offset for hunk in o.hunks) for o in outcomes}
        pairs = zip(source.files, commits, strict=True)
        known = [(file, commit) for file, commit in pairs if commit is not None]
        exported, imported = _settle(port.store, target, head, known, reserved)
    if target != pin:  # also when the series was rebased by hand
        renames = upstream_renames(port.store, pin, target)
        config, said = _follow(port, renames, imported.head)
        notes += said
    if state is not None and state.dirty:
        if tree_of(port.store, state.head) != tree_of(port.store, imported.head):
            raise UserError(
                "the worktree has uncommitted changes and would have to move",
                where=str(port.workspace.tree),
                fix="commit or stash them there, then refresh again",
            )
        notes.append("the worktree has uncommitted changes; they are not part of the series")
    if state is not None and state.untracked:
        shown = ", ".join(state.untracked[:5]) + (", …" if len(state.untracked) > 5 else "")
        notes.append(f"git add was never run in the worktree for {shown}; not part of the series")
    if port.series_edited and settled_on is None:
        notes.append("patches/ was edited since the last refresh; taken up")
    return _conclude(port, listing, onto, exported, imported, offsets, notes, outcomes, config)


def carry_out(port: Port, outcome: Plan) -> bool:
    """Write what was planned; gives whether anything changed. Then the worktree follows."""
    state = worktree.inspect(port.workspace.tree)
    if state is not None and state.head != outcome.head:
        worktree.require_movable(port.workspace.tree, outcome.head)
    changed = commit_change(port.workspace, outcome.change)
    if state is not None:
        if state.head != outcome.head:
            worktree.move(port.workspace.tree, outcome.head)
        port.store.run("update-ref", TREE_REF, outcome.head)
    return changed


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
    if state.head == port.store.resolve(TREE_REF):
        return False
    try:  # a refresh that was killed may have moved the worktree without noting it
        series = import_series(port.store, port.lock.pin.commit, port.series.patches)
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


def _settle(
    store: Repository,
    base: str,
    head: str,
    known: Sequence[tuple[PatchFile, str | None]],
    reserved: Collection[str],
) -> tuple[list[ExportedPatch], ImportedSeries]:
    """Export ``base..head`` and prove the export: imported again, it must give the same tree.

    A kept file whose line numbers no longer say which of several places is meant is replaced by
    what git computes.
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
    return exported, imported


def _as_folder(old: PatchesFolder, exported: Sequence[ExportedPatch]) -> PatchesFolder:
    files = tuple(PatchFile(p.name, p.content, parse(p.name, p.content)) for p in exported)
    return replace(old, files=files)


def _conclude(
    port: Port,
    listing: PatchesFolder,
    onto: Pin | None,
    exported: Sequence[ExportedPatch],
    imported: ImportedSeries,
    offsets: dict[str, tuple[int, ...]],
    notes: Sequence[str],
    outcomes: tuple[Outcome, ...],
    config: bytes | None,
) -> Plan:
    names = [patch.name for patch in exported]
    contents = {patch.name: patch.content for patch in exported}
    pin = port.lock.pin if onto is None else onto
    epitaphs = {
        outcome.name: _epitaph(port.store, outcome, pin)
        for outcome in outcomes
        if outcome.verdict is Verdict.ABSORBED
    }
    series_text = listing.series.rewritten(names, epitaphs).encode("utf-8", "surrogateescape")
    lock = Lock(
        name=port.workspace.config.name,
        pin=pin,
        license=port.workspace.config.license or detect_license(port.store, pin.commit),
        series_digest=folder.digest(series_text, list(contents.items())),
        series_tree=tree_of(port.store, imported.head),
        unikraft=port.workspace.config.unikraft,
    )
    dropped = tuple(file.name for file in listing.files if file.name not in contents)
    change = Change(
        patches={**contents, folder.SERIES_NAME: series_text},
        dropped=frozenset(dropped),
        config=config,
        lock=lock.dumps().encode(),
    )
    by_name = {outcome.name: outcome for outcome in outcomes}
    reports = tuple(
        _report(patch, offsets.get(patch.name, ()), by_name.get(patch.name)) for patch in exported
    )
    return Plan(lock, imported.head, reports, dropped, change, tuple(notes), outcomes)


def _require_no_decision(outcomes: tuple[Outcome, ...], *, drop_absorbed: bool) -> None:
    """Raise :class:`SeriesDecision` for the first patch that somebody has to decide about."""
    for outcome in outcomes:
        if outcome.verdict is Verdict.CONFLICT:
            what, why = _conflict(outcome)
            raise SeriesDecision(outcomes, what, why=why, fix=None)
        if outcome.verdict is Verdict.AMBIGUOUS:
            hunk = next((h for h in outcome.hunks if h.state is HunkState.AMBIGUOUS), None)
            what = f"{outcome.name} fits in more than one place"
            why = "a three-way merge and the direct placement of its hunks differ"
            if hunk is not None:
                what += f": {hunk.file}, hunk {hunk.number}"
                places = ", ".join(map(str, hunk.lines[:12]))
                why = f"the lines of the hunk stand at line {places}"
            raise SeriesDecision(outcomes, what, why=why, fix=None)
    absorbed = [outcome for outcome in outcomes if outcome.verdict is Verdict.ABSORBED]
    if absorbed and not drop_absorbed:
        names = ", ".join(outcome.name for outcome in absorbed)
        taken = "\n".join(
            f"{o.name}: taken in {o.upstream[:12]}"
            if o.upstream
            else f"{o.name}: all of it is there"
            for o in absorbed
        )
        raise SeriesDecision(
            outcomes,
            f"upstream has this already: {names}",
            why=taken,
            fix="add --drop-absorbed to take it out of the series",
        )


def _conflict(outcome: Outcome) -> tuple[str, str]:
    """What and why of a conflict: the file, the hunk, the lines wanted and found."""
    hunk = next((hunk for hunk in outcome.hunks if hunk.state is HunkState.MISSING), None)
    if hunk is None:
        where = ", ".join(outcome.conflicts)
        return f"{outcome.name} does not apply: {where}", "upstream changed the same lines"
    what = f"{outcome.name} does not apply: {hunk.file}, hunk {hunk.number}"
    if not hunk.wanted:
        return what, "upstream has no such file any more"
    wanted = "\n".join(f"- {line}" for line in hunk.wanted)
    found = "\n".join(f"+ {line}" for line in hunk.found)
    return what, f"wanted:\n{wanted}\n" + (f"found:\n{found}" if found else "found nothing like it")


def _epitaph(store: Repository, outcome: Outcome, pin: Pin) -> str:
    """The comment that stands in ``series`` for a patch that upstream absorbed."""
    if outcome.upstream is None:
        return f"# {outcome.name}: upstream has it in {pin.ref}"
    subject = store.run("log", "-1", "--format=%s", outcome.upstream).decode("utf-8", "replace")
    return f"# {outcome.name}: upstream took it in {outcome.upstream[:12]} ({subject.strip()})"


def _follow(port: Port, renames: Mapping[str, str], head: str) -> tuple[bytes | None, list[str]]:
    """``porttool.toml`` with sources and includes where upstream moved them, and a note about it.

    A source that was renamed is named anew. An include folder that has lost its headers gives way
    to the folders they went to. Everything else in the file stays as it is, comments included.
    """
    config = port.workspace.config
    there = {path.decode("utf-8", "surrogateescape") for path in port.store.tree(head)}
    folders = {path.rpartition("/")[0] or "." for path in there if path.endswith(".h")}
    sources = [renames.get(source, source) for source in config.sources]
    includes: dict[str, None] = {}
    for include in config.includes:
        went = [
            new.rpartition("/")[0] or "."
            for old, new in renames.items()
            if old.endswith(".h") and (old.rpartition("/")[0] or ".") == include
        ]
        if include in folders or not went:
            includes.setdefault(include)
        includes.update(dict.fromkeys(sorted(went)))
    if sources == list(config.sources) and list(includes) == list(config.includes):
        return None, []
    document = tomlkit.parse(port.workspace.config_path.read_text("utf-8"))
    settings = document["port"]
    for key, values in (("sources", sources), ("includes", list(includes))):
        old_values = list(getattr(config, key))
        if values != old_values:
            array = settings[key]
            if len(values) == len(old_values):
                for at, value in enumerate(values):
                    if value != old_values[at]:
                        array[at] = value
            else:
                settings[key] = values
    note = "upstream moved files: sources and includes in porttool.toml follow"
    return tomlkit.dumps(document).encode(), [note]


def _report(patch: ExportedPatch, offsets: tuple[int, ...], outcome: Outcome | None) -> PatchReport:
    """Count what a patch changes, as unidiff reads it."""
    from unidiff.patch import PatchSet

    _, diff = split_header(patch.content)
    changes = PatchSet(diff.decode("latin-1"), metadata_only=True)
    parsed = parse(patch.name, patch.content)
    return PatchReport(
        patch.name,
        str(patch.fate),
        parsed.message.subject.decode("utf-8", "replace"),
        offsets,
        tuple(each.path.decode("utf-8", "replace") for each in parsed.files),
        sum(each.added for each in changes),
        sum(each.removed for each in changes),
        outcome,
    )

"""Moving a series: patch after patch to its new place, stopping where somebody has to decide.

Everything happens in the store. A stop is kept on disk (:mod:`porttool.series.operation`) with a
worktree to work in (:mod:`porttool.series.work`); what comes of it in the end is a
:class:`~porttool.series.refresh.Plan`, which changes all or nothing.
"""

import hashlib
import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import reduce
from pathlib import Path

from porttool.errors import UserError
from porttool.port import Port, tree_of
from porttool.series import operation as state
from porttool.series import refresh, solutions, work, worktree
from porttool.series.decision import SeriesDecision, decision
from porttool.series.exporter import read_commits
from porttool.series.folder import PatchFile
from porttool.series.importer import pin_signature
from porttool.series.message import joined
from porttool.series.operation import Action, Done, Item, Operation, Reason, Start, Stop
from porttool.series.outcome import Outcome, Solution, Verdict
from porttool.series.rebase import Pick, Rebased, rebase, rebasing
from porttool.series.refresh import Plan, Settled, Source
from porttool.series.trees import write_commit
from porttool.series.why import find_taker, touching
from porttool.upstream.lock import Pin


def begin(
    port: Port,
    source: Source,
    goal: Pin,
    command: str,
    *,
    todo: Sequence[Item] | None = None,
    drop_absorbed: bool = False,
    step: bool = False,
    reuse: bool = True,
) -> Operation:
    """An operation that puts the series of ``source``, or ``todo`` made of it, on ``goal``.

    With ``step`` it goes by way of those upstream commits that touch the patched lines. ``reuse``
    says whether conflicts that were solved before are solved so again.
    """
    if source.tree is not None and source.tree.dirty:
        refresh.require_clean(port, source.tree, goal.commit)
    operation = Operation(
        command=command,
        start=Start(
            state.digest_of(port.workspace.lock_path),
            _series_digest(port),
            source.tree.head if source.tree is not None else None,
            source.settled is not None,
        ),
        pin=port.lock.pin,
        goal=goal,
        base=source.base,
        target=goal.commit,
        head=goal.commit,
        todo=tuple(items(source)) if todo is None else tuple(todo),
        notes=source.notes,
        drop_absorbed=drop_absorbed,
        reuse=reuse,
    )
    if not step:
        return operation
    picks = [item.pick for item in operation.todo]
    commits = touching(port.store, source.base, goal.commit, picks)
    with port.store.apart() as scratch, rebasing(scratch, source.base) as rebaser:
        (direct,) = rebaser.forecast([goal.commit], picks)
    absorbed = tuple(o.name for o in direct if o.verdict is Verdict.ABSORBED)
    later = (*(commit for commit in commits if commit != goal.commit), goal.commit)
    return _next_step(port, replace(operation, later=later, absorbed=absorbed))


def items(source: Source) -> list[Item]:
    """The items of a series where it stands."""
    lines = {line.name: line for line in source.listing.series.patches}
    found = []
    parent = source.base
    for file, commit in zip(source.files, source.commits, strict=True):
        line = lines.get(file.name) if source.settled is None else None
        strip, reverse = (1, False) if line is None else (line.strip, line.reverse)
        found.append(Item(file.name, file.content, commit, parent, strip, reverse))
        parent = commit
    return found


def run(port: Port, operation: Operation) -> Plan | Stop:
    """Go on with an operation to its end, or to a patch that is to be edited.

    Raises :class:`SeriesDecision` where somebody must decide; but for absorbed patches in an
    operation that never stopped, it is on disk then.
    """
    while True:
        reached = _to_target(port, operation)
        if isinstance(reached, Stop):
            return reached
        operation = reached
        if operation.target == operation.goal.commit:
            return _finish(port, operation)
        operation = _next_step(port, _settled_on_target(port, operation))


def resume(port: Port, operation: Operation) -> Plan | Stop:
    """Take up what somebody made of the stop, and go on."""
    _require_unchanged(port, operation)
    stop = operation.stopped
    path = port.workspace.work
    if stop is None:
        return run(port, operation)
    if worktree.inspect(path) is None:  # somebody removed it: it is made anew
        _require_free(path)
        return run(port, replace(operation, stopped=None))
    solved = work.collect(path, stop)
    work.require_added(path, solved)
    taken = _take_up(port, operation, stop, solved)
    _remember(port, operation, stop, tree_of(port.store, taken.head))
    operation = taken
    state.save(port.workspace, operation)
    worktree.remove(port.store, path)
    return run(port, operation)


def skip(port: Port, operation: Operation) -> Plan | Stop:
    """Leave the patch that is waited for out of the series, and go on. Its file stays."""
    _require_unchanged(port, operation)
    stop = operation.stopped
    if stop is None or stop.reason is Reason.EDIT:
        raise UserError("no patch waits to be left out", fix="porttool refresh --continue")
    outcome = replace(stop.outcome, solution=Solution.LEFT_OUT)
    if operation.start.from_tree or stop.name not in port.series.names:
        parked = (*operation.parked, (stop.name, operation.item.content))
        operation = replace(operation, parked=parked)
    operation = operation.with_done(Done(stop.name, None, outcome))
    state.save(port.workspace, operation)
    worktree.remove(port.store, port.workspace.work)
    return run(port, operation)


def abort(port: Port) -> None:
    """Give an operation up. What was solved in it so far is remembered for the next one."""
    path = port.workspace.work
    with suppress(UserError):  # not solved yet, or not even readable: nothing to remember
        operation = state.load(port.workspace)
        stop = None if operation is None else operation.stopped
        if operation is not None and stop is not None and worktree.inspect(path) is not None:
            solved = work.collect(path, stop)
            tree = solved.tree or tree_of(port.store, solved.commits[-1])
            _remember(port, operation, stop, tree)
    state.forget(port.workspace)
    worktree.remove(port.store, path)


def carry_out(port: Port, plan: Plan) -> bool:
    """Write what came of an operation, which is over then; gives whether anything changed."""
    unfinished = state.load(port.workspace)
    if unfinished is not None and plan.change.lock is not None:
        digest = hashlib.sha256(plan.change.lock).hexdigest()
        state.save(port.workspace, replace(unfinished, finishing=digest))
    changed = refresh.carry_out(port, plan)
    state.forget(port.workspace)
    worktree.remove(port.store, port.workspace.work)
    return changed


def _to_target(port: Port, operation: Operation) -> Operation | Stop:
    """Put the rest of the items on the target."""
    while len(operation.done) < len(operation.todo):
        rest = operation.todo[len(operation.done) :]
        count = next(
            (at for at, item in enumerate(rest, 1) if item.action is not Action.PICK), None
        )
        picks = [item.pick for item in rest[:count] if item.commit]
        moved = rebase(port.store, operation.base, operation.target, picks, operation.head)
        finished = moved.outcomes if moved.stopped is None else moved.outcomes[:-1]
        below = operation.head
        for outcome in finished:
            below = operation.head
            operation = operation.with_done(Done(outcome.name, outcome.commit, outcome))
        if moved.stopped is not None:
            operation = _solve(port, operation, moved, picks[len(finished)])
        elif count is not None and rest[count - 1].action is Action.FOLD:
            operation = _fold(port, operation)
        elif count is not None and not rest[count - 1].commit:
            return _stop_to_edit(port, operation, operation.head)
        elif count is not None:
            waiting = replace(operation, done=operation.done[:-1], head=below)
            return _stop_to_edit(port, waiting, operation.head)
    return operation


def _solve(port: Port, operation: Operation, moved: Rebased, pick: Pick) -> Operation:
    """Solve a conflict as before, or stop for somebody to solve it or to confirm a placement."""
    merged, outcome, path = moved.stopped, moved.outcomes[-1], port.workspace.work
    if merged is None:
        raise AssertionError("the rebase did not stop")
    tree = work.lay_out(port.store, path, operation.head, pick, merged)
    stop = Stop(
        pick.patch.name,
        Reason.CONFLICT if outcome.verdict is Verdict.CONFLICT else Reason.AMBIGUOUS,
        operation.head,
        operation.head,
        tree,
        outcome,
        outcome.conflicts,
        work.undecided(path, pick.patch.name, merged),
    )
    if operation.reuse and stop.reason is Reason.CONFLICT:
        folders, head = _solutions(port), operation.head
        solved = solutions.find(port.store, folders, stop.name, tree, head, stop.conflicts)
        if solved not in (None, tree_of(port.store, operation.head)):
            again = work.Solved(solved)
            operation = _take_up(port, operation, stop, again, Solution.AS_BEFORE)
            worktree.remove(port.store, path)
            return operation
    operation = replace(operation, stopped=stop)
    state.save(port.workspace, operation)
    raise decision(port, operation)


def _take_up(
    port: Port,
    operation: Operation,
    stop: Stop,
    solved: work.Solved,
    solution: Solution | None = None,
) -> Operation:
    """The operation with what somebody made of its next item."""
    item = operation.item
    if solved.commits:
        head = solved.commits[-1]
        commit = _owner(port, solved.commits, item)
    else:
        if solved.tree is None:
            raise AssertionError("neither a tree nor a commit")
        commit = head = _commit(port, operation, solved.tree, stop, item)
    if tree_of(port.store, head) == tree_of(port.store, stop.base):
        raise UserError(
            f"nothing is left of {item.name}",
            where=str(port.workspace.work),
            why="what it changed is there already, or was taken back; an empty patch cannot stay",
            fix="porttool refresh --abort, then porttool drop it"
            if stop.reason is Reason.EDIT
            else "porttool refresh --skip leaves it out, --abort brings everything back",
        )
    # While its worktree is there to mend it: as a patch it must give its tree back.
    refresh.settle(port.store, stop.base, head, (), port.series.names)
    if solution is None and stop.reason is not Reason.EDIT:
        by_hand = stop.reason is Reason.CONFLICT or solved.commits
        solution = Solution.BY_HAND if by_hand else Solution.CONFIRMED
    outcome = replace(stop.outcome, commit=commit, solution=solution)
    operation = operation.with_done(Done(item.name, commit, outcome), head)
    return _fold(port, operation) if item.action is Action.FOLD else operation


def _commit(port: Port, operation: Operation, tree: str, stop: Stop, item: Item) -> str:
    """The commit of an item with ``tree``, the one that was edited if it is the same."""
    if stop.reason is Reason.EDIT and tree == stop.tree:
        return stop.head
    message = item.file.patch.message
    author = message.signature(pin_signature(port.store, operation.base))
    return write_commit(port.store, tree, [stop.base], author, message.text)


def _owner(port: Port, commits: Sequence[str], item: Item) -> str:
    """Which of several commits keeps an item's file: the one with its subject, else the first."""
    subject = item.file.patch.message.subject
    for commit in commits:
        if port.store.run("log", "-1", "--format=%s", commit).strip() == subject:
            return commit
    return commits[0]


def _fold(port: Port, operation: Operation) -> Operation:
    """Make the last item and the one before it one commit, which keeps the file of the latter."""
    *before, into, last = operation.done
    if last.commit is None or into.commit is None:
        raise UserError(
            f"{last.name} cannot be folded into {into.name}",
            why="one of them is not in the series any more",
        )
    one, *others = read_commits(port.store, f"{into.commit}^", operation.head)
    message = reduce(joined, (other.message for other in others), one.message)
    tree = tree_of(port.store, operation.head)
    if tree == tree_of(port.store, one.parents[0]):
        raise UserError(
            f"nothing is left of {into.name} with {last.name} in it",
            why="one takes back what the other does; an empty patch cannot stay",
            fix=f"porttool drop {into.name} {last.name}",
        )
    commit = write_commit(port.store, tree, list(one.parents), one.author, message)
    folded = replace(into, commit=commit, outcome=replace(into.outcome, commit=commit))
    gone = replace(last, commit=None, outcome=replace(last.outcome, commit=None))
    return replace(operation, done=(*before, folded, gone), head=commit)


def _stop_to_edit(port: Port, operation: Operation, commit: str) -> Stop:
    """Stop at the next item, which is ``commit`` in its place, or not there yet."""
    work.check_out(port.store, port.workspace.work, commit)
    name, tree = operation.item.name, tree_of(port.store, commit)
    outcome = Outcome(name, Verdict.CLEAN, commit)
    stop = Stop(name, Reason.EDIT, operation.head, commit, tree, outcome)
    state.save(port.workspace, replace(operation, stopped=stop))
    return stop


def _next_step(port: Port, operation: Operation) -> Operation:
    """Set out for the next upstream commit that means more than other line numbers.

    A commit at which upstream has a patch that it has no more in the end is passed over.
    """
    picks = [item.pick for item in operation.todo]
    *steps, goal = operation.later
    with port.store.apart() as scratch, rebasing(scratch, operation.base) as rebaser:
        for at, commit in enumerate(steps, 1):
            (outcomes,) = rebaser.forecast([commit], picks)
            taken = {o.name for o in outcomes if o.verdict is Verdict.ABSORBED}
            touched = any(o.verdict not in (Verdict.CLEAN, Verdict.OFFSET) for o in outcomes)
            if touched and taken <= set(operation.absorbed):
                later = operation.later[at:]
                return replace(operation, target=commit, head=commit, later=later)
    return replace(operation, target=goal, head=goal, later=())


def _settled_on_target(port: Port, operation: Operation) -> Operation:
    """The operation settled on its target: what it stands on now, ready to move on from there."""
    settled = _settle(port, operation)
    commits = settled.commits
    parents = (operation.target, *commits)
    todo = tuple(
        Item(file.name, file.content, commit, parent)
        for file, commit, parent in zip(settled.files, commits, parents, strict=False)
    )
    return replace(
        operation,
        base=operation.target,
        todo=todo,
        done=(),
        outcomes=operation.verdicts,
        gone=_gone(port, operation),
    )


def _settle(port: Port, operation: Operation) -> Settled:
    """Export what was put on the target."""
    known: list[tuple[PatchFile, str | None]] = [
        (item.file, done.commit)
        for item, done in zip(operation.todo, operation.done, strict=True)
        if done.commit is not None and not item.fresh
    ]
    reserved = {*port.series.names, *(name for name, _ in operation.parked)}
    return refresh.settle(port.store, operation.target, operation.head, known, reserved)


def _gone(port: Port, operation: Operation) -> tuple[tuple[str, str], ...]:
    """The patches that left the series by now, each with the comment that stays."""
    found = list(operation.gone)
    for at, done in enumerate(operation.done):
        if done.outcome.solution is Solution.LEFT_OUT:
            way = "" if _in_place(operation) else f" on the way to {operation.goal.ref}"
            text = f"# {done.name}: left out{way}, it did not apply"
        elif done.outcome.verdict is Verdict.ABSORBED and done.commit is None:
            text = _epitaph(port, operation, at)
        else:
            continue
        found.append((done.name, text))
    return tuple(found)


def _epitaph(port: Port, operation: Operation, at: int) -> str:
    """The comment that stands in ``series`` for a patch that upstream absorbed."""
    done, target = operation.done[at], operation.target
    if _in_place(operation):
        return f"# {done.name}: the patches before it have all of it"
    commit = done.outcome.upstream
    if commit is None:
        picks = [item.pick for item in operation.todo[: at + 1]]
        commit = find_taker(port.store, operation.base, target, picks)
    if commit is None:
        return f"# {done.name}: upstream has it in {operation.goal.ref}"
    subject = port.store.run("log", "-1", "--format=%s", commit).decode("utf-8", "replace").strip()
    return f"# {done.name}: upstream took it in {commit[:12]} ({subject})"


def _finish(port: Port, operation: Operation) -> Plan:
    """The plan that comes of an operation whose items are all in their places."""
    _require_absorbed_may_go(port, operation)
    settled = _settle(port, operation)
    tree = worktree.inspect(port.workspace.tree)
    listing = port.series
    if not operation.start.from_tree:
        listing = listing.with_unlisted(port.workspace.patches)
    source = Source(listing, (), (), operation.base, {}, operation.notes, tree)
    gone = _gone(port, operation)
    left_out = {o.name for o in operation.verdicts if o.solution is Solution.LEFT_OUT}
    return refresh.conclude(
        port,
        source,
        operation.goal,
        settled,
        outcomes=operation.verdicts,
        epitaphs=dict(gone),
        parked={file.name: file.content for file in listing.files if file.name in left_out}
        | dict(operation.parked),
    )


def _require_absorbed_may_go(port: Port, operation: Operation) -> None:
    absorbed = [o for o in operation.verdicts if o.verdict is Verdict.ABSORBED]
    if not absorbed or operation.drop_absorbed:
        return
    stopped_before = state.load(port.workspace) is not None
    if stopped_before:
        state.save(port.workspace, operation)
    names = [o.name for o in absorbed]
    holder = "the patches before have" if _in_place(operation) else "upstream has"
    taken = [
        f"{o.name}: taken in {o.upstream[:12]}" if o.upstream else f"{o.name}: all of it is there"
        for o in absorbed
    ]
    if stopped_before:
        fix = "porttool refresh --continue --drop-absorbed takes it out of the series"
    elif _in_place(operation):
        fix = f"porttool drop {shlex.join(names)} takes it out of the series"
    else:
        fix = "add --drop-absorbed to take it out of the series"
    raise SeriesDecision(
        operation.verdicts,
        f"{holder} this already: {', '.join(names)}",
        why="\n".join(taken),
        fix=fix,
    )


def _in_place(operation: Operation) -> bool:
    """Whether an operation rearranges the series, on the upstream commit that it stands on."""
    return operation.goal.commit == operation.pin.commit


def _require_unchanged(port: Port, operation: Operation) -> None:
    """Raise :class:`UserError` when what an operation began with is not there any more."""
    start = operation.start
    tree = worktree.inspect(port.workspace.tree)
    moved = tree is not None and tree.head != start.tree and refresh.tree_edited(port, tree)
    for changed, what, place, undo in (
        (
            state.digest_of(port.workspace.lock_path) != start.lock,
            "upstream.lock",
            port.workspace.lock_path,
            "git checkout upstream.lock",
        ),
        (
            _series_digest(port) != start.series,
            "patches/",
            port.workspace.patches,
            "git checkout patches",
        ),
        (moved, "the worktree", port.workspace.tree, "take its new commits back there"),
    ):
        if changed:
            raise UserError(
                f"{what} was changed since porttool {operation.command} began",
                where=str(place),
                why="going on would lose that change",
                fix=f"{undo}, or porttool refresh --abort keeps the change and gives up the rest",
            )


def _require_free(path: Path) -> None:
    """Raise :class:`UserError` when there are files that belong to no worktree any more."""
    if path.exists():
        raise UserError(
            "the worktree belongs to no repository any more",
            where=str(path),
            why="to make it anew would lose what was edited there",
            fix="move it away, then porttool refresh --continue",
        )


def _series_digest(port: Port) -> str:
    """A digest of all patch files that the series could be made of."""
    return f"{port.series.digest} {' '.join(sorted(port.series.names))}"


def _solutions(port: Port) -> tuple[Path, Path]:
    """Where solutions are looked for, in this order: the workspace's own, the versioned ones."""
    return port.workspace.state / "solutions", port.workspace.resolutions


def _remember(port: Port, operation: Operation, stop: Stop, solved: str) -> None:
    """Keep how a conflict was solved; an edit or a confirmed placement is no solution."""
    if stop.reason is not Reason.CONFLICT or solved == stop.tree:
        return
    own, versioned = _solutions(port)
    keeps = port.workspace.config.series.keep_resolutions
    ref = operation.goal.ref
    kept = solutions.keep(
        port.store,
        versioned if keeps else own,
        stop.name,
        stop.tree,
        solved,
        stop.conflicts,
        ref,
    )
    if keeps:  # the one before would be found first
        (own / kept.name).unlink(missing_ok=True)

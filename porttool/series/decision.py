"""What a maintainer is told where a series cannot move without a word of theirs."""

import difflib
import os
import shlex
from contextlib import suppress

from porttool.errors import DecisionNeeded
from porttool.port import Port
from porttool.series.clash import Clash, clashes, listed
from porttool.series.operation import Operation, Reason, Stop
from porttool.series.outcome import HunkState, Outcome
from porttool.series.why import Culprit, culprit_at, find_culprit

#: How many lines of a difference an error shows.
_SHOWN = 24


class SeriesDecision(DecisionNeeded):
    """The series cannot move without a maintainer's word; ``outcomes`` are those worked out.

    ``culprit`` is the upstream commit at which a patch in conflict stopped applying; ``stop`` what
    is waited for, None when nothing was kept on disk.
    """

    def __init__(
        self,
        outcomes: tuple[Outcome, ...],
        what: str,
        *,
        why: str | None,
        fix: str | None,
        where: str | None = None,
        culprit: Culprit | None = None,
        stop: Stop | None = None,
    ) -> None:
        super().__init__(what, where=where, why=why, fix=fix)
        self.outcomes = outcomes
        self.culprit = culprit
        self.stop = stop


def decision(port: Port, operation: Operation) -> SeriesDecision:
    """What somebody has to decide about the stop of an operation, and what to do about it."""
    stop = operation.stopped
    if stop is None:
        raise AssertionError("the operation is not stopped")
    at = shlex.quote(str(port.workspace.work))
    culprit = None
    if stop.reason is Reason.CONFLICT:
        what, why = _clash(port, operation, stop) or _conflict(stop.outcome)
        culprit = _culprit(port, operation, stop)
        fix = f"solve it in {at}, then porttool refresh --continue"
    else:
        what, why = _ambiguous(stop.outcome)
        fix = f"see git -C {at} diff --cached: mend it there or leave it, then "
        fix += "porttool refresh --continue"
    fix += "\nor --skip to leave the patch out, --abort to bring everything back"
    return SeriesDecision(
        operation.verdicts,
        what,
        where=str(port.workspace.work),
        why=why,
        fix=fix,
        culprit=culprit,
        stop=stop,
    )


def _culprit(port: Port, operation: Operation, stop: Stop) -> Culprit | None:
    store, base, target = port.store, operation.base, operation.target
    picks = [item.pick for item in operation.todo[: len(operation.done) + 1]]
    if operation.absorbed or operation.later:  # in steps, each target is a culprit of something
        before = store.resolve(f"{target}^1") or base
        return culprit_at(store, base, before, target, picks, stop.outcome)
    return find_culprit(store, base, target, picks, stop.outcome)


def _clash(port: Port, operation: Operation, stop: Stop) -> tuple[str, str] | None:
    """What and why of a conflict, as its markers say it: the files, the hunks, the first lines.

    None when there is no marker, as for a file that one side deleted.
    """
    files: list[str] = []
    found: list[Clash] = []
    before = {move.new: move.old for move in stop.outcome.moves}
    with port.store.cat_file() as objects:
        for name in stop.conflicts:
            here: list[Clash] = []
            if "\n" not in name:  # cat-file reads one name a line
                with suppress(KeyError):
                    here = clashes(name, objects.read(f"{stop.tree}:{name}"), stop.name)
            names = [os.fsencode(path) for path in (name, before.get(name, name))]
            diffs = [diff for diff in operation.item.file.patch.files if diff.path in names]
            hunks = sorted({n for clash in here for diff in diffs for n in clash.hunks(diff)})
            files.append(f"{name}, {listed(hunks)}" if hunks else name)
            found += here
    if not found:
        return None
    first, *rest = found
    lines = first.difference
    why = f"{first.file}:{first.line}, the lines it wants (-) and those found (+):\n"
    why += "\n".join(lines[:_SHOWN]) + ("\n…" if len(lines) > _SHOWN else "")
    if rest:
        why += f"\nand so at {', '.join(f'{clash.file}:{clash.line}' for clash in rest)}"
    return f"{stop.name} does not apply: {'; '.join(files)}", why


def _conflict(outcome: Outcome) -> tuple[str, str]:
    """What and why of a conflict that no marker shows: file, hunk, lines wanted and found."""
    hunk = next((hunk for hunk in outcome.hunks if hunk.state is HunkState.MISSING), None)
    if hunk is None:
        where = ", ".join(outcome.conflicts)
        return f"{outcome.name} does not apply: {where}", "both sides changed it"
    what = f"{outcome.name} does not apply: {hunk.file}, hunk {hunk.number}"
    if not hunk.wanted:
        return what, "there is no such file any more"
    if not hunk.found:
        wanted = "\n".join(f"- {line}" for line in hunk.wanted[:_SHOWN])
        return what, f"nothing like these lines is there:\n{wanted}"
    lines = difflib.unified_diff(hunk.wanted, hunk.found, n=2, lineterm="")
    differing = [line for line in lines if not line.startswith(("---", "+++"))]
    more = "\n…" if len(differing) > _SHOWN else ""
    return what, "the lines it wants (-) and those found (+):\n" + "\n".join(
        f"{line[:1]} {line[1:]}" for line in differing[:_SHOWN] if not line.startswith("@@")
    ) + more


def _ambiguous(outcome: Outcome) -> tuple[str, str]:
    """What and why of a patch that fits in several places."""
    hunk = next((hunk for hunk in outcome.hunks if hunk.state is HunkState.AMBIGUOUS), None)
    what = f"{outcome.name} fits in more than one place"
    if hunk is None:
        return what, "a three-way merge and the direct placement of its hunks differ"
    places = ", ".join(map(str, hunk.lines[:12]))
    return f"{what}: {hunk.file}, hunk {hunk.number}", f"its lines stand at line {places}"

"""Why a patch no longer applies: the upstream commit that it broke at, and what that changed."""

from collections.abc import Sequence
from dataclasses import dataclass

from porttool.git import Repository
from porttool.series.importer import AppliedPatch
from porttool.series.patch import Patch
from porttool.series.rebase import Outcome, Verdict, rebase

#: Up to here every upstream commit is tried in turn; beyond, the range is halved.
_IN_TURN = 24


@dataclass(frozen=True, slots=True)
class Culprit:
    """The first upstream commit, in first-parent order, on which a patch conflicts.

    ``date`` is the author's, ISO 8601; ``diff`` is what the commit changed in the files that are in
    conflict, without context.
    """

    commit: str
    subject: str
    date: str
    diff: str


def find_culprit(
    store: Repository,
    base: str,
    onto: str,
    patches: Sequence[Patch],
    applied: Sequence[AppliedPatch],
    outcome: Outcome,
) -> Culprit | None:
    """Where between ``base`` and ``onto`` the patch of ``outcome``, in conflict there, breaks.

    The series up to and including that patch is rebased onto upstream's commits. In a long range a
    conflict that upstream undid and brought back is found at one of its beginnings.
    """
    count = next(n for n, patch in enumerate(patches, 1) if patch.name == outcome.name)
    out = store.run("rev-list", "--first-parent", "--reverse", f"{base}..{onto}").decode()
    commits = out.split()

    def breaks(commit: str) -> bool:
        moved = rebase(
            store, base, commit, patches[:count], applied[:count], leave_out_conflicts=True
        )
        return moved.outcomes[-1].verdict is Verdict.CONFLICT

    low, high = 0, len(commits) - 1
    while high - low >= _IN_TURN:
        middle = (low + high) // 2
        if breaks(commits[middle]):
            high = middle
        else:
            low = middle + 1
    found = next((commit for commit in commits[low : high + 1] if breaks(commit)), None)
    return None if found is None else _describe(store, found, outcome)


def _describe(store: Repository, commit: str, outcome: Outcome) -> Culprit:
    out = store.run("log", "-1", "--format=%aI%x00%s", commit).decode("utf-8", "replace")
    date, _, subject = out.strip().partition("\0")
    paths = set(outcome.conflicts)
    for move in outcome.moves:  # upstream may have known the file by its other name then
        if paths & {move.old, move.new}:
            paths |= {move.old, move.new}
    options = ("--unified=0", "--no-color", "--no-ext-diff", "--find-renames", "--format=")
    diff = store.run("show", *options, "--first-parent", commit, "--", *sorted(paths))
    return Culprit(commit, subject, date, diff.decode("utf-8", "replace"))

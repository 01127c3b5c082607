"""Why a patch no longer applies, or is not needed any more: the upstream commit that did it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from porttool.git import Repository
from porttool.series.outcome import HunkState, Outcome, Verdict
from porttool.series.patch import FileDiff, Hunk, parse
from porttool.series.rebase import Pick, Rebaser, rebasing

#: Up to here every upstream commit is tried in turn; beyond, the range is halved first.
_IN_TURN = 256

#: So many commits are tried at once.
_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Culprit:
    """The first upstream commit, in first-parent order, on which a patch conflicts.

    ``date`` is the author's, ISO 8601; ``diff`` is what the commit changed at the lines that the
    patch needs, without context; all of its changes to the files in conflict where that cannot be
    told.
    """

    commit: str
    subject: str
    date: str
    diff: str


def find_culprit(
    store: Repository, base: str, onto: str, todo: Sequence[Pick], outcome: Outcome
) -> Culprit | None:
    """Where between ``base`` and ``onto`` the last patch of ``todo``, in conflict there, breaks.

    ``todo`` is the series up to and including that patch; all of it is rebased onto upstream's
    commits. In a very long range a conflict that upstream undid and brought back is found at one
    of its beginnings.
    """
    commits = touching(store, base, onto, todo)
    with store.apart() as scratch, rebasing(scratch, base) as rebaser:
        at = _first(commits, lambda some: _verdicts(rebaser, some, todo))
    if at is None:
        return None
    before = base if at == 0 else commits[at - 1]
    return culprit_at(store, base, before, commits[at], todo, outcome)


def culprit_at(
    store: Repository, base: str, before: str, commit: str, todo: Sequence[Pick], outcome: Outcome
) -> Culprit:
    """The culprit, when it is known to be ``commit``; on ``before`` the patch still applies."""
    said = store.run("log", "-1", "--format=%aI%x00%s", commit).decode("utf-8", "replace")
    date, _, subject = said.strip().partition("\0")
    diff = _in_question(store, base, before, commit, todo, outcome)
    return Culprit(commit, subject, date, diff)


def find_taker(store: Repository, base: str, onto: str, todo: Sequence[Pick]) -> str | None:
    """The first upstream commit that has all of the last patch of ``todo``, absorbed in ``onto``.

    It must have it from there on: a change that upstream took and reverted does not count.
    """
    commits = touching(store, base, onto, todo)
    found = None
    with store.apart() as scratch, rebasing(scratch, base) as rebaser:
        for end in range(len(commits), 0, -_AT_ONCE):
            some = commits[max(0, end - _AT_ONCE) : end]
            verdicts = reversed(_verdicts(rebaser, some, todo))
            for commit, verdict in zip(reversed(some), verdicts, strict=True):
                if verdict is not Verdict.ABSORBED:
                    return found
                found = commit
    return found


def touching(store: Repository, base: str, onto: str, todo: Sequence[Pick]) -> list[str]:
    """Upstream's commits of ``base..onto`` that touch a file of ``todo``, oldest first.

    In first-parent order, a merge counting as one change; files are followed through renames.
    Nothing else can change what a rebase of ``todo`` comes to.
    """
    paths: set[bytes] = set()
    folders: set[bytes] = set()  # of files that a patch creates: they follow when a folder moves
    for pick in todo:
        for diff in pick.patch.files:
            paths |= {path for path in (diff.old, diff.new) if path is not None}
            if diff.old is None:
                folders.add(_folder(diff.path))
    options = ("--first-parent", "-m", "--reverse", "--raw", "-z", "--no-abbrev")
    renames = ("--find-renames=40%", "-l0", "--format=%x01%H")
    log = store.run("log", *options, *renames, f"{base}..{onto}", "--")
    found = []
    for record in log.split(b"\x01")[1:]:
        commit, _, changes = record.partition(b"\0")
        if _touches(changes.lstrip(b"\n").split(b"\0"), paths, folders):
            found.append(commit.strip().decode())
    return found


def _touches(fields: Sequence[bytes], paths: set[bytes], folders: set[bytes]) -> bool:
    """Whether one commit's raw diff concerns ``paths``, which follow its renames."""
    touched = False
    rest = iter(fields)
    for meta in rest:
        if not meta.startswith(b":"):
            continue
        old = next(rest)
        if meta.rsplit(b" ", 1)[1][:1] in b"RC":
            new = next(rest)
            if _concerns(old, paths):
                paths.add(new)
                touched = True
            touched = touched or _folder(old) in folders or _concerns(new, paths)
        else:
            touched = touched or _concerns(old, paths)
    return touched


def _concerns(path: bytes, paths: set[bytes]) -> bool:
    """Whether a change to ``path`` can matter to ``paths``: one of them, or in their way."""
    if path in paths or any(other.startswith(path + b"/") for other in paths):
        return True
    return any(path.startswith(other + b"/") for other in paths)


def _folder(path: bytes) -> bytes:
    return path.rpartition(b"/")[0]


def _verdicts(rebaser: Rebaser, commits: Sequence[str], todo: Sequence[Pick]) -> list[Verdict]:
    """What the last patch of ``todo`` comes to on each of some upstream commits."""
    return [outcomes[-1].verdict for outcomes in rebaser.forecast(commits, todo)]


def _first(
    commits: Sequence[str], verdicts: Callable[[Sequence[str]], list[Verdict]]
) -> int | None:
    """Which of ``commits`` is the first with a conflict."""
    low, high = 0, len(commits) - 1
    while high - low >= _IN_TURN:
        middle = (low + high) // 2
        if verdicts([commits[middle]])[0] is Verdict.CONFLICT:
            high = middle
        else:
            low = middle + 1
    for at in range(low, high + 1, _AT_ONCE):
        found = verdicts(commits[at : min(at + _AT_ONCE, high + 1)])
        if Verdict.CONFLICT in found:
            return at + found.index(Verdict.CONFLICT)
    return None


def _in_question(
    store: Repository,
    base: str,
    before: str,
    commit: str,
    todo: Sequence[Pick],
    outcome: Outcome,
) -> str:
    """What ``commit`` changed of the lines that the last patch of ``todo`` needs.

    The series below the patch stands on both sides, so that the line numbers are those at which
    the patch was placed last; but for patches that are in conflict on one of them.
    """
    with store.apart() as scratch, rebasing(scratch, base) as rebaser:
        below = _on_all(rebaser, (before, commit), todo[:-1])
        sides = [
            rebaser.rebase(side, below, leave_out_conflicts=True).head for side in (before, commit)
        ]
        ((*_, last),) = rebaser.forecast([before], [*below, todo[-1]])
        paths = set(outcome.conflicts)
        for move in (*outcome.moves, *last.moves):
            if paths & {move.old, move.new}:
                paths |= {move.old, move.new}
        options = ("--unified=0", "--full-index", "--find-renames=40%")
        plain = ("--no-color", "--no-ext-diff", "--binary", "--ignore-submodules")
        diff = scratch.run(
            "--literal-pathspecs", "diff", *options, *plain, *sides, "--", *sorted(paths)
        )
    lines = {
        (hunk.file, line)
        for hunk in last.hunks
        if hunk.state is HunkState.PLACED and last.verdict is not Verdict.CONFLICT
        for line in range(hunk.lines[0], hunk.lines[0] + max(hunk.length, 1))
    }
    files = parse("upstream", diff).files
    cut = [(each, [h for h in each.hunks if _overlaps(each, h, lines)]) for each in files]
    if not any(hunks for _, hunks in cut):
        cut = [(each, list(each.hunks)) for each in files]
    return "".join(_text(each, hunks) for each, hunks in cut if hunks or each.new is None)


def _on_all(rebaser: Rebaser, commits: Sequence[str], todo: Sequence[Pick]) -> list[Pick]:
    """The patches of ``todo`` without those that are in conflict on any of ``commits``.

    What stands on one side only would look like a change of upstream's.
    """
    kept = list(todo)
    while True:
        found = rebaser.forecast(commits, kept)
        conflicts = {o.name for side in found for o in side if o.verdict is Verdict.CONFLICT}
        if not conflicts:
            return kept
        kept = [pick for pick in kept if pick.patch.name not in conflicts]


def _overlaps(diff: FileDiff, hunk: Hunk, lines: set[tuple[str, int]]) -> bool:
    if diff.old is None:
        return False
    path = diff.old.decode("utf-8", "surrogateescape")
    return any(
        (path, at) in lines for at in range(hunk.old_start, hunk.old_start + 1 + len(hunk.old))
    )


def _text(diff: FileDiff, hunks: Sequence[Hunk]) -> str:
    """A file's part of a diff as it is shown, with ``hunks`` alone."""
    sides = (b"---", b"a/", diff.old), (b"+++", b"b/", diff.new)
    out = [
        b"%s %s\n" % (mark, b"/dev/null" if path is None else prefix + path)
        for mark, prefix, path in sides
    ]
    for hunk in hunks:
        ranges = hunk.old_start, len(hunk.old), hunk.new_start, len(hunk.new), hunk.section
        out.append(b"@@ -%d,%d +%d,%d @@ %s" % ranges)
        out[-1] = out[-1].rstrip() + b"\n"
        out += [line if line.endswith(b"\n") else line + b"\n" for line in hunk.lines]
    return b"".join(out).decode("utf-8", "replace")

"""Where a line of the pin ends up under a series, or which patch takes it away."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from porttool.git import Repository
from porttool.series.importer import ImportedSeries
from porttool.series.patch import FileDiff, Hunk, parse


@dataclass(frozen=True, slots=True)
class Step:
    """What the commit of one patch of the series changes; lines are numbered as they stood."""

    patch: str
    files: tuple[FileDiff, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file; it counts from 1."""

    path: bytes
    number: int


def steps(repository: Repository, series: ImportedSeries) -> tuple[Step, ...]:
    """The changes of a series, from its commits: a patch file's own line numbers may be stale."""
    found = []
    parent = series.base
    for patch in series.patches:
        diff = repository.run(
            *("diff-tree", "-r", "-p", "-M", "--full-index", "--binary", "--unified=3"),
            *("--src-prefix=a/", "--dst-prefix=b/", parent, patch.commit),
        )
        found.append(Step(patch.name, parse(patch.name, diff).files))
        parent = patch.commit
    return tuple(found)


def follow(series: Sequence[Step], line: Line, word: bytes) -> Line | str:
    """The place of ``line`` of the pin after the series, or the name of the patch that removes it.

    A removed line counts as rewritten, and is followed, when its hunk adds one with ``word``.
    """
    for step in series:
        diff = next((each for each in step.files if each.old == line.path and not each.copy), None)
        if diff is None:
            continue
        number = None if diff.new is None else _moved(diff.hunks, line.number, word)
        if number is None or diff.new is None:
            return step.patch
        line = Line(diff.new, number)
    return line


def _moved(hunks: Sequence[Hunk], number: int, word: bytes) -> int | None:
    """The number of a line after ``hunks``; None when they take it away."""
    shift = 0
    for hunk in hunks:
        if hunk.old_start + len(hunk.old) <= number:
            shift += len(hunk.new) - len(hunk.old)
        elif hunk.old_start <= number:
            return _within(hunk, number, word)
    return number + shift


def _within(hunk: Hunk, number: int, word: bytes) -> int | None:
    same = re.compile(rb"(?<![\w])" + re.escape(word) + rb"(?![\w])")
    old, new = hunk.old_start, hunk.new_start
    rewritten = None
    removed = False
    for text in hunk.lines:
        sign = text[:1]
        if sign == b"+" and rewritten is None and same.search(text[1:]):
            rewritten = new
        if sign != b"+" and old == number:
            if sign == b" ":
                return new
            removed = True
        old += sign != b"+"
        new += sign != b"-"
    return rewritten if removed else None

"""Where a hunk belongs in a file.

A hunk is placed only where every one of its context and removed lines stands: no fuzz, ever. Its
line number is believed only when the patch proves, with the blob id of its ``index`` line, that it
was made from this very content; otherwise the place must be the only one that fits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from porttool.series.patch import Hunk


@dataclass(frozen=True, slots=True)
class Placement:
    """A hunk and the line (from 0) at which its old lines begin in the file as it was.

    ``offset`` is how many lines that is away from where the patch says.
    """

    hunk: Hunk
    line: int
    offset: int


class PlacementError(Exception):
    """A hunk has no place, or more than one.

    ``candidates`` are the lines (from 1) at which it would fit; ``nearest`` is the place where most
    of its lines stand, with the lines found there, for the report.
    """

    def __init__(self, hunk: Hunk, candidates: Sequence[int], found: Sequence[bytes]) -> None:
        self.hunk = hunk
        self.candidates = tuple(candidates)
        self.found = tuple(found)
        super().__init__(f"hunk {hunk.number}: {len(self.candidates)} places")

    @property
    def ambiguous(self) -> bool:
        """Whether the hunk fits in several places, rather than in none."""
        return len(self.candidates) > 1


def split_lines(content: bytes) -> list[bytes]:
    """Lines with their LF; a last line without one stays without. Only LF ends a line."""
    lines = content.split(b"\n")
    last = lines.pop()
    out = [line + b"\n" for line in lines]
    if last:
        out.append(last)
    return out


def place(hunks: Sequence[Hunk], lines: Sequence[bytes], *, exact: bool) -> list[Placement]:
    """Find the place of every hunk, in order and without overlap.

    ``exact`` says that ``lines`` are the content the patch was made from: then only the stated line
    counts. Raises :class:`PlacementError` for the first hunk that has no place or several.
    """
    index: dict[bytes, list[int]] | None = None
    placements: list[Placement] = []
    floor = 0
    for hunk in hunks:
        old = hunk.old
        stated = hunk.old_start - 1 if old else hunk.old_start
        if exact and stated >= floor and list(lines[stated : stated + len(old)]) == old:
            candidates = [stated]
        else:
            if index is None:
                index = {}
                for number, line in enumerate(lines):
                    index.setdefault(line, []).append(number)
            candidates = [c for c in _candidates(hunk, old, lines, index) if c >= floor]
        if len(candidates) != 1:
            raise PlacementError(
                hunk, [c + 1 for c in candidates], _nearest(hunk, old, lines, stated)
            )
        start = candidates[0]
        placements.append(Placement(hunk, start, start - stated))
        floor = start + len(old)
    return placements


def apply(placements: Sequence[Placement], lines: Sequence[bytes]) -> bytes:
    """The content with every hunk in its place."""
    out: list[bytes] = []
    position = 0
    for placement in placements:
        out += lines[position : placement.line]
        out += placement.hunk.new
        position = placement.line + len(placement.hunk.old)
    out += lines[position:]
    return b"".join(out)


def _candidates(
    hunk: Hunk, old: Sequence[bytes], lines: Sequence[bytes], index: dict[bytes, list[int]]
) -> list[int]:
    """Every line at which the hunk fits.

    As in git-apply, a hunk that says it begins the file must, and one without context at its end
    must end the file. Without any old line there is nothing to find: only an empty file fits.
    """
    if not old:
        return [0] if not lines else []
    rarest = min(range(len(old)), key=lambda at: len(index.get(old[at], ())))
    found = []
    for number in index.get(old[rarest], ()):
        start = number - rarest
        end = start + len(old)
        if start < 0 or end > len(lines) or list(lines[start:end]) != list(old):
            continue
        if hunk.old_start <= 1 and start != 0 and hunk.lines[0][:1] != b" ":
            continue
        if hunk.trailing_context == 0 and end != len(lines):
            continue
        found.append(start)
    return found


def _nearest(
    hunk: Hunk, old: Sequence[bytes], lines: Sequence[bytes], stated: int
) -> Sequence[bytes]:
    """The lines found where the hunk fits best, its stated place winning a tie."""
    if not old or not lines:
        return ()
    votes: dict[int, int] = {}
    wanted: dict[bytes, list[int]] = {}
    for at, line in enumerate(old):
        if line.strip():
            wanted.setdefault(line, []).append(at)
    for number, line in enumerate(lines):
        for at in wanted.get(line, ()):
            votes[number - at] = votes.get(number - at, 0) + 1
    start = max(votes, key=lambda s: (votes[s], -abs(s - stated)), default=stated)
    return lines[max(0, start) : max(0, start) + len(old)]

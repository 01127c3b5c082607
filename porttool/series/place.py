"""Where a hunk belongs in a file.

A hunk is placed only where every one of its context and removed lines stands: no fuzz, ever. Its
line number is believed only when the patch proves, with the blob id of its ``index`` line, that it
was made from this very content; otherwise the place must be the only one that fits.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

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

    ``candidates`` are the lines (from 1) at which it would fit; ``nearest`` gives the lines at the
    place where most of its own stand, for the report.
    """

    def __init__(
        self, hunk: Hunk, candidates: Sequence[int], nearest: Callable[[], Sequence[bytes]]
    ) -> None:
        self.hunk = hunk
        self.candidates = tuple(candidates)
        self._nearest = nearest
        super().__init__(f"hunk {hunk.number}: {len(self.candidates)} places")

    @property
    def found(self) -> tuple[bytes, ...]:
        """The lines at the nearest place."""
        return tuple(self._nearest())

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
    content: bytes | None = None
    placements: list[Placement] = []
    floor = 0
    for hunk in hunks:
        old = hunk.old
        stated = hunk.old_start - 1 if old else hunk.old_start
        if exact and stated >= floor and list(lines[stated : stated + len(old)]) == old:
            candidates = [stated]
        else:
            if content is None:
                content = b"".join(lines)
            candidates = [c for c in _candidates(hunk, old, content) if c >= floor]
        if len(candidates) != 1:
            nearest = partial(_nearest, old, lines, stated)
            raise PlacementError(hunk, [c + 1 for c in candidates], nearest)
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


def _candidates(hunk: Hunk, old: Sequence[bytes], content: bytes) -> list[int]:
    """Every line at which the hunk fits.

    As in git-apply, a hunk that says it begins the file must, and one without context at its end
    must end the file. Without any old line there is nothing to find: only an empty file fits.
    """
    if not old:
        return [] if content else [0]
    if not all(line.endswith(b"\n") for line in old[:-1]):
        return []  # a line without its end can only be the last
    wanted = b"".join(old)
    begins = hunk.old_start <= 1 and hunk.lines[0][:1] != b" "
    ends = hunk.trailing_context == 0 or not wanted.endswith(b"\n")
    found = []
    line = seen = 0
    for at in _occurrences(wanted, content):
        line += content.count(b"\n", seen, at)
        seen = at
        if (at == 0 or not begins) and (at + len(wanted) == len(content) or not ends):
            found.append(line)
    return found


def _occurrences(wanted: bytes, content: bytes) -> Iterator[int]:
    """Where the lines ``wanted`` begin in ``content``, also where they overlap."""
    at = content.find(wanted)
    while at >= 0:
        if at == 0 or content[at - 1 : at] == b"\n":
            yield at
        at = content.find(wanted, at + 1)


def _nearest(old: Sequence[bytes], lines: Sequence[bytes], stated: int) -> Sequence[bytes]:
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

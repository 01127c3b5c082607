"""Where the sides of a conflict clash, as the markers in a file say it."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from porttool.series.patch import FileDiff, Hunk
from porttool.series.place import split_lines

#: What the side that is there already is called in a conflict marker.
_BELOW = "upstream and the patches before"

#: So many lines around a clash are shown.
_AROUND = 2


@dataclass(frozen=True, slots=True)
class Clash:
    """One pair of markers in ``file``, the first of them on line ``line``, from 1.

    ``wanted`` are the lines that the patch was made for, ``found`` those that are there instead,
    ``made`` those that the patch would leave; ``above`` and ``below`` stand around all three.
    """

    file: str
    line: int
    above: tuple[bytes, ...]
    wanted: tuple[bytes, ...]
    found: tuple[bytes, ...]
    made: tuple[bytes, ...]
    below: tuple[bytes, ...]

    @property
    def difference(self) -> list[str]:
        """The lines wanted (``-``) and found (``+``), with some of those around them."""
        above, below = self.above[-_AROUND:], self.below[:_AROUND]
        wanted, found = (
            [_shown(line) for line in (*above, *side, *below)] for side in (self.wanted, self.found)
        )
        lines = [*difflib.unified_diff(wanted, found, n=_AROUND, lineterm="")][2:]
        return [f"{line[:1]} {line[1:]}" for line in lines if not line.startswith("@@")]

    def hunks(self, diff: FileDiff) -> list[int]:
        """The numbers of the hunks of ``diff`` of which a change is in this place."""
        return [
            hunk.number
            for hunk in diff.hunks
            if any(
                _stands(old, self.wanted) and _stands(new, self.made)
                for old, new in _changes(hunk)
                if old or new
            )
        ]


def markers(patch: str) -> dict[bytes, bytes]:
    """The lines that begin the parts of a conflict in ``patch``, by what git begins them with."""
    name = patch.encode("utf-8", "surrogateescape")
    return {
        b"<<<<<<< ": b"<<<<<<< %s" % _BELOW.encode(),
        b"||||||| ": b"||||||| what %s was made for" % name,
        b">>>>>>> ": b">>>>>>> %s" % name,
    }


def clashes(file: str, content: bytes, patch: str) -> list[Clash]:
    """The places in the ``content`` of ``file`` at which ``patch`` is in conflict."""
    begin, base, end = markers(patch).values()
    parts: list[list[bytes]] = [[]]
    starts: list[int] = []
    for number, line in enumerate(split_lines(content), 1):
        inside = len(parts) % 4  # around the markers 1, then the three sides
        if inside == 1 and line.startswith(begin):
            starts.append(number)
            parts.append([])
        elif (
            (inside == 2 and line.startswith(base))
            or (inside == 3 and line.rstrip(b"\r\n") == b"=======")
            or (inside == 0 and line.startswith(end))
        ):
            parts.append([])
        else:
            parts[-1].append(line)
    found = []
    for at, start in enumerate(starts):
        some = parts[4 * at : 4 * at + 5]
        if len(some) == 5:
            above, ours, wanted, theirs, below = map(tuple, some)
            found.append(Clash(file, start, above, wanted, ours, theirs, below))
    return found


def _changes(hunk: Hunk) -> Iterator[tuple[list[bytes], list[bytes]]]:
    """What a hunk takes away and puts there, a pair for each run of changed lines.

    Without the blank lines around them: git leaves those that both sides have out of the markers.
    """
    old: list[bytes] = []
    new: list[bytes] = []
    for line in (*hunk.lines, b" "):
        if line[:1] == b"-":
            old.append(line[1:])
        elif line[:1] == b"+":
            new.append(line[1:])
        else:
            yield _trimmed(old), _trimmed(new)
            old, new = [], []


def _trimmed(lines: list[bytes]) -> list[bytes]:
    told = [at for at, line in enumerate(lines) if line.strip()]
    return lines[told[0] : told[-1] + 1] if told else []


def _stands(some: Sequence[bytes], lines: Sequence[bytes]) -> bool:
    """Whether ``some`` follow each other in ``lines``."""
    places = range(len(lines) - len(some) + 1)
    return any(list(lines[at : at + len(some)]) == some for at in places)


def _shown(line: bytes) -> str:
    return line.rstrip(b"\r\n").decode("utf-8", "replace")


def listed(numbers: Sequence[int]) -> str:
    """Hunks as a message names them: ``hunk 1``, ``hunks 1, 3``."""
    return f"hunk{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"

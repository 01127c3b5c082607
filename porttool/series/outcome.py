"""What putting a patch on another upstream comes to: values only."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a rebase means for one patch, the strongest first."""

    CONFLICT = "conflict"
    AMBIGUOUS = "ambiguous"
    ABSORBED = "absorbed"
    PARTLY_ABSORBED = "partly absorbed"
    MERGED = "merged"
    MOVED = "moved"
    OFFSET = "offset"
    CLEAN = "clean"


@dataclass(frozen=True, slots=True)
class Move:
    """A file that upstream renamed; ``similarity`` is git's, in percent."""

    old: str
    new: str
    similarity: int


class HunkState(StrEnum):
    """Where one hunk of a patch stands on the new upstream."""

    PLACED = "placed"
    ABSORBED = "absorbed"
    AMBIGUOUS = "ambiguous"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class HunkFact:
    """One hunk: the file it belongs to now, its number there, its state.

    Number 0 stands for what a patch does to a file apart from its lines (mode, name, binary
    content) and is only there where upstream has it already.

    ``offset`` and ``length`` are in lines, for one that is placed: how far it lies from where the
    patch says, and how much of the file it takes as context or removes; ``lines`` are the places
    where it would fit (from 1); ``wanted`` and ``found`` are the lines it looks for and those that
    are nearest.
    """

    file: str
    number: int
    state: HunkState
    offset: int = 0
    length: int = 0
    lines: tuple[int, ...] = ()
    wanted: tuple[str, ...] = ()
    found: tuple[str, ...] = ()


class Solution(StrEnum):
    """What came of a patch that somebody had to decide about."""

    BY_HAND = "solved by hand"
    AS_BEFORE = "solved as before"
    CONFIRMED = "placement confirmed"
    LEFT_OUT = "left out"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One patch on the new upstream. ``commit`` is its new commit, or None when it has none.

    ``upstream`` is the upstream commit that absorbed it, where one has the same patch id;
    ``conflicts`` are the paths that a merge left in conflict; ``solution`` is what was decided.
    """

    name: str
    verdict: Verdict
    commit: str | None
    moves: tuple[Move, ...] = ()
    hunks: tuple[HunkFact, ...] = ()
    conflicts: tuple[str, ...] = ()
    upstream: str | None = None
    solution: Solution | None = None

    @property
    def absorbed_hunks(self) -> tuple[HunkFact, ...]:
        """The hunks that upstream has already."""
        return tuple(hunk for hunk in self.hunks if hunk.state is HunkState.ABSORBED)

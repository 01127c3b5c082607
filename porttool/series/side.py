"""Which of two edits counts. A module of its own, so that the command line starts quickly."""

from enum import StrEnum


class Side(StrEnum):
    """Where the series is taken from when both ``patches/`` and the worktree were edited."""

    PATCHES = "patches"
    WORKTREE = "worktree"

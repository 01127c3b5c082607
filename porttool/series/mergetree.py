"""Three-way merges through one long-lived ``git merge-tree``."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from porttool.git import Repository


@dataclass(frozen=True, slots=True)
class Stage:
    """One side of a path in conflict, as in git's index: 1 the base, 2 ours, 3 the patch's."""

    path: bytes
    number: int
    mode: bytes
    oid: str


@dataclass(frozen=True, slots=True)
class Merged:
    """What ``git merge-tree`` makes of two commits: a tree (with markers where it is not clean).

    ``stages`` are the sides of the paths in conflict.
    """

    clean: bool
    tree: str
    stages: tuple[Stage, ...]

    @property
    def conflicts(self) -> tuple[bytes, ...]:
        """The paths in conflict."""
        return tuple(dict.fromkeys(stage.path for stage in self.stages))


class MergeTree:
    """Merges pairs of commits through one ``git merge-tree --stdin``."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdin is None or process.stdout is None:
            raise AssertionError("the process was started without pipes")
        self._stdin, self._stdout = process.stdin, process.stdout
        self._first = True
        self._read = b""

    def merge(self, ours: str, theirs: str) -> Merged:
        """Merge ``theirs`` into ``ours``; their merge base is found by git."""
        self._stdin.write(f"{ours} {theirs}\n".encode())
        self._stdin.flush()
        if not self._first:
            self._skip_messages()
        self._first = False
        clean = self._field() == b"1"
        tree = self._field().decode()
        stages: list[Stage] = []
        while record := self._field():
            meta, _, path = record.partition(b"\t")
            mode, oid, number = meta.split(b" ")
            stages.append(Stage(path, int(number), mode, oid.decode()))
        return Merged(clean, tree, tuple(stages))

    def _skip_messages(self) -> None:
        """Read the messages of the last answer: git writes their end with the next one only."""
        while count := self._field():
            for _ in range(int(count) + 2):  # the paths, the kind of message, its text
                self._field()

    def _field(self) -> bytes:
        """One field up to its NUL."""
        while b"\0" not in self._read:
            more = os.read(self._stdout.fileno(), 1 << 16)
            if not more:
                raise EOFError("git merge-tree")
            self._read += more
        field, _, self._read = self._read.partition(b"\0")
        return field


@contextmanager
def merging(repository: Repository) -> Iterator[MergeTree]:
    """A long-lived ``git merge-tree --stdin`` that marks conflicts as zdiff3.

    It is asked for messages because git 2.39 flushes an answer only behind them.
    """
    options = ("merge-tree", "--write-tree", "--messages", "--stdin", "-z")
    settings = ["-c", "merge.conflictStyle=zdiff3"]
    if repository.is_apart:  # nothing of it stays, so that it need not be small
        settings += ["-c", "core.looseCompression=0"]
    with repository.long_lived(*settings, *options) as process:
        yield MergeTree(process)

"""Killing porttool or one of its gits at any system call that changes a disk, with strace."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from tests.commands.ports import Port, invoke

#: The calls, by strace's names; an openat(2) counts where it makes or empties a file.
CALLS = (
    *(
        "openat",
        "write",
        "pwrite64",
        "writev",
        "ftruncate",
        "fsync",
        "fdatasync",
        "chmod",
        "fchmod",
    ),
    *("rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat"),
    *("unlink", "unlinkat", "mkdir", "mkdirat", "rmdir"),
)

#: A shell that kills its whole process group once the program that it runs was killed.
_AND_ALL = ("sh", "-c", '"$@"; code=$?; [ $code = 137 ] && kill -KILL 0; exit $code', "sh")


#: How strace shows a descriptor that is no file of a disk.
_PIPE = re.compile(r"\d+<(?!/)|\d+</dev/")


class Victim(Enum):
    """What dies: the process at the call alone, or porttool and all its gits at once."""

    ALONE = "alone"
    ALL = "all"


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """The ``number``-th ``call`` of a process: the ``process``-th git, or porttool itself for 0."""

    process: int
    call: str
    number: int


class Bench:
    """Runs one porttool command on one workspace again and again, and kills it.

    ``code`` is how it ends when it is left alone.
    """

    def __init__(self, port: Port, args: Sequence[str], code: int = 0) -> None:
        self._port = port
        self._args = args
        self._code = code
        self._kept = [port.root, Path(os.environ["XDG_CACHE_HOME"])]
        for each in self._kept:
            shutil.copytree(each, self._saved(each), symlinks=True)

    def _saved(self, folder: Path) -> Path:
        return self._port.root.parent / f"saved-{folder.name}"

    def again(self) -> None:
        """Bring the workspace and the cache back to what they were."""
        for each in self._kept:
            shutil.rmtree(each)
            shutil.copytree(self._saved(each), each, symlinks=True)

    def points(self) -> list[Point]:
        """Every point of the command, which is run to its end for that."""
        # Audits are kept for all tests: the first run has more to write than the others.
        assert self._run(None, None) == self._code
        self.again()
        folder = self._port.root.parent / "log"
        folder.mkdir()

        def log(process: int) -> list[str]:
            return [*strace, "-f", "-o", f"{folder}/{process}"]

        strace = ["strace", "-qq", "-y", "-e", f"trace={','.join(CALLS)}"]
        ended = self._run([*strace, "-o", f"{folder}/0"], log)
        assert ended == self._code, ended
        found: dict[Point, None] = {}
        for path in folder.iterdir():
            found.update(dict.fromkeys(_changes(int(path.name), path.read_text("latin-1"))))
        return sorted(found)

    def kill(self, point: Point, victim: Victim) -> bool:
        """Run the command and kill it there; gives whether it came to that point."""
        inject = f"inject={point.call}:signal=KILL:when={point.number}"
        strace = ["strace", "-qq", "-o", "/dev/null", "-e", f"trace={point.call}", "-e", inject]
        if not point.process:
            return self._run(strace, None, all_=victim is Victim.ALL) == -signal.SIGKILL
        before = [*strace, "-f"]
        if victim is Victim.ALL:
            before = [*_AND_ALL, *before]
        ended = self._run(None, lambda process: before if process == point.process else [])
        return ended not in (0, self._code)

    def _run(
        self,
        tracer: Sequence[str] | None,
        before: Callable[[int], list[str]] | None,
        *,
        all_: bool = False,
    ) -> int:
        """Run the command in a fork; gives how it ended, as :mod:`subprocess` does.

        ``tracer`` is attached to porttool itself; ``before(n)`` comes before the n-th git.
        """
        pid = os.fork()
        if pid == 0:
            code = 70
            try:
                os.setpgid(0, 0)
                if before is not None:
                    _trace_children(before)
                while tracer is not None and not _is_traced():
                    time.sleep(0.001)
                code = invoke("-C", self._port.root, *self._args).code
            finally:
                os._exit(code)
        if tracer is None:
            _, status = os.waitpid(pid, 0)
        else:
            with subprocess.Popen([*tracer, "-p", str(pid)]) as process:
                _, status = os.waitpid(pid, 0)
                if all_:
                    with suppress(ProcessLookupError):
                        os.killpg(pid, signal.SIGKILL)
                process.wait()
        return os.waitstatus_to_exitcode(status)


def _trace_children(before: Callable[[int], list[str]]) -> None:
    """Let every program that this process starts be started by ``before(number)``."""

    class Traced(subprocess.Popen[Any]):
        number = 0

        def __init__(self, command: Sequence[str], **settings: Any) -> None:
            Traced.number += 1
            super().__init__([*before(Traced.number), *command], **settings)

    pytest.MonkeyPatch().setattr(subprocess, "Popen", Traced)


def _is_traced() -> bool:
    return "TracerPid:\t0\n" not in Path("/proc/self/status").read_text()


def _changes(process: int, log: str) -> Iterator[Point]:
    """The points in a log of strace: what its calls were, by process and kind."""
    numbers: Counter[tuple[str, str]] = Counter()
    for line in log.splitlines():
        found = re.match(r"(?:(\d+) +)?(\w+)\((.*)", line)
        if found is None:
            continue
        pid, call, rest = found.groups()
        numbers[pid or "", call] += 1
        if re.search(r"O_CREAT|O_TRUNC", rest) if call == "openat" else not _PIPE.match(rest):
            yield Point(process, call, numbers[pid or "", call])

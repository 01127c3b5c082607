"""The host twin: emitted libraries, unchanged, compiled for Linux and served on 127.0.0.1."""

import collections
import os
import re
import shlex
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from porttool.errors import UserError
from porttool.hosttwin.kconfig import TWIN, write_config
from porttool.unikraft.buildfolder import locked, prepare, require_plain
from porttool.unikraft.emit import Written
from porttool.unikraft.processes import HOST, end, environment, how_it_ended, start
from porttool.unikraft.provides import shipped
from porttool.unikraft.stamped import STAMP, made_from

#: The generation of ukstore that the twin has.
_UKSTORE = 2

#: Seconds until a twin that was started must take connections.
_READY_WITHIN = 15.0
_LINES_KEPT = 20

#: Called with the steps done, all steps, and the one that begins.
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Toolchain:
    """The programs that build a twin. ``cc`` may hold arguments, as ``CC`` does for make."""

    cc: str
    make: str


def find_toolchain(cc: str | None = None) -> Toolchain:
    """Find make and a C compiler: ``cc``, else ``$CC``, else the first of cc, gcc, clang.

    Raises :class:`UserError` naming what is not installed.
    """
    make = shutil.which("make") or shutil.which("gmake")
    if make is None:
        raise UserError("make is not installed", fix="install GNU make")
    wanted = cc or os.environ.get("CC")
    if wanted:
        words = shlex.split(wanted)
        if not words or shutil.which(words[0]) is None:
            raise UserError(
                f"the C compiler {wanted!r} is not installed",
                why="it was asked for with --cc" if cc else "it was asked for with CC",
                fix="install it, or name another one with --cc",
            )
        return Toolchain(wanted, make)
    found = next((name for name in ("cc", "gcc", "clang") if shutil.which(name)), None)
    if found is None:
        raise UserError("no C compiler is installed", fix="install gcc, or name one with --cc")
    return Toolchain(found, make)


_STEP = re.compile(rb"  ([A-Z][A-Z0-9]*) +(\S.*)")


def build(
    libraries: Sequence[Written],
    folder: Path,
    toolchain: Toolchain,
    *,
    sanitize: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Compile ``libraries`` with the twin around them in ``folder``; gives the program.

    Only what changed since the last time is compiled. ``sanitize`` adds AddressSanitizer and
    UBSan. Raises :class:`UserError` with the compiler's own words when something does not compile.
    """
    paths = [written.path.resolve() for written in libraries]
    folder = folder.resolve()
    require_plain((*paths, folder, TWIN))
    release = _release(libraries)
    if shipped(release).ukstore != _UKSTORE:
        raise UserError(
            f"there is no host twin of Unikraft {release}",
            why="its ukstore finds entries by name, which the twin cannot",
            fix="set unikraft in porttool.toml to 0.14.0 or later",
        )
    with locked(folder, "the host twin"):
        write_config(paths, folder, release=release)
        prepare(libraries, folder)
        command = [
            toolchain.make,
            "--no-print-directory",
            "-f",
            str(TWIN / "twin.mk"),
            f"TWIN={TWIN}",
            f"L={':'.join(map(str, paths))}",
            f"O={folder}",
            f"CC={toolchain.cc}",
            *(["SANITIZE=1"] if sanitize else []),
        ]
        total = _count_steps(command)
        _make([*command, "-Otarget", f"-j{os.cpu_count() or 1}"], total, progress)
    return folder / "twin"


def _release(libraries: Sequence[Written]) -> str:
    """The release that the libraries were written for; the first is one that porttool wrote."""
    return str(made_from(libraries[0].library.files[STAMP])["unikraft"])


def _count_steps(command: Sequence[str]) -> int:
    """How many steps make is going to announce."""
    done = subprocess.run([*command, "-n"], capture_output=True, env=environment(), check=False)
    return len(re.findall(rb"^echo '  [A-Z]", done.stdout, re.MULTILINE))


def _make(command: Sequence[str], total: int, progress: Progress | None) -> None:
    process = start(command, merged=True)
    said: list[bytes] = []
    steps = 0
    try:
        assert process.stdout is not None
        for line in process.stdout:
            step = _STEP.fullmatch(line.rstrip(b"\n"))
            if step is None:
                said.append(line)
                continue
            if progress is not None:
                text = step[1].decode() + " " + step[2].decode("utf-8", "replace")
                progress(min(steps, total), total, text)
            steps += 1
        status = process.wait()
    finally:
        end(process)
        if process.stdout is not None:
            process.stdout.close()
    if status:
        raise UserError(
            "the emitted libraries do not compile for the host twin",
            why=b"".join(said).decode("utf-8", "replace").rstrip(),
            fix="porttool apply, mend it in the worktree, commit it there, porttool refresh;\n"
            "or correct sources, includes, defines or cflags in porttool.toml "
            "(warnings are errors: -Wno-error=... is a flag)",
        )


class Twin:
    """A running twin; leaving the context ends it. Its messages go to ``log``, line by line."""

    def __init__(
        self,
        program: Path,
        port: int,
        *,
        parameters: Sequence[str] = (),
        log: Callable[[str], None] | None = None,
    ) -> None:
        """Start ``program`` on 127.0.0.1:``port``.

        ``parameters`` are further ones of the kernel command line, such as
        ``ukmetrics.labels=site=fra1``.
        """
        self.url = f"http://{HOST}:{port}/metrics"
        self._port = port
        self._log = log
        self._lines: collections.deque[str] = collections.deque(maxlen=_LINES_KEPT)
        arguments = [f"ukmetrics.port={port}", f"ukmetrics.address={HOST}", *parameters, "--"]
        self._process = start([str(program), *arguments], merged=False)
        assert self._process.stderr is not None
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stderr,), daemon=True
        )
        self._reader.start()

    @property
    def pid(self) -> int:
        """Process id of the twin."""
        return self._process.pid

    def _read(self, stream: IO[bytes]) -> None:
        with stream:
            for raw in stream:
                line = raw.decode("utf-8", "replace").rstrip("\n")
                self._lines.append(line)
                if self._log is not None:
                    self._log(line)

    def _said(self) -> str:
        return "\n".join(self._lines) or "it said nothing"

    def _dead(self, status: int) -> UserError:
        self._reader.join(timeout=1)
        return UserError(
            "the host twin ended by itself", why=f"{how_it_ended(status)}\n{self._said()}"
        )

    def wait_ready(self) -> None:
        """Wait until it takes connections. Raises :class:`UserError` if that does not happen."""
        deadline = time.monotonic() + _READY_WITHIN
        while True:
            status = self._process.poll()
            if status is not None:
                raise self._dead(status)
            try:
                socket.create_connection((HOST, self._port), timeout=1).close()
            except OSError:
                if time.monotonic() > deadline:
                    raise UserError(
                        f"the host twin does not listen on port {self._port}",
                        why=f"waited {_READY_WITHIN:.0f} s\n{self._said()}",
                        fix="look at how the patched source opens its socket",
                    ) from None
                time.sleep(0.02)
            else:
                return

    def wait(self) -> None:
        """Wait until the twin ends, which nobody asked it to: raises :class:`UserError`."""
        raise self._dead(self._process.wait())

    def stop(self) -> None:
        """End the twin if it runs, and wait until it is gone."""
        end(self._process)
        self._reader.join(timeout=1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

"""Programs that porttool starts and never leaves behind: compilers, the host twin, QEMU."""

import ctypes
import os
import signal
import socket
import subprocess
from collections.abc import Sequence

from porttool.errors import UserError

#: Where everything that is started is served: this machine alone.
HOST = "127.0.0.1"

#: Seconds until a process that was told to end must be gone.
_GONE_WITHIN = 5.0

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def environment() -> dict[str, str]:
    """Nothing but where things are: no MAKEFLAGS, no locale that compilers would speak."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return kept | {"LC_ALL": "C", "PYTHONDONTWRITEBYTECODE": "1"}


def _die_with_parent() -> None:
    """Let the kernel end this process when porttool is killed. Runs between fork and exec."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def start(command: Sequence[str], *, merged: bool, stdout: bool = False) -> subprocess.Popen[bytes]:
    """Start a program in a group of its own, with stderr as a pipe.

    ``merged`` joins stdout and stderr in stdout's pipe; ``stdout`` gives stdout a pipe of its own,
    which is otherwise dropped.
    """
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if merged or stdout else subprocess.DEVNULL,
        stderr=subprocess.STDOUT if merged else subprocess.PIPE,
        env=environment(),
        process_group=0,
        preexec_fn=_die_with_parent,
    )


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it started: politely, then not."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(_GONE_WITHIN)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def how_it_ended(status: int) -> str:
    """An exit status as :mod:`subprocess` gives it, in words."""
    if status < 0:
        return f"it was killed by {signal.Signals(-status).name}"
    return f"it exited with status {status}"


def require_free(port: int, *, option: str = "--port N") -> None:
    """Raise :class:`UserError` if a TCP port of 127.0.0.1 cannot be served on.

    ``option`` is what chooses another one.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError as error:
            raise UserError(
                f"port {port} cannot be served on",
                where=f"{HOST}:{port}",
                why=error.strerror,
                fix=f"choose another one with {option}",
            ) from None

"""What ^C and SIGTERM do: end porttool with 130, whatever it is doing, and leave nothing behind.

While a command works they raise KeyboardInterrupt, so that it can undo and end its children. Before
and after there is nothing to undo, and Python would print a traceback.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from porttool.errors import ExitCode

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def leave_when_interrupted() -> None:
    """Make the signals end the process at once. One that is ignored, as by nohup, stays so."""
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)


@contextmanager
def interruptible() -> Iterator[None]:
    """Make the signals raise KeyboardInterrupt in the block, in a process that is ours."""
    ours = [number for number in _SIGNALS if signal.getsignal(number) is _leave]
    for number in ours:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, _leave)


@contextmanager
def deferred() -> Iterator[None]:
    """Hold a signal that comes in the block back until its end."""
    global _deferring, _pending
    _deferring = True
    try:
        yield
    finally:
        _deferring = False
        if _pending:
            _pending = False
            raise KeyboardInterrupt


_deferring = False
_pending = False


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(ExitCode.INTERRUPTED)


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _pending
    if not _deferring:
        raise KeyboardInterrupt
    _pending = True

"""A unikernel in QEMU, reached through one port of 127.0.0.1.

QEMU's options are those of its manual page (qemu-system-x86_64 7.2 and newer).
"""

import collections
import http.client
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from porttool.errors import UserError
from porttool.unikraft.app import machine, network_parameters
from porttool.unikraft.processes import HOST, end, how_it_ended, start

QEMU = "qemu-system-x86_64"

#: What QEMU calls the machine's network, for arguments that name it.
NETDEV = "n0"

#: Where the exporter listens inside of the machine; see ``LIBUKMETRICS_PORT``.
_GUEST_PORT = 9100

_LINES_KEPT = 200
_LINES_SHOWN = 15

#: What the kernel says when it gives up; in the console of releases 0.13.1 to 0.17.0.
_CRASH = re.compile(r"\bCRIT\b|\bCrashing\b|Assertion failure|Unhandled (?:Trap|page fault)")
_FATAL = re.compile(r"\bCrashing\b|Assertion failure|System halted")

#: Seconds that a crashing machine gets for the rest of its words.
_LAST_WORDS = 1.0

_SHORTEST, _LONGEST = 0.1, 2.0


@dataclass(frozen=True, slots=True)
class Forward:
    """A port of 127.0.0.1, and the machine's TCP port that it leads to."""

    port: int
    guest: int


@dataclass(frozen=True, slots=True)
class Settings:
    """How a machine is started. ``memory`` is QEMU's ``-m``; ``release`` that of the image.

    ``parameters`` go to the kernel command line behind the machine's address, ``arguments`` to
    QEMU behind its own; ``forwards`` are ports of the application, ``port`` is the exporter's.
    """

    image: Path
    release: str
    port: int
    memory: str = "64M"
    parameters: tuple[str, ...] = ()
    forwards: tuple[Forward, ...] = ()
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scrape:
    """The first page of metrics, and the seconds from QEMU's start until it was there."""

    text: str = field(repr=False)
    seconds: float


def find_qemu() -> str:
    """The QEMU program. Raises :class:`UserError` naming the package that has it."""
    found = shutil.which(QEMU)
    if found is None:
        raise UserError(
            f"{QEMU} is not installed",
            fix="apt install qemu-system-x86 (Fedora: qemu-system-x86-core)",
        )
    return found


def command(qemu: str, settings: Settings, accelerator: str) -> list[str]:
    """The words that start the machine. ``accelerator`` is ``kvm`` or ``tcg``."""
    parameters = (*network_parameters(settings.release), *settings.parameters)
    forwards = (Forward(settings.port, _GUEST_PORT), *settings.forwards)
    forwarded = ",".join(f"hostfwd=tcp:{HOST}:{each.port}-:{each.guest}" for each in forwards)
    return [
        qemu,
        "-no-user-config",
        "-nodefaults",
        *("-machine", machine(settings.release)),
        *("-accel", accelerator),
        *("-cpu", "max"),
        *("-m", settings.memory),
        "-no-reboot",
        *("-display", "none"),
        *("-serial", "stdio"),
        *("-netdev", f"user,id={NETDEV},{forwarded}"),
        # Without event indices: with them the driver of Unikraft 0.16.3 at times hears no more of
        # the device, for good, when traffic is heavy and the host busy.
        *("-device", f"virtio-net-pci,netdev={NETDEV},event_idx=off"),
        *("-kernel", str(settings.image)),
        *("-append", f"{' '.join(parameters)} --"),
        *settings.arguments,
    ]


class Machine:
    """A running unikernel; leaving the context ends it. Its console goes to ``log``, by line.

    KVM is used where it can be. Where it cannot, QEMU says so and ends before the guest has said a
    word, and the machine is started again without.
    """

    def __init__(self, settings: Settings, *, log: Callable[[str], None] | None = None) -> None:
        self.url = f"http://{HOST}:{settings.port}/metrics"
        self._settings = settings
        self._log = log
        self._qemu = find_qemu()
        usable = os.access("/dev/kvm", os.R_OK | os.W_OK)
        self._start("kvm" if usable else "tcg")

    def _start(self, accelerator: str) -> None:
        self.accelerator = accelerator
        self._began = time.monotonic()
        self._console: collections.deque[str] = collections.deque(maxlen=_LINES_KEPT)
        self._complaints: list[str] = []
        self._crashed: float | None = None
        self._process = start(
            command(self._qemu, self._settings, accelerator), merged=False, stdout=True
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._readers = (
            threading.Thread(target=self._hear, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._complain, args=(self._process.stderr,), daemon=True),
        )
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """Process id of QEMU."""
        return self._process.pid

    def _hear(self, stream: IO[bytes]) -> None:
        with stream:
            for raw in stream:
                line = raw.decode("utf-8", "replace").replace("\0", "").rstrip("\r\n")
                self._console.append(line)
                if self._crashed is None and _FATAL.search(line):
                    self._crashed = time.monotonic()
                if self._log is not None:
                    self._log(line)

    def _complain(self, stream: IO[bytes]) -> None:
        with stream:
            for raw in stream:
                self._complaints.append(raw.decode("utf-8", "replace").rstrip())

    def _join(self) -> None:
        for reader in self._readers:
            reader.join(timeout=1)

    def _said(self) -> str:
        """The last lines of the console, and before them the first one that tells of a crash."""
        console = list(self._console)
        last = console[-_LINES_SHOWN:]
        crash = next((line for line in console if _CRASH.search(line)), None)
        first = [] if crash is None or crash in last else [crash, "..."]
        return "\n".join([*first, *last]) or "it said nothing"

    def _retried(self) -> bool:
        """Start again without KVM if that is why QEMU ended."""
        if self.accelerator != "kvm" or self._console:
            return False
        if not any("kvm" in line.lower() for line in self._complaints):
            return False
        self._start("tcg")
        return True

    def _check(self) -> None:
        """Raise :class:`UserError` when the machine is not running any more."""
        crashed = self._crashed is not None and time.monotonic() > self._crashed + _LAST_WORDS
        status = self._process.poll()
        if status is None and not crashed:
            return
        self.stop()
        if status is None or any(_CRASH.search(line) for line in self._console):
            raise UserError(
                "the unikernel crashed", where=str(self._settings.image), why=self._said()
            )
        if status != 0 or self._complaints:
            raise UserError(
                "QEMU ended by itself",
                why="\n".join([how_it_ended(status), *self._complaints, self._said()]),
                fix="choose another port with --port N" if self._port_is_taken() else None,
            )
        raise UserError(
            "the unikernel halted",
            where=str(self._settings.image),
            why=self._said(),
            fix="it halts when main() returns; more memory is given with --memory 128M",
        )

    def _port_is_taken(self) -> bool:
        return any("host forwarding rule" in line for line in self._complaints)

    def first_scrape(self, within: float) -> Scrape:
        """Wait for the first page of metrics. Raises :class:`UserError` if it does not come.

        ``within`` are the seconds to wait at most.
        """
        deadline = self._began + within
        patience = _SHORTEST
        why = "nobody answered"
        while time.monotonic() < deadline:
            try:
                text = self._get(patience)
            except (OSError, http.client.HTTPException) as error:
                why = str(error) or type(error).__name__
            else:
                return Scrape(text, time.monotonic() - self._began)
            if self._process.poll() is not None:
                self._join()
                if self._retried():
                    deadline = self._began + within
                    continue
            self._check()
            time.sleep(0.02)
            patience = min(patience * 1.5, _LONGEST)
        raise UserError(
            f"no metrics within {within:g} s",
            where=self.url,
            why=f"{why}\n{self._said()}",
            fix="wait longer with --timeout, or look at the console with --verbose",
        )

    def _get(self, patience: float) -> str:
        connection = http.client.HTTPConnection(HOST, self._settings.port, timeout=patience)
        try:
            connection.request("GET", "/metrics", headers={"Connection": "close"})
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise http.client.HTTPException(f"the exporter answered {answer.status}")
        return body.decode("utf-8")

    def wait(self) -> None:
        """Wait until the machine ends, which nobody asked it to: raises :class:`UserError`."""
        while True:
            try:
                self._process.wait(0.5)
            except subprocess.TimeoutExpired:
                pass
            else:
                self._join()
            self._check()

    def stop(self) -> None:
        """End the machine if it runs, and wait until it is gone."""
        end(self._process)
        self._join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

"""The one door to the C preprocessor.

The preprocessor is run, never the compiler: gcc's ``-E`` only, or pcpp where there is no gcc. It
is bounded in time, memory and output, since what it reads is somebody else's. Headers are musl's
where they are installed, so that the result does not depend on the host's C library.
"""

import contextlib
import json
import math
import os
import platform
import re
import resource
import selectors
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from porttool.errors import UserError

TIMEOUT_SECONDS = 30
OUTPUT_LIMIT = 64 * 1024 * 1024
MEMORY_LIMIT = 1024 * 1024 * 1024

#: Where distributions put musl's headers: Debian, Arch, musl's own default, Void.
MUSL_INCLUDES = (
    "/usr/include/{machine}-linux-musl",
    "/usr/lib/musl/include",
    "/usr/local/musl/include",
    "/usr/{machine}-linux-musl/include",
)
#: Where the host's C library has its headers, for when there is no compiler to ask.
HOST_INCLUDES = ("/usr/local/include", "/usr/include/{machine}-linux-gnu", "/usr/include")
#: Where the compilers' own headers lie, which no C library brings, relative to a root.
COMPILER_INCLUDES = ("usr/lib/gcc/*/*/include", "usr/lib/llvm-*/lib/clang/*/include")
#: Folders of the kernel's own headers, which musl-gcc does not look into.
UAPI_FOLDERS = ("linux", "asm", "asm-generic", "mtd", "drm", "rdma", "sound", "video", "misc")

#: So much is kept of what a preprocessor complains about, in bytes.
_SAID_LIMIT = 65536

DEFINE_PATTERN = re.compile(r"[A-Za-z_]\w*(=[^\n\0]*)?")


class PreprocessError(Exception):
    """A file that the preprocessor does not take.

    ``reason`` is for the user. ``file`` (absolute, None for the source itself) and ``line`` say
    where, if that is known.
    """

    def __init__(self, reason: str, file: str | None = None, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.file = file
        self.line = line


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A preprocessor and the system headers it reads.

    ``cpp`` is the path of gcc's driver, None for pcpp. ``system`` are the folders of the system
    headers, in search order, without a trailing slash; a file below one of them is not the
    upstream's. ``libc`` is ``musl`` or ``host``.
    """

    cpp: str | None
    system: tuple[str, ...]
    libc: str
    flags: tuple[str, ...]

    @property
    def preprocessor(self) -> str:
        """The name for reports: ``gcc``, ``cc`` or ``pcpp``."""
        return "pcpp" if self.cpp is None else Path(self.cpp).name

    def public_name(self, path: str) -> str | None:
        """What one writes in ``#include <...>`` for a system header; None for any other file."""
        best = ""
        for folder in self.system:
            if path.startswith(folder + "/") and len(folder) > len(best):
                best = folder
        return path[len(best) + 1 :] if best else None


@dataclass(frozen=True, slots=True)
class Flags:
    """What one file is preprocessed with, besides what goes for all of them.

    ``macros`` are ``-DNAME=VALUE`` and ``-UNAME`` in their order; ``forced`` the files included
    before it; ``standard`` a value of ``-std``. Paths are absolute.
    """

    includes: tuple[Path, ...] = ()
    macros: tuple[str, ...] = ()
    forced: tuple[Path, ...] = ()
    standard: str | None = None


NO_FLAGS = Flags()


@dataclass(frozen=True, slots=True)
class Preprocessed:
    """One translation unit after the preprocessor, bytes read as latin-1, with line markers.

    ``expanded`` is what a compiler would parse. ``directives`` has includes resolved and
    conditions decided, but macros not expanded and every ``#define``, ``#undef`` and
    ``#include`` still there.
    """

    expanded: str
    directives: str


@contextmanager
def toolchain() -> Iterator[Toolchain]:
    """Find the preprocessor and the headers; made for one audit, shared by all its files.

    The preprocessor is gcc, or cc if that is gcc, else pcpp. Raises :class:`UserError` when
    there are no headers of any C library.
    """
    cpp = _gcc()
    own = _compiler_includes() if cpp is None else (_query(cpp, "-print-file-name=include"),)
    musl = _musl_includes()
    if musl is None:
        system = (*_host_includes(cpp), *own)
        for header in ("stdio.h", "stddef.h"):  # the C library's, and the compiler's
            if not any(Path(folder, header).is_file() for folder in system):
                raise UserError(
                    "no C headers found",
                    why=f"musl's are not installed, and the host has no {header}; the audit reads "
                    "from the headers which names they declare",
                    fix="apt-get install musl-dev",
                )
        yield Toolchain(cpp, system, "host", ())
        return
    with tempfile.TemporaryDirectory(prefix="porttool-uapi-") as scratch:
        uapi = Path(scratch).resolve()
        machine = Path("/usr/include", f"{platform.machine()}-linux-gnu")
        for name in UAPI_FOLDERS:
            for base in (machine, Path("/usr/include")):
                if (base / name).is_dir() and not (uapi / name).is_symlink():
                    (uapi / name).symlink_to(base / name)
        system = (musl, *own, str(uapi))
        flags = ("-nostdinc", *(flag for folder in system for flag in ("-isystem", folder)))
        yield Toolchain(cpp, system, "musl", flags)


def preprocess(
    source: Path,
    tools: Toolchain,
    includes: Sequence[Path],
    defines: Sequence[str],
    flags: Flags = NO_FLAGS,
) -> Preprocessed:
    """Run the preprocessor over one source file.

    ``source`` and ``includes`` are absolute. ``defines`` are ``NAME`` or ``NAME=VALUE``; the
    macros of ``flags`` come after them, its folders before ``includes``.
    Raises :class:`PreprocessError` naming line and reason, also when a bound is exceeded.
    """
    if tools.cpp is None:
        return _preprocess_without_compiler(source, tools, includes, defines, flags)
    common = [
        # Not canonical: a system header keeps the name of the folder that it was found in.
        *(f"-std={flags.standard or 'gnu11'}", "-w", "-fno-canonical-system-headers"),
        *(f"-D{define}" for define in defines),
        *flags.macros,
        *(flag for folder in (*flags.includes, *includes) for flag in ("-I", str(folder))),
        *(flag for path in flags.forced for flag in ("-include", str(path))),
        *tools.flags,
        str(source),
    ]
    command = _preprocessor(tools.cpp)
    expanded = _run([*command, *common])
    directives = _run([*command, "-fdirectives-only", "-dI", *common])
    return Preprocessed(expanded, directives)


def _preprocess_without_compiler(
    source: Path,
    tools: Toolchain,
    includes: Sequence[Path],
    defines: Sequence[str],
    flags: Flags,
) -> Preprocessed:
    job = {
        "source": str(source),
        "includes": list(map(str, (*flags.includes, *includes))),
        "system": tools.system,
        "macros": [*(f"-D{define}" for define in defines), *flags.macros],
        "forced": list(map(str, flags.forced)),
        "standard": flags.standard or "gnu11",
    }
    # Not the current folder: what lies there must not be taken for a module.
    arguments = ("-P", "-m", "porttool.audit.pcppmain")
    expanded, _, directives = _run((sys.executable, *arguments), json.dumps(job)).partition("\0")
    return Preprocessed(expanded, directives)


def check_define(define: str) -> str:
    """Give ``define`` back if it is ``NAME`` or ``NAME=VALUE``; else raise :class:`UserError`."""
    if not DEFINE_PATTERN.fullmatch(define):
        raise UserError(f"--define {define!r} is not NAME or NAME=VALUE")
    return define


def _run(command: Sequence[str], given: str = "") -> str:
    """What a command prints, within the bounds on time, memory and output."""
    status, output, said = _execute(command, given)
    if status == -signal.SIGXCPU:
        raise PreprocessError(f"the preprocessor took longer than {TIMEOUT_SECONDS} s")
    if status != 0:
        raise _explain(said.decode("utf-8", "replace"))
    return output.decode("latin-1")


def _execute(command: Sequence[str], given: str = "") -> tuple[int, bytes, bytes]:
    """Run a command within the bounds; gives its status and what it printed."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    # Not a pipe: it would wake us for each few kilobytes.
    with _file() as output, _file() as stdin:
        stdin.write(given.encode())
        stdin.seek(0)
        process = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=output,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        try:
            _limit(process.pid, resource.RLIMIT_AS, MEMORY_LIMIT)
            _limit(process.pid, resource.RLIMIT_CPU, math.ceil(TIMEOUT_SECONDS))
            _limit(process.pid, resource.RLIMIT_FSIZE, OUTPUT_LIMIT)
            said = _complaints(process)
            process.wait()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if output.seek(0, os.SEEK_END) >= OUTPUT_LIMIT:
            raise PreprocessError(f"preprocesses to more than {OUTPUT_LIMIT >> 20} MB")
        output.seek(0)
        return process.returncode, output.read(), said


def _file() -> BinaryIO:
    """A file in memory that a process can have."""
    return os.fdopen(os.memfd_create("porttool"), "w+b")


def _limit(process: int, what: int, most: int) -> None:
    # From outside, because a child that sets its own limits takes long to start. Gone is fine.
    with contextlib.suppress(ProcessLookupError):
        resource.prlimit(process, what, (most, most))


def _complaints(process: subprocess.Popen[bytes]) -> bytes:
    """The beginning of what a process says on its second stream, after it has ended that."""
    end = time.monotonic() + TIMEOUT_SECONDS
    said = bytearray()
    assert process.stderr is not None
    with process.stderr as pipe, selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while selector.select(max(end - time.monotonic(), 0)):
            chunk = os.read(pipe.fileno(), 1 << 16)
            if not chunk:
                return bytes(said[:_SAID_LIMIT])
            if len(said) < _SAID_LIMIT:
                said += chunk
    raise PreprocessError(f"the preprocessor took longer than {TIMEOUT_SECONDS} s")


@lru_cache
def _preprocessor(cpp: str) -> tuple[str, ...]:
    """The command that gcc's driver would run to preprocess, or that of the driver itself.

    To start one program instead of two saves a tenth of an audit. The driver says with ``-###``
    what it would run (GCC manual, 3.2).
    """
    try:
        _, _, said = _execute((cpp, "-###", "-E", "-x", "c", os.devnull))
    except PreprocessError:
        said = b""  # it will do the same when it preprocesses, and that is told
    for line in os.fsdecode(said).splitlines():
        if re.match(r' "?/\S*/cc1"? ', line):
            command = shlex.split(line)
            if os.devnull in command:
                at = command.index(os.devnull)
                rest = command[at + 1 :]
                if "-dumpbase" in rest:
                    rest = rest[: rest.index("-dumpbase")]
                return (*command[:at], *rest)
    return (cpp, "-E", "-x", "c")


def _explain(said: str) -> PreprocessError:
    """Turn what the preprocessor said into one sentence with its place."""
    if "out of memory" in said or "allocat" in said:
        return PreprocessError(f"the preprocessor needs more than {MEMORY_LIMIT >> 20} MB")
    if "CPU time limit" in said:
        return PreprocessError(f"the preprocessor took longer than {TIMEOUT_SECONDS} s")
    for line in said.splitlines():
        match = re.fullmatch(r"(.+?):(\d+):\d+: (?:fatal )?error: (.*)", line)
        if match is None:
            continue
        file, number, message = match.groups()
        missing = re.fullmatch(r"(.+): No such file or directory", message)
        if missing is not None:
            message = f"header {missing[1]!r} not found"
        return PreprocessError(message, file, int(number))
    first = said.strip().splitlines()
    return PreprocessError(f"the preprocessor failed: {first[0] if first else 'no reason given'}")


def _musl_includes() -> str | None:
    for pattern in MUSL_INCLUDES:
        folder = Path(pattern.format(machine=platform.machine()))
        if (folder / "bits" / "alltypes.h").is_file():
            return str(folder)
    return None


def _gcc() -> str | None:
    """The gcc on the PATH. Another compiler lacks the options that this module needs."""
    for name in ("gcc", "cc"):
        found = shutil.which(name)
        if found is not None and "clang" not in Path(found).resolve().name:
            return found
    return None


def _compiler_includes() -> tuple[str, ...]:
    """The headers of a compiler that is installed though not on the PATH, the newest."""
    for pattern in COMPILER_INCLUDES:
        found = sorted(path for path in Path("/").glob(pattern) if (path / "stddef.h").is_file())
        if found:
            return (str(found[-1]),)
    return ()


def _host_includes(cpp: str | None) -> tuple[str, ...]:
    """The folders that the preprocessor searches by itself, from what it says with -v."""
    if cpp is None:
        folders = (pattern.format(machine=platform.machine()) for pattern in HOST_INCLUDES)
        return tuple(folder for folder in folders if Path(folder).is_dir())
    said = subprocess.run(
        [cpp, "-E", "-v", "-x", "c", os.devnull],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        timeout=TIMEOUT_SECONDS,
        check=False,
    ).stderr.decode("utf-8", "replace")
    listed = said.partition("#include <...> search starts here:\n")[2].partition("End of search")[0]
    return tuple(os.path.normpath(line.strip()) for line in listed.splitlines())


@lru_cache
def _query(cpp: str, option: str) -> str:
    said = subprocess.run(
        [cpp, option],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    ).stdout.decode()
    return os.path.normpath(said.strip())

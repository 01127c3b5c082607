"""A small release of Unikraft for the audit's tests: something of each status."""

from pathlib import Path
from typing import Any

from porttool.unikraft.provides import Provides, Symbol, Syscall, dumps, load


def symbol(
    *syscalls: str,
    stub: str | None = None,
    library: str = "libmusl",
    requires: str = "LIBMUSL",
    excludes: str = "",
    sometimes: str = "",
    unchecked: str = "",
) -> dict[str, Any]:
    """A function of the release."""
    return {
        "kind": "function",
        "library": library,
        "requires": requires.split(),
        "syscalls": list(syscalls),
        "stub": stub,
        "source": "x.c",
        "excludes": excludes.split(),
        "sometimes": sometimes.split(),
        "unchecked": unchecked.split(),
    }


def syscall(requires: str, stub: str | None = None) -> dict[str, Any]:
    """A system call of the release."""
    return {"library": requires.lower(), "requires": [requires], "stub": stub}


DOCUMENT: dict[str, Any] = {
    "release": "0.16.3",
    "commits": {"unikraft": "1" * 40},
    "symbols": {
        "printf": symbol("writev"),
        "strlen": symbol(),
        "puts": symbol("writev"),
        "readdir": symbol("getdents64"),
        "clock_gettime": symbol("clock_gettime"),
        "time": symbol("clock_gettime", "getdents64", "gettimeofday"),
        "prlimit": symbol("prlimit64"),
        "inotify_init": symbol("inotify_init", "inotify_init1"),
        "fork": symbol("clone", stub="enosys"),
        "getuid": symbol("getuid"),
        "sync": symbol("sync"),
        "setgroups": symbol("sync", "prlimit64"),
        "statvfs": symbol("statfs"),
        "pthread_create": symbol(
            "clock_gettime", "sched_setscheduler", sometimes="sched_setscheduler"
        ),
        "pthread_setschedparam": symbol("sched_setscheduler"),
        "sysconf": symbol("sched_getaffinity", "prlimit64", sometimes="prlimit64"),
        "get_phys_pages": symbol("sysinfo", "prlimit64", sometimes="prlimit64"),
        "nice": symbol("getpriority", "prlimit64", sometimes="getpriority prlimit64"),
        "raise": symbol("getuid", "prlimit64", unchecked="prlimit64"),
        "gethostname": symbol("uname", excludes="LIBPOSIX_SYSINFO"),
        "get_avphys_pages": symbol("sysinfo", excludes="LIBPOSIX_USER"),
        "getlogin": symbol(excludes="LIBPOSIX_USER"),
        "get_nprocs": symbol("sched_getaffinity"),
        "stderr": symbol() | {"kind": "variable"},
        "send": symbol(library="libposix_socket", requires="LIBPOSIX_SOCKET LIBMUSL"),
    },
    "syscalls": {
        "writev": syscall("LIBMUSL"),
        "getdents64": syscall("LIBVFSCORE"),
        "clock_gettime": syscall("LIBPOSIX_TIME"),
        "gettimeofday": syscall("LIBPOSIX_TIME"),
        "prlimit64": syscall("LIBPOSIX_PROCESS", "warn"),
        "getuid": syscall("LIBPOSIX_USER"),
        "sched_getaffinity": syscall("LIBPOSIX_PROCESS", "enosys"),
        "statfs": syscall("LIBVFSCORE"),
        "sync": syscall("LIBVFSCORE", "empty"),
        "sysinfo": syscall("LIBPOSIX_SYSINFO"),
        "uname": syscall("LIBPOSIX_SYSINFO"),
    },
    "others": {
        "gethostname": symbol(library="libposix_sysinfo", requires="LIBPOSIX_SYSINFO"),
        "getlogin": symbol(library="libposix_user", requires="LIBPOSIX_USER", stub="empty"),
    },
    "headers": dict.fromkeys(("stdio.h", "unistd.h", "time.h", "string.h"), "libmusl"),
    "declared": ["printf", "execve", "fork", "setsid"],
}


def write_catalogue(path: Path) -> Path:
    """Write the release to a file; gives ``path``."""
    path.write_text(dumps(_release()))
    return path


def _symbol(name: str, raw: dict[str, Any]) -> Symbol:
    return Symbol(
        name,
        raw["kind"],
        raw["library"],
        tuple(raw["requires"]),
        tuple(raw["syscalls"]),
        raw["stub"],
        raw["source"],
        tuple(raw["excludes"]),
        tuple(raw["sometimes"]),
        tuple(raw["unchecked"]),
    )


def _release() -> Provides:
    return Provides(
        release=DOCUMENT["release"],
        commits=DOCUMENT["commits"],
        symbols={name: _symbol(name, raw) for name, raw in DOCUMENT["symbols"].items()},
        others={name: (_symbol(name, raw),) for name, raw in DOCUMENT["others"].items()},
        syscalls={
            name: Syscall(name, raw["library"], tuple(raw["requires"]), raw["stub"])
            for name, raw in DOCUMENT["syscalls"].items()
        },
        headers=DOCUMENT["headers"],
        declared=frozenset(DOCUMENT["declared"]),
    )


def catalogue(folder: Path) -> Provides:
    """The release, by way of a file in ``folder``."""
    return load(write_catalogue(folder / "release.json"))

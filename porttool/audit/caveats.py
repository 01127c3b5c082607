"""What neither a symbol nor a header tells of Unikraft, and so is kept here.

How something that is there works otherwise than on Linux was found by building and booting 0.16.3
with lib-musl and lib-lwip on x86-64 under QEMU. Which system calls a function makes only now
and then was read from musl 1.2.3, with which lib-musl is built.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from porttool.audit.model import Kind, Need


@dataclass(frozen=True, slots=True)
class _Caveat:
    """A fact about needs of one kind; ``names`` are globs."""

    kind: Kind
    names: tuple[str, ...]
    text: str


_FUNCTION, _CONSTANT = Kind.FUNCTION, Kind.CONSTANT

#: The first one that matches counts.
_CAVEATS = (
    _Caveat(
        _FUNCTION,
        ("pthread_create", "thrd_create"),
        "the scheduler is cooperative: a thread runs until it waits; crashes before init level "
        "late (6), and with more threads than LIBPOSIX_PROCESS_MAX_PID (31)",
    ),
    _Caveat(
        _FUNCTION,
        ("pthread_cancel", "pthread_setcancel*", "pthread_testcancel"),
        "threads cannot be cancelled",
    ),
    _Caveat(
        _FUNCTION,
        ("pthread_mutexattr_setrobust", "pthread_mutex_consistent"),
        "there are no robust mutexes",
    ),
    _Caveat(_FUNCTION, ("pthread_*attr_setpshared",), "there is one process to share with"),
    _Caveat(
        _FUNCTION,
        ("exit", "_exit", "_Exit", "quick_exit", "abort"),
        "ends the whole unikernel, with the application",
    ),
    _Caveat(
        _FUNCTION,
        ("getaddrinfo",),
        "also gives IPv6 addresses, whose sockets fail: ask for AF_INET",
    ),
    _Caveat(_FUNCTION, ("getifaddrs",), "fails"),
    _Caveat(
        _FUNCTION,
        ("statvfs", "fstatvfs", "statfs", "fstatfs"),
        "all figures are 0 on ramfs, 9pfs and devfs",
    ),
    _Caveat(
        _FUNCTION,
        ("open", "fopen", "opendir", "stat", "lstat", "access"),
        "gives ENOTDIR for every path when no root file system is mounted",
    ),
    _Caveat(
        _CONSTANT,
        ("SO_RCVTIMEO", "SO_SNDTIMEO"),
        "setsockopt gives ENOPROTOOPT: use poll with a timeout",
    ),
    _Caveat(_CONSTANT, ("_SC_CLK_TCK",), "sysconf gives 0 with LIBPOSIX_SYSINFO"),
)


def caveat(need: Need) -> str:
    """How a need works otherwise than on Linux, in one line; "" when nothing is known."""
    for each in _CAVEATS:
        if each.kind is need.kind and any(fnmatchcase(need.name, name) for name in each.names):
            return each.text
    return ""


@dataclass(frozen=True, slots=True)
class _Occasional:
    """A system call that ``functions`` (globs) make on 64 bits only ``when``."""

    syscall: str
    functions: tuple[str, ...]
    when: str


_MAKES_THREADS = ("pthread_create", "thrd_create", "timer_create", "aio_*", "lio_listio*")
_ENDS_THREADS = ("pthread_exit", "pthread_cancel", "thrd_exit")

_OCCASIONAL = (
    _Occasional("set_robust_list", ("*",), "for process-shared mutexes"),
    _Occasional("statx", ("*",), "where time_t is wider than the kernel's"),
    _Occasional("faccessat2", ("*",), "with flags, and not needed for them"),
    _Occasional("sched_setscheduler", _MAKES_THREADS, "for threads with a scheduling policy"),
    _Occasional("rt_sigprocmask", (*_MAKES_THREADS, *_ENDS_THREADS), "to hold signals back"),
    _Occasional("sched_getaffinity", ("sysconf",), "for the number of processors"),
    _Occasional("sched_getaffinity", ("get_phys_pages", "get_avphys_pages"), "for other figures"),
)


def occasion(function: str, syscall: str) -> str:
    """When alone ``function`` makes ``syscall``, as it does without otherwise; "" if always."""
    for each in _OCCASIONAL:
        matching = any(fnmatchcase(function, name) for name in each.functions)
        if matching and each.syscall == syscall != function:
            return each.when
    return ""

"""What neither a symbol nor a header tells of Unikraft, and so is kept here.

How something that is there works otherwise than on Linux was found by building and booting 0.16.3
with lib-musl and lib-lwip on x86-64 under QEMU, for many functions as docs/provider-truth.md has
it. What some system calls are for that are not always made was read from musl 1.2.3, with which
lib-musl is built.
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
        ("pthread_cond_broadcast", "cnd_broadcast"),
        "wakes only one of several waiters: musl moves the others with FUTEX_REQUEUE, which "
        "gives ENOSYS; use a semaphore",
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
    _Caveat(_FUNCTION, ("getifaddrs", "if_name*", "if_indextoname"), "fails"),
    _Caveat(
        _FUNCTION,
        ("socketpair",),
        "only of AF_UNIX, and with LIBPOSIX_UNIXSOCKET",
    ),
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
        _FUNCTION,
        ("getpwnam*", "getpwuid*", "getgrnam*", "getgrgid*", "getlogin*"),
        "knows the user of LIBPOSIX_USER alone; without that it takes /etc/passwd and /etc/group",
    ),
    _Caveat(_FUNCTION, ("link",), "gives EPERM on ramfs"),
    _Caveat(_FUNCTION, ("fallocate", "posix_fallocate"), "does nothing on ramfs"),
    _Caveat(_FUNCTION, ("madvise", "posix_madvise"), "does nothing with LIBUKMMAP"),
    _Caveat(_FUNCTION, ("sem_open",), "fails: a file cannot be mapped"),
    _Caveat(_FUNCTION, ("clock",), "gives -1: there is no clock of CPU time"),
    _Caveat(
        _FUNCTION,
        ("clock_nanosleep",),
        "sleeps only for a duration on CLOCK_REALTIME, and returns at once otherwise",
    ),
    _Caveat(_FUNCTION, ("sysinfo",), "the memory figures are 0 without PAGING"),
    _Caveat(_FUNCTION, ("setpriority",), "gives EACCES for every priority but 0"),
    _Caveat(_FUNCTION, ("getauxval",), "gives 0: there is no auxiliary vector"),
    _Caveat(_FUNCTION, ("gettid",), "gives 0 in the first thread"),
    _Caveat(_FUNCTION, ("syslog", "vsyslog"), "there is no /dev/log: the message goes nowhere"),
    _Caveat(
        _FUNCTION,
        ("vfork",),
        "stops the unikernel: it executes a syscall instruction, and no vfork is provided",
    ),
    _Caveat(
        _CONSTANT,
        ("SO_RCVTIMEO", "SO_SNDTIMEO"),
        "setsockopt gives ENOPROTOOPT: use poll with a timeout",
    ),
    _Caveat(_CONSTANT, ("_SC_CLK_TCK",), "sysconf gives 0 with LIBPOSIX_SYSINFO"),
    _Caveat(_CONSTANT, ("AF_UNIX", "PF_UNIX", "AF_LOCAL", "PF_LOCAL"), "takes LIBPOSIX_UNIXSOCKET"),
    _Caveat(
        _CONSTANT,
        ("CLOCK_PROCESS_CPUTIME_ID", "CLOCK_THREAD_CPUTIME_ID"),
        "clock_gettime gives EINVAL",
    ),
)


def caveat(need: Need) -> str:
    """How a need works otherwise than on Linux, in one line; "" when nothing is known."""
    for each in _CAVEATS:
        if each.kind is need.kind and any(fnmatchcase(need.name, name) for name in each.names):
            return each.text
    return ""


#: What functions make these system calls for that do not always make them.
_OCCASIONS = {
    "set_robust_list": "for process-shared mutexes",
    "statx": "where time_t is wider than the kernel's",
    "faccessat2": "with flags",
    "sched_setscheduler": "for threads with a scheduling policy",
}


#: Functions that make a system call by way of another one at whose result they do not look.
_IGNORED = (("rt_sigprocmask", ("aio_*", "lio_listio*")),)


def ignored(function: str, syscall: str) -> bool:
    """Whether a function works the same without a system call that it always makes."""
    return any(
        syscall == made and any(fnmatchcase(function, name) for name in functions)
        for made, functions in _IGNORED
    )


def occasion(syscall: str) -> str:
    """When a function makes a system call that it does not always make."""
    return _OCCASIONS.get(syscall, "on some ways through it")


@dataclass(frozen=True, slots=True)
class _Pretence:
    """System calls, or functions of a library, that never do what they are for.

    Their code is not that of a stub, so that a scan of the tree does not tell: it looks at its
    arguments first, or fills in zeros.
    """

    names: tuple[str, ...]
    text: str


#: The same code in the releases looked at from 0.11 to 0.17 that have the system call.
_CALLS = (
    _Pretence(("rt_sigaction",), "nothing is done: no handler is kept"),
    _Pretence(("times",), "ENOTSUP at run time"),
    _Pretence(("setsid",), "EPERM at run time"),
    _Pretence(("setpgid",), "nothing is done"),
    _Pretence(("getrusage",), "all figures are 0"),
    _Pretence(("flock",), "nothing is locked"),
    _Pretence(("kill",), "no signal is sent"),
    _Pretence(("rt_sigpending",), "no signal is ever pending"),
    _Pretence(("rt_sigsuspend",), "no signal is waited for"),
    _Pretence(("rt_sigtimedwait",), "no signal is waited for, and crashes without a siginfo_t"),
)

#: Of musl. It has to make more of it than a system call that is a stub, or take a way that ends
#: in /proc; it loads nothing when it is linked statically.
_FUNCTIONS = (
    _Pretence(("dlopen", "dlsym", "dladdr"), "nothing can be loaded"),
    _Pretence(("pthread_cancel",), "no thread is ever cancelled"),
    _Pretence(("pthread_setname_np", "pthread_getname_np"), "no name is kept"),
    _Pretence(("setrlimit", "setrlimit64"), "no limit is kept"),
    _Pretence(("lchmod",), "there is no /proc, which it takes"),
)
_LIBC = "libmusl"


def pretended_call(syscall: str) -> str:
    """What a system call does instead of what it is for; "" when nothing is known."""
    return next((each.text for each in _CALLS if syscall in each.names), "")


def pretended_function(library: str, function: str) -> str:
    """What a function of a library does instead of what it is for; "" when nothing is known."""
    if library != _LIBC:
        return ""
    return next((each.text for each in _FUNCTIONS if function in each.names), "")

"""Which group a header belongs to. The table is also in docs/audit.md; a test holds them together.

Only headers are listed here: which header declares a name is read from the headers themselves.
"""

import re
from fnmatch import fnmatchcase

#: Group by header name, as in ``#include <...>``. The first pattern that matches counts.
HEADER_GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("pthread", ("pthread.h", "semaphore.h")),
    ("threads", ("threads.h",)),
    ("sched", ("sched.h",)),
    ("signal", ("signal.h", "sys/signal.h", "ucontext.h", "sys/ucontext.h", "sys/signalfd.h")),
    ("process", ("sys/wait.h", "wait.h", "spawn.h", "sys/prctl.h", "sys/ptrace.h")),
    (
        "sockets",
        (
            "sys/socket.h",
            "sys/un.h",
            "netinet/*",
            "arpa/*",
            "netdb.h",
            "net/*",
            "netpacket/*",
            "ifaddrs.h",
            "resolv.h",
            "sys/sendfile.h",
        ),
    ),
    (
        "poll",
        ("poll.h", "sys/poll.h", "sys/select.h", "sys/epoll.h", "sys/eventfd.h", "sys/inotify.h"),
    ),
    ("time", ("time.h", "sys/time.h", "sys/times.h", "sys/timeb.h", "sys/timerfd.h", "utime.h")),
    (
        "files",
        (
            "fcntl.h",
            "sys/fcntl.h",
            "sys/stat.h",
            "sys/file.h",
            "sys/uio.h",
            "dirent.h",
            "sys/dir.h",
            "ftw.h",
            "fts.h",
            "glob.h",
            "fnmatch.h",
            "libgen.h",
            "aio.h",
            "sys/xattr.h",
        ),
    ),
    ("filesystem", ("sys/statvfs.h", "sys/statfs.h", "sys/vfs.h", "mntent.h", "sys/mount.h")),
    ("memory", ("sys/mman.h", "malloc.h", "alloca.h")),
    ("ipc", ("sys/ipc.h", "sys/shm.h", "sys/sem.h", "sys/msg.h", "mqueue.h")),
    (
        "system",
        (
            "sys/utsname.h",
            "sys/sysinfo.h",
            "sys/resource.h",
            "sys/reboot.h",
            "sys/random.h",
            "sys/auxv.h",
            "sys/klog.h",
            "sys/personality.h",
            "ulimit.h",
        ),
    ),
    ("syscall", ("sys/syscall.h", "syscall.h")),
    ("users", ("pwd.h", "grp.h", "shadow.h", "utmp.h", "utmpx.h", "crypt.h")),
    ("terminal", ("termios.h", "sys/ioctl.h", "pty.h", "sys/ttydefaults.h", "stropts.h")),
    ("syslog", ("syslog.h", "sys/syslog.h")),
    ("dynamic-linking", ("dlfcn.h", "link.h", "elf.h", "sys/procfs.h")),
    ("unistd", ("unistd.h", "getopt.h")),
    ("stdio", ("stdio.h", "stdio_ext.h", "err.h", "error.h")),
    ("stdlib", ("stdlib.h", "search.h", "wordexp.h")),
    ("string", ("string.h", "strings.h", "memory.h")),
    ("regex", ("regex.h", "regexp.h")),
    ("ctype", ("ctype.h", "wctype.h")),
    ("wide-characters", ("wchar.h", "uchar.h")),
    ("locale", ("locale.h", "langinfo.h", "iconv.h", "libintl.h", "nl_types.h", "monetary.h")),
    ("math", ("math.h", "complex.h", "tgmath.h", "fenv.h", "float.h")),
    ("errno", ("errno.h", "sys/errno.h")),
    ("assert", ("assert.h",)),
    ("setjmp", ("setjmp.h",)),
    (
        "types",
        (
            "stddef.h",
            "stdint.h",
            "inttypes.h",
            "limits.h",
            "stdbool.h",
            "sys/types.h",
            "sys/param.h",
            "sys/sysmacros.h",
            "endian.h",
            "byteswap.h",
            "features.h",
            "sys/cdefs.h",
            "values.h",
        ),
    ),
    (
        "compiler",
        (
            "stdarg.h",
            "stdatomic.h",
            "stdalign.h",
            "stdnoreturn.h",
            "iso646.h",
            "cpuid.h",
            "*intrin.h",
        ),
    ),
    ("linux", ("linux/*", "asm/*", "asm-generic/*", "mtd/*", "drm/*", "sound/*", "scsi/*")),
)

#: A header of the C library that the table does not name.
OTHER = "other"
#: A header that is neither the C library's nor in the audited folder.
LIBRARY = "library"
#: No header declares the name.
UNDECLARED = "undeclared"

#: Group of a path in a string by its first component.
PATH_GROUPS = {"proc": "procfs", "sys": "sysfs", "dev": "devfs"}


def header_group(header: str) -> str:
    """The group of a C library header, named as in ``#include <...>``."""
    for group, patterns in HEADER_GROUPS:
        if any(fnmatchcase(header, pattern) for pattern in patterns):
            return group
    return OTHER


#: Groups whose names are about threads.
_THREAD_GROUPS = ("pthread", "threads")

#: pthread primitives by how a name begins, POSIX's and C11's; the first match counts. What sets a
#: primitive up is an attribute, whichever primitive it is of.
PRIMITIVES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (primitive, re.compile(pattern))
    for primitive, pattern in (
        (
            "attributes",
            r"pthread_(get)?(\w+)?attr|PTHREAD_(CREATE|INHERIT|EXPLICIT|SCOPE|PROCESS|PRIO)_"
            r"|PTHREAD_MUTEX_(NORMAL|RECURSIVE|ERRORCHECK|DEFAULT|ROBUST|STALLED)|mtx_(plain"
            r"|recursive|timed)$",
        ),
        ("cancellation", r"pthread_(set|test)?cancel|pthread_cleanup|PTHREAD_CANCEL"),
        ("mutex", r"pthread_mutex|PTHREAD_MUTEX|mtx_"),
        ("condition", r"pthread_cond|PTHREAD_COND|cnd_"),
        ("rwlock", r"pthread_rwlock|PTHREAD_RWLOCK"),
        ("spinlock", r"pthread_spin"),
        ("barrier", r"pthread_barrier|PTHREAD_BARRIER"),
        ("once", r"pthread_once|PTHREAD_ONCE|call_once|once_flag|ONCE_FLAG"),
        ("tls", r"pthread_(key|getspecific|setspecific)|tss_|TSS_|thread_local"),
        ("semaphore", r"sem_|SEM_"),
        ("signal", r"pthread_(kill|sig)"),
        ("scheduling", r"pthread_(get|set)?(sched|affinity|concurrency|cpuclock)"),
        ("fork", r"pthread_atfork"),
        ("thread", r"pthread_|PTHREAD_|thrd_"),
    )
)


def pthread_primitive(group: str, name: str) -> str:
    """The pthread primitive that a name of ``group`` is about; "" when it is about none."""
    if group not in _THREAD_GROUPS:
        return ""
    bare = name.rpartition(" ")[2].lstrip("_")
    return next((each for each, pattern in PRIMITIVES if pattern.match(bare)), "")

"""Where a need stands: its function, the macro that hides it, and who calls whom."""

from pathlib import Path

from porttool.audit import AuditReport, Kind, Need, Site, audit, discover
from tests.audit.trees import audit_text, audit_tree, build_tree, functions


def need(report: AuditReport, name: str, kind: Kind = Kind.FUNCTION) -> Need:
    [found] = [each for each in report.of_kind(kind) if each.name == name]
    return found


def test_site_names_the_function_and_the_macro(tmp_path: Path) -> None:
    report = audit_tree(
        tmp_path,
        {
            "a.c": """\
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include "a.h"
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int
serve(int fd)
{
	LOCK(&lock);
	if (errno == RETRY || setsockopt(fd, SOL_SOCKET, OPTION, 0, 0))
		puts(MEMINFO);
	return STAMP(fd);
}
static bool
other(void)
{
	return puts("/proc/stat") > 0;
}
int (*table[])(const char *) = { puts };
""",
            "a.h": """\
#include <unistd.h>
#define LOCK(m) TAKE(m)
#define TAKE(m) pthread_mutex_lock(m)
#define RETRY EINTR
#define OPTION SO_RCVTIMEO
#define MEMINFO PROC "/meminfo"
#define PROC "/proc"
#define PASTE(a, b) a ## b
#define STAMP(x) PASTE(get, pid)() + x
static inline int own(void) { return getuid(); }
int use(void) { return own(); }
""",
        },
    )
    assert need(report, "pthread_mutex_lock").sites == (Site("a.c", 11, "serve", "LOCK"),)
    assert need(report, "__errno_location").sites == (Site("a.c", 12, "serve", "errno"),)
    assert need(report, "errno", Kind.CONSTANT).sites == (Site("a.c", 12, "serve"),)
    assert need(report, "EINTR", Kind.CONSTANT).sites == (Site("a.c", 12, "serve", "RETRY"),)
    assert need(report, "SO_RCVTIMEO", Kind.CONSTANT).sites == (Site("a.c", 12, "serve", "OPTION"),)
    assert need(report, "/proc/meminfo", Kind.PATH).sites == (Site("a.c", 13, "serve", "MEMINFO"),)
    assert need(report, "/proc/stat", Kind.PATH).sites == (Site("a.c", 19, "other"),)
    assert need(report, "getpid").sites == (Site("a.c", 14, "serve", "STAMP"),)
    assert need(report, "getuid").sites == (Site("a.h", 10, "own"),)
    assert need(report, "bool", Kind.TYPE).sites == (Site("a.c", 16, "other"),)
    assert need(report, "pthread_mutex_t", Kind.TYPE).sites == (Site("a.c", 7),)
    assert need(report, "puts").sites == (
        Site("a.c", 13, "serve"),
        Site("a.c", 19, "other"),
        Site("a.c", 21),
    )


def test_name_that_stands_on_the_line_is_not_its_macros(tmp_path: Path) -> None:
    report = audit_text(
        tmp_path,
        """\
#include <unistd.h>
#define BOTH (getpid() + getppid())
int f(void) { return BOTH + getpid(); }
int g(void) { return getppid(); } int h(void) { return getppid(); }
""",
    )
    assert need(report, "getpid").sites == (Site("a.c", 3, "f"),)
    assert need(report, "getppid").sites == (
        Site("a.c", 3, "f", "BOTH"),
        Site("a.c", 4, "g"),
        Site("a.c", 4, "h"),
    )


def test_macro_that_is_defined_again_hides_what_it_hid_there(tmp_path: Path) -> None:
    report = audit_text(
        tmp_path,
        """\
#include <unistd.h>
#define LIST X(1) X(2)
#define X(n) getpid() +
int f(void) { return LIST 0; }
#undef X
#define X(n) getppid() +
int g(void) { return LIST 0; }
""",
    )
    assert need(report, "getpid").sites == (Site("a.c", 4, "f", "LIST"),)
    assert need(report, "getppid").sites == (Site("a.c", 7, "g", "LIST"),)


CALLS = {
    "main.c": """\
int run(void);
static int step(void) { return 1; }
int (*const handlers[])(void) = { step };
int main(void) { return run(); }
""",
    "run.c": """\
#include "run.h"
static int step(void) { return inner(); }
int run(void)
{
	int (*next)(void) = step;

	return next() + step();
}
""",
    "run.h": "static inline int inner(void) { return 2; }\nint run(void);\n",
}


def test_calls_tell_functions_of_one_name_apart(tmp_path: Path) -> None:
    report = audit_tree(tmp_path, CALLS)
    assert [f"{each.caller} -> {each.callee} at {each.site}" for each in report.calls] == [
        "(file scope) (main.c) -> step (main.c) at main.c:3",
        "main (main.c) -> run (run.c) at main.c:4",
        "run (run.c) -> step (run.c) at run.c:5",
        "run (run.c) -> step (run.c) at run.c:7",
        "step (run.c) -> inner (run.h) at run.c:2",
    ]


def test_system_name_that_the_upstream_defines_is_a_need_of_its_own(tmp_path: Path) -> None:
    files = {
        "a.c": "#include <string.h>\nint helper(int);\nint *optind;\n"
        "unsigned long f(char *a) { return strlcpy(a, a, 1) + helper(*optind); }\n"
        "unsigned long g(char *a) { return strlcpy(a, a, 1); }\n",
        "compat/strlcpy.c": "typedef unsigned long size_t;\n\n"
        "size_t strlcpy(char *to, const char *from, size_t size)\n"
        "{ return size ? *to = *from : strlcpy(to, from, 1); }\n"
        "static int index(int c) { return c; }\n"
        "int helper(int c) { return index(c); }\n",
    }
    report = audit_tree(tmp_path, files)
    assert functions(report) == set()
    [own] = report.of_kind(Kind.FUNCTION)
    assert (own.name, own.header, own.defined) == (
        "strlcpy",
        "string.h",
        (Site("compat/strlcpy.c", 3),),
    )
    assert [str(site) for site in own.sites] == ["a.c:4", "a.c:5", "compat/strlcpy.c:4"]
    assert need(report, "optind", Kind.VARIABLE).defined == (Site("a.c", 3),)
    sources = discover(tmp_path).sources
    provided = audit(tmp_path, sources, provided=["helper", "index"])
    assert need(provided, "helper").defined == (Site("compat/strlcpy.c", 6),)


def test_file_that_defines_a_name_and_is_not_audited(tmp_path: Path) -> None:
    build_tree(
        tmp_path,
        {
            "a.c": "int helper(void), nowhere(void);\n"
            "int f(void) { return helper() + nowhere(); }\n",
            "other/b.c": "/* helper */\nint nowhere(void);\n\nint\nhelper(void)\n{ return 1; }\n"
            "static int g(void) { return helper(); }\n",
            "broken.c": "int (\nlong helper(int a,\n\tint b) {\n",
        },
    )
    report = audit(tmp_path, [tmp_path / "a.c", tmp_path / "broken.c"])
    assert need(report, "helper").elsewhere == (Site("broken.c", 2), Site("other/b.c", 5))
    assert need(report, "nowhere").elsewhere == ()

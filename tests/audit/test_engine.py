import re
import shutil
from pathlib import Path

import pytest

from porttool.audit import Kind, audit, compare, discover
from porttool.errors import UserError
from tests.audit.trees import audit_text, audit_tree, build_tree, functions, lines, names

EXPORTER = {
    "src/main.c": """\
#include <stdio.h>
#include <pthread.h>
#include "collect.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int main(void)
{
	pthread_mutex_lock(&lock);
	printf("%d\\n", collect("/proc/stat"));
	pthread_mutex_unlock(&lock);
	return 0;
}
""",
    "src/collect.c": """\
#include "collect.h"
#include <stdlib.h>
#include <sys/socket.h>

int collect(const char *path)
{
	struct sockaddr_storage address;
	int option = SO_RCVTIMEO;

	(void)path;
	(void)address;
	return atoi("7") + option;
}
""",
    "src/collect.h": "int collect(const char *path);\n",
}


def test_needs_of_every_kind_with_group_header_and_sites(tmp_path: Path) -> None:
    report = audit_tree(tmp_path, EXPORTER)
    found = {
        (need.kind, need.name): (need.group, need.header, [str(site) for site in need.sites])
        for need in report.needs
    }
    assert found == {
        (Kind.FUNCTION, "atoi"): ("stdlib", "stdlib.h", ["src/collect.c:12"]),
        (Kind.FUNCTION, "printf"): ("stdio", "stdio.h", ["src/main.c:10"]),
        (Kind.FUNCTION, "pthread_mutex_lock"): ("pthread", "pthread.h", ["src/main.c:9"]),
        (Kind.FUNCTION, "pthread_mutex_unlock"): ("pthread", "pthread.h", ["src/main.c:11"]),
        (Kind.TYPE, "pthread_mutex_t"): ("pthread", "pthread.h", ["src/main.c:5"]),
        (Kind.TYPE, "struct sockaddr_storage"): ("sockets", "sys/socket.h", ["src/collect.c:7"]),
        (Kind.CONSTANT, "PTHREAD_MUTEX_INITIALIZER"): ("pthread", "pthread.h", ["src/main.c:5"]),
        (Kind.CONSTANT, "SO_RCVTIMEO"): ("sockets", "sys/socket.h", ["src/collect.c:8"]),
        (Kind.HEADER, "pthread.h"): ("pthread", "pthread.h", ["src/main.c:2"]),
        (Kind.HEADER, "stdio.h"): ("stdio", "stdio.h", ["src/main.c:1"]),
        (Kind.HEADER, "stdlib.h"): ("stdlib", "stdlib.h", ["src/collect.c:2"]),
        (Kind.HEADER, "sys/socket.h"): ("sockets", "sys/socket.h", ["src/collect.c:3"]),
        (Kind.PATH, "/proc/stat"): ("procfs", None, ["src/main.c:10"]),
    }


def test_needs_are_sorted_and_the_same_every_time(tmp_path: Path) -> None:
    report = audit_tree(tmp_path, EXPORTER)
    again = audit(tmp_path, list(reversed(discover(tmp_path).sources)), [tmp_path / "src"])
    assert again == report
    order = [list(Kind).index(need.kind) for need in report.needs]
    assert order == sorted(order)


def test_several_processes_give_what_one_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = audit_tree(tmp_path, EXPORTER)
    monkeypatch.setattr("porttool.audit.engine.PARALLEL_BYTES", 0)
    assert audit_tree(tmp_path, EXPORTER) == alone


def test_parameter_and_variable_shadow_a_library_name(tmp_path: Path) -> None:
    report = audit_text(
        tmp_path,
        """\
#include <string.h>
#include <unistd.h>
static int a(int index, int (*read)(int)) { return read(index); }
int b(void) { int time = 3; { char *link = 0; (void)link; } return a(time, 0); }
int c(void) { return (int)getpid(); }
""",
    )
    assert functions(report) == {"getpid"}


def test_scope_of_a_shadow_ends_with_its_block(tmp_path: Path) -> None:
    report = audit_text(
        tmp_path,
        """\
#include <unistd.h>
int a(void)
{
	{ int (*getpid)(void) = 0; getpid(); }
	return getpid();
}
int b(void) { extern int getppid(void); return getppid(); }
""",
    )
    assert lines(report, "getpid") == ["a.c:5"]
    assert lines(report, "getppid") == ["a.c:7"]


def test_own_function_of_a_library_name_is_no_need(tmp_path: Path) -> None:
    report = audit_tree(
        tmp_path,
        {
            "a.c": "static int index(int n) { return n; }\nint use(void) { return index(3); }\n",
            "b.c": "#include <string.h>\nint f(const char *s) { return (int)strnlen(s, 4); }\n",
            "compat.c": "unsigned long strnlen(const char *s, unsigned long n)\n"
            "{ return s[0] ? n : 0; }\n",
        },
    )
    assert functions(report) == set()


def test_static_function_serves_its_own_file_only(tmp_path: Path) -> None:
    report = audit_tree(
        tmp_path,
        {
            "a.c": "static int getpid(void) { return 1; }\nint a(void) { return getpid(); }\n",
            "b.c": "#include <unistd.h>\nint b(void) { return getpid(); }\n",
        },
    )
    assert lines(report, "getpid") == ["b.c:2"]


def test_address_taken_counts_and_declared_only_does_not(tmp_path: Path) -> None:
    report = audit_text(
        tmp_path,
        """\
#include <stdlib.h>
#include <unistd.h>
extern int never_used(int);
int (*table[])(void) = { getpid, [1] = getppid };
void set(void (*f)(void));
void g(void) { atexit(abort); }
int size(void) { return sizeof(getuid()); }
""",
    )
    assert functions(report) == {"getpid", "getppid", "atexit", "abort"}


def test_branches_that_a_constant_excludes_need_nothing(tmp_path: Path) -> None:
    report = audit_text(
        tmp_path,
        """\
#include <ctype.h>
#include <math.h>
#include <unistd.h>
enum { OFF, ON };
struct sample { struct { double value; }; } *s;
extern float *g(void);
int a(int c) { return isalpha(c) + isdigit(c); }
void b(int x)
{
	double d = s->value;
	if (0) getpid();
	if (OFF) getppid();
	if (x && OFF) getuid();
	if ((OFF && getpgrp()) || !(ON || setsid())) sync();
	while (0) geteuid();
	if (sizeof(size_t) == 4) getgid();
	if (sizeof("ab" "c") != 4) getsid(0);
	if (isnan(d) || isnan(s->value + *g() * 2)) pause();
	switch (ON) { case OFF: getegid(); break; default: fsync(1); }
	(void)(ON ? close(1) : dup(1));
	if (x) { return; } else { return; }
	sync();
}
""",
    )
    assert functions(report) == {"fsync", "close", "pause", "g"}
    assert {"isalpha", "isdigit"} <= names(report, Kind.CONSTANT)


def test_code_after_a_jump_is_dead_until_a_label(tmp_path: Path) -> None:
    report = audit_text(
        tmp_path,
        """\
#include <stdlib.h>
#include <unistd.h>
int a(int x)
{
	if (x) goto out;
	for (;;) { if (x) continue; }
	getpid();
out:
	getppid();
	exit(1);
	getuid();
}
int b(void) { do { if (getgid()) break; return 1; } while (1); return (int)geteuid(); }
""",
    )
    assert functions(report) == {"getppid", "exit", "getgid", "geteuid"}


def test_unused_inline_function_needs_nothing(tmp_path: Path) -> None:
    report = audit_tree(
        tmp_path,
        {
            "a.c": '#include "a.h"\nint use(void) { return used(); }\n',
            "a.h": "#include <unistd.h>\n"
            "static inline int inner(void) { return getuid(); }\n"
            "static inline int used(void) { return inner(); }\n"
            "static inline int unused(void) { return getgid(); }\n",
        },
    )
    assert functions(report) == {"getuid"}
    assert lines(report, "getuid") == ["a.h:2"]


def test_names_behind_own_and_system_macros(tmp_path: Path) -> None:
    report = audit_text(
        tmp_path,
        """\
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/types.h>
#define LOG(...) fprintf(stderr, __VA_ARGS__)
#define LENGTH (PATH_MAX + 1)
int f(void)
{
	char name[LENGTH];

	LOG("%s\\n",
		name);
	return errno == EINTR;
}
""",
    )
    assert lines(report, "fprintf") == ["a.c:11"]
    assert lines(report, "stderr", Kind.VARIABLE) == ["a.c:11"]
    assert lines(report, "PATH_MAX", Kind.CONSTANT) == ["a.c:9"]
    assert lines(report, "errno", Kind.CONSTANT) == ["a.c:13"]
    assert lines(report, "__errno_location") == ["a.c:13"]
    assert "LOG" not in names(report, Kind.CONSTANT)


def test_argument_of_a_macro_over_lines_keeps_its_line(tmp_path: Path) -> None:
    report = audit_text(
        tmp_path,
        """\
#include <stdio.h>
#include <unistd.h>
#define TWICE(a, b) ((a) + (b))
int f(void)
{
	return TWICE(1,
		getpid()) + getppid() + TWICE(
		getuid(), 2);
}
""",
    )
    assert lines(report, "getpid") == ["a.c:7"]
    assert lines(report, "getppid") == ["a.c:7"]
    assert lines(report, "getuid") == ["a.c:8"]


def test_defines_and_inactive_lines(tmp_path: Path) -> None:
    files = {
        "a.c": "#include <unistd.h>\n#ifdef WANTED\n#include <poll.h>\n"
        "int f(void) { return poll(0, 0, VALUE); }\n#else\n"
        "int f(void) { return getpid(); }\n#endif\n"
    }
    without = audit_tree(tmp_path, files)
    wanted = audit_tree(tmp_path, files, defines=["WANTED", "VALUE=3"])
    assert functions(without) == {"getpid"}
    assert names(without, Kind.HEADER) == {"unistd.h"}
    assert functions(wanted) == {"poll"}
    assert lines(wanted, "poll.h", Kind.HEADER) == ["a.c:3"]


def test_paths_in_strings(tmp_path: Path) -> None:
    report = audit_text(
        tmp_path,
        """\
const char *a = "/proc" "/net"
	"/dev";
const char *b = "%s/sys/class/net";
const char *c = "/dev/null";
const char *d = "/process/of/elimination";
const char *e = "read from /proc/stat";
const char *f = "/proc/stat: cannot open\\n";
const char *g = "/proc";
""",
    )
    found = {need.name: (need.group, [s.line for s in need.sites]) for need in report.needs}
    assert found == {
        "/proc": ("procfs", [8]),
        "/proc/net/dev": ("procfs", [1]),
        "/proc/stat": ("procfs", [7]),
        "/sys/class/net": ("sysfs", [3]),
        "/dev/null": ("devfs", [4]),
    }


def test_header_of_a_name_that_is_used_undeclared(tmp_path: Path) -> None:
    report = audit_text(
        tmp_path, "extern char **environ;\nint f(void) { return getpid() + mine() + !environ; }\n"
    )
    found = {need.name: (need.kind, need.group, need.header) for need in report.needs}
    assert found == {
        "environ": (Kind.VARIABLE, "unistd", "unistd.h"),
        "getpid": (Kind.FUNCTION, "unistd", "unistd.h"),
        "mine": (Kind.FUNCTION, "undeclared", None),
    }


def test_header_of_another_library(tmp_path: Path) -> None:
    include = build_tree(
        tmp_path / "lib",
        {"ukm.h": "#define UKM_MAX 4\nstruct s { int a; };\nint ukm_collect(struct s *);\n"},
    )
    report = audit_tree(
        tmp_path / "port",
        {"a.c": "#include <ukm.h>\nint f(struct s *s) { return ukm_collect(s) + UKM_MAX; }\n"},
        includes=[include],
    )
    found = {(need.kind, need.name): (need.group, need.header) for need in report.needs}
    assert found == {
        (Kind.FUNCTION, "ukm_collect"): ("library", "ukm.h"),
        (Kind.CONSTANT, "UKM_MAX"): ("library", "ukm.h"),
        (Kind.HEADER, "ukm.h"): ("library", "ukm.h"),
    }


def test_missing_header_names_it_and_the_rest_is_reported(tmp_path: Path) -> None:
    report = audit_tree(
        tmp_path,
        {
            "a.c": '#include "gone/away.h"\n',
            "b.c": "#include <unistd.h>\nint b(void) { return getpid(); }\n",
        },
        complete=False,
    )
    [failed] = report.failed
    assert failed.path == "a.c"
    assert failed.error is not None
    assert "a.c:1: header 'gone/away.h' not found" in failed.error
    assert functions(report) == {"getpid"}


def test_error_of_a_file_names_the_original_line(tmp_path: Path) -> None:
    report = audit_text(
        tmp_path, '#include <stdio.h>\n\nint f(void) { return "x" }\n', complete=False
    )
    [failed] = report.failed
    assert re.fullmatch(r"a\.c:3: .*", failed.error or "")


def test_latin1_comment_and_string_are_no_obstacle(tmp_path: Path) -> None:
    report = audit_tree(
        tmp_path,
        {"a.c": b'/* caf\xe9 */\n#include <stdio.h>\nint f(void) { return puts("\xe9"); }\n'},
    )
    assert lines(report, "puts") == ["a.c:3"]


def test_line_directive_keeps_sites_in_the_folder(tmp_path: Path) -> None:
    report = audit_text(
        tmp_path,
        '#include <stdio.h>\n#line 40 "/somewhere/grammar.y"\nint f(void) { return puts(""); }\n',
    )
    assert lines(report, "puts") == ["a.c:40"]


def test_include_below_a_line_directive_comes_back_to_the_file(tmp_path: Path) -> None:
    text = '#line 9 "grammar.y"\n#include <stdio.h>\nint f(void) { return puts(""); }\n'
    assert lines(audit_text(tmp_path, text), "puts") == ["a.c:10"]


def test_source_outside_of_the_folder_is_refused(tmp_path: Path) -> None:
    build_tree(tmp_path, {"in/a.c": "", "out/b.c": ""})
    with pytest.raises(UserError, match="outside"):
        audit(tmp_path / "in", [tmp_path / "out" / "b.c"])


def test_define_must_be_a_name(tmp_path: Path) -> None:
    build_tree(tmp_path, {"a.c": ""})
    with pytest.raises(UserError, match="NAME=VALUE"):
        audit(tmp_path, [tmp_path / "a.c"], defines=["-o/tmp/x"])


def test_compare_says_what_the_series_removed(tmp_path: Path) -> None:
    before = audit_text(tmp_path, "#include <unistd.h>\nint f(void) { return fork(); }\n")
    after = audit_text(tmp_path, "\n\n#include <unistd.h>\nint f(void) { return getpid(); }\n")
    change = compare(before, after)
    assert [need.name for need in change.removed if need.kind is Kind.FUNCTION] == ["fork"]
    assert [need.name for need in change.added if need.kind is Kind.FUNCTION] == ["getpid"]
    assert not [need for need in change.added if need.kind is Kind.HEADER]


def test_only_the_preprocessor_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = shutil.which("gcc")
    log = tmp_path / "calls"
    build_tree(tmp_path / "bin", {"gcc": f'#!/bin/sh\necho "$@" >> {log}\nexec {real} "$@"\n'})
    (tmp_path / "bin/gcc").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    report = audit_tree(tmp_path / "src", EXPORTER)
    assert functions(report)
    calls = log.read_text().splitlines()
    assert calls
    for call in calls:
        assert "-E" in call.split() or call.startswith("-print-file-name="), call


@pytest.mark.parametrize(
    ("body", "reason"),
    [("sleep 60", "longer than 1 s"), ("while :; do echo 1234567; done", "more than 0 MB")],
)
def test_preprocessor_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, reason: str
) -> None:
    build_tree(tmp_path / "bin", {"gcc": f"#!/bin/sh\n[ $# = 1 ] && exit\n{body}\n"})
    (tmp_path / "bin/gcc").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.setattr("porttool.audit.preprocess.TIMEOUT_SECONDS", 1)
    monkeypatch.setattr("porttool.audit.preprocess.OUTPUT_LIMIT", 65536)
    report = audit_tree(tmp_path / "src", {"a.c": "int a;\n"}, complete=False)
    [failed] = report.failed
    assert reason in (failed.error or "")


def test_host_headers_when_musl_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("porttool.audit.preprocess.MUSL_INCLUDES", ())
    report = audit_tree(tmp_path, EXPORTER)
    assert report.headers_from == "host"
    assert {"atoi", "printf", "pthread_mutex_lock"} <= functions(report)
    assert {need.header for need in report.of_kind(Kind.TYPE)} == {"pthread.h", "sys/socket.h"}


def test_every_site_has_the_name_or_the_macro_that_hid_it(tmp_path: Path) -> None:
    """Over all of the samples: a line of a site names the need or a macro of the file."""
    samples = Path(__file__).parent / "extensions"
    report = audit(samples, sorted(samples.glob("*.c")))
    assert not report.failed
    for need in report.needs:
        word = need.name.rpartition(" ")[2]
        for site in need.sites:
            line = (samples / site.file).read_text("utf-8").splitlines()[site.line - 1]
            assert re.search(rf"\b{re.escape(word)}\b", line), (need.name, site)


def test_header_of_a_type_does_not_depend_on_what_brought_it(tmp_path: Path) -> None:
    report = audit_text(
        tmp_path, "#include <stdio.h>\n#include <unistd.h>\nsize_t a;\npid_t b;\noff_t c;\n"
    )
    found = {need.name: need.header for need in report.of_kind(Kind.TYPE)}
    assert found == {"size_t": "stddef.h", "pid_t": "sys/types.h", "off_t": "sys/types.h"}


def test_type_that_only_a_system_macro_names_is_not_the_sources(tmp_path: Path) -> None:
    report = audit_text(
        tmp_path,
        "#include <netinet/in.h>\nunsigned a(void) { return INADDR_ANY; }\n"
        "in_addr_t b(void) { return 0; }\n",
    )
    assert lines(report, "in_addr_t", Kind.TYPE) == ["a.c:3"]
    assert lines(report, "INADDR_ANY", Kind.CONSTANT) == ["a.c:2"]


def test_macro_name_that_is_not_expanded_is_no_need(tmp_path: Path) -> None:
    report = audit_text(
        tmp_path,
        """\
#include <signal.h>
#include <sys/sysmacros.h>
int f(void)
{
	struct sigaction action = { .sa_handler = SIG_IGN };
	int major = 3;

	action.sa_sigaction = 0;
	return major + minor(8);
}
""",
    )
    assert names(report, Kind.CONSTANT) == {"SIG_IGN", "minor"}


def test_sites_are_in_order_and_each_once(tmp_path: Path) -> None:
    calls = "".join("int g(void) { return 0; }\n" if n == 7 else "\n" for n in range(9))
    files = {
        f"{name}.c": f"#include <unistd.h>\n{calls}int f_{name}(void)\n{{\n"
        + "\treturn getpid() + getpid()\n\t+ getpid() + getpid();\n}\n"
        for name in "dbcaef"
    }
    report = audit_tree(tmp_path, files)
    assert lines(report, "getpid") == [f"{name}.c:{n}" for name in "abcdef" for n in (13, 14)]

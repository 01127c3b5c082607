"""Several configurations: named ones, and as many as it takes to see every branch."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from porttool.audit import AuditReport, Kind, audit, discover
from porttool.audit.configurations import named_configurations
from porttool.audit.lexer import Segment
from porttool.audit.model import Unseen
from porttool.audit.preprocess import Flags
from porttool.audit.unit import UnitAuditor, UnitResult
from tests.audit.trees import build_tree, functions


def conditions(report: AuditReport, kind: Kind = Kind.FUNCTION) -> dict[str, list[str]]:
    return {need.name: list(need.conditions) for need in report.of_kind(kind)}


FILES = {
    "a.c": """\
#include "config.h"
#include <unistd.h>
#ifdef HAVE_EPOLL
#include <sys/epoll.h>
#endif
int always(void) { return getpid(); }
#ifdef HAVE_EPOLL
int wait_for(void) { return epoll_create(1); }
#elif LEVEL >= 3
int wait_for(void) { return getuid(); }
#else
int wait_for(void) { return getppid(); }
#endif
#ifdef _WIN32
#include <windows.h>
int other(void) { return sleep(1); }
#endif
#if !defined(__linux__)
int bsd(void) { return dup(1); }
#endif
#if 0
int never(void) { return link("", ""); }
#endif
#ifdef __cplusplus
extern "C" {
#endif
int macro(void) { return WAIT(); }
#ifdef FEATURE
int both(void) { return fsync(1); }
#else
int both(void) { return fsync(2); }
#endif
""",
    "config.h": """\
#ifndef CONFIG_H
#define CONFIG_H
#ifndef LEVEL
#define LEVEL 1
#endif
#ifdef HAVE_PAUSE
#define WAIT pause
#else
#define WAIT sync
#endif
#endif
""",
    "b.c": "int b(void) { return 0; }\n",
}


def test_every_branch_that_can_be_taken_is_seen_with_its_condition(tmp_path: Path) -> None:
    build_tree(tmp_path, FILES)
    report = audit(tmp_path, discover(tmp_path).sources, all_branches=True)
    assert not report.failed
    assert conditions(report) == {
        "getpid": [],
        "fsync": [],
        "epoll_create": ["defined(HAVE_EPOLL)"],
        "getppid": ["!defined(HAVE_EPOLL) && LEVEL < 3"],
        "getuid": ["!defined(HAVE_EPOLL) && LEVEL >= 3"],
        "pause": ["defined(HAVE_PAUSE)"],
        "sync": ["!defined(HAVE_PAUSE)"],
    }
    assert conditions(report, Kind.HEADER) == {
        "sys/epoll.h": ["defined(HAVE_EPOLL)"],
        "unistd.h": [],
    }
    assert report.unseen == (
        Unseen("a.c", 14, "defined(_WIN32)"),
        Unseen("a.c", 18, "!defined(__linux__)"),
    )


def test_configuration_that_cannot_be_read_does_not_fail_the_audit(tmp_path: Path) -> None:
    build_tree(tmp_path, FILES)
    report = audit(tmp_path, discover(tmp_path).sources, all_branches=True)
    unread = {each.name: [file.error for file in each.failed] for each in report.configurations}
    assert unread[""] == []
    assert unread["defined(_WIN32)"] == ["a.c:15: header 'windows.h' not found"]
    macros = {each.name: each.macros for each in report.configurations}
    assert macros["defined(_WIN32)"] == ("-D_WIN32=1",)


def test_file_that_can_be_read_in_no_configuration_fails(tmp_path: Path) -> None:
    build_tree(
        tmp_path,
        {
            "a.c": "#ifndef CHOSEN\n#error choose\n#endif\nint f(void) { return sync(), 0; }\n",
            "b.c": "#ifdef X\n#error no\n#else\n#error neither\n#endif\n",
        },
    )
    report = audit(tmp_path, discover(tmp_path).sources, all_branches=True)
    [failed] = report.failed
    assert failed.path == "b.c"
    assert functions(report) == {"sync"}


def test_branches_that_spoil_each_other_are_tried_alone(tmp_path: Path) -> None:
    build_tree(
        tmp_path,
        {
            "a.c": """\
#include <unistd.h>
#ifdef ONE
int one(void) { return getpid(); }
#endif
#ifdef TWO
int two(void) { return getuid(); }
#endif
#if defined(ONE) && defined(TWO)
#error only one of them
#endif
""",
        },
    )
    report = audit(tmp_path, discover(tmp_path).sources, all_branches=True)
    assert conditions(report) == {"getpid": ["defined(ONE)"], "getuid": ["defined(TWO)"]}


def test_own_under_one_condition_and_the_systems_under_the_other(tmp_path: Path) -> None:
    build_tree(
        tmp_path,
        {
            "a.c": "#include <string.h>\nunsigned long f(char *a) { return strlcpy(a, a, 1); }\n",
            "compat.c": "#ifndef HAVE_STRLCPY\n"
            "unsigned long strlcpy(char *a, const char *b, unsigned long c)\n"
            "{ return *a + *b + c; }\n#endif\nint c;\n",
        },
    )
    sources = discover(tmp_path).sources
    plain = audit(tmp_path, sources)
    assert [str(site) for need in plain.needs for site in need.defined] == ["compat.c:2"]
    report = audit(tmp_path, sources, all_branches=True)
    [need] = report.of_kind(Kind.FUNCTION)
    assert need.defined == ()
    assert need.conditions == ("defined(HAVE_STRLCPY)",)


def test_number_of_configurations_is_bounded(tmp_path: Path) -> None:
    text = "".join(f"#ifdef _SYSTEM{n}\nint a{n};\n#endif\n" for n in range(60))
    build_tree(tmp_path, {"a.c": text})
    report = audit(tmp_path, discover(tmp_path).sources, all_branches=True)
    assert len(report.configurations) == 41
    assert len(report.unseen) == 20


def test_define_of_the_user_stays(tmp_path: Path) -> None:
    build_tree(
        tmp_path,
        {
            "a.c": "#include <unistd.h>\n#ifdef A\nint f(void) { return getpid(); }\n#else\n"
            "int f(void) { return getuid(); }\n#endif\n"
        },
    )
    report = audit(tmp_path, discover(tmp_path).sources, defines=["A"], all_branches=True)
    assert functions(report) == {"getpid"}
    assert [each.line for each in report.unseen] == [4]


def test_named_configurations(tmp_path: Path) -> None:
    build_tree(tmp_path, FILES)
    wanted = named_configurations(["plain=", "epoll=HAVE_EPOLL,HAVE_PAUSE=1", "level=LEVEL=3"])
    report = audit(tmp_path, discover(tmp_path).sources, configurations=wanted)
    assert conditions(report) == {
        "getpid": [],
        "fsync": [],
        "epoll_create": ["epoll"],
        "getppid": ["plain"],
        "getuid": ["level"],
        "pause": ["epoll"],
        "sync": ["plain", "level"],
    }
    assert [each.macros for each in report.configurations] == [
        (),
        ("-DHAVE_EPOLL", "-DHAVE_PAUSE=1"),
        ("-DLEVEL=3",),
    ]
    assert report.unseen == ()


def test_file_that_fails_in_one_named_configuration_fails(tmp_path: Path) -> None:
    build_tree(tmp_path, FILES)
    wanted = named_configurations(["plain=", "windows=_WIN32"])
    report = audit(tmp_path, discover(tmp_path).sources, configurations=wanted)
    assert [file.path for file in report.failed] == ["a.c"]
    assert functions(report) == {"getpid", "getppid", "sync", "fsync"}


def test_file_that_is_the_same_text_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    whole = UnitAuditor._read

    def noted(
        self: UnitAuditor,
        path: Path,
        name: str,
        expanded: Sequence[Segment],
        directives: Sequence[Segment],
        flags: Flags,
    ) -> UnitResult:
        read.append(name)
        return whole(self, path, name, expanded, directives, flags)

    monkeypatch.setattr(UnitAuditor, "_read", noted)
    build_tree(
        tmp_path,
        {
            "a.c": '#include "x.h"\nint a(void) { return N; }\n',
            "b.c": '#include "x.h"\nint b;\n',
            "x.h": "#ifdef X\n#define N 1\n#else\n#define N 2\n#endif\n#ifdef Y\n#endif\n",
        },
    )
    audit(tmp_path, discover(tmp_path).sources, all_branches=True)
    assert sorted(read) == ["a.c", "a.c", "b.c", "b.c"]

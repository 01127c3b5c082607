"""The branches of ``#if``: read, spelled, made true."""

import os
from pathlib import Path

import pytest

from porttool.audit import Kind
from porttool.audit.conditions import (
    join,
    parse_condition,
    read_conditionals,
    satisfy,
    spell,
)
from tests.audit.trees import audit_text, audit_tree, lines, names

TEXT = """\
/* #if not a directive */
#ifndef A_H
#define A_H
#ifdef X
int a;
#if defined(Y) && VERSION >= 2 || !Z /* goes
on */
int b;
#elif \\
  W == 2
int c;
#else
int d;
#endif
#endif
#define TEXT "\\
#if 0"
int e;
#endif
"""

FREE = dict.fromkeys(("X", "Y", "VERSION", "Z", "W"), True)


def condition(line: int) -> str:
    joined = join(read_conditionals(TEXT).around(line))
    return spell(joined) if joined is not None else ""


def test_condition_of_a_line_is_that_of_all_branches_around_it() -> None:
    assert condition(5) == "defined(X)"
    assert condition(8) == "defined(X) && ((defined(Y) && VERSION >= 2) || !Z)"
    assert condition(11) == "defined(X) && (!defined(Y) || VERSION < 2) && Z && W == 2"
    assert condition(13) == "defined(X) && (!defined(Y) || VERSION < 2) && Z && W != 2"
    assert condition(6) == "defined(X)"
    assert condition(18) == condition(1) == ""


def test_guard_of_a_header_is_no_condition_and_half_a_guard_is_one() -> None:
    assert read_conditionals(TEXT).guard == 2
    half = read_conditionals("#ifndef A\n#define A\nint a;\n#endif\nint b;\n")
    assert half.guard == 0
    assert [(each.text, each.implicit) for each in half.branches] == [
        ("!defined(A)", False),
        ("defined(A)", True),
    ]


def test_what_would_take_each_branch() -> None:
    found = read_conditionals(TEXT)
    solutions = []
    for branch in found.branches:
        whole = join(found.chain(branch))
        assert whole is not None
        assert branch.implicit is (branch.line == 15)
        solutions.append(next(satisfy(whole, True, {}, FREE)))
    assert solutions == [
        {"X": "1"},
        {"X": "1", "Y": "1", "VERSION": "2"},
        {"X": "1", "Y": None, "Z": "1", "W": "2"},
        {"X": "1", "Y": None, "Z": "1", "W": None},
        {"X": None},
    ]
    outer = join(found.around(8))
    assert outer is not None
    assert list(satisfy(outer, True, {"X": None}, FREE)) == []
    assert list(satisfy(outer, True, {}, {**FREE, "X": False}))
    assert not list(satisfy(parse_condition("!defined(X)"), True, {}, {"X": False}))


def test_search_for_what_would_take_a_branch_ends() -> None:
    clauses = " && ".join(f"(A{n} || B{n})" for n in range(40))
    free = {f"{letter}{n}": True for letter in "AB" for n in range(40)}
    assert list(satisfy(parse_condition(f"{clauses} && 0"), True, {}, free)) == []
    assert next(satisfy(parse_condition(clauses), True, {}, free))["A39"] == "1"


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("defined A&&!defined(B)", "defined(A) && !defined(B)"),
        ("(A | 2) == 3 ? B : -C", "((A | 2) == 3 ? B : -C)"),
        ("!(A == 3)", "!(A == 3)"),
        ("!!A", "A"),
        ("__has_include(<a.h>)", "__has_include(<a.h>)"),
        ("VER(1, 2) > 3", "VER(1,2) > 3"),
        ("A >", "A >"),
        ("'a' == 97", "'a' == 97"),
        ("(" * 1000 + "A" + ")" * 1000, "(" * 1000 + "A" + ")" * 1000),
        (" || ".join(["A"] * 1000), " || ".join(["A"] * 1000)),
    ],
)
def test_spelling(text: str, spelled: str) -> None:
    assert spell(parse_condition(text)) == spelled


def test_hostile_nesting_has_no_branches() -> None:
    assert read_conditionals("#if A\n" * 20_000).branches == ()
    assert read_conditionals("#if A\n#endif\n" * 30_000).branches == ()
    assert read_conditionals("#if 0\n" + '\\"' * 500_000 + "\n#endif\n").branches
    assert len(read_conditionals("#if A\n" + "#elif B\n" * 5_000 + "#endif\n").branches) == 5_002


def test_macro_that_is_only_defined_where_it_is_not_is_a_default() -> None:
    found = read_conditionals(
        "#ifndef A\n#if X\n#define A 1\n#endif\n#endif\n#ifndef B\n#define B\n#endif\n#define B 2\n"
    )
    assert sorted(found.defines) == ["A", "B"]
    assert sorted(found.defaults) == ["A"]


def test_macro_of_the_system_that_is_only_tested_is_a_constant(tmp_path: Path) -> None:
    report = audit_tree(
        tmp_path,
        {
            "a.c": """\
#include <sys/socket.h>
#include <time.h>
#include "a.h"
#ifdef SO_REUSEPORT
int a;
#endif
#if defined(CLOCK_MONOTONIC) || defined(CLOCK_NOWHERE) || defined(MINE)
int b = CLOCK_MONOTONIC;
#else
#ifdef SO_RCVTIMEO
#endif
#endif
int f(int fd, void *p) { return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, p, 4); }
""",
            "a.h": "#ifndef _SYS_SOCKET_H\n#error\n#endif\n#define MINE\n"
            "#if __linux__ && SO_KEEPALIVE == 9\nint h;\n#endif\n",
        },
    )
    found = {need.name: need.tested for need in report.of_kind(Kind.CONSTANT)}
    assert found == {
        "CLOCK_MONOTONIC": False,
        "SOL_SOCKET": False,
        "SO_KEEPALIVE": True,
        "SO_REUSEPORT": True,
        "SO_SNDTIMEO": False,
    }
    assert lines(report, "SO_REUSEPORT", Kind.CONSTANT) == ["a.c:4"]
    assert lines(report, "CLOCK_MONOTONIC", Kind.CONSTANT) == ["a.c:7", "a.c:8"]
    assert lines(report, "SO_KEEPALIVE", Kind.CONSTANT) == ["a.h:5"]


def test_file_that_line_directives_name_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    report = audit_text(tmp_path, '#include <time.h>\n#line 1 "pipe"\nint a = CLOCK_REALTIME;\n')
    assert names(report, Kind.CONSTANT) == {"CLOCK_REALTIME"}

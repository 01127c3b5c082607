"""The audit with no compiler on the PATH: pcpp finds what gcc finds, and the report says so."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from porttool.audit import AuditReport, audit, discover
from porttool.audit.hostnames import environment_notes
from porttool.audit.lexer import Files, Scanner, segments
from porttool.audit.preprocess import NO_FLAGS, Flags, PreprocessError, preprocess, toolchain
from porttool.errors import UserError
from tests.audit.trees import audit_text, audit_tree, build_tree, functions, lines
from tests.support import porttool

SLIM = Path(__file__).parents[2] / "porttool" / "reference" / "slim-exporter" / "base"

#: What macros, conditions and includes can do, each line with a token of its own.
PREPROCESSING = {
    "main.c": """\
#include "one.h"
#include "one.h"
#include <stddef.h>
#define STRING(x) #x
#define EXPANDED(x) STRING(x)
#define JOIN(a, b) a ## b
#define LOG(format, ...) print(format, ## __VA_ARGS__)
#define OLD(args...) print(args)
#define SELF SELF + OTHER
#define OTHER SELF
#define NOTHING
#define CALL call
#define call(x) called(x)
char *s[] = { STRING( a  "b\\n" 'c' ), EXPANDED(JOIN(x, JOIN(y, 1))), __FILE__ };
int n[] = { __LINE__, JOIN(0x, ff), JOIN(1, e5), SELF, NOTHING NOTHING };
int a = LOG("x") + LOG("x", 1, (2, 3)) + OLD() + OLD(1, 2);
int b = CALL(call(7)) + call
	(8) + /* over
	lines */ JOIN(x,
	y) + \\
	last; // and \\
	not this
#if defined(ONE) && (ONE_PLUS(1) == 2 ? 'a' < 98 : 0) && -1 > 0u && !(0x10UL >> 5) && UNKNOWN == 0
int first;
#elif 1
int never;
#else
int nor_this;
#endif
#if 0
#error isn't read
#if 1
#endif
#elif defined MISSING || __has_include("missing.h") || !__has_include("one.h")
int never;
#elifndef MISSING
int second;
#endif
#define HEADER "two.h"
#include HEADER
#undef ONE
#ifdef ONE
int never;
#endif
#pragma pack(1)
_Pragma("pack()") int pragmas;
size_t offset = offsetof(struct one, b);
int empty = JOIN(,) 3 JOIN(+,+) 4;
#line 100 "main.c"
int renumbered = __LINE__;
""",
    "one.h": "#pragma once\n#define ONE 1\n#define ONE_PLUS(x) (ONE + (x))\n"
    "struct one { int a, b; };\n",
    "two.h": "#ifndef TWO_H\n#define TWO_H\n#include_next <two.h>\nint two;\n#endif\n",
    "next/two.h": "int next_two = __COUNTER__ + __COUNTER__;\n",
}


def remove_compilers(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Leave git and python on the PATH, and nothing else."""
    folder.mkdir()
    (folder / "python3").symlink_to(sys.executable)
    (folder / "git").symlink_to(shutil.which("git") or "")
    monkeypatch.setenv("PATH", str(folder))


def preprocessed(root: Path, flags: Flags = NO_FLAGS) -> list[tuple[str, str, str, int, bool]]:
    with toolchain() as tools:
        text = preprocess(root / "main.c", tools, [root / "next"], ["GIVEN=1"], flags)
        scanner = Scanner(Files(str(root), (), tools))
        unit = scanner.scan(segments(text.expanded), str(root / "main.c"))
    tokens = [token for piece in unit.pieces for token in piece.tokens]
    return [(token.kind, token.text, *scanner.places[token.place]) for token in tokens]


def test_same_tokens_at_the_same_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = build_tree(tmp_path / "in", PREPROCESSING)
    by_gcc = preprocessed(root)
    remove_compilers(monkeypatch, tmp_path / "bin")
    by_pcpp = preprocessed(root)
    differing = [pair for pair in zip(by_gcc, by_pcpp, strict=False) if pair[0] != pair[1]]
    assert differing == []
    assert len(by_gcc) == len(by_pcpp)


def test_same_flags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = build_tree(
        tmp_path / "in",
        {
            "main.c": '#include "two.h"\nlong v = __STDC_VERSION__ + FORCED;\n'
            "int given = GIVEN, added = ADDED;\n"
            "#if defined linux || !defined __STRICT_ANSI__ || defined GONE\nint never;\n#endif\n",
            "forced.h": "#define FORCED 7\nint forced;\n",
            "first/two.h": "int first;\n",
            "next/two.h": "int second;\n",
        },
    )
    macros = ("-DADDED", "-DGONE", "-UGONE", "-UGIVEN", "-DGIVEN=2")
    flags = Flags((root / "first",), macros, (root / "forced.h",), "c99")
    by_gcc = preprocessed(root, flags)
    remove_compilers(monkeypatch, tmp_path / "bin")
    assert preprocessed(root, flags) == by_gcc


def needs(report: AuditReport) -> list[object]:
    return [need for need in report.needs if not report.failed]


@pytest.mark.parametrize("headers", ["musl", "host"])
def test_exporter_needs_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, headers: str
) -> None:
    if headers == "host":
        monkeypatch.setattr("porttool.audit.preprocess.MUSL_INCLUDES", ())
    found = discover(SLIM)
    sources = [path for path in found.sources if "collector" in path.as_posix()]
    by_gcc = audit(SLIM, sources, found.includes, found.defines)
    remove_compilers(monkeypatch, tmp_path / "bin")
    by_pcpp = audit(SLIM, sources, found.includes, found.defines)
    assert needs(by_gcc) == needs(by_pcpp)
    assert len(by_gcc.needs) > 30
    assert (by_gcc.preprocessor, by_pcpp.preprocessor) == ("gcc", "pcpp")
    assert by_pcpp.headers_from == headers


def test_command_without_compiler_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_tree(tmp_path / "in", {"a.c": "#include <ctype.h>\nint f(int c) { return puts(0); }\n"})
    with_gcc = porttool("audit-deps", "in", "--json", cwd=tmp_path)
    remove_compilers(monkeypatch, tmp_path / "bin")
    without = porttool("audit-deps", "in", "--json", cwd=tmp_path)
    assert "preprocessed with pcpp" in without.stderr
    assert "pcpp" not in with_gcc.stderr
    document = json.loads(without.stdout)
    assert document["preprocessor"] == "pcpp"
    assert document["headers"] == "musl"
    assert document | {"preprocessor": "gcc"} == json.loads(with_gcc.stdout)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("#if 1\n", "a.c:1: unterminated #if"),
        ("int a;\n#else\n", "a.c:2: #else without #if"),
        ("#if 1\n#else\n#elif 1\n#endif\n", "a.c:3: #elif after #else"),
        ("#if 1 +\n#endif\n", "a.c:1: the expression of #if cannot be read"),
        ("#if 1 / 0\n#endif\n", "a.c:1: division by zero in #if"),
        ("#if 1.5\n#endif\n", "a.c:1: '1.5' is not an integer, in #if"),
        ("#if FOO(1)\n#endif\n", "a.c:1: the expression of #if cannot be read"),
        ("#define 1\n", "a.c:1: macro names must be identifiers"),
        ("#define F(a,) a\n", "a.c:1: the macro F cannot be read"),
        ("#define F(a) a\nint x = F(1, 2);\n", "a.c:2: Macro F requires 1 arguments"),
        ("#include\n", "a.c:1: #include expects"),
        ("#include <gone.h>\n", "a.c:1: header 'gone.h' not found"),
        ("int a;\n/* never closed\n", "a.c:2: unterminated comment"),
        ("#nonsense\n", "a.c:1: invalid preprocessing directive #nonsense"),
        ("#line x\n", "a.c:1: #line expects a number"),
        ("#error no\n", "a.c:1: #error no"),
    ],
)
def test_what_pcpp_refuses_is_placed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, reason: str
) -> None:
    remove_compilers(monkeypatch, tmp_path / "bin")
    report = audit_text(tmp_path / "in", text, complete=False)
    [failed] = report.failed
    assert f"{failed.error}".startswith(reason)


@pytest.mark.parametrize(
    ("setting", "missing"), [("HOST_INCLUDES", "stdio.h"), ("COMPILER_INCLUDES", "stddef.h")]
)
def test_no_headers_are_said_with_the_fix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str, missing: str
) -> None:
    remove_compilers(monkeypatch, tmp_path / "bin")
    monkeypatch.setattr("porttool.audit.preprocess.MUSL_INCLUDES", ())
    monkeypatch.setattr(f"porttool.audit.preprocess.{setting}", ())
    with pytest.raises(UserError, match="no C headers found") as caught:
        audit(tmp_path, [])
    assert missing in f"{caught.value.why}"
    assert caught.value.fix == "apt-get install musl-dev"


def test_clang_is_not_taken_for_gcc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remove_compilers(monkeypatch, tmp_path / "bin")
    build_tree(tmp_path / "clang", {"clang-16": "#!/bin/sh\nexit 1\n"})
    (tmp_path / "clang" / "clang-16").chmod(0o755)
    (tmp_path / "bin" / "cc").symlink_to(tmp_path / "clang" / "clang-16")
    assert audit_text(tmp_path / "in", "int a;\n").preprocessor == "pcpp"


def test_bounds_hold_for_pcpp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remove_compilers(monkeypatch, tmp_path / "bin")
    build_tree(tmp_path, {"a.c": "int a;\n"})
    with toolchain() as tools:
        monkeypatch.setattr("porttool.audit.preprocess.TIMEOUT_SECONDS", 0.01)
        with pytest.raises(PreprocessError, match=r"longer than 0\.01 s"):
            preprocess(tmp_path / "a.c", tools, [], [])
        monkeypatch.setattr("porttool.audit.preprocess.TIMEOUT_SECONDS", 30)
        monkeypatch.setattr("porttool.audit.preprocess.MEMORY_LIMIT", 1 << 20)
        with pytest.raises(PreprocessError):
            preprocess(tmp_path / "a.c", tools, [], [])


def test_names_of_the_host_are_public_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("porttool.audit.preprocess.MUSL_INCLUDES", ())
    report = audit_tree(
        tmp_path,
        {
            "a.c": "#include <ctype.h>\n#include <errno.h>\n#include <stdio.h>\n"
            "int f(int c) { return isalpha(c) + errno; }\n"
            'int g(int *c) { return sscanf("1", "%d", c); }\n'
        },
    )
    assert functions(report) == {"isalpha", "sscanf", "__errno_location"}
    assert lines(report, "isalpha") == ["a.c:4"]
    [difference, own] = environment_notes(report)
    assert "musl's headers are not installed" in difference
    assert own.endswith(": __errno_location")

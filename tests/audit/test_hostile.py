"""Sources that were written to break the audit: each is named, and the others are audited."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import pytest

from porttool.audit import FileResult, audit, discover
from tests.audit.trees import audit_tree, build_tree, functions
from tests.support import porttool

DEEP = 100_000
#: Of what takes long to read for its length.
LONG = 20_000
#: Processor time that a file may take: none takes 4 on a machine that has nothing else to do.
SECONDS = 10
#: Memory that may be taken.
PREPROCESSOR_MB, OWN_MB = 600, 700

LAUGHS = b"".join(b"#define A%d %s\n" % (n, b"A%d " % (n + 1) * 10) for n in range(10))
PASTES = b"".join(b"#define P%d D(P%d)\n" % (n, n + 1) for n in range(21))

#: File, its text, and what its error says: None if it is to be parsed. Includes need the tree.
HOSTILE: dict[str, tuple[bytes, str | None]] = {
    "line.c": (b"int a[] = {" + b"1," * 5_000_000 + b"};\n", "1: a line of 4,000,000 bytes"),
    "brackets.c": (b"int x = " + b"(" * DEEP + b"1" + b")" * DEEP + b";\n", "1: brackets nested"),
    "braces.c": (b"void f(void) " + b"{" * DEEP, "1: brackets nested deeper than 1500"),
    "structs.c": (b"struct { " * DEEP, "1: brackets nested deeper than 1500"),
    "initialisers.c": (b"int a[] = " + b"{" * DEEP + b"1", "1: brackets nested deeper"),
    "casts.c": (b"int a = " + b"(int)" * LONG + b"1;\n", "1: more than 1500 brackets in a row"),
    "dimensions.c": (b"int a" + b"[1]" * LONG + b";\n", "1: more than 1500 brackets in a row"),
    "operators.c": (b"int a = " + b"!" * DEEP + b"1;\n", "1: more than 1500 operators in a row"),
    "pointers.c": (b"int " + b"*" * DEEP + b"a;\n", "1: more than 1500 operators in a row"),
    "else.c": (
        b"int f(int a) {\n" + b"if (a) ; else " * LONG + b"; }\n",
        "2: statements nested deeper than 5000",
    ),
    "labels.c": (
        b"void f(void) {\n" + b"x: " * DEEP + b"; }\n",
        "2: nested too deep to parse",
    ),
    "sum.c": (b"int f(int a) { return a" + b" + a" * LONG + b"; }\n", None),
    "strings.c": (b"char *a = " + b'"x" ' * LONG + b";\n", None),
    "conditions.c": (b"#if 1\n" * DEEP + b"#endif\n" * DEEP + b"int a;\n", None),
    "elifs.c": (b"#if 0\n" + b"#elif 0\n" * LONG + b"#endif\nint a;\n", None),
    "comments.c": (b"/* " * DEEP + b"*/ int a;\n", None),
    "splices.c": (b"int a" + b"\\\n" * DEEP + b";\n", None),
    "arguments.c": (
        b"int f() { return " + b"__builtin_va_arg(" * LONG + b"a, int" + b")" * LONG,
        "1: brackets nested deeper than 1500",
    ),
    "laughs.c": (LAUGHS + b"#define A10 x\nint y = A0;\n", ""),
    "pastes.c": (
        b"#define C(a, b) a ## b\n#define D(a) C(a, a)\n" + PASTES + b"int P0;\n",
        "",
    ),
    "zero.c": (b'int a;\n#include "/dev/zero"\n', "2: includes /dev/zero, which is no regular"),
    "computed.c": (b'#define ZERO "/dev/zero"\n#include ZERO\n', ""),
    "outside.c": (b'int a;\n#include "/etc/passwd"\n', "2: includes /etc/passwd, which is outside"),
    "above.c": (b'\n#include "../above.h"\n', "2: includes "),
    "linked.c": (b'#include "linked.h"\n', "1: includes "),
    "pipe.c": (b'#include "pipe.h"\n', "1: includes pipe.h, which is no regular file"),
    "self.c": (b'#include "self.c"\n', "1: #include nested depth 200"),
    "next.c": (b'#include_next "next.c"\n', ""),
    "folder.c": (b'#include "folder.h"\n', "1: "),
    "nul.c": (b"int a;\nint b\0;\n", "2: a NUL byte is not C text"),
    "utf-16.c": ("int a;\n".encode("utf-16"), "1: a NUL byte is not C text"),
    "mark.c": (b"\xef\xbb\xbfint marked(void) { return getpid(); }\n", None),
    "latin-1.c": (b'// \xe9\nchar *latin = "\xe9";\n', None),
    "elf.c": (b"\x7fELF\x02\x01\x01", "1: "),
    "open.c": (b"int f(void) {\n", "1: '{' is never closed"),
    "closed.c": (b"int f(void) { )\n", "1: ')' closes nothing"),
    "sign.c": (b"int f(void) { return @; }\n", "1: "),
    "quote.c": (b"int a;\nint b = 'x;\n", "2: "),
    "error.c": (b"#error not here\n", "1: #error not here"),
    "names.c": (b"int " + b"a" * 3_000_000 + b";\n", None),
    "digits.c": (b"int a = " + b"1" * 3_000_000 + b";\n", "1: a number of 3,000,000"),
    "shift.c": (b"int f(void) { if (1 << 62 << 99999999999) ; return 1; }\n", None),
    "lies.c": (
        b'#line 5 "/etc/passwd"\nint lies(void) { return getppid(); }\n'
        b'#line 7 "../../x"\nint more(void) { return getuid(); }\n',
        None,
    ),
    "asks.c": (b'#if __has_include("/dev/zero")\nint a;\n#endif\n', ""),
    "older.c": (b'#pragma GCC dependency "/dev/zero"\nint a;\n', None),
    "binary.c": (b'__asm__(".incbin \\"/dev/zero\\"");\nint a;\n', None),
    "embed.c": (b'char a[] = {\n#embed "/dev/zero"\n};\n', "2: invalid preprocessing directive"),
}
#: What the parser refuses, which need not be preprocessed in two ways.
PARSED = {
    *("arguments.c", "braces.c", "casts.c", "dimensions.c", "else.c", "initialisers.c"),
    *("labels.c", "operators.c", "pointers.c", "strings.c", "structs.c", "sum.c"),
}

#: Audits each file below a folder; prints errors, processor seconds, and megabytes.
SCRIPT = """
import json, resource, sys, time
from pathlib import Path
from typing import IO, Any
from porttool.audit import audit, engine, preprocess
engine.PARALLEL_BYTES = 1 << 40
preprocess.MEMORY_LIMIT = 512 << 20
def spent():
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
if __name__ == "__main__":
    root = Path(sys.argv[1])
    seconds = [spent()]
    report = audit(root, list(root.glob("*.c")), advance=lambda: seconds.append(spent()))
    json.dump({
        "errors": {file.path: file.error for file in report.files},
        "seconds": [after - before for before, after in zip(seconds, seconds[1:])],
        "functions": {need.name: list(map(str, need.sites)) for need in report.needs},
        "own": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        "preprocessor": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10,
    }, sys.stdout)
"""


@pytest.mark.parametrize("backend", ["gcc", "pcpp"])
def test_hostile_files_are_named_and_bounded(tmp_path: Path, backend: str) -> None:
    root = tmp_path / "in"
    names = [name for name in HOSTILE if backend == "gcc" or name not in PARSED]
    build_tree(root, {name: HOSTILE[name][0] for name in names})
    build_tree(root, {"good.c": "#include <unistd.h>\nvoid good(void) { sync(); }\n"})
    build_tree(root, {"../above.h": "int above;\n", "folder.h/x": ""})
    (root / "linked.h").symlink_to("/etc/passwd")
    os.mkfifo(root / "pipe.h")
    path = os.environ["PATH"] if backend == "gcc" else str(root)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(root)],
        env={**os.environ, "PATH": path},
        capture_output=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found["functions"]["sync"] == ["good.c:2"]
    assert found["functions"]["getpid"] == ["mark.c:1"]
    assert found["functions"]["getppid"] == ["lies.c:5"]
    wrong = {name: found["errors"][name] for name in names if not _is_said(name, found["errors"])}
    assert wrong == {}
    slow = dict(zip(sorted([*names, "good.c"]), found["seconds"], strict=True))
    assert {name: time for name, time in slow.items() if time > SECONDS} == {}
    assert found["own"] < OWN_MB
    assert found["preprocessor"] < PREPROCESSOR_MB


def _is_said(name: str, errors: dict[str, str | None]) -> bool:
    """Whether the error of a file is the one that is wanted, at the wanted line of the file."""
    wanted, error = HOSTILE[name][1], errors[name]
    if wanted is None or error is None:
        return error is None and not wanted
    line, _, reason = wanted.rpartition(": ")
    return reason in error and (not line.isdigit() or error.startswith(f"{name}:{line}: "))


def test_nothing_of_a_file_outside_is_shown(tmp_path: Path) -> None:
    build_tree(tmp_path, {"secret": "# password: hunter2\n#error swordfish\n"})
    report = audit_tree(tmp_path / "in", {"a.c": f'#include "{tmp_path}/secret"\n'}, complete=False)
    [failed] = report.failed
    assert failed.error == f"includes {tmp_path}/secret, which is outside of the folder"


def test_what_is_no_file_is_left_out_or_named(tmp_path: Path) -> None:
    build_tree(tmp_path, {"in/a.c": "int a;\n", "in/x.c/y": "", "out.c": "int o;\n"})
    root = tmp_path / "in"
    os.mkfifo(root / "pipe.c")
    (root / "out.c").symlink_to(tmp_path / "out.c")
    (root / "loop.c").symlink_to("loop.c")
    found = discover(root)
    assert found.sources == (root / "a.c",)
    assert root / "out.c" in found.skipped
    report = audit(root, [root / "a.c", root / "pipe.c", root / "x.c"])
    assert report.failed == (
        FileResult("pipe.c", False, "is no regular file"),
        FileResult("x.c", False, "is no regular file"),
    )


def test_unreadable_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def refuse(path: Path, *args: Any, **kwargs: Any) -> IO[Any]:
        if path.name == "a.c":
            raise PermissionError(13, "Permission denied", str(path))
        file: IO[Any] = opened(path, *args, **kwargs)
        return file

    build_tree(tmp_path, {"a.c": "int a;\n", "b.c": "int f(void) { return sync(); }\n"})
    monkeypatch.setattr(Path, "open", refuse)
    report = audit(tmp_path, discover(tmp_path).sources)
    assert report.failed == (FileResult("a.c", False, "Permission denied"),)
    assert functions(report) == {"sync"}


def test_command_ends_with_4_and_no_traceback(tmp_path: Path) -> None:
    build_tree(tmp_path, {"a.c": HOSTILE["braces.c"][0], "b.c": "int f(void) { return sync(); }\n"})
    done = porttool("audit-deps", tmp_path, cwd=tmp_path, check=4)
    assert "a.c:1: brackets nested" in done.stderr
    assert "Traceback" not in done.stderr
    assert "sync" in done.stdout


def test_module_beside_the_sources_is_not_taken_for_one(tmp_path: Path) -> None:
    """pcpp runs as a process of Python: what lies in the folder must not get into it."""
    build_tree(tmp_path, {"a.c": "int f(void) { return sync(); }\n"})
    build_tree(tmp_path, {f"{name}.py": "boom" for name in ("pcpp", "json", "porttool", "re")})
    script = (
        "from pathlib import Path\nfrom porttool.audit import audit\n"
        "print(audit(Path('.'), [Path('a.c')]).failed)\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "()\n"


def test_macro_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("porttool.audit.lexer.TOKEN_LIMIT", 1000)
    levels = "".join(f"#define M{n} {f'M{n + 1} ' * 10}\n" for n in range(3))
    report = audit_tree(tmp_path, {"a.c": f"{levels}#define M3 +1\nint a = M0;\n"}, complete=False)
    [failed] = report.failed
    assert failed.error == "a.c:5: more than 1,000 tokens"

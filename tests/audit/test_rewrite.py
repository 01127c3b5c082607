"""Each GNU extension alone: the file parses, and what is used inside it is found on its line."""

import subprocess
from pathlib import Path

import pytest

from porttool.audit import audit
from porttool.audit.lexer import Place, SyntaxProblem, Token
from porttool.audit.rewrite import char_value, literal_value, rewrite
from tests.audit.trees import audit_text, functions, lines

#: One file an extension. Each needs getpid, on the line that says so.
EXTENSIONS = sorted((Path(__file__).parent / "extensions").glob("*.c"))
#: The same for what C23 adds, which gcc 12 does not all take.
C23 = sorted((Path(__file__).parent / "extensions" / "c23").glob("*.c"))


@pytest.mark.parametrize("sample", EXTENSIONS + C23, ids=lambda path: path.stem)
def test_extension_parses_and_keeps_lines(sample: Path) -> None:
    text = sample.read_text("utf-8")
    [marked] = [n for n, line in enumerate(text.splitlines(), 1) if "/* here */" in line]
    report = audit(sample.parent, [sample])
    assert not report.failed
    assert functions(report) == {"getpid"}
    assert f"{sample.name}:{marked}" in lines(report, "getpid")


@pytest.mark.parametrize("sample", EXTENSIONS, ids=lambda path: path.stem)
def test_extension_is_what_gcc_takes(sample: Path) -> None:
    """The samples are C as gcc has it, and not something that only the rewriter likes."""
    subprocess.run(
        ["gcc", "-std=gnu11", "-w", "-fsyntax-only", str(sample)], check=True, timeout=60
    )


def test_cleanup_attribute_is_a_use(tmp_path: Path) -> None:
    report = audit_text(
        tmp_path,
        "#include <stdlib.h>\nint f(void)\n{\n"
        "\tvoid *p __attribute__((cleanup(free))) = 0;\n\treturn !p;\n}\n",
    )
    assert lines(report, "free") == ["a.c:4"]


def test_alias_is_a_definition(tmp_path: Path) -> None:
    report = audit_text(
        tmp_path,
        'static int mine(void) { return 1; }\nint getpid(void) __attribute__((alias("mine")));\n'
        "int f(void) { return getpid(); }\n",
    )
    assert functions(report) == set()


def test_noreturn_attribute_ends_a_path(tmp_path: Path) -> None:
    report = audit_text(
        tmp_path,
        "#include <unistd.h>\n__attribute__((noreturn)) static void die(void) { for (;;) ; }\n"
        "int f(void) { die(); return getpid(); }\n",
    )
    assert functions(report) == set()


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ('"a\\n\\t"', "a\n\t"),
        ('u8"\\x41\\101\\e"', "AA\x1b"),
        ('"\\"\\\\"', '"\\'),
        ('""', ""),
    ],
)
def test_literal_value(literal: str, value: str) -> None:
    assert literal_value(literal) == value


@pytest.mark.parametrize(
    ("literal", "value"),
    [("'a'", 97), ("'\\n'", 10), ("'\\xff'", -1), ("'\\0'", 0), ("L'\\xff'", 255), ("'ab'", 24930)],
)
def test_char_value(literal: str, value: int) -> None:
    assert char_value(literal) == value


def test_bracket_that_is_never_closed_is_placed() -> None:
    places = [Place("/x/a.c", 7, False)]
    with pytest.raises(SyntaxProblem) as caught:
        rewrite([Token("punctuation", "{", 0)], places, [])
    assert caught.value.place == places[0]

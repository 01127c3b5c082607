"""Declarations that several units include are parsed once, and mean in each what they say there."""

import re
from collections.abc import Collection, Iterator, Sequence
from io import StringIO
from pathlib import Path

import pytest
from pycparser import c_ast
from pycparser.c_parser import CParser

from porttool.audit import parse
from porttool.audit.lexer import DIGRAPHS, TOKEN, Place, Token
from porttool.audit.rewrite import BUILTIN_TYPES, Rewritten, rewrite
from tests.audit.trees import audit_tree, functions, lines

#: C that means the same without what the preprocessor does to it.
SAMPLES = [
    path
    for path in sorted((Path(__file__).parent / "extensions").glob("*.c"))
    if not re.search("va_arg|%:", path.read_text("utf-8"))
]
SHARED = "struct s { int a; };\nstatic int twice(struct s *s)\n{\n\treturn abs(s->a);\n}\n"


def test_shared_declaration_keeps_its_places_in_every_unit(tmp_path: Path) -> None:
    user = '#include "s.h"\n\nint {}(struct s *s) {{ return twice(s) + getpid(); }}\n'
    report = audit_tree(
        tmp_path,
        {
            "s.h": SHARED,
            "a.c": user.format("f"),
            "b.c": "int pad;\n\n" + user.format("g"),
        },
    )
    assert lines(report, "getpid") == ["a.c:3", "b.c:5"]
    assert lines(report, "abs") == ["s.h:4"]


def test_shared_declaration_is_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    original = parse._tokens

    def note(
        code: Rewritten, types: Collection[str], places: Sequence[Place]
    ) -> Iterator[parse._Token]:
        parsed.extend(text for text, _ in code.tokens)
        return original(code, types, places)

    monkeypatch.setattr(parse, "_tokens", note)
    header = "int odd_name;\nstatic int only_here(void) { return odd_name; }\n"
    user = '#include "s.h"\nint {}(void) {{ return only_here(); }}\n'
    audit_tree(tmp_path, {"s.h": header, "a.c": user.format("f"), "b.c": user.format("g")})
    assert parsed.count("odd_name") == 2
    assert parsed.count("f") == parsed.count("g") == 1


def test_name_that_is_a_type_in_one_unit_only(tmp_path: Path) -> None:
    """``(word)(1)`` is a cast where ``word`` is a type, and a call where it is a function."""
    header = "static int use(void) { return (word)(1); }\n"
    report = audit_tree(
        tmp_path,
        {
            "use.h": header,
            "a.c": 'typedef int word;\n#include "use.h"\nint f(void) { return use(); }\n',
            "b.c": 'int word(int);\n#include "use.h"\nint g(void) { return use(); }\n',
        },
    )
    assert functions(report) == {"word"}


def test_old_style_definition_after_other_declarations(tmp_path: Path) -> None:
    text = (
        "int before;\nint f(a, b) int a; char *b; { return a + atoi(b); }\n"
        "int after(void) { return puts(0); }\n"
    )
    report = audit_tree(tmp_path, {"old.h": text, "a.c": '#include "old.h"\n'})
    assert lines(report, "atoi") == ["old.h:2"]
    assert lines(report, "puts") == ["old.h:3"]


def test_declaration_that_stands_twice_in_a_unit(tmp_path: Path) -> None:
    header = "static inline int f(void);\n"
    text = '#include "f.h"\n#include "f.h"\nstatic int f(void) { return rand(); }\n'
    user = "int {}(void) {{ return f(); }}\n"
    report = audit_tree(
        tmp_path,
        {"f.h": header, "a.c": text + user.format("g"), "b.c": text + user.format("h")},
    )
    assert lines(report, "rand") == ["a.c:3", "b.c:3"]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_tree_is_what_pycparser_makes_of_the_text(sample: Path) -> None:
    """Taking tokens from a list is quicker, and changes nothing."""
    text = re.sub(r"^#.*", "", sample.read_text("utf-8"), flags=re.MULTILINE)
    tokens = [
        Token(match.lastgroup or "", DIGRAPHS.get(match.group(), match.group()), 0)
        for match in TOKEN.finditer(text)
        if match.lastgroup not in ("space", "newline", "comment")
    ]
    code = rewrite(tokens, [Place("a.c", 1, False)], [])
    types = sorted(code.words & {*BUILTIN_TYPES, "size_t", "ssize_t", "FILE", "va_list"})
    prelude = "".join(f"typedef int {name};\n" for name in types)
    whole = CParser().parse(prelude + " ".join(text for text, _ in code.tokens))
    ours = c_ast.FileAST(parse.parse(code, types, [Place("a.c", 1, False)]))
    assert shown(ours) == shown(c_ast.FileAST(whole.ext[len(types) :]))


def shown(tree: c_ast.FileAST) -> str:
    stream = StringIO()
    tree.show(buf=stream, attrnames=True, nodenames=True)
    return stream.getvalue()

"""Preprocesses one file with pcpp, in a process of its own that the caller bounds.

Used where there is no compiler: see :mod:`porttool.audit.preprocess`, which runs this module as a
program. pcpp knows macros and expressions; what is here is what gcc's ``-E`` does around them:
lines, includes, conditions and line markers, in gcc's two forms.
"""

import json
import re
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import NoReturn

from pcpp import Preprocessor
from pcpp.parser import Macro

from porttool.audit.lexer import TOKEN
from porttool.audit.rewrite import char_value

#: As many as gcc allows.
INCLUDE_DEPTH = 200
#: A larger header was not written by a person.
FILE_BYTES = 64 * 1024 * 1024

#: Tokens that one use of a macro may expand to.
EXPANSION_TOKENS = 100_000

_SPLICE = re.compile(r"\\[ \t]*\r?\n")
# Where lines end that go on: after a backslash, and within a comment.
_CONTINUED, _COMMENTED = "\x01", "\x02"
_QUOTED = re.compile(
    r"""(?P<literal>"(?:[^"\\\n]++|\\.)*+"|'(?:[^'\\\n]++|\\.)*+')"""
    r"|(?P<comment>//[^\n]*+|/\*[\s\S]*?\*/)|(?P<open>/\*)"
)
_DIRECTIVE = re.compile(r"[ \t\f\v]*(?:#|%:)[ \t\f\v]*(\w*)(.*)", re.DOTALL)
_HEADER = re.compile(r'[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)')
_LINE = re.compile(r'\s*(\d+)(?:\s+"((?:[^"\\]|\\.)*+)")?')
_NUMBER = re.compile(r"(0[xX][0-9a-fA-F]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*)([uUlL]*)")
_INTEGER_MAX = (1 << 63) - 1
_KINDS = {
    "space": "CPP_WS",
    "newline": "CPP_WS",
    "comment": "CPP_WS",
    "string": "CPP_STRING",
    "char": "CPP_CHAR",
    "word": "CPP_ID",
    "number": "CPP_INTEGER",
}
_SIGNS = {
    "#": "CPP_POUND",
    "##": "CPP_DPOUND",
    "+": "CPP_PLUS",
    "-": "CPP_MINUS",
    "*": "CPP_STAR",
    "/": "CPP_FSLASH",
    "%": "CPP_PERCENT",
    "|": "CPP_BAR",
    "&": "CPP_AMPERSAND",
    "~": "CPP_TILDE",
    "^": "CPP_HAT",
    "<": "CPP_LESS",
    ">": "CPP_GREATER",
    "=": "CPP_EQUAL",
    "!": "CPP_EXCLAMATION",
    "?": "CPP_QUESTION",
    "(": "CPP_LPAREN",
    ")": "CPP_RPAREN",
    ",": "CPP_COMMA",
    ":": "CPP_COLON",
    "<<": "CPP_LSHIFT",
    ">>": "CPP_RSHIFT",
    "<=": "CPP_LESSEQUAL",
    ">=": "CPP_GREATEREQUAL",
    "||": "CPP_LOGICALOR",
    "&&": "CPP_LOGICALAND",
    "==": "CPP_EQUALITY",
    "!=": "CPP_INEQUALITY",
}
#: Operators of ``#if`` that ask what the compiler has; gcc's answer to nearly all that is asked.
_FEATURES = ("__has_attribute", "__has_c_attribute", "__has_builtin")
_INCLUDE_FEATURES = ("__has_include", "__has_include_next")
_ASKING = {"defined", *_FEATURES, *_INCLUDE_FEATURES}
_OPERATORS = re.compile(
    r"\bdefined\s*(?:\(\s*(?P<bracketed>\w+)\s*\)|(?P<bare>[A-Za-z_]\w*))"
    r'|\b(?P<word>__has_include(?:_next)?)\s*\(\s*(?P<header>"[^"\n]*"|<[^>\n]*>)\s*\)'
    rf"|\b(?:{'|'.join(_FEATURES)})\s*\([^()\n]*\)"
)
#: ``__STDC_VERSION__`` by what follows ``c`` or ``gnu`` in the name of a standard.
_VERSIONS = {
    "": "201112L",
    "99": "199901L",
    "9x": "199901L",
    "11": "201112L",
    "1x": "201112L",
    "17": "201710L",
    "18": "201710L",
    "2x": "202000L",
    "23": "202000L",
}
#: What gcc predefines for x86-64, as ``gcc -dM -E -std=gnu11`` lists it: ``NAME VALUE`` a line.
PREDEFINED = Path(__file__).with_name("predefined.txt")


class Failure(Exception):
    """What the preprocessor refuses, in the words of gcc; ``line`` counts from 1."""

    def __init__(self, message: str, file: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line


class Token:
    """A token as pcpp wants it, which also knows whether a system header spelt it."""

    __slots__ = ("expanded_from", "hidden", "lexer", "lexpos", "lineno", "source", "type", "value")

    def __init__(self, kind: str, value: str, line: int, *, hidden: bool = False) -> None:
        self.type: str | None = kind
        self.value = value
        self.lineno = line
        self.source = ""
        self.hidden = hidden
        self.expanded_from: list[str] = []

    def __copy__(self) -> "Token":
        other = Token(self.type or "", self.value, self.lineno, hidden=self.hidden)
        other.expanded_from = list(self.expanded_from)
        return other


def tokenize(
    text: str, line: int, breaks: Sequence[int] = (), *, hidden: bool = False
) -> list[Token]:
    """The tokens of one logical line, white space among them.

    ``line`` is the number of its first physical line; the others begin at the offsets ``breaks``.
    """
    if breaks:
        return _tokenize_lines(text, line, breaks, hidden=hidden)
    tokens = []
    position = 0
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            tokens.append(Token("CPP_OTHER", text[position], line, hidden=hidden))
            position += 1
            continue
        position = match.end()
        value = match.group()
        kind = _KINDS.get(match.lastgroup or "") or _SIGNS.get(value, "CPP_SIGN")
        tokens.append(Token(kind, value, line, hidden=hidden))
    return tokens


def _tokenize_lines(text: str, line: int, breaks: Sequence[int], *, hidden: bool) -> list[Token]:
    tokens = tokenize(text, line, hidden=hidden)
    offset = passed = 0
    for token in tokens:
        while passed < len(breaks) and breaks[passed] <= offset:
            passed += 1
        token.lineno += passed
        offset += len(token.value)
    return tokens


class _Lexer:
    """Stands in for pcpp's lexer, which knows only some of C's numbers and literals."""

    lineno = 0

    def __init__(self) -> None:
        self._tokens: Iterator[Token] = iter(())

    def clone(self) -> "_Lexer":
        return _Lexer()

    def input(self, text: str) -> None:
        self._tokens = iter(tokenize(text, self.lineno))

    def token(self) -> Token | None:
        return next(self._tokens, None)


@dataclass(frozen=True, slots=True)
class Job:
    """What to preprocess: absolute paths, and search folders in order.

    ``macros`` are ``-DNAME=VALUE`` and ``-UNAME``, ``forced`` is included before the source,
    ``standard`` is what ``-std`` takes.
    """

    source: str
    includes: tuple[str, ...]
    system: tuple[str, ...]
    macros: tuple[str, ...] = ()
    forced: tuple[str, ...] = ()
    standard: str = "gnu11"


@dataclass(frozen=True, slots=True)
class _Line:
    """A logical line without comments; ``breaks`` are the offsets where a physical line ends."""

    number: int
    text: str
    breaks: tuple[int, ...] = ()

    @property
    def height(self) -> int:
        """How many physical lines it takes."""
        return 1 + len(self.breaks)


@dataclass(slots=True)
class _Condition:
    line: int
    outer: bool  # whether the code around it is compiled
    on: bool  # whether this branch of it is
    taken: bool  # whether this branch or one before it is
    last: bool = False  # after #else


@dataclass(slots=True)
class _Open:
    """A file that is being read. ``found`` is the index of the folder that it was found in."""

    path: str
    found: int
    system: bool
    name: str = ""  # as #line has it
    shift: int = 0
    line: int = 0
    conditions: list[_Condition] = field(default_factory=list)


class _Output:
    """Text with line markers that keep each piece on its line."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._line = 0
        self._hidden = False

    def marker(self, name: str, line: int, flags: str) -> None:
        quoted = "".join(
            f"\\{byte:03o}" if byte > 126 or byte < 32 else f"\\{chr(byte)}" if byte in b'"\\'
            else chr(byte)
            for byte in name.encode("utf-8", "surrogateescape")
        )  # fmt: skip
        start = "" if not self._pieces or self._pieces[-1].endswith("\n") else "\n"
        self._pieces.append(f'{start}# {line} "{quoted}"{flags}\n')
        self._line = line
        self._hidden = False

    def go_to(self, opened: _Open, line: int, *, hidden: bool = False) -> None:
        """Continue at a line of the file that is open, counted as #line has it."""
        if hidden != self._hidden or not self._line <= line < self._line + 9:
            flags = " 3 4" if opened.system or hidden else ""
            self.marker(opened.name, line, flags)
            self._hidden = hidden
        while self._line < line:
            self._pieces.append("\n")
            self._line += 1

    def add(self, text: str) -> None:
        self._pieces.append(text)

    def add_lines(self, lines: Sequence[str]) -> None:
        self._pieces.append("\n".join(lines))
        self._line += len(lines) - 1

    def text(self) -> str:
        return "".join(self._pieces)


class Run(Preprocessor):  # type: ignore[misc]
    """Preprocesses a file into the two texts of :class:`preprocess.Preprocessed`."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.lexer = _Lexer()
        self._job = job
        self._folders = (*job.includes, *job.system)
        self._stack: list[_Open] = []
        self._chunk: list[Token] = []
        self._depth = 0
        self._once: set[str] = set()
        self._expanded = _Output()
        self._directives = _Output()
        self._lines: dict[str, list[_Line]] = {}
        for name in list(self.macros):
            if name.startswith("__PCPP"):
                del self.macros[name]
        for line in PREDEFINED.read_text("ascii").splitlines():
            self.define(tokenize(line, 0))
        self._set_standard(job.standard)
        for macro in job.macros:
            name, equals, value = macro[2:].partition("=")
            if macro.startswith("-U"):
                self.macros.pop(name, None)
            else:
                self.define(tokenize(f"{name} {value if equals else '1'}", 0))

    def _set_standard(self, standard: str) -> None:
        version = _VERSIONS.get(standard.removeprefix("gnu").removeprefix("c"))
        self.macros.pop("__STDC_VERSION__", None)
        if version:
            self.define(tokenize(f"__STDC_VERSION__ {version}", 0))
        if not standard.startswith("gnu"):
            self.define(tokenize("__STRICT_ANSI__ 1", 0))
            for name in ("linux", "unix"):
                self.macros.pop(name, None)

    def run(self) -> tuple[str, str]:
        """The text with macros expanded, and the one with only directives carried out."""
        self._enter(_Open(self._job.source, -1, system=False), "")
        return self._expanded.text(), self._directives.text()

    def expand_macros(self, tokens: list[Token], expanding_from: Sequence[str] = ()) -> list[Token]:
        """Expand the macros in ``tokens``, in place; pcpp calls this for what they contain, too."""
        before = len(tokens)
        expanded: list[Token] = super().expand_macros(tokens, list(expanding_from))
        if len(expanded) > before + EXPANSION_TOKENS:
            raise self._failure(f"macros expand to more than {EXPANSION_TOKENS:,} tokens")
        return expanded

    def on_error(self, file: str, line: int, message: str) -> NoReturn:
        """What pcpp calls when it refuses something."""
        raise self._failure(message)

    def _failure(self, message: str) -> Failure:
        return Failure(message, *self.place)

    @property
    def place(self) -> tuple[str, int]:
        """The file and line that are being read."""
        opened = self._stack[-1] if self._stack else None
        return (opened.path, opened.line) if opened else (self._job.source, 1)

    # Files

    def _enter(self, opened: _Open, flags: str) -> None:
        lines, raw = self._read(opened.path)
        if len(self._stack) == INCLUDE_DEPTH:
            raise self._failure(f"#include nested depth {INCLUDE_DEPTH} exceeds maximum")
        opened.name = opened.path
        self._stack.append(opened)
        system = " 3 4" if opened.system else ""
        self._mark(opened.name, 1, f"{flags}{system}")
        if len(self._stack) == 1:
            for path in self._job.forced:
                self._enter(_Open(path, -1, system=False), " 1")
                self._mark(opened.name, 1, " 2")
        for line in lines:
            opened.line = line.number
            self._process(opened, line, raw)
        self._flush()
        if opened.conditions:
            opened.line = opened.conditions[-1].line
            raise self._failure("unterminated #if")
        self._stack.pop()

    def _mark(self, name: str, line: int, flags: str) -> None:
        self.macros["__FILE__"] = Macro("__FILE__", [Token("CPP_STRING", f'"{name}"', 0)])
        for output in (self._expanded, self._directives):
            output.marker(name, line, flags)

    def _read(self, path: str) -> tuple[list[_Line], list[str]]:
        try:
            with Path(path).open("rb") as stream:
                content = stream.read(FILE_BYTES + 1)
        except OSError as error:
            opened = self._stack[-1] if self._stack else _Open(path, -1, system=False)
            raise Failure(f"{path}: {error.strerror}", opened.path, opened.line or 1) from None
        if len(content) > FILE_BYTES:
            raise Failure(f"larger than {FILE_BYTES >> 20} MB", path, 1)
        text = content.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
        text = text.translate({0: " ", 1: " ", 2: " "})
        return list(self._logical_lines(text, path)), text.split("\n")

    @staticmethod
    def _logical_lines(text: str, path: str) -> Iterator[_Line]:
        spliced = _SPLICE.sub(_CONTINUED, text)

        def plain(match: re.Match[str]) -> str:
            if match["literal"]:
                return match.group()
            if match["open"]:
                before = spliced[: match.start()]
                number = 1 + before.count("\n") + before.count(_CONTINUED)
                raise Failure("unterminated comment", path, number)
            comment = match.group()
            return " " + _COMMENTED * comment.count("\n") + _CONTINUED * comment.count(_CONTINUED)

        number = 1
        for line in _QUOTED.sub(plain, spliced).split("\n"):
            parts = re.split(f"[{_CONTINUED}{_COMMENTED}]", line)
            breaks = tuple(accumulate(len(part) for part in parts[:-1]))
            yield _Line(number, "".join(parts), breaks)
            number += len(parts)

    def _find(self, name: str, quoted: bool, after: int) -> _Open | None:
        """Look for a header, beginning behind folder number ``after``."""
        here = self._stack[-1]
        if name.startswith("/"):
            return self._opened(name, -1, system=here.system)
        if quoted and after < 0:
            folder = here.path.rpartition("/")[0]
            found = self._opened(f"{folder}/{name}", here.found, system=here.system)
            if found is not None:
                return found
        for index in range(after + 1, len(self._folders)):
            system = index >= len(self._job.includes)
            found = self._opened(f"{self._folders[index]}/{name}", index, system=system)
            if found is not None:
                return found
        return None

    def _opened(self, path: str, index: int, *, system: bool) -> _Open | None:
        try:
            mode = Path(path).stat().st_mode
        except (OSError, ValueError):
            return None
        if stat.S_ISDIR(mode):
            return None
        if not stat.S_ISREG(mode):
            raise self._failure(f"includes {path}, which is no regular file")
        return _Open(path, index, system=system)

    # Lines

    def _process(self, opened: _Open, line: _Line, raw: list[str]) -> None:
        active = not opened.conditions or opened.conditions[-1].on
        match = _DIRECTIVE.match(line.text)
        if match is not None:
            self._directive(opened, line, match[1], match[2], active)
        elif active and line.text.strip():
            if not opened.system:
                self._directives.go_to(opened, line.number + opened.shift)
                self._directives.add_lines(raw[line.number - 1 : line.number - 1 + line.height])
            self._text(opened, line)

    def _text(self, opened: _Open, line: _Line) -> None:
        number = line.number + opened.shift
        tokens = tokenize(line.text, number, line.breaks, hidden=opened.system)
        self._chunk += tokens
        self._chunk.append(Token("CPP_WS", " ", number))
        last = ""
        for token in tokens:
            if token.type == "CPP_WS":
                continue
            last = token.value
            if last == "(":
                self._depth += 1
            elif last == ")":
                self._depth -= 1
        if self._depth <= 0 and last not in self.macros:
            self._flush()

    def _flush(self) -> None:
        """Expand and write what was gathered: whole lines, with no call of a macro left open."""
        chunk, self._chunk, self._depth = self._chunk, [], 0
        if not chunk:
            return
        self.linemacro = self.linemacrodepth = 0
        opened = self._stack[-1]
        for token in self._without_pragmas(self._expand(chunk)):
            if token.type == "CPP_WS":
                continue
            if not opened.system:
                self._expanded.go_to(opened, token.lineno, hidden=token.hidden)
            self._expanded.add(f"{token.value} ")

    def _expand(self, tokens: list[Token]) -> list[Token]:
        try:
            expanded: list[Token] = self.expand_macros(tokens)
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            raise self._failure(f"a macro cannot be expanded ({type(error).__name__})") from None
        return expanded

    @staticmethod
    def _without_pragmas(tokens: list[Token]) -> Iterator[Token]:
        plain = (token for token in tokens if token.type != "CPP_WS")
        for token in plain:
            if token.value == "_Pragma" and token.type == "CPP_ID":
                for _ in range(3):
                    next(plain, None)
            else:
                yield token

    # Directives

    def _directive(self, opened: _Open, line: _Line, name: str, rest: str, active: bool) -> None:
        if name in ("if", "ifdef", "ifndef"):
            self._if(opened, line, name, rest, active)
        elif name in ("elif", "elifdef", "elifndef", "else", "endif"):
            self._branch(opened, name, rest)
        elif active:
            if name in ("define", "undef"):
                self._macro(opened, line, name, rest)
            elif name in ("include", "include_next", "import"):
                self._include(opened, line, name, rest)
            elif name == "line" or (not name and re.match(r"\s*\d", rest)):
                self._renumber(opened, line, rest)
            elif name.isdigit():
                self._renumber(opened, line, name + rest)
            elif name == "error":
                raise self._failure(f"#error{rest}")
            elif name == "pragma" and rest.split() == ["once"]:
                self._once.add(opened.path)
            elif name not in ("", "pragma", "warning", "ident", "sccs", "assert", "unassert"):
                raise self._failure(f"invalid preprocessing directive #{name}")

    def _if(self, opened: _Open, line: _Line, name: str, rest: str, active: bool) -> None:
        on = active and self._holds(name, rest)
        opened.conditions.append(_Condition(line.number, active, on, on))

    def _branch(self, opened: _Open, name: str, rest: str) -> None:
        if not opened.conditions:
            raise self._failure(f"#{name} without #if")
        condition = opened.conditions[-1]
        if name == "endif":
            opened.conditions.pop()
            return
        if condition.last:
            raise self._failure(f"#{name} after #else")
        condition.last = name == "else"
        open_ = condition.outer and not condition.taken
        condition.on = open_ and (name == "else" or self._holds(name.removeprefix("el"), rest))
        condition.taken |= condition.on

    def _holds(self, name: str, rest: str) -> bool:
        """Whether the condition of an ``if``, ``ifdef`` or ``ifndef`` is true."""
        if name == "if":
            return self._evaluate(rest)
        word = re.match(r"\s*(\w+)", rest)
        if word is None:
            raise self._failure(f"no macro name given in #{name} directive")
        return self._is_defined(word[1]) == (name == "ifdef")

    def _is_defined(self, name: str) -> bool:
        return name in self.macros or name in (*_FEATURES, *_INCLUDE_FEATURES)

    def _evaluate(self, text: str) -> bool:
        line = self._stack[-1].line + self._stack[-1].shift
        text = self._answer(text)
        self.linemacro = self.linemacrodepth = 0
        tokens = self._expand(tokenize(text, line))
        asked = {token.value for token in tokens if token.type == "CPP_ID"}
        if not asked.isdisjoint(_ASKING):  # a macro brought it
            tokens = tokenize(self._answer(" ".join(token.value for token in tokens)), line)
        for token in tokens:
            if token.type == "CPP_INTEGER":
                token.value = self._integer(token.value)
            elif token.type == "CPP_CHAR":
                token.type, token.value = "CPP_INTEGER", str(char_value(token.value))
            elif token.type == "CPP_ID":
                token.type, token.value = "CPP_INTEGER", "0"
        try:
            return bool(self.evaluator(tokens).value() != 0)
        except ZeroDivisionError:
            raise self._failure("division by zero in #if") from None
        except (AssertionError, AttributeError, SyntaxError, TypeError, ValueError):
            raise self._failure("the expression of #if cannot be read") from None

    def _integer(self, text: str) -> str:
        match = _NUMBER.fullmatch(text)
        if match is None:
            raise self._failure(f"{text!r} is not an integer, in #if")
        digits = match[1]
        value = int(digits, 8) if re.fullmatch("0[0-7]*", digits) else int(digits, 0)
        unsigned = "u" in match[2].lower() or value > _INTEGER_MAX
        return f"{value}{'U' if unsigned else ''}"

    def _answer(self, text: str) -> str:
        """Replace ``defined X`` and ``__has_include (...)`` and the like by 1 or 0."""

        def one(match: re.Match[str]) -> str:
            name = match["bracketed"] or match["bare"]
            if name:
                return f" {int(self._is_defined(name))} "
            if match["header"]:
                next_ = match["word"] == "__has_include_next"
                after = self._stack[-1].found if next_ else -1
                quoted = match["header"][0] == '"'
                return f" {int(self._find(match['header'][1:-1], quoted, after) is not None)} "
            return " 1 "

        return _OPERATORS.sub(one, text)

    def _macro(self, opened: _Open, line: _Line, name: str, rest: str) -> None:
        word = re.match(r"\s*([A-Za-z_$\x80-\xff][\w$]*)(.*)", rest, re.DOTALL)
        if word is None:
            raise self._failure("macro names must be identifiers")
        self._flush()
        self._directives.go_to(opened, line.number + opened.shift)
        self._directives.add(f"#{name} {word[1]}{word[2]}")
        if name == "undef":
            self.macros.pop(word[1], None)
            return
        gap = "" if word[2].startswith("(") else " "
        tokens = tokenize(f"{word[1]}{gap}{word[2]}", line.number, hidden=opened.system)
        try:
            self.define(tokens)
        except (AttributeError, IndexError, TypeError, ValueError):
            raise self._failure(f"the macro {word[1]} cannot be read") from None

    def _include(self, opened: _Open, line: _Line, name: str, rest: str) -> None:
        self._flush()
        match = _HEADER.match(rest)
        if match is None:
            tokens = self._expand(tokenize(rest, line.number))
            match = _HEADER.match("".join(token.value for token in tokens).strip())
        if match is None:
            raise self._failure(f'#{name} expects "FILENAME" or <FILENAME>')
        header = match[1] or match[2]
        after = opened.found if name == "include_next" else -1
        quoted = match[1] is not None and name != "include_next"
        found = self._find(header, quoted, after)
        if found is None:
            raise self._failure(f"{header}: No such file or directory")
        if not opened.system:
            for output in (self._expanded, self._directives):
                output.go_to(opened, line.number + opened.shift)
            self._directives.add(f"#{name}{rest}")
        if found.path in self._once:
            return
        if name == "import":
            self._once.add(found.path)
        self._enter(found, " 1")
        system = " 3 4" if opened.system else ""
        self._mark(opened.name, line.number + line.height + opened.shift, f" 2{system}")

    def _renumber(self, opened: _Open, line: _Line, rest: str) -> None:
        self._flush()
        match = _LINE.match(rest)
        if match is None:
            raise self._failure("#line expects a number")
        opened.shift = int(match[1]) - (line.number + line.height)
        if match[2]:
            opened.name = match[2].replace("\\\\", "\\").replace('\\"', '"')
        self._mark(opened.name, int(match[1]), " 3 4" if opened.system else "")


def main() -> int:
    """Read a :class:`Job` as JSON from stdin; write both texts, with a NUL byte between them."""
    given = json.load(sys.stdin)
    job = Job(
        given["source"],
        tuple(given["includes"]),
        tuple(given["system"]),
        tuple(given["macros"]),
        tuple(given["forced"]),
        given["standard"],
    )
    run = Run(job)
    try:
        expanded, directives = run.run()
    except Failure as failure:
        return _refuse(f"{failure.file}:{failure.line}:1: error: {failure.message}")
    except RecursionError:
        file, line = run.place
        return _refuse(f"{file}:{line}:1: error: macros or headers nested too deep")
    except MemoryError:
        return _refuse("out of memory")
    sys.stdout.buffer.write(f"{expanded}\0{directives}".encode("latin-1", "replace"))
    return 0


def _refuse(message: str) -> int:
    sys.stderr.buffer.write(f"{message}\n".encode("utf-8", "replace"))
    return 1


if __name__ == "__main__":
    sys.exit(main())

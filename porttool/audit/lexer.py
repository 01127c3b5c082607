"""Tokens of preprocessed C, each with its place in the original source."""

import os.path
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from porttool.audit.preprocess import Toolchain

#: More tokens than this in one translation unit, system headers not counted, are refused.
TOKEN_LIMIT = 1_000_000

MARKER = re.compile(r'^# (\d+) "((?:[^"\\\n]++|\\.)*+)"((?: [1-4])*)\r?\n', re.MULTILINE)

TOKEN = re.compile(
    r"""
      (?P<space>(?:[ \t\f\v\r]|\\\r?\n)++)
    | (?P<newline>\n)
    | (?P<string>(?:u8|[uUL])?"(?:[^"\\\n]++|\\.)*+")
    | (?P<char>(?:u8|[uUL])?'(?:[^'\\\n]++|\\.)++')
    | (?P<word>(?:[A-Za-z_$\x80-\xff]|\\[uU][0-9a-fA-F]{4,8})[\w$\x80-\xff]*
        (?:\\[uU][0-9a-fA-F]{4,8}[\w$\x80-\xff]*)*+)
    | (?P<number>\.?[0-9](?:[eEpP][+-]|'(?=\w)|[\w.])*+)
    | (?P<comment>/\*[\s\S]*?\*/|//(?:[^\\\n]++|\\[\s\S])*+)
    | (?P<punctuation>\.\.\.|<<=|>>=|->|\+\+|--|&&|\|\||[-+*/%&|^<>=!]=|<<|>>|\#\#|<:|:>|<%|%>
        |[][(){};,.:?~!<>=+*/%&|^\#@-])
    """,
    re.VERBOSE,
)
DIGRAPHS = {"<:": "[", ":>": "]", "<%": "{", "%>": "}"}


class Place(NamedTuple):
    """Where a token comes from: absolute path, line, and whether a system macro brought it."""

    file: str
    line: int
    hidden: bool


class Token(NamedTuple):
    """One token. ``kind`` is a group of :data:`TOKEN`, ``place`` an index of the unit's places."""

    kind: str
    text: str
    place: int


class SyntaxProblem(Exception):
    """C that cannot be read; ``place`` says where, ``reason`` is for the user."""

    def __init__(self, reason: str, place: Place | None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.place = place


class Origin(Enum):
    """Whose file it is: the audited folder's, the system's, or that of some other library."""

    OWN = 1
    SYSTEM = 2
    LIBRARY = 3


@dataclass(frozen=True, slots=True)
class Chunk:
    """One declaration of a system header: token texts, and the header to include for it.

    ``private`` says that it really stands in a header that nobody includes by name.
    """

    tokens: tuple[tuple[str, str], ...]
    header: str
    private: bool


@dataclass(slots=True)
class Unit:
    """A preprocessed translation unit: the upstream's own tokens, and the system's declarations."""

    tokens: list[Token]
    places: list[Place]
    chunks: list[Chunk]


#: Headers that other headers include and nobody names.
PRIVATE = re.compile(
    r"(?:.*/)?(?:bits|asm|asm-generic|gnu)/|features(?:-time64)?\.h$|stdc-predef\.h$"
)


class Files:
    """Tells whose a file is and what to call it. ``root`` and ``libraries`` are real paths."""

    def __init__(self, root: str, libraries: tuple[str, ...], tools: Toolchain) -> None:
        self._root = root
        self._libraries = libraries
        self._tools = tools
        self._known: dict[str, tuple[Origin, str]] = {}

    def look_up(self, path: str) -> tuple[Origin, str]:
        """Origin and name of a file: relative to the folder, or as in ``#include <...>``.

        Raises :class:`SyntaxProblem` for a file that is outside of every folder the audit may
        read.
        """
        found = self._known.get(path)
        if found is None:
            found = self._known[path] = self._find(path)
        return found

    def _find(self, path: str) -> tuple[Origin, str]:
        public = self._tools.public_name(path)
        if public is not None:
            return Origin.SYSTEM, public
        if path.startswith("<"):
            return Origin.SYSTEM, path
        try:
            real = os.path.realpath(path)
        except ValueError:
            raise SyntaxProblem(f"{path!r} names no file", None) from None
        if real.startswith(self._root + "/"):
            return Origin.OWN, printable_name(real[len(self._root) + 1 :])
        for library in self._libraries:
            if real.startswith(library + "/"):
                return Origin.LIBRARY, real[len(library) + 1 :]
        raise SyntaxProblem(f"includes {path}, which is outside of the folder", None)


def printable_name(path: str) -> str:
    """A file name that can be written as UTF-8, whatever bytes it has."""
    return os.fsencode(path).decode("utf-8", "replace")


class IncludeStack:
    """The files that are open at a line marker, outermost first."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._stack: list[str] = []
        self.file = ""
        self.hidden = False

    def marker(self, match: re.Match[str]) -> None:
        """Take in a line marker."""
        name = unescape_marker(match[2])
        flags = match[3].split()
        self.hidden = "3" in flags
        if "1" in flags or not self._stack:
            self._stack.append(name)
        elif "2" in flags:
            self._leave(name)
        if name != self._stack[-1]:
            # A #line directive of the source: places are given in its terms if the file is there.
            try:
                self._files.look_up(name)
            except SyntaxProblem:
                name = self._stack[-1]
        self.file = name

    def _leave(self, name: str) -> None:
        """Go back to the file ``name``, or to the one before if #line gave it that name."""
        if len(self._stack) > 1:
            self._stack.pop()
        if name in self._stack:
            while self._stack[-1] != name:
                self._stack.pop()

    @property
    def origin(self) -> Origin:
        """Whose file we are in."""
        return self._files.look_up(self.file)[0]

    @property
    def name(self) -> str:
        """What to call the file we are in; see :meth:`Files.look_up`."""
        return self._files.look_up(self.file)[1]

    def header(self) -> tuple[str, bool]:
        """The innermost system header that a programmer would name, and whether it is not this."""
        innermost = named = None
        for path in reversed(self._stack):
            origin, name = self._files.look_up(path)
            if origin is not Origin.SYSTEM:
                break
            innermost = innermost or name
            if PRIVATE.match(name):
                continue
            if not name.startswith("linux/"):
                return name, name != innermost
            named = named or name  # unless the C library's own header brings it
        return named or innermost or self.file, named is None or named != innermost


def unescape_marker(name: str) -> str:
    """The file name of a line marker, with its escapes undone."""
    if "\\" not in name:
        return name

    def one(match: re.Match[str]) -> str:
        text = match[1]
        return chr(int(text, 8)) if text.isdigit() else text

    return re.sub(r"\\([0-7]{3}|.)", one, name).encode("latin-1").decode("utf-8", "surrogateescape")


def scan(expanded: str, files: Files) -> Unit:
    """Split preprocessed text into own tokens and declarations of system headers.

    Raises :class:`SyntaxProblem` for characters that are not C, and for too many tokens.
    """
    unit = Unit([], [], [])
    stack = IncludeStack(files)
    splitter = _ChunkSplitter(unit.chunks)
    depth = 0
    file, line = "", 0
    for match, segment in _segments(expanded):
        try:
            stack.marker(match)
            origin = stack.origin
        except SyntaxProblem as problem:
            place = Place(file, line, False) if file else None
            raise SyntaxProblem(problem.reason, place) from None
        if origin is not Origin.SYSTEM:
            file, line = stack.file, int(match[1]) + segment.count("\n")
        if origin is Origin.SYSTEM and depth <= 0:
            splitter.feed(lex_system(segment), stack)
        else:
            depth += _scan_own(segment, int(match[1]), stack, unit)
    return unit


def _segments(text: str) -> Iterator[tuple[re.Match[str], str]]:
    match = MARKER.search(text)
    while match is not None:
        following = MARKER.search(text, match.end())
        yield match, text[match.end() : following.start() if following else len(text)]
        match = following


@lru_cache(maxsize=4096)
def lex_system(segment: str) -> tuple[tuple[str, str], ...]:
    """Kinds and texts of the tokens of a piece of a system header, without places."""
    segment = re.sub(r"^[ \t]*#.*", "", segment, flags=re.MULTILINE)
    return tuple(
        (match.lastgroup or "", match.group())
        for match in TOKEN.finditer(segment)
        if match.lastgroup not in ("space", "newline", "comment")
    )


def _scan_own(segment: str, line: int, stack: IncludeStack, unit: Unit) -> int:
    """Append the tokens of a piece of own code; gives by how much the bracket depth changed."""
    places = unit.places
    tokens = unit.tokens
    depth = 0
    placed = -1
    position = 0
    end = len(segment)
    match_token = TOKEN.match
    while position < end:
        if segment[position] == "#" and (position == 0 or segment[position - 1] == "\n"):
            newline = segment.find("\n", position)
            position = end if newline < 0 else newline
            continue
        match = match_token(segment, position)
        if match is None:
            raise SyntaxProblem(
                f"{_describe(segment[position])} is not C", Place(stack.file, line, False)
            )
        position = match.end()
        kind = match.lastgroup or ""
        if kind == "newline":
            line += 1
            continue
        if kind == "space":
            continue
        if placed != line:
            placed = line
            places.append(Place(stack.file, line, stack.hidden))
        text = match.group()
        if kind == "punctuation":
            text = DIGRAPHS.get(text, text)
            if text in "([{":
                depth += 1
            elif text in ")]}":
                depth -= 1
        if len(tokens) == TOKEN_LIMIT:
            raise SyntaxProblem(f"more than {TOKEN_LIMIT:,} tokens", places[-1])
        tokens.append(Token(kind, text, len(places) - 1))
    return depth


def _describe(character: str) -> str:
    if character == "\0":
        return "a NUL byte"
    if character in "\"'":
        return f"an unterminated {character}"
    return f"the character {character!r}"


class _ChunkSplitter:
    """Cuts the tokens of system headers into external declarations."""

    def __init__(self, chunks: list[Chunk]) -> None:
        self._chunks = chunks
        self._tokens: list[tuple[str, str]] = []
        self._depth = 0
        self._body = False
        self._header = ("", False)

    def feed(self, tokens: tuple[tuple[str, str], ...], stack: IncludeStack) -> None:
        for token in tokens:
            if not self._tokens:
                self._header = stack.header()
            self._tokens.append(token)
            text = token[1]
            if text in ("(", "[", "{"):
                if text == "{" and self._depth == 0:
                    self._body = len(self._tokens) > 1 and self._tokens[-2][1] == ")"
                self._depth += 1
            elif text in (")", "]", "}"):
                self._depth -= 1
                if self._depth == 0 and text == "}" and self._body:
                    self._finish()
            elif text == ";" and self._depth == 0:
                self._finish()

    def _finish(self) -> None:
        if len(self._tokens) > 1:
            self._chunks.append(Chunk(tuple(self._tokens), *self._header))
        self._tokens = []
        self._body = False

"""Tokens of preprocessed C, each with its place in the original source."""

import os.path
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from porttool.audit.preprocess import Toolchain

#: More tokens than this in one translation unit, system headers not counted, are refused.
TOKEN_LIMIT = 1_000_000

_MARKER = re.compile(r'(\d+) "((?:[^"\\\n]++|\\.)*+)"((?: [1-4])*)\r?(?:\n|\Z)')

_SPACE = r"(?:[ \t\f\v\r]|\\\r?\n)"
#: What tokens with contents look like, for verbose expressions.
TEXTS = r"""
      (?P<string>(?:u8|[uUL])?"(?:[^"\\\n]++|\\.)*+")
    | (?P<char>(?:u8|[uUL])?'(?:[^'\\\n]++|\\.)++')
    | (?P<word>(?:[A-Za-z_$\x80-\xff]|\\[uU][0-9a-fA-F]{4,8})[\w$\x80-\xff]*
        (?:\\[uU][0-9a-fA-F]{4,8}[\w$\x80-\xff]*)*+)
    | (?P<number>\.?[0-9](?:[eEpP][+-]|'(?=\w)|[\w.])*+)
    | (?P<comment>/\*[\s\S]*?\*/|//(?:[^\\\n]++|\\[\s\S])*+)
"""
_GRAMMAR = rf"""
      (?P<newline>\n)
    | {TEXTS}
    | (?P<punctuation>\.\.\.|<<=|>>=|->|\+\+|--|&&|\|\||[-+*/%&|^<>=!]=|<<|>>|\#\#|<:|:>|<%|%>
        |[][(){{}};,.:?~!<>=+*/%&|^\#@-])
"""
TOKEN = re.compile(rf"(?P<space>{_SPACE}++) | {_GRAMMAR}", re.VERBOSE)
#: A token with the space before it, the end, or a character that is not C.
_SPACED_TOKEN = re.compile(rf"{_SPACE}*+ (?: {_GRAMMAR} | \Z | (?P<other>[\s\S]))", re.VERBOSE)
_DIRECTIVE = re.compile(r"^#.*", re.MULTILINE)
_SYSTEM_DIRECTIVE = re.compile(r"^[ \t]*#.*", re.MULTILINE)
_OPENING = frozenset("([{")
_CLOSING = frozenset(")]}")
DIGRAPHS = {"<:": "[", ":>": "]", "<%": "{", "%>": "}"}


#: So many segments of own headers are kept for other units.
KNOWN_LIMIT = 50_000


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


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """One declaration of a system header: token texts, and the header to include for it.

    ``private`` says that it really stands in a header that nobody includes by name.
    """

    tokens: tuple[tuple[str, str], ...]
    header: str
    private: bool


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Own code of a translation unit that does not end within a declaration.

    ``words`` are the words in it. The same text of the same header is the same object in every
    unit of a :class:`Scanner`, and then ``shared``.
    """

    tokens: tuple[Token, ...]
    words: frozenset[str]
    shared: bool


@dataclass(slots=True)
class Unit:
    """A preprocessed translation unit: the upstream's own code, and the system's declarations.

    ``system`` are the declarations of each piece of a system header, as often as there are some;
    the same piece gives the same object.
    """

    pieces: list[Piece] = field(default_factory=list)
    system: list[tuple[Chunk, ...]] = field(default_factory=list)


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


class Segment(NamedTuple):
    """What follows a line marker, up to the next one.

    ``line`` is that of the first line of ``text``, ``file`` an absolute path or a name like
    ``<built-in>``, ``flags`` those of the marker; ``head`` is the marker as it stands there.
    """

    line: int
    file: str
    flags: str
    text: str
    head: str

    @property
    def end(self) -> int:
        """The line where the next marker stands."""
        return self.line + self.text.count("\n") + self.head.count("\n")


def segments(text: str) -> list[Segment]:
    """Cut preprocessed text at its line markers. The newline before a marker is left out."""
    found: list[Segment] = []
    for part in f"\n{text}".split("\n# ")[1:]:
        match = _MARKER.match(part)
        if match is not None:
            line, file, flags = match.groups()
            end = match.end()
            found.append(Segment(int(line), _unescape(file), flags, part[end:], part[:end]))
        elif found:  # a directive that is not a marker
            last = found[-1]
            found[-1] = last._replace(text=f"{last.text}\n# {part}")
    return found


def _unescape(name: str) -> str:
    """The file name of a line marker, with its escapes undone."""
    if "\\" not in name:
        return name

    def one(match: re.Match[str]) -> str:
        text = match[1]
        return chr(int(text, 8)) if text.isdigit() else text

    return re.sub(r"\\([0-7]{3}|.)", one, name).encode("latin-1").decode("utf-8", "surrogateescape")


class IncludeStack:
    """The files that are open at a line marker, outermost first."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._stack: list[str] = []
        self.file = ""
        self.hidden = False

    def enter(self, segment: Segment) -> None:
        """Go on to a segment of the text."""
        name = segment.file
        flags = segment.flags
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


class Scanner:
    """Splits preprocessed text. What several units include is taken apart only once.

    ``places`` belong to all units: the index of a place means the same in each of them.
    """

    def __init__(self, files: Files) -> None:
        self.places = [Place("", 0, True)]
        self._files = files
        self._lexer = _OwnLexer(self.places)
        self._segments: dict[tuple[str, bool, int, str], _Tokens] = {}
        self._pieces: dict[tuple[_Tokens, ...], Piece] = {}
        self._chunks: dict[tuple[str, str, bool], tuple[Chunk, ...]] = {}

    def scan(self, expanded: Iterable[Segment], source: str) -> Unit:
        """Split preprocessed text into own code and declarations of system headers.

        ``source`` is the file that the unit is of: what stands in it is in no other unit. Raises
        :class:`SyntaxProblem` for characters that are not C, and for too many tokens.
        """
        if len(self._segments) > KNOWN_LIMIT:
            self._segments.clear()
            self._pieces.clear()
        unit = Unit()
        stack = IncludeStack(self._files)
        system = _SystemReader(self._chunks, unit.system)
        own = _PieceMaker(self._pieces, unit.pieces)
        file, line, total = "", 0, 0
        for segment in expanded:
            text = segment.text
            try:
                stack.enter(segment)
                origin = stack.origin
            except SyntaxProblem as problem:
                place = Place(file, line, False) if file else None
                raise SyntaxProblem(problem.reason, place) from None
            if origin is Origin.SYSTEM and own.depth <= 0:
                system.feed(text, stack)
                continue
            if origin is not Origin.SYSTEM:
                file, line = stack.file, segment.end
            if not text or text.isspace():
                continue
            tokens = self._lex(stack, segment, shared=stack.file != source)
            total += len(tokens.tokens)
            if total > TOKEN_LIMIT:
                place = self.places[tokens.tokens[-1].place]
                raise SyntaxProblem(f"more than {TOKEN_LIMIT:,} tokens", place)
            own.add(tokens)
        own.finish()
        return unit

    def _lex(self, stack: IncludeStack, segment: Segment, *, shared: bool) -> "_Tokens":
        if not shared:
            return self._lexer.read(segment, stack, shared=False)
        key = (stack.file, stack.hidden, segment.line, segment.text)
        known = self._segments.get(key)
        if known is None:
            known = self._segments[key] = self._lexer.read(segment, stack, shared=True)
        return known


@dataclass(frozen=True, slots=True, eq=False)
class _Tokens:
    """The tokens between two line markers, and by how much they change the depth of brackets."""

    tokens: tuple[Token, ...]
    depth: int
    shared: bool


class _OwnLexer:
    """Takes own code apart into tokens with their places."""

    def __init__(self, places: list[Place]) -> None:
        self._places = places

    def read(self, segment: Segment, stack: IncludeStack, *, shared: bool) -> _Tokens:
        text, line = segment.text, segment.line
        if "#" in text:
            text = _DIRECTIVE.sub("", text)
        places = self._places
        tokens: list[Token] = []
        add = tokens.append
        depth = 0
        placed, place = -1, 0
        for match in _SPACED_TOKEN.finditer(text):
            kind = match.lastgroup
            if kind == "newline":
                line += 1
                continue
            if kind is None or kind == "comment":
                continue
            value = match[kind]
            if kind == "punctuation":
                value = DIGRAPHS.get(value, value)
                if value in _OPENING:
                    depth += 1
                elif value in _CLOSING:
                    depth -= 1
            elif kind == "other":
                where = Place(stack.file, line, False)
                raise SyntaxProblem(f"{_describe(value)} is not C", where)
            if placed != line:
                placed, place = line, len(places)
                places.append(Place(stack.file, line, stack.hidden))
            add(Token(kind, value, place))
            if len(tokens) > TOKEN_LIMIT:
                raise SyntaxProblem(f"more than {TOKEN_LIMIT:,} tokens", places[-1])
        return _Tokens(tuple(tokens), depth, shared)


class _PieceMaker:
    """Joins segments of own code into pieces."""

    def __init__(self, known: dict[tuple[_Tokens, ...], Piece], pieces: list[Piece]) -> None:
        self._known = known
        self._pieces = pieces
        self._waiting: list[_Tokens] = []
        self.depth = 0

    def add(self, segment: _Tokens) -> None:
        if not segment.tokens:
            return
        if self._is_complete(segment):
            self.finish()
        self._waiting.append(segment)
        self.depth += segment.depth

    def _is_complete(self, following: _Tokens) -> bool:
        """Whether what waits is a piece by itself."""
        if self.depth or not self._waiting or following.tokens[0].text == "{":
            return False
        last = self._waiting[-1]
        if not last.shared and not following.shared:
            return False
        return last.tokens[-1].text == ";" or _ends_body(last.tokens)

    def finish(self) -> None:
        """Make a piece of what waits."""
        if not self._waiting:
            return
        key = tuple(self._waiting)
        shared = all(segment.shared for segment in key)
        piece = self._known.get(key)
        if piece is None:
            tokens = tuple(token for segment in key for token in segment.tokens)
            words = frozenset([token.text for token in tokens if token.kind == "word"])
            piece = Piece(tokens, words, shared)
            if shared:
                self._known[key] = piece
        self._pieces.append(piece)
        self._waiting = []


def _ends_body(tokens: tuple[Token, ...]) -> bool:
    """Whether code ends with the body of a function that it has as a whole."""
    depth = 0
    for index in range(len(tokens) - 1, 0, -1):
        text = tokens[index].text
        if text in _CLOSING:
            depth += 1
        elif text in _OPENING:
            depth -= 1
            if depth == 0:
                return text == "{" and tokens[index - 1].text == ")"
        elif depth == 0:
            return False
    return False


def _describe(character: str) -> str:
    if character == "\0":
        return "a NUL byte"
    if character in "\"'":
        return f"an unterminated {character}"
    return f"the character {character!r}"


class _SystemReader:
    """Cuts the text of system headers into external declarations."""

    def __init__(
        self,
        known: dict[tuple[str, str, bool], tuple[Chunk, ...]],
        found: list[tuple[Chunk, ...]],
    ) -> None:
        self._known = known
        self._found = found
        self._tokens: list[tuple[str, str]] = []
        self._depth = 0
        self._body = False
        self._header = ("", False)

    def feed(self, text: str, stack: IncludeStack) -> None:
        """Take in text between two markers."""
        if text.isspace() or not text:
            return
        header = stack.header()
        key = (text, *header)
        whole = not self._tokens
        chunks = self._known.get(key) if whole else None
        if chunks is None:
            chunks = tuple(self._split(text, header))
            if whole and not self._tokens:
                self._known[key] = chunks
        if chunks:
            self._found.append(chunks)

    def _split(self, text: str, header: tuple[str, bool]) -> Iterator[Chunk]:
        for token in lex_system(text):
            if not self._tokens:
                self._header = header
            self._tokens.append(token)
            text = token[1]
            if text in _OPENING:
                if text == "{" and self._depth == 0:
                    self._body = len(self._tokens) > 1 and self._tokens[-2][1] == ")"
                self._depth += 1
            elif text in _CLOSING:
                self._depth -= 1
                if self._depth == 0 and text == "}" and self._body:
                    yield from self._finish()
            elif text == ";" and self._depth == 0:
                yield from self._finish()

    def _finish(self) -> Iterator[Chunk]:
        if len(self._tokens) > 1:
            yield Chunk(tuple(self._tokens), *self._header)
        self._tokens = []
        self._body = False


def lex_system(text: str) -> tuple[tuple[str, str], ...]:
    """Kinds and texts of the tokens of a piece of a system header, without places."""
    if "#" in text:
        text = _SYSTEM_DIRECTIVE.sub("", text)
    return tuple(
        (match.lastgroup or "", match.group())
        for match in TOKEN.finditer(text)
        if match.lastgroup not in ("space", "newline", "comment")
    )

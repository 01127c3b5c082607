"""pycparser, with what it needs to survive real C: typedef names told, deep nesting, places."""

import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TypeVar

from pycparser import c_ast
from pycparser.c_lexer import CLexer
from pycparser.c_parser import CParser, ParseError

from porttool.audit.lexer import Place, SyntaxProblem
from porttool.audit.rewrite import Rewritten

T = TypeVar("T")

#: Processor time that parsing one file may take.
PARSE_SECONDS = 30
_TOKENS_A_CHECK = 256
#: Python frames that a parse may stack up; brackets are bounded before, other nesting by this.
FRAME_LIMIT = 120_000
STACK_BYTES = 512 * 1024 * 1024

#: So many trees of external declarations are kept for other units.
KNOWN_LIMIT = 50_000


def with_deep_stack(work: Callable[[], T]) -> T:
    """Run ``work`` where recursion may go deep; gives what it gives, raises what it raises."""
    result: list[T] = []
    raised: list[BaseException] = []

    def body() -> None:
        try:
            result.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            raised.append(error)

    frames = sys.getrecursionlimit()
    size = threading.stack_size(STACK_BYTES)
    sys.setrecursionlimit(max(frames, FRAME_LIMIT))
    try:
        thread = threading.Thread(target=body, name="parse")
        thread.start()
        threading.stack_size(size)
        thread.join()
    finally:
        threading.stack_size(size)
        sys.setrecursionlimit(frames)
    if raised:
        raise raised[0]
    return result[0]


@dataclass(slots=True)
class _Start:
    """Where the lines of an external declaration begin in the text that it stands in now.

    It is the ``file`` of all coordinates in the declaration's tree. So the tree can be used for
    each text that has the declaration, one after the other.
    """

    before: int

    def __str__(self) -> str:
        return f"-{self.before}"


@dataclass(slots=True)
class _Token:
    """What pycparser asks of a token. ``lineno`` counts from the :class:`_Start`."""

    type: str
    value: str
    lineno: int
    column: int
    filename: _Start


class _TooLong(Exception):
    """Parsing takes longer than anything that a person wrote would."""


class _Feed:
    """Stands in for pycparser's lexer: hands out tokens that were made before.

    It also keeps the time: a few constructs take the parser the square of their length.
    """

    def __init__(self, error_func: Callable[..., None], **_: object) -> None:
        self.tokens: Iterator[_Token] = iter(())
        self.last: _Token | None = None
        self.filename = "-"
        self._left = 0
        self._end = time.thread_time() + PARSE_SECONDS

    @property
    def line(self) -> int:
        """The line of the last token in the text as a whole, 1-based; 0 before the first."""
        return 0 if self.last is None else self.last.filename.before + self.last.lineno

    def input(self, text: str, filename: str = "") -> None:
        """There is no text: see ``tokens``."""

    def token(self) -> _Token | None:
        """The next token; None at the end. Raises :class:`_TooLong`."""
        if not self._left:
            self._left = _TOKENS_A_CHECK
            if time.thread_time() > self._end:
                raise _TooLong
        self._left -= 1
        token = next(self.tokens, None)
        if token is not None:
            self.last = token
        return token


def _refuse(message: str, _line: int, _column: int) -> None:
    raise ParseError(f"-: {message}")


@lru_cache(maxsize=65536)
def _kinds(text: str) -> tuple[tuple[str, str], ...]:
    """The tokens that pycparser sees in ``text``, mostly one: type and text."""
    lexer = CLexer(_refuse)
    lexer.input(text)
    return tuple((token.type, token.value) for token in iter(lexer.token, None))


@dataclass(slots=True)
class _Declaration:
    """An external declaration, or a run of text that may be one: bounds within the tokens.

    ``key`` is the same for two that give the same tree, if the same of their ``words`` are types.
    """

    begin: int
    end: int
    key: tuple[tuple[str, int], ...]
    words: frozenset[str]
    start: _Start


@dataclass(slots=True)
class _Known:
    """The tree of an external declaration, and the types that it declares."""

    start: _Start
    nodes: tuple[c_ast.Node, ...]
    types: tuple[str, ...]
    used: int = 0


class TreeReader:
    """Parses translation units, and an external declaration that several include only once."""

    def __init__(self) -> None:
        self._known: dict[object, _Known] = {}
        self._unit = 0

    def parse(
        self,
        code: Rewritten,
        typedefs: Iterable[str],
        places: list[Place],
        shared: Callable[[Place], bool],
    ) -> c_ast.FileAST:
        """Parse rewritten C. ``typedefs`` are names of types that other text declares.

        ``shared`` says of a place that what stands there may come again in another unit. What a
        node's coordinates mean is told by :func:`line_of`, until the next unit is parsed. Raises
        :class:`SyntaxProblem` with the place in the original source.
        """
        self._unit += 1
        nodes: list[c_ast.Node] = []
        types = set(typedefs)
        waiting: list[_Declaration] = []
        keys: list[object] = []

        def flush() -> None:
            found = _parse_run(code, waiting, types, places)
            for declaration, key in zip(waiting, keys, strict=True):
                mine = tuple(found.get(id(declaration.start), ()))
                new = tuple(node.name for node in mine if isinstance(node, c_ast.Typedef))
                nodes.extend(mine)
                types.update(new)
                if key is not None:
                    self._known[key] = _Known(declaration.start, mine, new, self._unit)
            waiting.clear()
            keys.clear()

        for declaration in _split(code):
            first = code.tokens[declaration.begin]
            key = None
            if shared(places[code.lines[first[1] - 1]]) and declaration.key:
                key = (declaration.key, frozenset(declaration.words & types))
                known = self._known.get(key)
                # Once a unit: two of the same have to know their places apart.
                if known is not None and known.used != self._unit:
                    if waiting:
                        flush()
                    known.used = self._unit
                    known.start.before = declaration.start.before
                    nodes.extend(known.nodes)
                    types.update(known.types)
                    continue
            waiting.append(declaration)
            keys.append(key)
            if first[0] == "typedef":
                flush()
        flush()
        if len(self._known) > KNOWN_LIMIT:
            self._known.clear()
        return c_ast.FileAST(nodes)


def line_of(node: c_ast.Node) -> int | None:
    """The line of a node in the text that was parsed last, 1-based; None if it has none."""
    coord = node.coord
    return None if coord is None else int(coord.file.before + coord.line)


def _split(code: Rewritten) -> Iterator[_Declaration]:
    """Cut a text into its external declarations."""
    tokens = code.tokens
    ends = _ends(tokens)
    begin = 0
    for end in ends:
        before = tokens[begin][1] - 1
        piece = tokens[begin:end]
        literal = any(text[0] == '"' for text, _ in piece)
        key = () if literal else tuple([(text, line - before) for text, line in piece])
        words = frozenset([text for text, _ in piece if text[0].isalpha() or text[0] == "_"])
        yield _Declaration(begin, end, key, words, _Start(before))
        begin = end


def _ends(tokens: list[tuple[str, int]]) -> list[int]:
    """Where external declarations end, as indices after their last tokens."""
    ends: list[int] = []
    depth = begin = 0
    body = False
    before = ""
    for index, (text, _) in enumerate(tokens):
        if text in "([{":
            if text == "{" and depth == 0:
                body = before == ")"
                if index == begin and ends:
                    # The body of a function whose parameters are declared the old way.
                    body = True
                    end, begin = ends.pop(), ends[-1] if ends else 0
                    while ends and not _names_parameters(tokens[begin:end]):
                        end, begin = ends.pop(), ends[-1] if ends else 0
            depth += 1
        elif text in ")]}":
            depth -= 1
            if depth == 0 and text == "}" and body:
                ends.append(index + 1)
                begin = index + 1
                body = False
        elif text == ";" and depth == 0:
            ends.append(index + 1)
            begin = index + 1
        before = text
    if not ends or ends[-1] != len(tokens):
        ends.append(len(tokens))
    return ends


def _names_parameters(tokens: list[tuple[str, int]]) -> bool:
    """Whether a declaration may begin a definition with old-style parameters: ``f(a) int a;``."""
    depth = 0
    for (text, _), (following, _) in pairwise(tokens):
        if text in ("(", "[", "{"):
            depth += 1
        elif text in (")", "]", "}"):
            depth -= 1
            if depth == 0 and text == ")" and (following[0].isalpha() or following[0] == "_"):
                return True
    return False


def _parse_run(
    code: Rewritten, run: list[_Declaration], types: set[str], places: list[Place]
) -> dict[int, list[c_ast.Node]]:
    """Parse declarations that follow each other; gives the nodes by the identity of the start."""
    found: dict[int, list[c_ast.Node]] = {}
    if not run:
        return found
    parser = CParser(lexer=_Feed)
    feed = parser.clex
    feed.tokens = _tokens(code, run, types, places)
    try:
        tree = parser.parse("", "-")
    except ParseError as error:
        line = error_line(str(error))
        raise _problem(str(error), feed.line if line is None else line, code, places) from None
    except RecursionError:
        raise _problem("nested too deep to parse", feed.line, code, places) from None
    except _TooLong:
        reason = f"takes longer than {PARSE_SECONDS} s to parse"
        raise _problem(reason, feed.line, code, places) from None
    except (AssertionError, AttributeError, IndexError, TypeError, ValueError) as error:
        # What pycparser does with some text that is not C at all.
        raise SyntaxProblem(
            f"cannot be parsed ({type(error).__name__} in pycparser)", None
        ) from None
    for node in tree.ext:
        if node.coord is not None:
            found.setdefault(id(node.coord.file), []).append(node)
    return found


def _tokens(
    code: Rewritten, run: list[_Declaration], types: set[str], places: list[Place]
) -> Iterator[_Token]:
    elsewhere = _Start(0)
    words = frozenset[str]().union(*(declaration.words for declaration in run))
    for name in sorted(types & words):
        for kind, text in (("TYPEDEF", "typedef"), ("INT", "int"), ("ID", name), ("SEMI", ";")):
            yield _Token(kind, text, 0, 1, elsewhere)
    for declaration in run:
        start = declaration.start
        before = start.before
        for text, line in code.tokens[declaration.begin : declaration.end]:
            try:
                kinds = _kinds(text)
            except ParseError as error:
                raise _problem(str(error), line, code, places) from None
            for kind, value in kinds:
                yield _Token(kind, value, line - before, 1, start)


def parse(code: Rewritten, typedefs: Iterable[str], places: list[Place]) -> c_ast.FileAST:
    """Parse one text; see :meth:`TreeReader.parse`."""
    return TreeReader().parse(code, typedefs, places, lambda _: False)


def error_line(message: str) -> int | None:
    """The line that a message of pycparser names; see :class:`_Start`."""
    match = re.match(r"-(\d+):(\d+)", message)
    return int(match[1]) + int(match[2]) if match else None


def _problem(message: str, line: int, code: Rewritten, places: list[Place]) -> SyntaxProblem:
    place = None
    if 0 < line <= len(code.lines):
        place = places[code.lines[line - 1]]
    reason = re.sub(r"^-\d*:(?:\d+:)*\s*", "", message)
    reason = re.sub(r'"(\d+);"', lambda match: _literal(code, int(match[1])), reason)
    near = re.fullmatch(r"before: (.*)", reason, re.DOTALL)
    return SyntaxProblem(f"syntax error before {near[1]}" if near else reason, place)


def _literal(code: Rewritten, number: int) -> str:
    """String literal ``number`` as the source has it, as far as that is known."""
    return repr(code.strings[number][0]) if number < len(code.strings) else "a string"

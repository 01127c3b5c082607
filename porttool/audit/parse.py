"""pycparser, with what it needs to survive real C: typedef names told, deep nesting, places."""

import re
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TypeVar

from pycparser import c_ast
from pycparser.c_lexer import CLexer
from pycparser.c_parser import CParser, ParseError

from porttool.audit.lexer import Place, SyntaxProblem
from porttool.audit.rewrite import Rewritten, Strings

T = TypeVar("T")

#: Processor time that parsing one file may take.
PARSE_SECONDS = 30
_TOKENS_A_CHECK = 4096
#: Python frames that a parse may stack up; brackets are bounded before, other nesting by this.
FRAME_LIMIT = 120_000
STACK_BYTES = 512 * 1024 * 1024

#: The place of what stands nowhere in the source.
_NOWHERE = -1

#: External declarations.
Nodes = list[c_ast.Node]


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
class _Token:
    """What pycparser asks of a token.

    ``lineno`` is its place, and ``filename`` that of the first token of the external declaration:
    so they are in the coordinates of every node.
    """

    type: str
    value: str
    lineno: int
    column: int
    filename: int


class _TooLong(Exception):
    """Parsing takes longer than anything that a person wrote would."""


class _NoLexer:
    """Stands in for pycparser's lexer: the tokens were made before."""

    filename = "-"

    def __init__(self, error_func: Callable[..., None], **_: object) -> None:
        pass

    def input(self, text: str, filename: str = "") -> None:
        """There is no text."""

    def token(self) -> None:
        """Never asked; see :class:`_Parser`."""
        raise AssertionError("this pycparser gets at its tokens in another way")


#: What a token may be, depending on what is declared before it.
_NAMES = frozenset(("ID", "TYPEID"))
#: So many tokens ahead pycparser looks at the most, and some.
_LOOKAHEAD = 16


class _Parser(CParser):  # type: ignore[misc]  # pycparser has no types
    """pycparser with a list of tokens, in place of a buffer that a lexer fills.

    Most of the time of a parse goes into looking at the next token; the methods below are the
    only ones of pycparser that get at tokens. They also keep the time: a few constructs take the
    parser the square of their length.
    """

    def __init__(self, tokens: Iterable[_Token]) -> None:
        super().__init__(lexer=_NoLexer)
        self._list: list[_Token | None] = list(tokens)
        self._list += [None] * _LOOKAHEAD
        self._next = 0
        self._end = time.thread_time() + PARSE_SECONDS

    @property
    def place(self) -> int:
        """The place of the token that was looked at last; that of none before the first."""
        seen = (token for token in reversed(self._list[: self._next + 1]) if token is not None)
        return next((token.lineno for token in seen), _NOWHERE)

    def _peek(self, k: int = 1) -> _Token | None:
        token = self._list[self._next + k - 1]
        if token is not self._typedef_checked_token and token is not None and token.type in _NAMES:
            self._classify_identifier(token)
        return token

    def _peek_type(self, k: int = 1) -> str | None:
        token = self._list[self._next + k - 1]
        if token is None:
            return None
        if token is not self._typedef_checked_token and token.type in _NAMES:
            self._classify_identifier(token)
        return token.type

    def _advance(self) -> _Token:
        token = self._list[self._next]
        if token is None:
            raise ParseError("-: At end of input")
        if token is not self._typedef_checked_token and token.type in _NAMES:
            self._classify_identifier(token)
        self._next += 1
        if self._next % _TOKENS_A_CHECK == 0 and time.thread_time() > self._end:
            raise _TooLong
        return token

    def _accept(self, token_type: str) -> _Token | None:
        token = self._list[self._next]
        if token is None:
            return None
        if token is not self._typedef_checked_token and token.type in _NAMES:
            self._classify_identifier(token)
        if token.type != token_type:
            return None
        self._next += 1
        return token

    def _mark(self) -> int:
        return self._next

    def _reset(self, mark: int) -> None:
        self._next = mark


def _refuse(message: str, _line: int, _column: int) -> None:
    raise ParseError(f"-: {message}")


@lru_cache(maxsize=65536)
def _kinds(text: str) -> tuple[tuple[str, str], ...]:
    """The tokens that pycparser sees in ``text``, mostly one: type and text."""
    lexer = CLexer(_refuse)
    lexer.input(text)
    return tuple((token.type, token.value) for token in iter(lexer.token, None))


@dataclass(frozen=True, slots=True)
class _Known:
    """The tree of a piece of code, and the types that it declares."""

    nodes: tuple[c_ast.Node, ...]
    types: tuple[str, ...]


class TreeReader:
    """Parses translation units, and what several of them include only once."""

    def __init__(self, places: Sequence[Place], strings: Strings) -> None:
        self._places = places
        self._strings = strings
        self._known: dict[tuple[Rewritten, frozenset[str]], _Known] = {}

    def parse(self, code: Iterable[tuple[Rewritten, bool]], typedefs: Iterable[str]) -> Nodes:
        """Parse the pieces of a unit, after rewriting. Each says whether it may come again.

        ``typedefs`` are names of types that other text declares. Gives the external declarations;
        what their coordinates mean is told by :func:`place_of` and :func:`beginning_of`. Raises
        :class:`SyntaxProblem` with the place in the original source.
        """
        nodes: list[c_ast.Node] = []
        types = set(typedefs)
        for piece, shared in code:
            used = types & piece.words
            key = (piece, frozenset(used))
            known = self._known.get(key) if shared else None
            if known is None:
                found = parse(piece, used, self._places, self._strings)
                new = tuple(node.name for node in found if isinstance(node, c_ast.Typedef))
                known = _Known(tuple(found), new)
                if shared:
                    self._known[key] = known
            nodes += known.nodes
            types.update(known.types)
        return nodes


def place_of(node: c_ast.Node) -> int | None:
    """The place of a node, an index; None if it has none."""
    return None if node.coord is None else int(node.coord.line)


def beginning_of(node: c_ast.Node) -> int | None:
    """The place where the external declaration begins that a node is in; None if it has none."""
    return None if node.coord is None else int(node.coord.file)


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


def parse(
    code: Rewritten,
    types: Collection[str],
    places: Sequence[Place],
    strings: Sequence[tuple[str, int]] = (),
) -> Nodes:
    """Parse one piece of code, in which ``types`` are names of types; see :class:`TreeReader`."""
    parser = _Parser(_tokens(code, types, places))
    try:
        tree = parser.parse("", "-")
    except ParseError as error:
        place = error_place(str(error))
        place = parser.place if place is None else place
        raise _problem(str(error), place, places, strings) from None
    except RecursionError:
        raise _problem("nested too deep to parse", parser.place, places) from None
    except _TooLong:
        reason = f"takes longer than {PARSE_SECONDS} s to parse"
        raise _problem(reason, parser.place, places) from None
    except (AssertionError, AttributeError, IndexError, TypeError, ValueError) as error:
        # What pycparser does with some text that is not C at all.
        raise SyntaxProblem(
            f"cannot be parsed ({type(error).__name__} in pycparser)", None
        ) from None
    return [node for node in tree.ext if place_of(node) != _NOWHERE]


def _tokens(code: Rewritten, types: Collection[str], places: Sequence[Place]) -> Iterator[_Token]:
    for name in sorted(types):
        for kind, text in (("TYPEDEF", "typedef"), ("INT", "int"), ("ID", name), ("SEMI", ";")):
            yield _Token(kind, text, _NOWHERE, 1, _NOWHERE)
    tokens = code.tokens
    begin = 0
    for end in _ends(tokens):
        start = tokens[begin][1] if begin < end else _NOWHERE
        for text, place in tokens[begin:end]:
            try:
                kinds = _kinds(text)
            except ParseError as error:
                raise _problem(str(error), place, places) from None
            for kind, value in kinds:
                yield _Token(kind, value, place, 1, start)
        begin = end


def error_place(message: str) -> int | None:
    """The place that a message of pycparser names; see :class:`_Token`."""
    match = re.match(r"-?\d+:(-?\d+)", message)
    return int(match[1]) if match else None


def _problem(
    message: str, place: int, places: Sequence[Place], strings: Sequence[tuple[str, int]] = ()
) -> SyntaxProblem:
    where = places[place] if 0 <= place < len(places) else None
    reason = re.sub(r"^-?\d*:(?:-?\d+:)*\s*", "", message)
    reason = re.sub(r'"(\d+);"', lambda match: _literal(strings, int(match[1])), reason)
    near = re.fullmatch(r"before: (.*)", reason, re.DOTALL)
    return SyntaxProblem(f"syntax error before {near[1]}" if near else reason, where)


def _literal(strings: Sequence[tuple[str, int]], number: int) -> str:
    """String literal ``number`` as the source has it, as far as that is known."""
    return repr(strings[number][0]) if number < len(strings) else "a string"

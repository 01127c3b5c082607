"""pycparser, with what it needs to survive real C: typedef names told, deep nesting, places."""

import re
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from pycparser import c_ast
from pycparser.c_lexer import CLexer
from pycparser.c_parser import CParser, ParseError

from porttool.audit.lexer import Place, SyntaxProblem
from porttool.audit.rewrite import Rewritten

T = TypeVar("T")

#: Python frames that a parse may stack up; brackets are bounded before, other nesting by this.
FRAME_LIMIT = 120_000
STACK_BYTES = 512 * 1024 * 1024


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


class _Lexer(CLexer):  # type: ignore[misc]
    """Remembers the line of the last token, which some of pycparser's messages leave out."""

    line = 0

    def token(self) -> Any:  # noqa: ANN401 - a private type of pycparser
        token = super().token()
        if token is not None:
            self.line = token.lineno
        return token


def parse(code: Rewritten, typedefs: Iterable[str], places: list[Place]) -> c_ast.FileAST:
    """Parse rewritten C. ``typedefs`` are names of types that other text declares.

    The lines in the tree's coordinates are lines of ``code.text``, 1-based. Raises
    :class:`SyntaxProblem` with the place in the original source.
    """
    # On one line that counts as line 0, so that the lines of the code keep their numbers.
    prelude = " ".join(f"typedef int {name};" for name in typedefs)
    parser = CParser(lexer=_Lexer)
    try:
        tree = parser.parse(f'# 0 "-"\n{prelude}\n# 1 "-"\n{code.text}', "-")
    except ParseError as error:
        line = error_line(str(error)) or parser.clex.line
        raise _problem(str(error), line, code, places) from None
    except RecursionError:
        raise SyntaxProblem("nested too deep to parse", None) from None
    except (AssertionError, AttributeError, IndexError, TypeError, ValueError) as error:
        # What pycparser does with some text that is not C at all.
        raise SyntaxProblem(
            f"cannot be parsed ({type(error).__name__} in pycparser)", None
        ) from None
    return tree


def error_line(message: str) -> int | None:
    """The line that a message of pycparser names."""
    match = re.match(r"-:(\d+)", message)
    return int(match[1]) if match else None


def _problem(message: str, line: int, code: Rewritten, places: list[Place]) -> SyntaxProblem:
    place = None
    if 0 < line <= len(code.lines):
        place = places[code.lines[line - 1]]
    reason = re.sub(r"^-:(?:\d+:)*\s*", "", message)
    reason = re.sub(r'"(\d+);"', lambda match: repr(code.strings[int(match[1])][0]), reason)
    near = re.fullmatch(r"before: (.*)", reason, re.DOTALL)
    return SyntaxProblem(f"syntax error before {near[1]}" if near else reason, place)

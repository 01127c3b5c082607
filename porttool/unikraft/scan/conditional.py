"""The preprocessor's conditionals over Kconfig symbols, without choosing a configuration.

A file is read once; each token comes with the condition under which the compiler would see it.
Included files are followed for their macros. Names that nothing defines are undefined, as in C.
"""

import os.path
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from porttool.unikraft.scan import reading
from porttool.unikraft.scan.condition import ALWAYS, NEVER, Condition, constant, symbol
from porttool.unikraft.scan.tokens import (
    BUILTIN,
    NEWLINE,
    CToken,
    Macro,
    Macros,
    expand,
    lex,
    matching,
    plain,
)

_DIRECTIVE = re.compile(r"[ \t]*#[ \t]*(\w*)[ \t]*(.*)")
_DEFINE = re.compile(r"(\w+)(?:\(([^)]*)\))?\s*(.*)")
_INCLUDE = re.compile(r'([<"])([^>"]+)[>"]')
_INCLUDE_DEPTH = 40
_INCLUDES_MAX = 4000
_LIST_DEPTH = 8
_CASES_MAX = 64


@dataclass(frozen=True, slots=True)
class Source:
    """Macros after, and tokens of, one translation unit without the headers it includes.

    ``files`` are the paths of the unit and of the headers that it includes, ``included`` the names
    that these ask for, also of headers that are not there; ``roots`` is where they may be.
    """

    tokens: tuple[CToken, ...]
    macros: Macros
    files: tuple[str, ...]
    included: frozenset[str]
    roots: tuple[str, ...]


class Reader:
    """Reads C files below ``roots``; ``folders`` are where ``#include`` looks.

    ``defined`` are macros of the command line, name to body.
    """

    def __init__(
        self, folders: Sequence[Path], defined: dict[str, str], roots: Sequence[Path]
    ) -> None:
        self.roots = tuple(os.path.realpath(root) for root in roots)
        self._folders = [str(folder) for folder in folders]
        self._defined = defined
        self._found: dict[str, str | None] = {}

    def read(self, path: Path) -> Source:
        """Read one file; a file that cannot be read has no tokens."""
        macros = Macros()
        assembler = {"__ASSEMBLY__": "1"} if path.suffix in (".S", ".s") else {}
        for name, body in (self._defined | assembler).items():
            macros.define(name, Macro(None, body), ALWAYS)
        walk = _Walk(self, macros)
        walk.start(path)
        files = (str(path), *walk.seen)
        return Source(tuple(walk.tokens), macros, files, frozenset(walk.asked), self.roots)

    def resolve(self, name: str, quoted: bool, beside: str) -> str | None:
        """Path of an included file, or None when it is not in the tree."""
        if quoted:
            candidate = f"{beside.rpartition('/')[0]}/{name}"
            if _lines(candidate, self.roots) is not None:
                return candidate
        if name not in self._found:
            paths = (f"{folder}/{name}" for folder in self._folders)
            self._found[name] = next(
                (each for each in paths if _lines(each, self.roots) is not None), None
            )
        return self._found[name]


class _Walk:
    """One translation unit as it is read."""

    def __init__(self, reader: Reader, macros: Macros) -> None:
        self._reader = reader
        self._macros = macros
        self.tokens: list[CToken] = []
        self.seen: dict[str, Condition] = {}
        self.asked: set[str] = set()
        self._open: list[str] = []
        self._included = 0

    def start(self, path: Path) -> None:
        """Read the file that the unit is made from."""
        self._open.append(str(path))
        self.file(str(path), ALWAYS, own=True)

    def file(
        self, path: str, outer: Condition, *, own: bool, listed: bool = False, depth: int = 0
    ) -> None:
        lines = _lines(path, self._reader.roots)
        if lines is None or depth > _INCLUDE_DEPTH:
            return
        # Per open conditional: the branch's condition, what is left, and what is around it.
        stack: list[tuple[Condition, Condition, Condition]] = []
        now = outer
        for kind, rest, tokens in lines:
            if tokens is not None:
                if own and now is not NEVER:
                    run = [CToken(k, t, now, c) for k, t, c in tokens]
                    self.tokens.extend(self._expanded(run) if listed else run)
            elif kind in ("if", "ifdef", "ifndef"):
                if now is NEVER:
                    stack.append((NEVER, NEVER, now))
                    continue
                found = self._condition(kind, rest)
                stack.append((now, now & ~found, now))
                now = now & found
            elif kind in ("elif", "else") and stack:
                _, left, around = stack.pop()
                found = ALWAYS if kind == "else" or left is NEVER else self._condition("if", rest)
                stack.append((left, left & ~found, around))
                now = left & found
            elif kind == "endif" and stack:
                now = stack.pop()[2]
            elif now is NEVER:
                continue
            elif kind == "define":
                if definition := _definition(rest):
                    self._macros.define(*definition, now)
            elif kind == "undef":
                self._macros.undefine(rest.strip(), now)
            elif kind in ("include", "include_next"):
                self._include(rest, path, now, own, depth)

    def _include(self, rest: str, path: str, now: Condition, own: bool, depth: int) -> None:
        match = _INCLUDE.match(rest)
        if not match:
            return
        self.asked.add(match[2])
        found = self._reader.resolve(match[2], match[1] == '"', path)
        if found is None:
            return
        listed = own and found.endswith(".h") and self._is_list(found)
        content = listed or (own and not found.endswith(".h"))
        self._included += 1
        if self._included > _INCLUDES_MAX or found in self._open:
            return
        if not content:
            # Included on another condition before, it may have more to say now.
            before = self.seen.get(found, NEVER)
            if before is ALWAYS or (before is not NEVER and now & ~before == NEVER):
                return
            self.seen[found] = before | now
        self._open.append(found)
        self.file(found, now, own=content, listed=listed, depth=depth + 1)
        self._open.pop()

    def _is_list(self, path: str) -> bool:
        """Whether a header is made to be included again and again, with a macro for its lines.

        It takes that macro away itself, so that what it is used for has to be expanded here.
        """
        lines = _lines(path, self._reader.roots) or ()
        gone = {rest.split()[0] for kind, rest, _ in lines if kind == "undef" and rest.split()}
        used = {text for _, _, run in lines for _, text, _ in run or ()}
        known = self._macros.known
        return any(each.parameters for name in gone & used for _, each in known.get(name, ()))

    def _expanded(self, tokens: Sequence[CToken], depth: int = 0) -> Iterator[CToken]:
        """Tokens of a list with the macros that it is made of."""
        index = 0
        while index < len(tokens):
            macro = self._macros.only(tokens[index].text)
            called = index + 1 < len(tokens) and tokens[index + 1].text == "("
            if macro is None or not macro.parameters or not called or depth > _LIST_DEPTH:
                yield tokens[index]
                index += 1
                continue
            end = matching(tokens, index + 1)
            condition = tokens[index].condition
            made = expand(macro, tokens[index + 2 : end], condition, self._macros)
            yield from self._expanded(made, depth + 1)
            index = end + 1

    def _condition(self, kind: str, rest: str) -> Condition:
        if kind == "if":
            return _Expression(rest, self._macros).truth()
        found = self._macros.defined(rest.split()[0] if rest.split() else "")
        return found if kind == "ifdef" else ~found


@lru_cache(maxsize=1 << 17)
def _definition(rest: str) -> tuple[str, Macro] | None:
    match = _DEFINE.fullmatch(rest)
    if match is None:
        return None
    name, parameters, body = match[1], match[2], match[3]
    if parameters is None:
        return name, Macro(None, body)
    if rest[len(name)] != "(":
        # "X (a)" is not called like a function; a blank comes before the bracket.
        return name, Macro(None, f"({parameters}) {body}")
    return name, Macro(tuple(each.strip() for each in parameters.split(",")), body)


def evaluate(text: str, macros: Macros) -> int | None:
    """The number that an expression of the preprocessor is, None when it is not one alone."""
    value = _Expression(text, macros).value_or_none()
    return value if isinstance(value, int) else None


def defines(path: str, roots: tuple[str, ...], name: str) -> bool:
    """Whether a file has a ``#define`` of ``name``."""
    lines = _lines(path, roots) or ()
    return any(
        kind == "define" and rest.split("(")[0].split()[:1] == [name] for kind, rest, _ in lines
    )


def words(path: str, roots: tuple[str, ...]) -> list[str]:
    """The tokens of a file without its directives."""
    return [text for _, _, run in _lines(path, roots) or () for _, text, _ in run or ()]


_Line = tuple[str, str, tuple[tuple[str, str, int], ...] | None]


@lru_cache(maxsize=8192)
def _lines(path: str, roots: tuple[str, ...]) -> tuple[_Line, ...] | None:
    """Directives and runs of tokens of a file, or None when it is not one that may be read."""
    text = reading.text(path, roots)
    return None if text is None else tuple(_split(text, by_line=path.endswith((".S", ".s"))))


def _split(text: str, *, by_line: bool) -> Iterator[_Line]:
    run: list[tuple[str, str, int]] = []
    for line in plain(text).splitlines():
        directive = _DIRECTIVE.fullmatch(line)
        if directive:
            if run:
                yield "", "", tuple(run)
                run = []
            yield directive[1], directive[2].strip(), None
        else:
            run.extend(lex(line))
            if by_line:
                run.append((NEWLINE, "\n", 0))
    if run:
        yield "", "", tuple(run)


_Cases = tuple[tuple[Condition, int], ...]
_Value = int | Condition | _Cases


class _Expression:
    """The expression of an ``#if``: what C's grammar has, over conditions instead of numbers."""

    _LEVELS = (("||",), ("&&",), ("|",), ("^",), ("&",), ("==", "!="),
               ("<", ">", "<=", ">="), ("<<", ">>"), ("+", "-"), ("*", "/", "%"))  # fmt: skip
    _OPERATORS = re.compile(r"\s*(\w+|\|\||&&|==|!=|<=|>=|<<|>>|'[^']*'|\"[^\"]*\"|.)")

    def __init__(self, text: str, macros: Macros, depth: int = 0) -> None:
        self._tokens = self._OPERATORS.findall(text)[:2000]
        self._position = 0
        self._macros = macros
        self._depth = depth

    def truth(self) -> Condition:
        """When it is not zero; a thing that is not understood is."""
        return _truth(self.value())

    def value(self) -> _Value:
        """Its value; 1 for a thing that is not understood."""
        found = self.value_or_none()
        return 1 if found is None else found

    def value_or_none(self) -> _Value | None:
        try:
            return self._ternary(0)
        except (ValueError, ZeroDivisionError, OverflowError, RecursionError):
            return None

    def _peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._position += 1
        return token

    def _ternary(self, nesting: int) -> _Value:
        if nesting > 200:
            raise ValueError("too deep")
        found = self._binary(0, nesting)
        if self._peek() != "?":
            return found
        self._next()
        one = self._ternary(nesting + 1)
        self._next()
        other = self._ternary(nesting + 1)
        if isinstance(found, int):
            return one if found else other
        truth = _truth(found)
        return (truth & _truth(one)) | (~truth & _truth(other))

    def _binary(self, level: int, nesting: int) -> _Value:
        if level == len(self._LEVELS):
            return self._unary(nesting)
        left = self._binary(level + 1, nesting)
        while self._peek() in self._LEVELS[level] and self._peek():
            operator = self._next()
            left = _apply(operator, left, self._binary(level + 1, nesting))
        return left

    def _unary(self, nesting: int) -> _Value:
        token = self._next()
        if token == "!":
            return ~_truth(self._unary(nesting + 1))
        if token in ("-", "+", "~"):
            value = self._unary(nesting + 1)
            number = value if isinstance(value, int) else 1
            return {"-": -number, "+": number, "~": ~number}[token]
        if token == "(":
            value = self._ternary(nesting + 1)
            self._next()
            return value
        if token == "defined":
            bracket = self._peek() == "("
            name = (self._next(), self._next())[1] if bracket else self._next()
            if bracket:
                self._next()
            return self._macros.defined(name)
        if token[:1].isdigit():
            return int(re.sub(r"[uUlL]+$", "", token) or "0", 0)
        if not (token[:1].isalpha() or token[:1] == "_"):
            raise ValueError(token)
        return self._name(token)

    def _name(self, name: str) -> _Value:
        if self._peek() == "(":
            return self._called(name)
        if name.startswith("CONFIG_"):
            return symbol(name.removeprefix("CONFIG_"))
        definitions = self._macros.known.get(name)
        if not definitions:
            return int(BUILTIN.get(name, "0"))
        if self._depth > 20:
            return 1
        values = [
            (guard, _Expression(macro.body, self._macros, self._depth + 1).value())
            for guard, macro in definitions
        ]
        if len(values) == 1 and values[0][0] == ALWAYS:
            return values[0][1]
        if not any(isinstance(value, Condition) for _, value in values):
            return tuple(
                (guard & inner, number)
                for guard, value in values
                for inner, number in _cases(value)
                if guard & inner != NEVER
            )
        result = NEVER
        for guard, value in values:
            result = result | (guard & _truth(value))
        return result

    def _called(self, name: str) -> _Value:
        self._next()
        depth = 1
        inner = []
        while depth and self._position < len(self._tokens):
            token = self._next()
            depth += {"(": 1, ")": -1}.get(token, 0)
            inner.append(token)
        if name == "__has_include" or name.startswith("__has_"):
            return 0
        if name in ("CONFIG_IS_ENABLED", "IS_ENABLED"):
            return _Expression("".join(inner[:-1]), self._macros, self._depth + 1).value()
        raise ValueError(name)


def _truth(value: _Value) -> Condition:
    if isinstance(value, tuple):
        result = NEVER
        for guard, each in value:
            if each:
                result = result | guard
        return result
    return constant(value != 0) if isinstance(value, int) else value


def _apply(operator: str, left: _Value, right: _Value) -> _Value:
    if operator == "||":
        return _truth(left) | _truth(right)
    if operator == "&&":
        return _truth(left) & _truth(right)
    if isinstance(left, int) and isinstance(right, int):
        return _number(operator, left, right)
    if isinstance(left, Condition) or isinstance(right, Condition):
        return _compare(operator, left, right)
    return tuple(
        (one & other, _number(operator, a, b))
        for one, a in _cases(left)
        for other, b in _cases(right)
        if one & other != NEVER
    )[:_CASES_MAX]


def _cases(value: _Value) -> _Cases:
    """A number as one of several, on their conditions."""
    if isinstance(value, tuple):
        return value
    return ((ALWAYS, value),) if isinstance(value, int) else ()


def _number(operator: str, left: int, right: int) -> int:
    operations = {
        "==": int(left == right), "!=": int(left != right), "<": int(left < right),
        ">": int(left > right), "<=": int(left <= right), ">=": int(left >= right),
        "+": left + right, "-": left - right, "*": left * right, "|": left | right,
        "&": left & right, "^": left ^ right,
    }  # fmt: skip
    if operator in operations:
        return operations[operator]
    if operator in ("<<", ">>"):
        bits = min(max(right, 0), 64)
        return left << bits if operator == "<<" else left >> bits
    return left // right if operator == "/" else left % right


def _compare(operator: str, left: _Value, right: _Value) -> _Value:
    """A Kconfig symbol that is compared with a number: as if it could be 0 and 1 alone."""
    if isinstance(left, int) and isinstance(right, Condition) and operator in ("==", "!="):
        left, right = right, left
    if isinstance(left, Condition) and isinstance(right, int):
        outcome = {
            "==": right, "!=": int(right == 0), ">": int(right == 0), ">=": int(right == 1),
        }.get(operator)  # fmt: skip
        if outcome is not None and right in (0, 1):
            if operator == ">=" and right == 0:
                return 1
            return left if outcome else ~left
    return 1

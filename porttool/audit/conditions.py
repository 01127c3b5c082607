"""The ``#if`` branches of a source text, their conditions, and what would make them true."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

_COMMENT = re.compile(
    r"""/\*[\s\S]*?(?:\*/|\Z)|//(?:[^\\\n]|\\[\s\S])*"""
    # A quote that is not closed goes to the end of its line, as the preprocessor has it.
    r"""|"(?:[^"\\\n]|\\[\s\S])*"?|'(?:[^'\\\n]|\\[\s\S])*'?"""
)
_DIRECTIVE = re.compile(
    r"^[ \t]*(?:\#|%:)[ \t]*(?P<word>if|ifdef|ifndef|elif|elifdef|elifndef|else|endif|define)\b"
    r"(?P<rest>(?:[^\\\n]|\\[ \t]*\r?\n|\\)*)",
    re.MULTILINE,
)
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:0[xX][0-9a-fA-F]+|[0-9]+)[uUlL]*)(?![\w.])"
    r"|(?P<char>'(?:[^'\\]|\\.)+')|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<mark>&&|\|\||<<|>>|[<>=!]=|[-+*/%<>!~^&|?:(),]))"
)
_LEVELS = (
    ("||",),
    ("&&",),
    ("|",),
    ("^",),
    ("&",),
    ("==", "!="),
    ("<", ">", "<=", ">="),
    ("<<", ">>"),
    ("+", "-"),
    ("*", "/", "%"),
)
_NEGATED = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
#: Brackets, or branches, nested deeper than this are not looked into.
_DEPTH = 50
#: A condition of more tokens than this is opaque.
_TOKEN_LIMIT = 300
_DIRECTIVE_LIMIT = 50_000
#: Of more branches than this before one of the same ``#if``, its condition says nothing.
_CHAIN_LIMIT = 60
#: After so many steps no way is found to make a condition true.
_STEP_LIMIT = 2000


@dataclass(frozen=True, slots=True)
class Expression:
    """A condition. ``op`` is an operator, ``defined``, ``name``, ``number`` or ``opaque``.

    ``opaque`` is what only the preprocessor can know, as a macro with arguments.
    """

    op: str
    parts: tuple["Expression", ...] = ()
    name: str = ""
    value: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """One branch of an ``#if``. ``first`` and ``last`` are its lines without the directives.

    ``line`` is that of its directive. ``condition`` is what its own directive and those of the
    branches before say, ``text`` the same as a programmer reads it. ``outer`` is the branch that
    the ``#if`` is in, ``group`` the line of the ``#if``. ``implicit`` says that it is the
    ``#else`` that is not there; its line is that of the ``#endif``.
    """

    line: int
    first: int
    last: int
    condition: Expression
    text: str
    outer: "Branch | None"
    group: int
    implicit: bool = False


@dataclass(frozen=True)
class Conditionals:
    """All branches of a text, by line, but for the guard against a second inclusion.

    ``defines`` are the macros that the text itself defines, ``defaults`` those of them that it
    only defines where they are not. ``tested`` are the macros that its conditions name, with the
    lines. ``guard`` is the line of the guard, or 0.
    """

    branches: tuple[Branch, ...] = ()
    defines: frozenset[str] = frozenset()
    defaults: frozenset[str] = frozenset()
    tested: tuple[tuple[str, int], ...] = ()
    guard: int = 0

    @cached_property
    def _bounds(self) -> list[tuple[int, Branch | None]]:
        """From which line on which branch is the innermost. No two directives share a line."""
        events: dict[int, Branch | None] = {0: None}
        for branch in self.branches:
            if branch.first <= branch.last:
                events[branch.first] = branch
                events[branch.last + 1] = branch.outer
        return sorted(events.items(), key=lambda each: each[0])

    def around(self, line: int) -> tuple[Branch, ...]:
        """The branches that a line is in, the outermost first."""
        index = bisect_right(self._bounds, line, key=lambda each: each[0])
        return self.chain(self._bounds[index - 1][1])

    def chain(self, branch: Branch | None) -> tuple[Branch, ...]:
        """A branch, after all those that it is in."""
        found = []
        while branch is not None:
            if branch.line != self.guard:
                found.append(branch)
            branch = branch.outer
        return tuple(reversed(found))


def join(branches: Iterable[Branch]) -> Expression | None:
    """The condition of being in all of some branches; None when there are none."""
    whole: Expression | None = None
    for branch in branches:
        condition = branch.condition
        whole = condition if whole is None else Expression("&&", (whole, condition))
    return whole


def read_conditionals(text: str) -> Conditionals:
    """Read the directives of a source text. One that is not closed goes to the end.

    Nothing is found in a text with more of them than a person writes.
    """
    plain = _COMMENT.sub(_blank, text)
    if len(_DIRECTIVE.findall(plain)) > _DIRECTIVE_LIMIT:
        return Conditionals()
    reader = _Reader(plain.count("\n") + 1)
    line = 1
    position = 0
    for match in _DIRECTIVE.finditer(plain):
        line += plain.count("\n", position, match.start())
        position = match.start()
        if reader.depth > _DEPTH:
            return Conditionals()
        rest = re.sub(r"\\[ \t]*\r?\n", " ", match["rest"]).strip()
        reader.take(match["word"], rest, line, line + match["rest"].count("\n"))
    return reader.finish(plain)


def _blank(match: re.Match[str]) -> str:
    """A comment as blanks and line ends; a string stays, but for what looks like a directive."""
    text = match.group()
    return text if text[0] in "\"'" else " " + "\n" * text.count("\n")


@dataclass(slots=True)
class _Open:
    """An ``#if`` that is not closed yet, and its branch at this point."""

    outer: Branch | None
    group: int
    line: int
    first: int
    own: Expression
    before: list[Expression] = field(default_factory=list)


class _Reader:
    def __init__(self, lines: int) -> None:
        self._lines = lines
        self._stack: list[_Open] = []
        self._found: list[Branch] = []
        self._defines: set[str] = set()
        self._forced: set[str] = set()
        self._tested: list[tuple[str, int]] = []

    @property
    def depth(self) -> int:
        return len(self._stack)

    def take(self, word: str, rest: str, line: int, end: int) -> None:
        if word == "define":
            name = re.split(r"\W", rest, maxsplit=1)[0]
            self._defines.add(name)
            unless = Expression("!", (Expression("defined", name=name),))
            if not any(each.own == unless for each in self._stack):
                self._forced.add(name)
        elif word in ("if", "ifdef", "ifndef"):
            outer = self._branch(self._stack[-1], self._lines) if self._stack else None
            condition = self._condition(word, rest, line)
            self._stack.append(_Open(outer, line, line, end + 1, condition))
        elif self._stack:
            self._close(line - 1)
            each = self._stack[-1]
            if word == "endif":
                if each.own.op != "number" or not each.before:
                    self._implicit(each, line)
                self._stack.pop()
                return
            each.before.append(each.own)
            each.line, each.first = line, end + 1
            each.own = (
                Expression("number", value=1)
                if word == "else"
                else self._condition(word.removeprefix("el"), rest, line)
            )

    def _condition(self, word: str, rest: str, line: int) -> Expression:
        if word == "if":
            expression = parse_condition(rest)
        else:
            name = re.split(r"\W", rest, maxsplit=1)[0]
            expression = Expression("defined", name=name)
            if word == "ifndef":
                expression = Expression("!", (expression,))
        self._tested += ((name, line) for name in sorted(names_in(expression)))
        return expression

    def _branch(self, each: _Open, last: int) -> Branch:
        before = each.before if len(each.before) <= _CHAIN_LIMIT else []
        parts = [*(negate(condition) for condition in before), each.own]
        condition = parts[0]
        for part in parts[1:]:
            if part.op != "number" or part.value != 1:
                condition = Expression("&&", (condition, part))
        text = spell(condition)
        return Branch(each.line, each.first, last, condition, text, each.outer, each.group)

    def _implicit(self, each: _Open, line: int) -> None:
        """Note the branch of an ``#if`` without ``#else`` that is taken when no other is."""
        each.before.append(each.own)
        each.line, each.first = line, line + 1
        each.own = Expression("number", value=1)
        self._found.append(replace(self._branch(each, line), implicit=True))

    def _close(self, last: int) -> None:
        self._found.append(self._branch(self._stack[-1], last))

    def finish(self, plain: str) -> Conditionals:
        while self._stack:
            self._close(self._lines)
            self._stack.pop()
        guard = self._guard(plain)
        return Conditionals(
            tuple(sorted((b for b in self._found if b.group != guard), key=lambda b: b.line)),
            frozenset(self._defines),
            frozenset(self._defines - self._forced),
            tuple(each for each in self._tested if each[1] != guard),
            guard,
        )

    def _guard(self, plain: str) -> int:
        """The line of the ``#ifndef`` around the whole text, which defines what it tests, or 0."""
        outermost = [each for each in self._found if each.outer is None and not each.implicit]
        if len(outermost) != 1:
            return 0
        [branch] = outermost
        inner = branch.condition.parts[0] if branch.condition.op == "!" else branch.condition
        if inner.op != "defined" or inner.name not in self._defines:
            return 0
        lines = plain.split("\n")
        outside = lines[: branch.line - 1] + lines[branch.last + 1 :]
        return 0 if any(line.strip() for line in outside) else branch.line


def names_in(expression: Expression) -> frozenset[str]:
    """The macros that a condition names."""
    own = frozenset({expression.name} if expression.name else ())
    return own.union(*(names_in(part) for part in expression.parts))


def negate(expression: Expression) -> Expression:
    """The opposite of a condition."""
    match expression.op:
        case "!":
            return expression.parts[0]
        case "&&" | "||":
            op = "||" if expression.op == "&&" else "&&"
            return Expression(op, tuple(negate(part) for part in expression.parts))
        case op if op in _NEGATED:
            return Expression(_NEGATED[op], expression.parts)
    return Expression("!", (expression,))


def spell(expression: Expression, within: int = 0) -> str:
    """A condition as C: ``defined(A) && B > 2``."""
    match expression.op:
        case "number":
            return str(expression.value)
        case "name" | "opaque":
            return expression.name
        case "defined":
            return f"defined({expression.name})"
        case "!" | "~" | "neg":
            return f"{expression.op.replace('neg', '-')}{spell(expression.parts[0], 99)}"
        case "?":
            test, yes, no = (spell(part, 1) for part in expression.parts)
            return f"({test} ? {yes} : {no})"
    level = next(n for n, ops in enumerate(_LEVELS, 1) if expression.op in ops)
    # A bracket where C needs none, but a reader does: && within ||.
    inner = 3 if level <= 2 else level + 1
    words = []
    for part in expression.parts:
        words.append(spell(part, level if part.op == expression.op else inner))
    text = f" {expression.op} ".join(words)
    return f"({text})" if within > level else text


def parse_condition(text: str) -> Expression:
    """Parse the condition of an ``#if``; what it cannot read becomes opaque."""
    tokens: list[tuple[str, str]] = []
    position = 0
    whole = " ".join(text.split())
    while position < len(whole):
        match = _TOKEN.match(whole, position)
        if match is None:
            return Expression("opaque", name=whole)
        tokens.append((match.lastgroup or "", match[match.lastgroup or 0]))
        position = match.end()
    if len(tokens) > _TOKEN_LIMIT:
        return Expression("opaque", name=whole)
    try:
        return _Parser(tokens).run()
    except (IndexError, ValueError):
        return Expression("opaque", name=whole)


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = [*tokens, ("end", "")]
        self._position = 0
        self._depth = 0

    def run(self) -> Expression:
        expression = self._conditional()
        if self._peek() != "":
            raise ValueError
        return expression

    def _peek(self) -> str:
        return self._tokens[self._position][1]

    def _next(self) -> tuple[str, str]:
        self._position += 1
        return self._tokens[self._position - 1]

    def _expect(self, mark: str) -> None:
        if self._next()[1] != mark:
            raise ValueError

    def _conditional(self) -> Expression:
        self._depth += 1
        if self._depth > _DEPTH:
            raise ValueError
        test = self._binary(0)
        if self._peek() == "?":
            self._next()
            yes = self._conditional()
            self._expect(":")
            test = Expression("?", (test, yes, self._conditional()))
        self._depth -= 1
        return test

    def _binary(self, level: int) -> Expression:
        if level == len(_LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while self._peek() in _LEVELS[level]:
            op = self._next()[1]
            left = Expression(op, (left, self._binary(level + 1)))
        return left

    def _unary(self) -> Expression:
        kind, text = self._next()
        match text:
            case "!" | "~" | "-" | "+":
                self._depth += 1
                if self._depth > _DEPTH:
                    raise ValueError
                part = self._unary()
                self._depth -= 1
                if text == "!":
                    # ``!(a == b)`` stays as it was written; ``!!a`` is ``a``.
                    return part.parts[0] if part.op == "!" else Expression("!", (part,))
                return part if text == "+" else Expression("neg" if text == "-" else "~", (part,))
            case "(":
                inner = self._conditional()
                self._expect(")")
                return inner
        if kind == "number":
            return Expression("number", value=int(text.rstrip("uUlL") or "0", 0))
        if kind == "name" and text == "defined":
            return self._defined()
        if kind == "name" and self._peek() == "(":
            return Expression("opaque", name=text + self._arguments())
        if kind == "name":
            return Expression("name", name=text)
        raise ValueError

    def _defined(self) -> Expression:
        bracket = self._peek() == "("
        if bracket:
            self._next()
        kind, name = self._next()
        if kind != "name":
            raise ValueError
        if bracket:
            self._expect(")")
        return Expression("defined", name=name)

    def _arguments(self) -> str:
        depth = 0
        words = []
        while True:
            kind, text = self._next()
            if kind == "end":
                raise ValueError
            words.append(text)
            depth += {"(": 1, ")": -1}.get(text, 0)
            if depth == 0:
                return "".join(words)


#: What macros are taken to be: a value, or None for one that is not defined.
Assignment = Mapping[str, str | None]


#: The macros that can be chosen, and whether they can also be left undefined.
Free = Mapping[str, bool]


def satisfy(
    expression: Expression, wanted: bool, given: Assignment, free: Free
) -> Iterator[Assignment]:
    """Assignments of ``free`` macros, ``given`` ones included, that make a condition so.

    Of what is not free nothing is known, and that is taken to be as it has to be. The search ends
    after a bounded number of steps.
    """
    return _Search(free).ways(expression, wanted, given)


@dataclass(slots=True)
class _Search:
    free: Free
    steps: int = 0

    def ways(self, expression: Expression, wanted: bool, given: Assignment) -> Iterator[Assignment]:
        self.steps += 1
        if self.steps > _STEP_LIMIT:
            return
        match expression.op:
            case "!":
                yield from self.ways(expression.parts[0], not wanted, given)
            case "&&" | "||":
                left, right = expression.parts
                if wanted == (expression.op == "&&"):
                    for one in self.ways(left, wanted, given):
                        yield from self.ways(right, wanted, one)
                else:
                    yield from self.ways(left, wanted, given)
                    yield from self.ways(right, wanted, given)
            case "defined":
                yield from self._define(expression.name, wanted, given)
            case _:
                yield from self._try(expression, wanted, given)

    def _define(self, name: str, wanted: bool, given: Assignment) -> Iterator[Assignment]:
        if name in given:
            if (given[name] is not None) is wanted:
                yield given
        elif name not in self.free:
            yield given
        elif wanted or self.free[name]:
            yield {**given, name: "1" if wanted else None}

    def _try(self, expression: Expression, wanted: bool, given: Assignment) -> Iterator[Assignment]:
        """Try the values around the numbers in a comparison on the first macro that it names."""
        tries: list[Assignment] = [given]
        names = [name for name in sorted(names_in(expression)) if name not in given]
        if names and names[0] in self.free:
            numbers = sorted(_numbers_in(expression))
            near = {str(max(n + step, 0)) for n in numbers for step in (-1, 0, 1)} | {"0", "1"}
            values: list[str | None] = [*sorted(near, key=lambda text: (text != "1", int(text)))]
            if self.free[names[0]]:
                values.insert(0, None)
            tries = [{**given, names[0]: value} for value in values]
        for each in tries:
            value = _value(expression, each)
            if value is None or bool(value) is wanted:
                yield each
            if value is None:
                return


def _numbers_in(expression: Expression) -> set[int]:
    own = {expression.value} if expression.op == "number" else set()
    return own.union(*(_numbers_in(part) for part in expression.parts))


def _value(expression: Expression, given: Assignment) -> int | None:
    """The value of a condition, as far as it is known."""
    if expression.op == "number":
        return expression.value
    if expression.op == "defined":
        return int(given[expression.name] is not None) if expression.name in given else None
    if expression.op == "name":
        if expression.name not in given:
            return None
        text = given[expression.name]
        return int(text) if text is not None and text.isdigit() else (0 if text is None else None)
    values = [_value(part, given) for part in expression.parts]
    if expression.op == "opaque" or None in values:
        return None
    return _apply(expression.op, [value for value in values if value is not None])


def _apply(op: str, values: list[int]) -> int | None:
    match op, values:
        case "!", [a]:
            return int(not a)
        case "neg", [a]:
            return -a
        case "~", [a]:
            return ~a
        case "?", [test, yes, no]:
            return yes if test else no
        case "/" | "%", [_, 0]:
            return None
        case "<<" | ">>", [_, b] if not 0 <= b < 64:
            return None
    a, b = values
    results = {
        "||": lambda: int(bool(a or b)),
        "&&": lambda: int(bool(a and b)),
        "|": lambda: a | b,
        "^": lambda: a ^ b,
        "&": lambda: a & b,
        "==": lambda: int(a == b),
        "!=": lambda: int(a != b),
        "<": lambda: int(a < b),
        ">": lambda: int(a > b),
        "<=": lambda: int(a <= b),
        ">=": lambda: int(a >= b),
        "<<": lambda: a << b,
        ">>": lambda: a >> b,
        "+": lambda: a + b,
        "-": lambda: a - b,
        "*": lambda: a * b,
        "/": lambda: a // b,
        "%": lambda: a % b,
    }
    return results[op]()

"""External definitions and declarations of files of C, found without parsing C.

The declarations of a file are told apart by brackets and semicolons; that is enough for names, and
is not put off by extensions or by branches of an ``#if`` that are both there.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from porttool.unikraft.scan.condition import ALWAYS, NEVER, Condition
from porttool.unikraft.scan.conditional import Source
from porttool.unikraft.scan.tokens import CToken, Macros, expand, lex, matching

_SYSCALL = re.compile(r"UK_(LL)?SYSCALL(_R)?(_U|_E)?_DEFINE")
_ATTRIBUTES = (
    "__attribute__",
    "__attribute",
    "__asm__",
    "asm",
    "__asm",
    "_Alignas",
    "__declspec",
    "_Pragma",
    "__typeof",
    "__typeof__",
    "typeof",
    "_Static_assert",
)
_NOT_NAMES = frozenset({
    "static", "extern", "inline", "__inline", "__inline__", "const", "volatile", "restrict",
    "__restrict", "struct", "union", "enum", "void", "char", "short", "int", "long", "float",
    "double", "signed", "unsigned", "_Bool", "_Noreturn", "_Thread_local", "__thread",
    "register", "auto", "typedef", "return", "hidden", "weak", "__weak", "__used", "__unused",
    "__noreturn", "__maybe_unused", "__packed", "_Atomic", "_Complex", "__extension__",
    "__always_inline", "__noinline",
})  # fmt: skip
_EXPANSIONS_MAX = 12
_ALL_EXPANSIONS_MAX = 5000
_HEADS_MAX = 4


@dataclass(frozen=True, slots=True)
class Definition:
    """Something a file defines.

    ``body`` are the tokens of a function's body or a variable's initialiser, ``alias`` the name it
    is another one for, ``syscall`` the name of the system call that it is the handler of.
    """

    name: str
    function: bool
    static: bool
    condition: Condition
    body: tuple[str, ...] = ()
    alias: str | None = None
    syscall: str | None = None


@dataclass(slots=True)
class Found:
    """What a file defines, and the names that it only declares."""

    definitions: list[Definition] = field(default_factory=list)
    declared: set[str] = field(default_factory=set)


def of_c(source: Source) -> Found:
    """Definitions and declarations of a file of C that has been read."""
    found = Found()
    parser = _Parser(source.macros, found)
    for declaration in _declarations(source.tokens):
        parser.declaration(declaration, 0)
    return found


def _declarations(tokens: Sequence[CToken]) -> Iterator[list[CToken]]:
    """Cut tokens at the semicolons and function bodies of the file's outermost level."""
    now: list[CToken] = []
    depth = round_depth = 0
    body = False
    for token in tokens:
        text = token.text
        if text == "}" and token.column == 0 and body:
            # Branches of an #if may each open what is closed once.
            depth, round_depth = min(depth, 1), 0
        now.append(token)
        if text == "(":
            round_depth += 1
        elif text == ")":
            round_depth = max(0, round_depth - 1)
        elif text == "{":
            if depth == 0 and round_depth == 0:
                body = _opens_body(now)
                if len(now) >= 3 and now[0].text == "extern" and now[1].kind == "string":
                    now = []
                    continue
            depth += 1
        elif text == "}":
            if depth == 0:
                now = []
                continue
            depth -= 1
            if depth == 0 and round_depth == 0 and body:
                yield now
                now, body = [], False
        elif text == ";" and depth == 0 and round_depth == 0:
            yield now
            now = []
        elif depth == 0 and round_depth == 0 and token.column == 0 and _called(now[:-1]):
            # A macro at file level, which needs no semicolon.
            yield now[:-1]
            now = [token]
    if now and depth == 0:
        yield now


def _called(tokens: Sequence[CToken]) -> bool:
    """Whether these are ``NAME(...)`` and nothing more."""
    return (
        len(tokens) > 2
        and tokens[0].kind == "word"
        and tokens[1].text == "("
        and matching(tokens, 1) == len(tokens) - 1
        and (tokens[0].text.isupper() or tokens[0].text in ("weak_alias", "strong_alias"))
        and not _SYSCALL.fullmatch(tokens[0].text)
    )


def _opens_body(tokens: Sequence[CToken]) -> bool:
    """Whether the "{" at the end begins a function's body, rather than a structure or a list."""
    depth = 0
    brackets = False
    for token in tokens[:-1]:
        if token.text in "([{":
            depth += 1
            brackets = brackets or token.text == "("
        elif token.text in ")]}":
            depth -= 1
        elif token.text == "=" and depth == 0:
            return False
    if not brackets:
        return False
    return tokens[-2].text not in ("struct", "union", "enum") and not (
        len(tokens) > 2
        and tokens[-3].text in ("struct", "union", "enum")
        and "(" not in {token.text for token in tokens[:-3]}
    )


def _heads(tokens: list[CToken]) -> list[list[CToken]]:
    """A definition for each of the heads that branches of an ``#if`` give one body."""
    end = next((i for i, token in enumerate(tokens) if token.text in ("{", "=", ";")), 0)
    conditions = list(dict.fromkeys(token.condition for token in tokens[:end]))
    apart = [
        one
        for one in conditions
        if any(one & other == NEVER for other in conditions if other is not one)
    ]
    if tokens[end].text != "{" or not 1 < len(apart) <= _HEADS_MAX:
        return [tokens]
    return [
        [*(token for token in tokens[:end] if token.condition & one != NEVER), *tokens[end:]]
        for one in apart
    ]


class _Parser:
    def __init__(self, macros: Macros, found: Found) -> None:
        self._macros = macros
        self._found = found
        self._expansions = 0

    def declaration(self, tokens: list[CToken], depth: int) -> None:
        while tokens and tokens[0].text == ";":
            tokens = tokens[1:]
        if not tokens or depth > _EXPANSIONS_MAX:
            return
        heads = _heads(tokens)
        if len(heads) > 1:
            for each in heads:
                self.declaration(each, depth + 1)
            return
        first = tokens[0]
        called = len(tokens) > 1 and tokens[1].text == "("
        if first.kind == "word" and called and first.text not in _ATTRIBUTES:
            if _SYSCALL.fullmatch(first.text):
                self._syscall(tokens)
                return
            if first.text == "weak_alias" or first.text == "strong_alias":
                names = [token.text for token in tokens[2:5:2]]
                if len(names) == 2:
                    self._add(self._renamed(names[1]), True, False, first.condition, alias=names[0])
                return
            known = [each for each in self._macros.known.get(first.text, ()) if each[1].parameters]
            if known:
                end = matching(tokens, 1)
                self._expansions += 1
                if self._expansions > _ALL_EXPANSIONS_MAX:
                    return
                rest = tokens[end + 1 :]
                listed = len(rest) > 1 and rest[0].kind == "word" and rest[1].text == "("
                for guard, macro in known:
                    expanded = expand(macro, tokens[2:end], first.condition & guard, self._macros)
                    self._all(expanded if listed else [*expanded, *rest], depth + 1)
                if listed:
                    # One call after the other, with nothing that ends them.
                    self._all(rest, depth)
                return
        self._plain(self._prefix_expanded(self._undecorated(tokens)))

    def _undecorated(self, tokens: list[CToken]) -> list[CToken]:
        """Tokens with macros that are called like functions and stand for attributes or names."""
        out: list[CToken] = []
        index = 0
        while index < len(tokens):
            token = tokens[index]
            if token.text in ("{", "="):
                break
            macro = self._macros.only(token.text)
            following = tokens[index + 1].text if index + 1 < len(tokens) else ""
            if macro and macro.parameters and following == "(":
                end = matching(tokens, index + 1)
                if macro.body.lstrip().startswith("__attribute__"):
                    index = end + 1
                    continue
                inner = tokens[index + 2 : end]
                made = expand(macro, inner, token.condition, self._macros)
                always = self._macros.known[token.text][0][0] is ALWAYS
                if always and len(made) == 1 and made[0].kind == "word":
                    out += made
                    index = end + 1
                    continue
            out.append(token)
            index += 1
        return [*out, *tokens[index:]]

    def _all(self, tokens: Sequence[CToken], depth: int) -> None:
        for each in _declarations(tokens):
            self.declaration(each, depth)

    def _prefix_expanded(self, tokens: list[CToken]) -> list[CToken]:
        """Replace macros that stand for specifiers, such as one for ``static inline``."""
        out: list[CToken] = []
        for index, token in enumerate(tokens[:12]):
            macro = self._macros.only(token.text) if token.kind == "word" else None
            if token.text in ("(", "{", "="):
                return [*out, *tokens[index:]]
            if macro is not None and macro.parameters is None and token.text not in _NOT_NAMES:
                inner = [CToken(k, t, token.condition, 1) for k, t, _ in lex(macro.body)]
                if token.text in {each.text for each in inner}:
                    out.append(token)  # as <stdio.h> does with stdin
                    continue
                if (
                    all(
                        each.kind == "word" or each.text in "()," or each.kind == "string"
                        for each in inner
                    )
                    and len(inner) < 24
                ):
                    out += inner
                    continue
            out.append(token)
        return [*out, *tokens[12:]]

    def _plain(self, tokens: list[CToken]) -> None:
        tokens, alias = _without_attributes(tokens)
        words = _outer_words(tokens)
        if not tokens or "typedef" in words:
            return
        static = "static" in words
        inline = bool(words & {"inline", "__inline", "__inline__"}) and not static
        opening = next((i for i, token in enumerate(tokens) if token.text == "{"), None)
        if tokens[-1].text == "}" and opening is not None and _opens_body(tokens[: opening + 1]):
            name = _function_name(tokens[:opening])
            if (
                name is not None
                and name.text not in _NOT_NAMES
                and (not inline or "extern" in words)
            ):
                body = tuple(token.text for token in tokens[opening + 1 : -1])
                self._add(self._renamed(name.text), True, static, name.condition, body=body)
            return
        self._variables(tokens, static, "extern" in words, alias)

    def _variables(
        self, tokens: list[CToken], static: bool, extern: bool, alias: str | None
    ) -> None:
        aggregate = any(token.text in ("struct", "union", "enum") for token in tokens[:6])
        if aggregate:
            tokens = _without_members(tokens)
        for number, declarator in enumerate(_declarators(tokens)):
            stop = next((i for i, t in enumerate(declarator) if t.text == "="), len(declarator))
            name = _declared_name(declarator[:stop], first=number == 0)
            if name is None or self._decorates(name.text):
                continue
            function = _is_function(declarator[:stop], name)
            if alias is not None:
                self._add(self._renamed(name.text), True, static, name.condition, alias=alias)
            elif function or (extern and stop == len(declarator)):
                if not static and not name.text.startswith("__builtin_"):
                    self._found.declared.add(self._renamed(name.text))
            else:
                body = tuple(token.text for token in declarator[stop + 1 :])
                self._add(self._renamed(name.text), False, static, name.condition, body=body)

    def _syscall(self, tokens: list[CToken]) -> None:
        match = _SYSCALL.fullmatch(tokens[0].text)
        end = matching(tokens, 1)
        names = [
            tokens[index + 1].text
            for index in range(1, end)
            if tokens[index].text == "," and tokens[index + 1].kind == "word"
        ]
        if match is None or not names:
            return
        name = names[0]
        condition = tokens[0].condition
        body = tuple(token.text for token in tokens[end + 2 : -1])
        unit = (match[3] or "").lower()
        for made in (f"uk_syscall_e{unit}_{name}", f"uk_syscall_r{unit}_{name}"):
            self._add(made, True, False, condition, body=body, syscall=name)
        if unit:
            for made in (f"uk_syscall_e_{name}", f"uk_syscall_r_{name}"):
                self._add(made, True, False, condition, body=body, syscall=name)
        if not match[1]:
            wrapped = condition & self._wrappers()
            self._add(name, True, False, wrapped, body=body, syscall=name)

    def _wrappers(self) -> Condition:
        """When the shim makes functions named like system calls, as a libc would have."""
        known = self._macros.known.get("UK_LIBC_SYSCALLS", ())
        found = NEVER if known else ALWAYS
        for guard, macro in known:
            if "1" in macro.body:
                found = found | guard
        return found

    def _decorates(self, name: str) -> bool:
        """Whether it is a macro for an attribute, or for nothing, rather than a name."""
        macro = self._macros.only(name)
        return (
            macro is not None
            and macro.parameters is None
            and not re.fullmatch(r"\(?\w+\)?", macro.body.strip())
        )

    def _renamed(self, name: str) -> str:
        macro = self._macros.only(name)
        if (
            macro is not None
            and macro.parameters is None
            and re.fullmatch(r"[A-Za-z_]\w*", macro.body)
        ):
            return macro.body
        return name

    def _add(
        self,
        name: str,
        function: bool,
        static: bool,
        condition: Condition,
        *,
        body: tuple[str, ...] = (),
        alias: str | None = None,
        syscall: str | None = None,
    ) -> None:
        self._found.definitions.append(
            Definition(name, function, static, condition, body, alias, syscall)
        )


def _without_attributes(tokens: list[CToken]) -> tuple[list[CToken], str | None]:
    """Tokens without attributes, and what an alias attribute says."""
    out: list[CToken] = []
    alias = None
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.text == "{":
            out += tokens[index:]
            break
        if token.text in _ATTRIBUTES and index + 1 < len(tokens):
            start = index + 1
            while start < len(tokens) - 1 and tokens[start].text in ("volatile", "__volatile__"):
                start += 1
            if tokens[start].text == "(":
                end = matching(tokens, start)
                texts = [each.text for each in tokens[start:end]]
                for place, text in enumerate(texts):
                    if text in ("alias", "__alias__") and place + 2 < len(texts):
                        alias = texts[place + 2].strip('"')
                if token.text.strip("_") == "typeof":
                    out.append(CToken("word", "int", token.condition, token.column))
                index = end + 1
                continue
        out.append(token)
        index += 1
    return out, alias


def _outer_words(tokens: Sequence[CToken]) -> set[str]:
    """Words before the first bracket, brace or "="."""
    words = set()
    for token in tokens:
        if token.text in ("(", "{", "="):
            break
        words.add(token.text)
    return words


def _without_members(tokens: list[CToken]) -> list[CToken]:
    """Tokens without the braces and the tag of a structure, union or enumeration."""
    out: list[CToken] = []
    index = 0
    while index < len(tokens):
        if tokens[index].text in ("struct", "union", "enum"):
            out.append(CToken("word", "int", tokens[index].condition, 1))
            index += 1
            while index < len(tokens) and tokens[index].text in ("__packed", "__align"):
                index += 1
            if index < len(tokens) and tokens[index].kind == "word":
                index += 1
            if index < len(tokens) and tokens[index].text == "{":
                index = matching(tokens, index) + 1
            continue
        if tokens[index].text == "=":
            return [*out, *tokens[index:]]
        out.append(tokens[index])
        index += 1
    return out


def _declarators(tokens: Sequence[CToken]) -> Iterator[list[CToken]]:
    now: list[CToken] = []
    depth = 0
    for token in tokens:
        depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(token.text, 0)
        if depth == 0 and token.text in (",", ";"):
            yield now
            now = []
        else:
            now.append(token)
    if now:
        yield now


def _declared_name(tokens: Sequence[CToken], *, first: bool) -> CToken | None:
    """The name that a declarator declares; the first one has its specifiers before it."""
    words = 0
    found = None
    index = 0
    while index < len(tokens):
        token = tokens[index]
        if token.text == "(":
            if (
                found is not None
                and index
                and tokens[index - 1] is found
                and (words > 1 or not first)
            ):
                return found
            inner = tokens[index + 1 : matching(tokens, index)]
            if inner and inner[0].text in ("*", "("):
                return _declared_name([t for t in inner if t.text != "*"], first=False)
            return found if words > 1 or not first else None
        if token.text == "[":
            index = matching(tokens, index) + 1
            continue
        if token.kind == "word":
            words += 1
            if token.text not in _NOT_NAMES and token.text not in _ATTRIBUTES:
                found = token
        index += 1
    return found if words > 1 or not first else None


def _is_function(tokens: Sequence[CToken], name: CToken) -> bool:
    for index, token in enumerate(tokens[:-1]):
        if token is name:
            return tokens[index + 1].text == "("
    return False


def _function_name(tokens: Sequence[CToken]) -> CToken | None:
    """The name of the function whose definition's head this is."""
    for index, token in enumerate(tokens):
        if token.text != "(":
            continue
        before = tokens[index - 1] if index else None
        if before is not None and before.kind == "word" and before.text not in _NOT_NAMES:
            return before
        inner = list(tokens[index + 1 : matching(tokens, index)])
        if inner and inner[0].text == "*":
            return _function_name(inner[1:]) or next(
                (each for each in inner if each.kind == "word"), None
            )
        if inner and before is not None:
            # "(name)(int)": brackets keep a macro of that name away.
            return next((each for each in inner if each.kind == "word"), None)
    return None

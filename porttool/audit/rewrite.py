"""Rewrites what GNU C allows and pycparser refuses, token by token, with every place kept.

The result means the same as far as names go: nothing that the code uses is lost, but for the
operand of ``typeof``, which is not evaluated. What an attribute says about names is noted.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from porttool.audit.lexer import Place, SyntaxProblem, Token

#: Brackets nested deeper than this are refused: no person wrote them.
NESTING_LIMIT = 1500

#: Stands for a type that is not known, as that of ``typeof``.
ANY_TYPE = "__porttool_any"
#: Names that begin so are the compiler's and never a need.
COMPILER_PREFIXES = ("__builtin_", "__sync_", "__atomic_", "__porttool_", "_mm_", "__c11_")
_RANGE = "__porttool_range"
_TYPES = "__porttool_types"

#: Types that the compiler knows without a declaration.
BUILTIN_TYPES = (ANY_TYPE, "__builtin_va_list", "__int128_t", "__uint128_t", "__gnuc_va_list")

_SPELLINGS = {
    "__inline": ("inline",),
    "__inline__": ("inline",),
    "__const": ("const",),
    "__const__": ("const",),
    "__volatile": ("volatile",),
    "__volatile__": ("volatile",),
    "__restrict": ("restrict",),
    "__restrict__": ("restrict",),
    "__signed": ("signed",),
    "__signed__": ("signed",),
    "__complex__": ("_Complex",),
    "__complex": ("_Complex",),
    "__thread": ("_Thread_local",),
    "__alignof__": ("sizeof",),
    "__alignof": ("sizeof",),
    "__auto_type": (ANY_TYPE,),
    "__int128": ("long", "long"),
    "__float128": ("double",),
    "__float80": ("double",),
    "_Float16": ("double",),
    "_Float32": ("double",),
    "_Float32x": ("double",),
    "_Float64": ("double",),
    "_Float64x": ("double",),
    "_Float128": ("double",),
    "__extension__": (),
    "__real__": (),
    "__real": (),
    "__imag__": (),
    "__imag": (),
    "__builtin_offsetof": ("offsetof",),
}
_ASM = ("asm", "__asm", "__asm__")
_ASM_QUALIFIERS = ("volatile", "__volatile__", "__volatile", "goto", "inline", "__inline__")
_TYPEOF = ("typeof", "__typeof", "__typeof__", "__typeof_unqual__", "typeof_unqual")
_INTEGER = re.compile(r"(?:0[xX][0-9a-fA-F]+|0[bB][01]+|[0-9]+)[uUlL]*")
#: Words after which an operand begins, though they are words.
_BEFORE_OPERAND = {"return", "case", "sizeof", "else", "do", "goto"}
_SPECIFIERS = ("static", "extern", "register", "auto", "const", "volatile")
_TYPE_WORDS = {
    "int",
    "char",
    "short",
    "long",
    "float",
    "double",
    "void",
    "signed",
    "unsigned",
    "_Bool",
    "_Complex",
    "struct",
    "union",
    "enum",
} | set(_SPECIFIERS)
_CLOSERS = {"(": ")", "[": "]", "{": "}"}

_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]+)|([0-7]{1,3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))")
_SIMPLE_ESCAPES = {"n": 10, "t": 9, "r": 13, "a": 7, "b": 8, "f": 12, "v": 11, "e": 27, "E": 27}


@dataclass(slots=True)
class Rewritten:
    """Text for pycparser, and what it needs to be understood.

    ``lines[n]`` is the place (an index) of line n + 1 of ``text``; ``tokens`` are its tokens, each
    with its line, 1-based. ``strings`` are the string
    literals: in the text, literal n is spelt ``"n;"``. ``noreturn`` and ``defined`` (by an alias
    attribute) name functions; ``used`` names functions that an attribute refers to, with places.
    """

    text: str = ""
    lines: list[int] = field(default_factory=list)
    tokens: list[tuple[str, int]] = field(default_factory=list)
    strings: list[tuple[str, int]] = field(default_factory=list)
    noreturn: set[str] = field(default_factory=set)
    defined: set[str] = field(default_factory=set)
    used: list[tuple[str, int]] = field(default_factory=list)


def rewrite(tokens: list[Token], places: list[Place]) -> Rewritten:
    """Rewrite a translation unit, or one declaration.

    Raises :class:`SyntaxProblem` for brackets that do not match or nest too deep.
    """
    return _Rewriter(tokens, places).run()


def literal_value(text: str) -> str:
    """What a string literal holds, escapes undone, bytes as latin-1 characters."""
    body = text[text.index('"') + 1 : -1]
    return _ESCAPE.sub(lambda match: chr(_escape_value(match)), body) if "\\" in body else body


def char_value(text: str) -> int:
    """The value of a character constant, as gcc has it on a machine where char is signed."""
    body = text[text.index("'") + 1 : -1]
    values = [_escape_value(m) if m[0][0] == "\\" else ord(m[0]) for m in _CHARS.finditer(body)]
    if text[0] == "'" and len(values) == 1:
        value = values[0] & 0xFF
        return value - 256 if value > 127 else value
    total = 0
    for value in values:
        total = (total << 8 | value & 0xFF) & 0xFFFFFFFF
    return total


_CHARS = re.compile(_ESCAPE.pattern + r"|[^\\]")


def _escape_value(match: re.Match[str]) -> int:
    if match[1]:
        return int(match[1], 16) & 0xFF
    if match[2]:
        return int(match[2], 8) & 0xFF
    wide = match[3] or match[4]
    if wide:
        return min(int(wide, 16), 0x10FFFF)
    return _SIMPLE_ESCAPES.get(match[5], ord(match[5]))


@dataclass(slots=True)
class _Bracket:
    text: str
    before: str  # the token before it
    initializer: bool


class _Rewriter:
    def __init__(self, tokens: list[Token], places: list[Place]) -> None:
        self._in = tokens
        self._places = places
        self._at = 0
        self._out: list[Token] = []
        self._brackets: list[_Bracket] = []
        self._closed_before = ""  # what stood before the bracket that was closed last
        self._result = Rewritten()
        self._actions: dict[str, Callable[[Token], None]] = {
            "__attribute__": self._attribute,
            "__attribute": self._attribute,
            "__builtin_va_arg": self._va_arg,
            "__builtin_types_compatible_p": self._types_compatible,
            "__label__": self._local_labels,
            "goto": self._goto,
            **dict.fromkeys(_ASM, self._asm),
            **dict.fromkeys(_TYPEOF, self._typeof),
        }

    def run(self) -> Rewritten:
        while self._at < len(self._in):
            token = self._in[self._at]
            self._at += 1
            if token.kind == "word":
                self._word(token)
            elif token.kind == "punctuation":
                self._punctuation(token)
            elif token.kind == "string":
                number = len(self._result.strings)
                self._result.strings.append((literal_value(token.text), token.place))
                self._emit("string", f'"{number};"', token.place)
            elif token.kind == "char":
                value = char_value(token.text)
                text = f"({value})" if value < 0 else str(value)
                self._emit("number", text, token.place)
            elif token.kind == "number" and not _INTEGER.fullmatch(token.text):
                suffix = token.text[-1]
                hexadecimal = token.text[:2] in ("0x", "0X") and "p" not in token.text.lower()
                plain = "1.0" + (suffix if suffix in "fFlL" and not hexadecimal else "")
                self._emit("number", plain, token.place)
            else:
                self._out.append(token)
        if self._brackets:
            raise self._problem(f"{self._brackets[-1].text!r} is never closed", self._in[-1])
        self._render()
        return self._result

    def _render(self) -> None:
        lines: list[str] = []
        current: list[str] = []
        tokens = self._result.tokens
        place = -1
        for token in self._out:
            if token.place != place:
                if current:
                    lines.append(" ".join(current))
                    self._result.lines.append(place)
                    current = []
                place = token.place
            current.append(token.text)
            tokens.append((token.text, len(lines) + 1))
        if current:
            lines.append(" ".join(current))
            self._result.lines.append(place)
        self._result.text = "\n".join(lines) + "\n"

    def _emit(self, kind: str, text: str, place: int) -> None:
        self._out.append(Token(kind, text, place))

    def _problem(self, reason: str, token: Token) -> SyntaxProblem:
        return SyntaxProblem(reason, self._places[token.place])

    def _last(self) -> str:
        return self._out[-1].text if self._out else ""

    def _peek(self, ahead: int = 0) -> str:
        index = self._at + ahead
        return self._in[index].text if index < len(self._in) else ""

    def _group(self) -> list[Token]:
        """Take the bracketed group that comes next; gives its tokens without the brackets."""
        if self._peek() not in _CLOSERS:
            return []
        opener = self._in[self._at]
        depth = 0
        start = self._at + 1
        while self._at < len(self._in):
            token = self._in[self._at]
            self._at += 1
            if token.kind != "punctuation":
                continue
            if token.text in _CLOSERS:
                depth += 1
            elif token.text in (")", "]", "}"):
                depth -= 1
                if depth == 0:
                    return self._in[start : self._at - 1]
        raise self._problem(f"{opener.text!r} is never closed", opener)

    def _push_back(self, tokens: list[Token]) -> None:
        """Have ``tokens`` rewritten next."""
        self._in = tokens + self._in[self._at :]
        self._at = 0

    def _word(self, token: Token) -> None:
        text = token.text
        action = self._actions.get(text)
        if action is not None:
            action(token)
            return
        spelling = _SPELLINGS.get(text)
        if spelling is not None:
            for word in spelling:
                self._emit("word", word, token.place)
        elif not text.isascii() or "\\" in text:
            plain = re.sub(r"[\x80-\xff\\]", lambda match: f"_x{ord(match[0]):02x}", text)
            self._emit("word", plain, token.place)
        elif self._peek() == ":" and self._is_old_designator():
            self._at += 1
            self._emit("punctuation", ".", token.place)
            self._emit("word", text, token.place)
            self._emit("punctuation", "=", token.place)
        else:
            if self._last() in _SPECIFIERS and self._lacks_type(text):
                self._emit("word", "int", token.place)
            self._out.append(token)

    def _lacks_type(self, word: str) -> bool:
        """Whether ``word``, after a specifier, is declared without a type, as K&R C may."""
        if self._peek() not in (";", "=", ",", "[") or word in _TYPE_WORDS:
            return False
        if self._brackets and self._brackets[-1].text != "{":
            return False
        start = len(self._out)
        while start and self._out[start - 1].text in _SPECIFIERS:
            start -= 1
        return not start or self._out[start - 1].text in (";", "{", "}")

    def _is_old_designator(self) -> bool:
        """Whether ``name:`` here is the old GNU spelling of ``.name =``."""
        inside = self._brackets[-1] if self._brackets else None
        return inside is not None and inside.initializer and self._last() in ("{", ",")

    def _punctuation(self, token: Token) -> None:
        text = token.text
        if text in _CLOSERS:
            self._open(token)
        elif text in (")", "]", "}"):
            self._close(token)
        elif text == "..." and self._last() not in (",", "("):
            for word in ("+", _RANGE, "+"):
                self._emit("word", word, token.place)
        elif text == "?" and self._peek() == ":":
            self._out.append(token)
            self._emit("number", "0", token.place)
        elif text == "&&" and self._operand_follows():
            self._at += 1
            self._emit("number", "0", token.place)
        else:
            self._out.append(token)

    def _operand_follows(self) -> bool:
        """Whether ``&&`` here is the address of a label."""
        if self._at >= len(self._in) or self._in[self._at].kind != "word":
            return False
        if not self._out:
            return False
        last = self._out[-1]
        if last.kind == "word":
            return last.text in _BEFORE_OPERAND
        if last.text == ")":
            return len(self._out) > 1 and self._out[-2].text == "*"
        return last.kind == "punctuation" and last.text not in ("]", "}", "++", "--")

    def _open(self, token: Token) -> None:
        if token.text == "[" and self._peek() == "[":
            self._standard_attribute(token)
            return
        if len(self._brackets) >= NESTING_LIMIT:
            raise self._problem(f"brackets nested deeper than {NESTING_LIMIT}", token)
        before = self._last()
        inside = self._brackets[-1] if self._brackets else None
        initializer = token.text == "{" and (
            before == "="
            or (inside is not None and inside.text == "{" and inside.initializer)
            or (before == ")" and self._is_operator(self._closed_before))
        )
        if token.text == "(" and self._out and self._out[-1].kind == "word":
            before = "word" if before not in _BEFORE_OPERAND else "operator"
        self._brackets.append(_Bracket(token.text, before, initializer))
        self._out.append(token)

    @staticmethod
    def _is_operator(before: str) -> bool:
        """Whether a bracket after ``before`` is a cast, so that a brace makes a literal."""
        return before not in ("word", ")", "]", "", ";", "{", "}")

    def _close(self, token: Token) -> None:
        if not self._brackets or _CLOSERS[self._brackets[-1].text] != token.text:
            raise self._problem(f"{token.text!r} closes nothing", token)
        self._closed_before = self._brackets.pop().before
        self._out.append(token)

    def _standard_attribute(self, token: Token) -> None:
        self._at -= 1
        group = self._group()
        self._note_attributes([t for t in group if t.text not in ("[", "]")], token)

    def _attribute(self, token: Token) -> None:
        group = self._group()
        self._note_attributes(group[1:-1], token)

    def _note_attributes(self, tokens: list[Token], where: Token) -> None:
        for index, token in enumerate(tokens):
            name = token.text.strip("_")
            following = tokens[index + 2 : index + 3]
            if name in ("noreturn", "Noreturn"):
                self._result.noreturn.add(self._declared_name())
            elif name in ("alias", "ifunc"):
                self._result.defined.add(self._declared_name())
            elif name == "cleanup" and following:
                self._result.used.append((following[0].text, where.place))

    def _declared_name(self) -> str:
        """The name that the declaration around an attribute declares."""
        start = len(self._out)
        while start and self._out[start - 1].text not in (";", "}"):
            start -= 1
        words = self._out[start:] + self._in[self._at : self._at + 64]
        for index, token in enumerate(words[:-1]):
            if token.kind == "word" and words[index + 1].text == "(":
                return token.text
        return ""

    def _va_arg(self, token: Token) -> None:
        first, second = self._two_arguments()
        mark = token.place

        def sign(text: str) -> Token:
            return Token("punctuation", text, mark)

        self._push_back([*map(sign, "(("), *second, *map(sign, ")("), *first, *map(sign, "))")])

    def _types_compatible(self, token: Token) -> None:
        arguments = self._two_arguments()
        mark = token.place
        tokens = [Token("word", _TYPES, mark), Token("punctuation", "(", mark)]
        for number, argument in enumerate(arguments):
            if number:
                tokens.append(Token("punctuation", ",", mark))
            tokens.append(Token("word", "sizeof", mark))
            tokens.append(Token("punctuation", "(", mark))
            tokens += argument
            tokens.append(Token("punctuation", ")", mark))
        tokens.append(Token("punctuation", ")", mark))
        self._push_back(tokens)

    def _two_arguments(self) -> tuple[list[Token], list[Token]]:
        group = self._group()
        depth = 0
        for index, token in enumerate(group):
            if token.kind != "punctuation":
                continue
            if token.text in _CLOSERS:
                depth += 1
            elif token.text in (")", "]", "}"):
                depth -= 1
            elif token.text == "," and depth == 0:
                return group[:index], group[index + 1 :]
        return group, []

    def _local_labels(self, token: Token) -> None:
        while self._at < len(self._in) and self._peek() != ";":
            self._at += 1
        self._at += 1

    def _goto(self, token: Token) -> None:
        if self._peek() == "*":
            self._at += 1
        else:
            self._out.append(token)

    def _typeof(self, token: Token) -> None:
        self._group()
        self._emit("word", ANY_TYPE, token.place)

    def _asm(self, token: Token) -> None:
        while self._peek() in _ASM_QUALIFIERS:
            self._at += 1
        group = self._group()
        last = self._last()
        if not self._brackets:
            if last in ("", ";", "}") and self._peek() == ";":
                self._at += 1
            return
        if last not in ("", ";", "{", "}", ":", ")", "else", "do"):
            return  # the assembler's name of a declared thing
        operands: list[Token] = []
        for start, end in self._operands(group):
            if operands:
                operands.append(Token("punctuation", ",", token.place))
            operands += group[start:end]
        self._push_back(operands or [Token("number", "0", token.place)])

    @staticmethod
    def _operands(group: list[Token]) -> list[tuple[int, int]]:
        """Bounds of the bracketed expressions that follow a constraint string."""
        found = []
        depth = start = 0
        for index, token in enumerate(group):
            if token.text in _CLOSERS and token.kind == "punctuation":
                if depth == 0:
                    start = index
                depth += 1
            elif token.kind == "punctuation" and token.text in (")", "]", "}"):
                depth -= 1
                if depth == 0 and token.text == ")" and group[start - 1].kind == "string":
                    found.append((start, index + 1))
        return found

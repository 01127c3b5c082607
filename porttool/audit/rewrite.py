"""Rewrites what GNU C allows and pycparser refuses, token by token, with every place kept.

The result means the same as far as names go: nothing that the code uses is lost, but for the
operand of ``typeof``, which is not evaluated. What an attribute says about names is noted.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from porttool.audit.lexer import Place, SyntaxProblem, Token

#: Brackets nested deeper than this are refused: no person wrote them.
NESTING_LIMIT = 1500

#: More statements within one another, or of ``else if``, than this are refused, too.
STATEMENT_LIMIT = 5000
_PREFIXES = {"!", "~", "-", "+", "*", "&", "++", "--"}
_NESTING = {"if", "for", "while", "do", "switch", "case", "default"}

#: A longer number would take the parser long, and is none that a compiler takes.
_NUMBER_CHARACTERS = 1000
#: How far before an attribute the declared name is looked for.
_DECLARATION_TOKENS = 4096

#: Stands for a type that is not known, as that of ``typeof``.
ANY_TYPE = "__porttool_any"
#: Names that begin so are the compiler's and never a need.
COMPILER_PREFIXES = ("__builtin_", "__sync_", "__atomic_", "__porttool_", "_mm_", "__c11_")
_RANGE = "__porttool_range"
_NESTED = "__porttool_nested"
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
#: What became words of the language in C23: in older code they may be names of its own.
_C23_SPELLINGS = {
    "bool": ("_Bool",),
    "true": ("1",),
    "false": ("0",),
    "nullptr": ("0",),
    "constexpr": ("const",),
    "static_assert": ("_Static_assert",),
    "thread_local": ("_Thread_local",),
    "alignas": ("_Alignas",),
    "alignof": ("sizeof",),
}
#: The words of C23 that older code may use as names.
C23_WORDS = frozenset(_C23_SPELLINGS)
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
#: Words after which a name is used rather than declared.
_NO_TYPES = {"return", "case", "else", "goto", "const", "volatile", "static", "sizeof"}
#: Words before a bracket that no function is named.
_STATEMENTS = {"if", "while", "for", "switch", "return", "sizeof", "else", "do", "case", "goto"}

_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]+)|([0-7]{1,3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))")
_SIMPLE_ESCAPES = {"n": 10, "t": 9, "r": 13, "a": 7, "b": 8, "f": 12, "v": 11, "e": 27, "E": 27}


@dataclass(slots=True, eq=False)
class Rewritten:
    """Tokens for pycparser, each with its place, and what it needs to be understood.

    String literal ``n`` of :class:`Strings` is spelt ``"n;"``. ``noreturn`` and ``defined`` (by an
    alias attribute) name functions; ``used`` names functions that an attribute refers to, with
    places. ``words`` are all words in it.
    """

    tokens: list[tuple[str, int]] = field(default_factory=list)
    noreturn: set[str] = field(default_factory=set)
    defined: set[str] = field(default_factory=set)
    used: list[tuple[str, int]] = field(default_factory=list)
    words: frozenset[str] = frozenset()


#: String literals: what each holds, and its place.
Strings = list[tuple[str, int]]


def rewrite(
    tokens: Sequence[Token],
    places: Sequence[Place],
    strings: Strings,
    own: Collection[str] | None = None,
) -> Rewritten:
    """Rewrite a translation unit, or declarations of one.

    The literals are appended to ``strings``. ``own`` are the words of C23 that the unit uses as
    names, see :func:`own_words`; those of ``tokens`` when it is None. Raises
    :class:`SyntaxProblem` for brackets that do not match or nest too deep.
    """
    return _Rewriter(tokens, places, strings, own_words(tokens) if own is None else own).run()


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
    at: int  # where it is in the output
    designator: bool = False


class _Rewriter:
    def __init__(
        self,
        tokens: Sequence[Token],
        places: Sequence[Place],
        strings: Strings,
        own: Collection[str],
    ) -> None:
        self._in = list(tokens)
        self._places = places
        self._strings = strings
        self._at = 0
        self._out: list[Token] = []
        self._brackets: list[_Bracket] = []
        self._closed = _Bracket("", "", initializer=False, at=0)  # the one that was closed last
        self._own = own
        self._prefixes = 0  # operators since the last operand
        self._suffixes = 0  # brackets right behind one another
        self._statements = 0  # begun since the last that ended
        self._result = Rewritten()
        self._actions: dict[str, Callable[[Token], None]] = {
            "__attribute__": self._attribute,
            "__attribute": self._attribute,
            "__builtin_va_arg": self._va_arg,
            "__builtin_convertvector": self._va_arg,
            "__builtin_has_attribute": self._has_attribute,
            "_BitInt": self._bit_precise,
            "enum": self._enum,
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
            self._count(token)
            if token.kind == "word":
                self._word(token)
            elif token.kind == "punctuation":
                self._punctuation(token)
            elif token.kind == "string":
                number = len(self._strings)
                self._strings.append((literal_value(token.text), token.place))
                self._emit("string", f'"{number};"', token.place)
            elif token.kind == "char":
                value = char_value(token.text)
                text = f"({value})" if value < 0 else str(value)
                self._emit("number", text, token.place)
            elif token.kind == "number" and len(token.text) > _NUMBER_CHARACTERS:
                raise self._problem(f"a number of {len(token.text):,} characters", token)
            elif token.kind == "number" and not _INTEGER.fullmatch(token.text):
                if "'" in token.text:
                    plain = token.text.replace("'", "")
                    self._push_back([Token("number", plain, token.place)])
                    continue
                suffix = token.text[-1]
                hexadecimal = token.text[:2] in ("0x", "0X") and "p" not in token.text.lower()
                plain = "1.0" + (suffix if suffix in "fFlL" and not hexadecimal else "")
                self._emit("number", plain, token.place)
            else:
                self._out.append(token)
        if self._brackets:
            raise self._problem(f"{self._brackets[-1].text!r} is never closed", self._in[-1])
        self._result.tokens = [(text, place) for _, text, place in self._out]
        words = [text for kind, text, _ in self._out if kind == "word"]
        self._result.words = frozenset(words)
        return self._result

    def _count(self, token: Token) -> None:
        """Refuse what is nested without brackets: the parser would, too, but not say where."""
        if token.text in _PREFIXES:
            self._prefixes += 1
            if self._prefixes > NESTING_LIMIT:
                raise self._problem(f"more than {NESTING_LIMIT} operators in a row", token)
            return
        self._prefixes = 0
        if token.text in _NESTING:
            self._statements += 1
            if self._statements > STATEMENT_LIMIT:
                raise self._problem(f"statements nested deeper than {STATEMENT_LIMIT}", token)
        elif token.text in (";", "}") and self._peek() != "else" and not self._within("("):
            self._statements = 0

    def _within(self, bracket: str) -> bool:
        return bool(self._brackets) and self._brackets[-1].text == bracket

    def _emit(self, kind: str, text: str, place: int) -> None:
        self._out.append(Token(kind, text, place))

    def _problem(self, reason: str, token: Token) -> SyntaxProblem:
        return SyntaxProblem(reason, self._places[token.place])

    def _too_deep(self, token: Token) -> SyntaxProblem:
        return self._problem(f"brackets nested deeper than {NESTING_LIMIT}", token)

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
                if depth > NESTING_LIMIT:
                    raise self._too_deep(token)
            elif token.text in (")", "]", "}"):
                depth -= 1
                if depth == 0:
                    return self._in[start : self._at - 1]
        raise self._problem(f"{opener.text!r} is never closed", opener)

    def _push_back(self, tokens: list[Token]) -> None:
        """Have ``tokens`` rewritten next."""
        start = self._at - len(tokens)
        if start >= 0:  # over what was taken already, so that nothing has to move
            self._in[start : self._at] = tokens
            self._at = start
        else:
            self._in[: self._at] = tokens
            self._at = 0

    def _word(self, token: Token) -> None:
        text = token.text
        action = self._actions.get(text)
        if action is not None:
            action(token)
            return
        spelling = _SPELLINGS.get(text)
        if spelling is None and text in _C23_SPELLINGS and text not in self._own:
            spelling = _C23_SPELLINGS[text]
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
            last = self._last()
            untyped = last in _SPECIFIERS and self._lacks_type(text)
            if untyped or (last in ("", ";", "}") and self._defines_untyped(text)):
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

    def _defines_untyped(self, word: str) -> bool:
        """Whether ``word`` begins the definition of a function without a type, as K&R C may."""
        if self._brackets or self._peek() != "(" or word in _TYPE_WORDS:
            return False
        depth = 0
        for index in range(self._at, len(self._in)):
            text = self._in[index].text
            if self._in[index].kind == "punctuation" and text in "()":
                depth += 1 if text == "(" else -1
                if depth == 0:
                    following = self._in[index + 1 : index + 2]
                    return bool(following) and (
                        following[0].text == "{" or following[0].kind == "word"
                    )
        return False

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
        elif text == "..." and self._last() == "(" and self._peek() == ")":
            pass  # C23 has no need of a named parameter
        elif text == "*" and self._last() == "[" and self._peek() == "]":
            pass  # an array of a length that is not given
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
            raise self._too_deep(token)
        before = self._last()
        self._suffixes = self._suffixes + 1 if before in (")", "]") else 0
        if self._suffixes > NESTING_LIMIT:
            raise self._problem(f"more than {NESTING_LIMIT} brackets in a row", token)
        inside = self._brackets[-1] if self._brackets else None
        initializer = token.text == "{" and (
            before == "="
            or (inside is not None and inside.text == "{" and inside.initializer)
            or (before == ")" and self._is_operator(self._closed.before))
        )
        if token.text == "{" and before == ")" and not initializer and self._nests_function(inside):
            self._nested_function(token)
            return
        if token.text == "(" and self._out and self._out[-1].kind == "word":
            before = "word" if before not in _BEFORE_OPERAND else "operator"
        designator = (
            token.text == "["
            and inside is not None
            and inside.initializer
            and before in ("{", ",", "]")
        )
        self._brackets.append(_Bracket(token.text, before, initializer, len(self._out), designator))
        self._out.append(token)

    @staticmethod
    def _is_operator(before: str) -> bool:
        """Whether a bracket after ``before`` is a cast, so that a brace makes a literal."""
        return before not in ("word", ")", "]", "", ";", "{", "}")

    def _close(self, token: Token) -> None:
        if not self._brackets or _CLOSERS[self._brackets[-1].text] != token.text:
            raise self._problem(f"{token.text!r} closes nothing", token)
        self._closed = self._brackets.pop()
        self._out.append(token)
        if self._closed.designator and self._peek() not in ("=", ".", "["):
            self._emit("punctuation", "=", token.place)  # as GNU C once had it

    def _nests_function(self, inside: _Bracket | None) -> bool:
        """Whether the brace that comes next opens the body of a function within a function."""
        start = self._closed.at
        if inside is None or inside.text != "{" or inside.initializer or start < 2:
            return False
        name, before = self._out[start - 1], self._out[start - 2]
        return (
            name.kind == "word"
            and name.text not in _STATEMENTS
            and (before.kind == "word" or before.text == "*")
            and before.text not in _STATEMENTS
        )

    def _nested_function(self, token: Token) -> None:
        """Make a function within a function a variable, and its body a block that may be run.

        So its body sees the names around it, and nobody else sees the function.
        """
        start = self._closed.at
        parameters = self._out[start + 1 : -1]
        begin = start - 1
        while begin and self._out[begin - 1].text not in (";", "{", "}", ":", ")"):
            begin -= 1
        specifiers = [t for t in self._out[begin : start - 1] if t.text not in ("auto", "inline")]
        mark = self._out[start - 1].place
        declared = [
            *specifiers,
            *(Token("punctuation", "(", mark), Token("punctuation", "*", mark)),
            *(self._out[start - 1], Token("punctuation", ")", mark)),
            *self._out[start:],
            *(Token("punctuation", ";", mark), Token("word", "if", mark)),
            *(Token("punctuation", "(", mark), Token("word", _NESTED, mark)),
            Token("punctuation", ")", mark),
        ]
        self._out[begin:] = declared
        self._brackets.append(_Bracket("{", ")", initializer=False, at=len(self._out)))
        self._out.append(token)
        for parameter in _split(parameters):
            if len(parameter) > 1:
                self._out += [*parameter, Token("punctuation", ";", parameter[-1].place)]

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
        least = max(0, start - _DECLARATION_TOKENS)
        while start > least and self._out[start - 1].text not in (";", "}"):
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

    def _has_attribute(self, token: Token) -> None:
        self._group()
        self._emit("number", "0", token.place)

    def _bit_precise(self, token: Token) -> None:
        self._group()
        self._emit("word", "int", token.place)

    def _enum(self, token: Token) -> None:
        """An enumeration, perhaps with its underlying type as C23 has it, which is left out."""
        self._out.append(token)
        named = self._at < len(self._in) and self._in[self._at].kind == "word"
        if self._peek(int(named)) != ":":
            return
        end = self._at + int(named) + 1
        first = end
        while end < len(self._in) and self._in[end].kind == "word":
            end += 1
        if end > first and end < len(self._in) and self._in[end].text in ("{", ";"):
            kept = self._in[self._at : self._at + int(named)]
            self._at = end
            self._push_back(kept)

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
        first, *others = _split(self._group())
        return first, others[0] if others else []

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


def _split(tokens: list[Token]) -> list[list[Token]]:
    """What stands between the commas that no bracket encloses; at least one list."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        if token.kind == "punctuation":
            if token.text in _CLOSERS:
                depth += 1
            elif token.text in (")", "]", "}"):
                depth -= 1
            elif token.text == "," and depth == 0:
                parts.append([])
                continue
        parts[-1].append(token)
    return parts


def own_words(tokens: Sequence[Token]) -> frozenset[str]:
    """Those of C23's new words that the code declares as names of its own."""
    found: set[str] = set()
    if not any(token.text in _C23_SPELLINGS for token in tokens):
        return frozenset()
    enums: list[bool] = []  # of the brackets around: whether they are an enumeration's
    for index, token in enumerate(tokens):
        if token.text in _CLOSERS:
            words = [each.text for each in tokens[max(index - 2, 0) : index]]
            enums.append(token.text == "{" and "enum" in words)
        elif token.text in (")", "]", "}"):
            del enums[-1:]
        elif token.text in _C23_SPELLINGS and token.kind == "word" and index:
            before = tokens[index - 1]
            after = tokens[index + 1].text if index + 1 < len(tokens) else ""
            typed = before.kind == "word" and before.text not in _NO_TYPES
            typed = typed or before.text in ("}", "*")
            named = after in (",", "=", "}") and before.text in ("{", ",")
            if (typed and after in (";", ",", "=", "[", ")")) or (named and any(enums[-1:])):
                found.add(token.text)
    return frozenset(found)

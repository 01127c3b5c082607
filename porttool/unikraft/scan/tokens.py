"""Tokens of C, and macros with the conditions under which they are what they are."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from porttool.unikraft.scan.condition import ALWAYS, NEVER, Condition, constant, symbol

_TOKEN = re.compile(
    r"""(?P<word>[A-Za-z_]\w*)|(?P<number>\.?[0-9](?:[eEpP][+-]|[\w.])*)
    |(?P<string>L?"(?:[^"\\\n]|\\.)*+"|L?'(?:[^'\\\n]|\\.)*+')
    |(?P<punctuation>\.\.\.|->|\#\#|[^\s\w])""",
    re.VERBOSE,
)
_COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*+"|\'(?:[^\'\\\n]|\\.)*+\'|/\*.*?\*/|//[^\n]*', re.DOTALL)
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_PASTE = ("punctuation", "##")
_EXPANDED_MAX = 20_000
_RENAMES_MAX = 8

NEWLINE = "newline"
"""The kind of a token at the end of a line, which files of assembler alone have."""

#: Predefined by gcc for x86-64, or what <float.h>, <limits.h> and <endian.h> make of its types.
BUILTIN = {
    "__x86_64__": "1", "__amd64__": "1", "__X86_64__": "1", "__GNUC__": "12", "__STDC__": "1",
    "__LP64__": "1", "_LP64": "1", "__ELF__": "1", "__STDC_VERSION__": "201112",
    "__BYTE_ORDER__": "1234", "__BYTE_ORDER": "1234", "__ORDER_LITTLE_ENDIAN__": "1234",
    "__LITTLE_ENDIAN": "1234", "__BIG_ENDIAN": "4321",
    "__SSE__": "1", "__SSE2__": "1",
    "LDBL_MANT_DIG": "64", "LDBL_MAX_EXP": "16384", "FLT_EVAL_METHOD": "0", "__SIZEOF_LONG__": "8",
    "__FLT_EVAL_METHOD__": "0", "ULONG_MAX": "18446744073709551615", "__SIZEOF_POINTER__": "8",
    "LONG_MAX": "9223372036854775807", "UINT_MAX": "4294967295", "INT_MAX": "2147483647",
    "SIZE_MAX": "18446744073709551615", "UINTPTR_MAX": "18446744073709551615",
    "WCHAR_MAX": "2147483647", "WCHAR_MIN": "-2147483648", "DBL_MANT_DIG": "53",
    "LLONG_MAX": "9223372036854775807", "FLT_MANT_DIG": "24",
    "__FLT_EVAL_METHOD": "0", "__DBL_MANT_DIG__": "53", "__LDBL_MANT_DIG__": "64",
}  # fmt: skip


class CToken(NamedTuple):
    """A token of C: its kind (a group of the lexer), text, condition, and column in its line."""

    kind: str
    text: str
    condition: Condition
    column: int


@dataclass(frozen=True, slots=True)
class Macro:
    """``parameters`` is None for one that is not called like a function."""

    parameters: tuple[str, ...] | None
    body: str


@dataclass(slots=True)
class Macros:
    """The macros at a place in a file, each with the conditions under which it is what."""

    known: dict[str, list[tuple[Condition, Macro]]] = field(default_factory=dict)

    def define(self, name: str, macro: Macro, condition: Condition) -> None:
        """Take in a ``#define``."""
        if condition is ALWAYS or name not in self.known:
            self.known[name] = [(condition, macro)]
            return
        self.undefine(name, condition)
        self.known[name].append((condition, macro))

    def undefine(self, name: str, condition: Condition) -> None:
        """Take in an ``#undef``."""
        definitions = self.known.get(name)
        if definitions:
            left = [(guard & ~condition, macro) for guard, macro in definitions]
            self.known[name] = [each for each in left if each[0] is not NEVER]

    def defined(self, name: str) -> Condition:
        """When ``name`` is defined."""
        if name.startswith("CONFIG_"):
            return symbol(name.removeprefix("CONFIG_"))
        result = constant(name in BUILTIN)
        for guard, _ in self.known.get(name, ()):
            result = result | guard
        return result

    def only(self, name: str) -> Macro | None:
        """The macro, when there is but one of that name."""
        definitions = self.known.get(name, ())
        return definitions[0][1] if len(definitions) == 1 else None

    def renamed(self, name: str) -> str:
        """``name``, or the other name that it is a macro for."""
        for _ in range(_RENAMES_MAX):
            macro = self.only(name)
            if macro is None or macro.parameters is not None:
                break
            body = macro.body.strip()
            if not _IDENTIFIER.fullmatch(body) or body == name:
                break
            name = body
        return name


def plain(text: str) -> str:
    """C without comments and continued lines; a comment becomes a blank."""
    text = text.replace("\\\r\n", " ").replace("\\\n", " ")
    return _COMMENT.sub(lambda match: match[0] if match[0][0] in "\"'" else " ", text)


def lex(line: str) -> Iterator[tuple[str, str, int]]:
    """Kind, text and column of each token of a line without comments."""
    for match in _TOKEN.finditer(line):
        yield match.lastgroup or "", match[0], match.start()


def matching(tokens: Sequence[CToken], start: int) -> int:
    """Index of the bracket that closes the one at ``start``, or of the last token."""
    depth = 0
    for index in range(start, len(tokens)):
        if tokens[index].text in ("(", "[", "{"):
            depth += 1
        elif tokens[index].text in (")", "]", "}"):
            depth -= 1
            if depth == 0:
                return index
    return len(tokens) - 1


def arguments(tokens: Sequence[CToken]) -> list[list[str]]:
    """The arguments of a call, from what is between its brackets."""
    found: list[list[str]] = [[]]
    depth = 0
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if token.text == "," and depth == 0:
            found.append([])
        else:
            found[-1].append(token.text)
    return found


def expand(
    macro: Macro, tokens: Sequence[CToken], condition: Condition, macros: Macros | None = None
) -> list[CToken]:
    """The body of a macro with its arguments in place, joined and quoted as ``#`` says.

    ``macros`` are those that arguments may be names of.
    """
    given = arguments(tokens)
    values: dict[str, list[str]] = {}
    for index, parameter in enumerate(macro.parameters or ()):
        if parameter == "...":
            rest = [word for each in given[index:] for word in (",", *each)]
            values["__VA_ARGS__"] = rest[1:]
        elif index < len(given):
            values[parameter] = given[index]
    out: list[str] = []
    paste = False
    previous = ""
    body = [(kind, text) for kind, text, _ in lex(plain(macro.body))]
    for index, (kind, text) in enumerate(body):
        if text == "##":
            paste = True
            continue
        words = values.get(text, [text]) if kind == "word" else [text]
        if previous == "#" and text in values:
            out[-1:] = ['"' + "".join(words) + '"']
        elif paste and out and words:
            out[-1] += words[0]
            out += words[1:]
        elif text in values and macros is not None and body[index + 1 : index + 2] != [_PASTE]:
            # As cpp does, an argument is expanded first unless it is joined or quoted.
            out += (macros.renamed(word) for word in words)
        else:
            out += words
        paste = False
        previous = text
        if len(out) > _EXPANDED_MAX:
            break
    return [CToken(k, t, condition, 1) for each in out for k, t, _ in lex(each)]

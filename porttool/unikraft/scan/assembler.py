"""External names that files of assembler define, with the macros of cpp and of GNU as in them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from porttool.unikraft.scan.condition import NEVER, Condition
from porttool.unikraft.scan.conditional import Source, evaluate
from porttool.unikraft.scan.definitions import Definition, Found
from porttool.unikraft.scan.tokens import NEWLINE, CToken, Macro

_CALL = re.compile(r"\b([A-Za-z_]\w*)\s*\(")
_GLOBAL = re.compile(r"\.\s*(?:globl|global|weak)\s+(.*)")
_TYPE = re.compile(r"\.\s*type\s+([\w$.]+)\s*,\s*[@%]?\s*(?:STT_)?(\w+)")
_SET = re.compile(r"(?:\.\s*set\s+([\w$]+)\s*,|([\w$]+)\s*=(?!=))\s*(.*)")
_LABEL = re.compile(r"([\w$.]+)\s*:(?!:)\s*")
_SECTION = re.compile(r"\.\s*(?:(text|data|bss)\b|(pop|push|)section\b\s*(.*))")
_MACRO = re.compile(r"\.\s*macro\s+(\w+)\s*,?\s*(.*)")
_REPEATED = re.compile(r"\.\s*rept\s+(.*)")
_OPENS = re.compile(r"\.\s*(?:macro|rept|irp|irpc)\b")
_CLOSES = re.compile(r"\.\s*(?:endm|endr)\b")
_NAMING = re.compile(
    r"\.\s*(?:globl|global|weak|set|section|pushsection|macro)\b|[\w$.\\()]+\s*(?::|=)"
)
_LOADED = re.compile(r"movl?q?b?\s*\$([0-9]+|0x[0-9a-f]+)\s*,\s*%(?:[er]?ax|al)")
_DATA = re.compile(r"\.?(?:data|bss|rodata)\b")
_DEPTH_MAX = 12
_REPEATS_MAX = 4096
_STATEMENTS_MAX = 200_000
_LENGTH_MAX = 20_000


@dataclass(frozen=True, slots=True)
class _Statement:
    text: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class _Defined:
    """A macro of the assembler."""

    parameters: tuple[str, ...]
    body: tuple[_Statement, ...]
    names: bool
    """Whether it can define anything."""


def of_assembler(source: Source, numbers: Mapping[int, str]) -> Found:
    """Global labels and symbols of a file of assembler that has been read.

    ``numbers`` are the names of system calls. One that the file makes counts for all its labels.
    """
    reader = _Reader(source)
    statements = list(reader.statements())
    reader.run(statements, 0)
    found = Found()
    words = tuple(token.text for token in source.tokens if token.kind == "word")
    words += tuple(f"SYS_{name}" for name in _made(statements, numbers))
    for name, condition in reader.labels.items():
        condition = condition & reader.globals.get(name, NEVER)
        if condition is not NEVER:
            function = reader.types.get(name, "function") == "function"
            found.definitions.append(Definition(name, function, False, condition, words))
    return found


def _made(statements: list["_Statement"], numbers: Mapping[int, str]) -> Iterator[str]:
    """The system calls whose number is in the register for it when one is made."""
    number = None
    for each in statements:
        text = _LABEL.sub("", each.text)
        if match := _LOADED.fullmatch(text):
            number = int(match[1], 0)
        elif text == "syscall" and number is not None and number in numbers:
            yield numbers[number]


@dataclass(slots=True)
class _Reader:
    source: Source
    labels: dict[str, Condition] = field(default_factory=dict)
    globals: dict[str, Condition] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    _macros: dict[str, _Defined] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)
    _sections: list[str] = field(default_factory=lambda: ["text"])
    _steps: int = 0

    def statements(self) -> Iterator[_Statement]:
        """What cpp leaves for the assembler, a statement at a time."""
        for tokens in _by_line(self.source.tokens):
            yield from self._preprocessed(_text(tokens), tokens[0].condition, 0)

    def _preprocessed(self, text: str, condition: Condition, depth: int) -> Iterator[_Statement]:
        for match in _CALL.finditer(text):
            known = self.source.macros.known.get(match[1], ())
            known = [each for each in known if each[1].parameters is not None]
            if not known or depth > _DEPTH_MAX or len(text) > _LENGTH_MAX:
                continue
            end = _closing(text, match.end() - 1)
            for guard, macro in known:
                made = _expanded(macro, text[match.end() : end])
                whole = f"{text[: match.start()]}{made}{text[end + 1 :]}"
                yield from self._preprocessed(whole, condition & guard, depth + 1)
            return
        for each in text.split(";"):
            if each.strip():
                yield _Statement(each.strip(), condition)

    def run(self, statements: list[_Statement], depth: int) -> None:
        """Go through statements as the assembler would; both branches of an ``.if`` count."""
        position = 0
        while position < len(statements) and self._steps < _STATEMENTS_MAX and depth < _DEPTH_MAX:
            self._steps += 1
            statement = statements[position]
            position += 1
            text = statement.text
            if _OPENS.match(text):
                end = _block(statements, position)
                self._opened(statement, statements[position:end], depth)
                position = end + 1
                continue
            while match := _LABEL.match(text):
                self._label(match[1], statement.condition)
                text = text[match.end() :]
            self._statement(_Statement(text, statement.condition), depth)

    def _opened(self, statement: _Statement, body: list[_Statement], depth: int) -> None:
        if match := _MACRO.match(statement.text):
            parameters = re.findall(r"(\w+)(?::\w+)?(?:\s*=\s*[^\s,]*)?", match[2])
            self._macros[match[1]] = _Defined(tuple(parameters), tuple(body), self._names(body))
        elif self._names(body) and (match := _REPEATED.match(statement.text)):
            for _ in range(min(self._number(match[1]) or 0, _REPEATS_MAX)):
                self.run(body, depth + 1)

    def _names(self, body: list[_Statement]) -> bool:
        """Whether statements, or macros in them, can define anything."""
        for each in body:
            macro = self._macros.get(each.text.split(" ")[0])
            if macro.names if macro else _NAMING.match(each.text):
                return True
        return False

    def _statement(self, statement: _Statement, depth: int) -> None:
        text, condition = statement.text, statement.condition
        if match := _GLOBAL.match(text):
            for name in re.findall(r"[\w$]+", match[1]):
                self.globals[name] = self.globals.get(name, NEVER) | condition
        elif match := _TYPE.match(text):
            self.types[match[1]] = "function" if match[2].lower().startswith("func") else match[2]
        elif match := _SECTION.match(text):
            self._section(match[1], match[2], match[3])
        elif match := _SET.match(text):
            name = match[1] or match[2]
            number = self._number(match[3])
            if number is not None:
                self._numbers[name] = number
            self._label(name, condition)
        else:
            word, _, rest = text.partition(" ")
            if (macro := self._macros.get(word)) and macro.names:
                self._called(macro, rest, condition, depth)

    def _called(self, macro: _Defined, rest: str, condition: Condition, depth: int) -> None:
        values = [self._argument(each) for each in re.split(r"\s*,\s*|\s+", rest.strip())]
        given = dict(zip(macro.parameters, values, strict=False))

        def substituted(match: re.Match[str]) -> str:
            return given.get(match[1], "")

        body = [
            _Statement(
                re.sub(r"\\\(\)", "", re.sub(r"\\(\w+)", substituted, each.text)),
                each.condition & condition,
            )
            for each in macro.body
        ]
        self.run(body, depth + 1)

    def _argument(self, text: str) -> str:
        """With ``.altmacro``, "%" has the assembler give the number that comes after it."""
        if not text.startswith("%"):
            return text
        number = self._number(text[1:])
        return text if number is None else str(number)

    def _number(self, text: str) -> int | None:
        for name, number in self._numbers.items():
            text = re.sub(rf"\b{re.escape(name)}\b", str(number), text)
        return evaluate(text, self.source.macros) if re.fullmatch(r"[\w\s+*()-]+", text) else None

    def _label(self, name: str, condition: Condition) -> None:
        self.labels[name] = self.labels.get(name, NEVER) | condition
        if _DATA.match(self._sections[-1]):
            self.types.setdefault(name, "object")

    def _section(self, short: str | None, way: str, name: str) -> None:
        if way == "pop":
            if len(self._sections) > 1:
                self._sections.pop()
        elif way == "push":
            self._sections.append(name)
        else:
            self._sections[-1] = short or name


def _by_line(tokens: tuple[CToken, ...]) -> Iterator[list[CToken]]:
    line: list[CToken] = []
    for token in tokens:
        if token.kind != NEWLINE:
            line.append(token)
        elif line:
            yield line
            line = []
    if line:
        yield line


def _text(tokens: list[CToken]) -> str:
    """A line as it was written, but for the width of blanks."""
    out: list[str] = []
    end = 0
    for token in tokens:
        out.append(" " if out and token.column > end else "")
        out.append(token.text)
        end = token.column + len(token.text)
    return "".join(out)


def _block(statements: list[_Statement], start: int) -> int:
    """Where what is open at ``start`` is closed."""
    depth = 1
    for position in range(start, len(statements)):
        if _OPENS.match(statements[position].text):
            depth += 1
        elif _CLOSES.match(statements[position].text):
            depth -= 1
            if depth == 0:
                return position
    return len(statements)


def _closing(text: str, start: int) -> int:
    depth = 0
    for position in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        if depth == 0:
            return position
    return len(text)


def _expanded(macro: Macro, inner: str) -> str:
    values = []
    start = depth = 0
    for position, character in enumerate([*inner, ","]):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            values.append(inner[start:position].strip())
            start = position + 1
    given = dict(zip(macro.parameters or (), values, strict=False))

    def substituted(match: re.Match[str]) -> str:
        return given.get(match[0], match[0])

    return re.sub(r"\s*##\s*", "", re.sub(r"[A-Za-z_]\w*", substituted, macro.body))

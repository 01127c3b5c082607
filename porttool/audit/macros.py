"""Macros and headers that own source lines use, from the preprocessor's view before expansion."""

import re
from collections import deque
from dataclasses import dataclass, field
from functools import lru_cache

from porttool.audit.lexer import (
    MARKER,
    TOKEN,
    Files,
    IncludeStack,
    Origin,
    Place,
)
from porttool.audit.rewrite import literal_value

_SYSTEM_LINE = re.compile(
    r'^# (?P<line>\d+) "(?P<file>(?:[^"\\\n]++|\\.)*+)"(?P<flags>(?: [1-4])*)\r?\n'
    r"|^[ \t]*\#[ \t]*define[ \t]+(?P<name>\w+)(?P<call>\()?(?P<rest>(?:[^\\\n]++|\\[\s\S])*+)"
    r"|^[ \t]*\#[ \t]*undef[ \t]+(?P<gone>\w+)",
    re.MULTILINE,
)
_INCLUDE = re.compile(r'[ \t]*#[ \t]*(?:include|include_next|import)[ \t]+(["<])([^">\n]+)[">]')
_HASH = re.compile(r"[ \t]*#")
_TYPE_WORDS = {
    *("void", "char", "short", "int", "long", "float", "double", "signed", "unsigned"),
    *("_Bool", "_Complex"),
}


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro at the place where it is used.

    ``header`` is None for one of the upstream's own, and ``place`` is that of its definition.
    """

    name: str
    takes_arguments: bool
    body: str
    header: str | None
    private: bool
    library: bool = False
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Include:
    """An ``#include`` in an own file; ``angled`` is ``<...>``."""

    name: str
    angled: bool
    place: Place


@dataclass(slots=True)
class SourceView:
    """Own lines that are compiled, before macros are expanded.

    ``macros`` are the system's (or a library's) that own lines use, each with its place and the
    own macros that lead to it from there. ``words`` are the identifiers of a line, and its strings
    as :func:`literal_word` has them; ``expanded`` are the macros among them. ``reach`` says up to
    which line the arguments of a macro go that is called on a line. ``definitions`` are all that
    a macro has had; ``builtin`` are the macros of the compiler. ``lines`` are those of each own
    file that have anything on them but a comment or a condition.
    """

    includes: list[Include] = field(default_factory=list)
    macros: list[tuple[Macro, Place, tuple[Macro, ...]]] = field(default_factory=list)
    expanded: dict[tuple[str, int], list[Macro]] = field(default_factory=dict)
    definitions: dict[str, list[Macro]] = field(default_factory=dict)
    builtin: set[str] = field(default_factory=set)
    lines: dict[str, set[int]] = field(default_factory=dict)
    words: dict[tuple[str, int], set[str]] = field(default_factory=dict)
    reach: dict[tuple[str, int], int] = field(default_factory=dict)

    def lines_of(self, name: str, place: Place) -> tuple[int, ...]:
        """The lines where ``name``, which the preprocessor puts on ``place``, really stands.

        The arguments of a macro all end up on the line of its name. When no line has the name, a
        macro hid it, and the line is the macro's.
        """
        if name in self.words.get((place.file, place.line), ()):
            return (place.line,)
        line = place.line
        end = self.reach.get((place.file, line), line)
        found = []
        while line < end:
            line += 1
            if name in self.words.get((place.file, line), ()):
                found.append(line)
            end = max(end, self.reach.get((place.file, line), end))
        return tuple(found) or (place.line,)

    def macros_at(self, name: str, place: Place, line: int) -> tuple[Macro, ...]:
        """The macros that hide ``name`` on a line from :meth:`lines_of`, the outermost first.

        None when it stands there itself. Where several macros are used, it is the first that
        comes to the name, or else that pastes one.
        """
        if name in self.words.get((place.file, line), ()):
            return ()
        macros = self.expanded.get((place.file, line), [])
        for wanted in (name, "##"):
            for macro in macros:
                if path := self.path(macro, wanted):
                    return path
        return ()

    def leads_to(self, macro: str, name: str) -> bool:
        """Whether ``name`` can come out of a macro, by any of its definitions."""
        return any(self.path(each, name) for each in self.definitions.get(macro, ()))

    def path(self, macro: Macro, name: str) -> tuple[Macro, ...]:
        """The shortest way by which a macro can come to a word, whatever those within it are.

        Each macro on it names the next one, and the last one the word.
        """
        before: dict[Macro, Macro | None] = {macro: None}
        waiting = deque([macro])
        while waiting:
            each = waiting.popleft()
            words = _body_names(each.body, each.takes_arguments)
            if name in words:
                way = [each]
                while (previous := before[way[-1]]) is not None:
                    way.append(previous)
                return tuple(reversed(way))
            for word in words:
                for inner in self.definitions.get(word, ()):
                    if inner not in before:
                        before[inner] = each
                        waiting.append(inner)
        return ()


def view_source(directives: str, files: Files) -> SourceView:
    """Read the preprocessor's output of ``-fdirectives-only -dI``."""
    return _Scanner(directives, files).run()


class _Scanner:
    def __init__(self, text: str, files: Files) -> None:
        self._text = text
        self._stack = IncludeStack(files)
        self._view = SourceView()
        self._macros: dict[str, Macro] = {}
        self._reached: dict[str, tuple[Macro, ...]] = {}
        # Of a call that goes on over lines: where it began, and how deep its brackets are.
        self._call: tuple[Place, int] | None = None
        self._pending: tuple[str, Place] | None = None
        self._previous = ""

    def run(self) -> SourceView:
        match = MARKER.match(self._text)
        while match is not None:
            self._stack.marker(match)
            if self._stack.origin is Origin.SYSTEM:
                match = self._system(match.end())
            else:
                match = self._own(match.end(), int(match[1]))
        return self._view

    def _system(self, position: int) -> re.Match[str] | None:
        header, private = self._stack.header()
        builtin = self._stack.file.startswith("<")
        compiler = self._stack.file == "<built-in>"
        for match in _SYSTEM_LINE.finditer(self._text, position):
            if match["line"]:
                return MARKER.match(self._text, match.start())
            if match["gone"]:
                self._macros.pop(match["gone"], None)
            elif builtin:
                if compiler:
                    self._view.builtin.add(match["name"])
            else:
                self._define(
                    Macro(match["name"], bool(match["call"]), match["rest"], header, private)
                )
        return None

    def _define(self, macro: Macro) -> None:
        self._macros[macro.name] = macro
        self._view.definitions.setdefault(macro.name, []).append(macro)

    def _own(self, position: int, line: int) -> re.Match[str] | None:
        """Scan own text up to the next marker, and give that."""
        text = self._text
        end = len(text)
        while position < end:
            if text[position] == "\n":
                position += 1
                line += 1
                continue
            if text[position] == "#" and (marker := MARKER.match(text, position)):
                return marker
            if _HASH.match(text, position) and text[position - 1] == "\n":
                position, line = self._directive(position, line)
                continue
            position, line = self._code_line(position, line)
        return None

    def _code_line(self, position: int, line: int) -> tuple[int, int]:
        """Scan tokens up to and with the end of the line."""
        text = self._text
        lines = self._view.lines.setdefault(self._stack.file, set())
        while position < len(text):
            match = TOKEN.match(text, position)
            if match is None:
                # An apostrophe in skipped text, a NUL byte: the other view reports what matters.
                position += 1
                continue
            position = match.end()
            kind = match.lastgroup
            if kind == "newline":
                return position, line + 1
            if kind == "word":
                self._word(match.group(), Place(self._stack.file, line, False), position)
            elif kind == "string":
                key = (self._stack.file, line)
                self._view.words.setdefault(key, set()).add(literal_word(match.group(), raw=True))
            elif kind == "punctuation":
                self._punctuation(match.group(), line)
            if kind in ("space", "comment"):
                line += match.group().count("\n")
            else:
                self._previous = match.group()
                lines.add(line)
        return position, line

    def _directive(self, position: int, line: int) -> tuple[int, int]:
        """Take in a directive of an own file; gives the position and line after it."""
        text = self._text
        start = position
        while position < len(text):
            match = TOKEN.match(text, position)
            position = match.end() if match else position + 1
            if match is not None and match.lastgroup == "newline":
                break
        directive = text[start:position]
        self._view.lines.setdefault(self._stack.file, set()).add(line)
        place = Place(self._stack.file, line, False)
        if match := _INCLUDE.match(directive):
            if self._stack.origin is Origin.OWN:
                self._view.includes.append(Include(match[2], match[1] == "<", place))
        elif match := _SYSTEM_LINE.match(directive):
            if match["gone"]:
                self._macros.pop(match["gone"], None)
            else:
                library = self._stack.origin is Origin.LIBRARY
                name = self._stack.name if library else None
                call = bool(match["call"])
                self._define(Macro(match["name"], call, match["rest"], name, False, library, place))
            self._reached.clear()
        return position, line + directive.count("\n")

    def _word(self, name: str, place: Place, position: int) -> None:
        if self._stack.origin is not Origin.OWN:
            return
        self._view.words.setdefault((place.file, place.line), set()).add(name)
        macro = self._macros.get(name)
        if macro is None or self._previous in (".", "->"):
            return
        if macro.takes_arguments:
            if not self._is_called(position):
                return
            if self._call is None:
                self._call = (place, 0)
        self._view.expanded.setdefault((place.file, place.line), []).append(macro)
        for reached in self._system_macros(macro):
            path = () if reached is macro else self._view.path(macro, reached.name)
            self._view.macros.append((reached, place, path))

    def _is_called(self, position: int) -> bool:
        while match := TOKEN.match(self._text, position):
            if match.lastgroup not in ("space", "newline", "comment"):
                return match.group() == "("
            position = match.end()
        return False

    def _punctuation(self, text: str, line: int) -> None:
        if self._call is None:
            return
        place, depth = self._call
        if text == "(":
            depth += 1
        elif text == ")":
            depth -= 1
            if depth <= 0:
                self._call = None
                key = (place.file, place.line)
                if line > place.line:
                    self._view.reach[key] = max(self._view.reach.get(key, 0), line)
                return
        self._call = (place, depth)

    def _system_macros(self, macro: Macro) -> tuple[Macro, ...]:
        """The outermost system macros that a use of ``macro`` expands to."""
        found = self._reached.get(macro.name)
        if found is None:
            found = self._reached[macro.name] = tuple(self._expand(macro, set()))
        return found

    def _expand(self, macro: Macro, seen: set[str]) -> list[Macro]:
        if macro.header is not None:
            return [macro]
        if macro.name in seen:
            return []
        seen.add(macro.name)
        words = _body_words(macro.body, macro.takes_arguments)
        found = []
        for name, called in words:
            inner = self._macros.get(name)
            if inner is not None and (called or not inner.takes_arguments):
                found += self._expand(inner, seen)
        return found


def literal_word(literal: str, *, raw: bool = False) -> str:
    """What stands for a string among words: its value after a quote, which no word begins with.

    ``raw`` says that ``literal`` is spelled as in the source.
    """
    return '"' + (literal_value(literal) if raw else literal)


@lru_cache(maxsize=8192)
def _body_names(body: str, takes_arguments: bool) -> tuple[str, ...]:
    """What a macro's body can bring: identifiers, strings, and ``##`` if it pastes."""
    found = [word for word, _ in _body_words(body, takes_arguments)]
    if '"' in body:
        strings = (match for match in TOKEN.finditer(body) if match.lastgroup == "string")
        found += (literal_word(match.group(), raw=True) for match in strings)
    return tuple(dict.fromkeys(found + ["##"] * ("##" in body)))


@lru_cache(maxsize=8192)
def _body_words(body: str, takes_arguments: bool) -> tuple[tuple[str, bool], ...]:
    """The identifiers of a macro's body but its parameters, and whether a bracket follows."""
    parameters: set[str] = set()
    if takes_arguments:
        listed, _, body = body.partition(")")
        parameters = set(re.findall(r"\w+", listed))
    tokens = [
        match
        for match in TOKEN.finditer(body)
        if match.lastgroup not in ("space", "newline", "comment")
    ]
    words = []
    for index, match in enumerate(tokens):
        if match.lastgroup == "word" and match.group() not in parameters:
            if index and tokens[index - 1].group() in (".", "->"):
                continue
            called = index + 1 < len(tokens) and tokens[index + 1].group() == "("
            words.append((match.group(), called))
    return tuple(words)


def is_type(macro: Macro) -> bool:
    """Whether a macro merely names a type, as ``bool`` of stdbool.h does."""
    words = macro.body.split()
    return not macro.takes_arguments and bool(words) and set(words) <= _TYPE_WORDS

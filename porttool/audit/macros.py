"""Macros and headers that own source lines use, from the preprocessor's view before expansion."""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from porttool.audit.lexer import (
    KNOWN_LIMIT,
    TEXTS,
    TOKEN,
    Files,
    IncludeStack,
    Origin,
    Place,
    Segment,
)
from porttool.audit.rewrite import literal_value

_DEFINITION = re.compile(
    r"^[ \t]*\#[ \t]*define[ \t]+(?P<name>\w+)(?P<call>\()?(?P<rest>(?:[^\\\n]++|\\[\s\S])*+)"
    r"|^[ \t]*\#[ \t]*undef[ \t]+(?P<gone>\w+)",
    re.MULTILINE,
)
#: Code as far as the view is concerned, each with the space before it.
_CODE = re.compile(
    rf"""
    [ \t\f\v\r]*+
    (?:
      (?P<newline>\n)
    | (?P<splice>\\\r?\n)
    | {TEXTS}
    | (?P<bracket>[()])
    | (?P<hash>\#)
    | (?P<other>\.\.\.|[][{{}},;:?~!<>=+*%&|^@]++)
    | (?P<member>->|\.)
    | (?P<rest>[^\n])
    )
    """,
    re.VERBOSE,
)
_MEMBER = ("->", ".")
_INCLUDE = re.compile(r'[ \t]*#[ \t]*(?:include|include_next|import)[ \t]+(["<])([^">\n]+)[">]')
_ASKED = re.compile(
    r'^#[ \t]*(?:include|include_next|import)\b[ \t]*(?:(["<])([^">\n]+)[">])?', re.MULTILINE
)
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


class Asked(NamedTuple):
    """An ``#include`` in any file: ``"`` or ``<``, and the name; both "" when a macro gives it."""

    quote: str
    name: str


class Definitions:
    """All definitions that the macros of a unit have had.

    ``shared`` has those of every piece of text that units have in common.
    """

    def __init__(self, shared: dict[str, list[tuple[object, Macro]]]) -> None:
        self._shared = shared
        self._pieces: dict[object, int] = {}
        self._mine: dict[str, list[tuple[int, Macro]]] = {}
        self._known: dict[str, list[Macro]] = {}

    def add(self, piece: object) -> None:
        """Take in a piece of text that units have in common."""
        self._pieces.setdefault(piece, len(self._pieces))
        self._known.clear()

    def define(self, macro: Macro) -> None:
        """Take in a macro of this unit alone, after the pieces so far."""
        self._mine.setdefault(macro.name, []).append((len(self._pieces), macro))
        self._known.clear()

    def of(self, name: str) -> list[Macro]:
        """The definitions of a macro so far, in their order."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._find(name)
        return known

    def _find(self, name: str) -> list[Macro]:
        pieces = self._pieces
        found = [(pieces[at], macro) for at, macro in self._shared.get(name, ()) if at in pieces]
        found += self._mine.get(name, ())
        found.sort(key=lambda each: each[0])
        return [macro for _, macro in found]


@dataclass(slots=True)
class SourceView:
    """Own lines that are compiled, before macros are expanded.

    ``macros`` are the system's (or a library's) that own lines use, each with its place and the
    own macros that lead to it from there. ``words`` are the identifiers of a line, and its strings
    as :func:`literal_word` has them; ``expanded`` are the macros among them. ``reach`` says up to
    which line the arguments of a macro go that is called on a line. ``definitions`` are all that
    a macro has had; ``builtin`` are the macros of the compiler. ``lines`` are those of each own
    file that have anything on them but a comment or a condition. ``opened`` are all files that
    were read, ``asked`` what they include.
    """

    includes: list[Include] = field(default_factory=list)
    macros: list[tuple[Macro, Place, tuple[Macro, ...]]] = field(default_factory=list)
    definitions: "Definitions" = field(default_factory=lambda: Definitions({}))
    expanded: dict[tuple[str, int], list[Macro]] = field(default_factory=dict)
    builtin: set[str] = field(default_factory=set)
    lines: dict[str, set[int]] = field(default_factory=dict)
    words: dict[tuple[str, int], frozenset[str]] = field(default_factory=dict)
    reach: dict[tuple[str, int], int] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)
    asked: set[tuple[str, Asked]] = field(default_factory=set)

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
        return any(self.path(each, name) for each in self.definitions.of(macro))

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
                for inner in self.definitions.of(word):
                    if inner not in before:
                        before[inner] = each
                        waiting.append(inner)
        return ()


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    """Lines of own code with no directive among them.

    ``words`` and ``lines`` are for the view, ``names`` all identifiers. ``tokens`` are identifiers
    and round brackets: text, line, whether it is a member, and whether a bracket follows.
    ``begins`` says that the first token of all is among them, ``last`` is the last one of all.
    """

    words: dict[tuple[str, int], frozenset[str]]
    names: frozenset[str]
    tokens: tuple[tuple[str, int, bool, bool], ...]
    begins: bool
    last: str


@dataclass(frozen=True, slots=True)
class _Undefined:
    """An ``#undef``."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class _Own:
    """What stands between two line markers in an own file; ``lines`` as in the view."""

    items: tuple[_Run | Macro | _Undefined | Include, ...]
    lines: frozenset[int]
    includes: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class _Where:
    """The file that text stands in: whose it is and what to call it."""

    file: str
    origin: Origin
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class _System:
    """The directives between two line markers in a system header.

    ``macros`` are what they leave defined; None when some are taken back.
    """

    items: tuple[Macro | _Undefined, ...]
    macros: dict[str, Macro] | None
    includes: tuple[Asked, ...]

    @classmethod
    def read(cls, text: str, header: str, private: bool) -> "_System":
        items: list[Macro | _Undefined] = []
        for match in _DEFINITION.finditer(text):
            if match["gone"]:
                items.append(_Undefined(match["gone"]))
            else:
                name, rest = match["name"], match["rest"]
                items.append(Macro(name, bool(match["call"]), rest, header, private))
        macros = {each.name: each for each in items if isinstance(each, Macro)}
        whole = all(isinstance(each, Macro) for each in items)
        return cls(tuple(items), macros if whole else None, tuple(_asked(text)))


def _asked(text: str) -> Iterator[Asked]:
    for match in _ASKED.finditer(text):
        yield Asked(match[1] or "", match[2] or "")


class ViewReader:
    """Reads the preprocessor's output of ``-fdirectives-only -dI``.

    What several units include is taken apart only once.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._system: dict[tuple[str, str, bool], _System] = {}
        self._own: dict[tuple[_Where, int, str], _Own] = {}
        self._definitions: dict[str, list[tuple[object, Macro]]] = {}

    def view(self, directives: Iterable[Segment], source: str) -> SourceView:
        """The view of one unit; ``source`` is its file: what stands in it is in no other unit."""
        if len(self._own) > KNOWN_LIMIT or len(self._definitions) > KNOWN_LIMIT:
            self._own.clear()
            self._system.clear()
            self._definitions = {}
        stack = IncludeStack(self._files)
        view = SourceView(definitions=Definitions(self._definitions))
        user = _User(view)
        waiting = deque(directives)
        while waiting:
            segment = waiting.popleft()
            stack.enter(segment)
            if not segment.file.startswith("<"):
                view.opened.add(segment.file)
            if stack.origin is Origin.SYSTEM:
                self._take_system(segment.text, stack, user)
                continue
            text = segment.text
            while waiting and _ends_in_comment(text):
                following = waiting.popleft()
                text = f"{text}\n# {following.head}{following.text}"
            where = _Where(stack.file, stack.origin, stack.name)
            piece, shared = self._read_own(text, segment.line, where, source)
            user.take_own(piece, where, shared=shared)
        return view

    def _take_system(self, text: str, stack: IncludeStack, user: "_User") -> None:
        if "#" not in text:
            return
        header, private = stack.header()
        key = (text, header, private)
        found = self._system.get(key)
        if found is None:
            found = self._system[key] = _System.read(text, header, private)
            if not stack.file.startswith("<"):
                self._index(found, found.items)
        user.take_system(found, stack.file)

    def _read_own(self, text: str, line: int, where: _Where, source: str) -> tuple[_Own, bool]:
        """A piece of an own file, and whether other units may have it, too."""
        if where.file == source:
            return _OwnReader(text, line, where).read(), False
        key = (where, line, text)
        found = self._own.get(key)
        if found is None:
            found = self._own[key] = _OwnReader(text, line, where).read()
            self._index(found, found.items)
        return found, True

    def _index(self, piece: object, items: Iterable[object]) -> None:
        for item in items:
            if isinstance(item, Macro):
                self._definitions.setdefault(item.name, []).append((piece, item))


def _ends_in_comment(text: str) -> bool:
    """Whether a comment begins in a text and does not end in it."""
    if text.rfind("/*") <= text.rfind("*/"):
        return False
    end = 0
    for match in TOKEN.finditer(text):
        if match.lastgroup == "punctuation" and text.startswith("/*", match.start()):
            return True
        end = match.end()
    return text.startswith("/*", end)


class _OwnReader:
    """Takes a piece of an own file apart."""

    def __init__(self, text: str, line: int, where: _Where) -> None:
        self._text = text
        self._line = line
        self._where = where
        self._items: list[_Run | Macro | _Undefined | Include] = []
        self._lines: set[int] = set()

    def read(self) -> _Own:
        position = 0
        while position < len(self._text):
            position = self._code(position)
            if position < len(self._text):
                position = self._directive(position)
        asked = tuple(_asked(self._text)) if "#" in self._text else ()
        return _Own(tuple(self._items), frozenset(self._lines), asked)

    def _code(self, position: int) -> int:
        """Read code up to the next directive; gives where that begins."""
        own = self._where.origin is Origin.OWN
        line = self._line
        words: dict[int, set[str]] = {}
        tokens: list[tuple[str, int, bool, bool]] = []
        fresh, last, begins, followed = True, "", False, False
        lines = self._lines
        end = len(self._text)
        for match in _CODE.finditer(self._text, position):
            kind = match.lastgroup
            if kind == "newline":
                line += 1
                fresh = True
                continue
            if kind in ("comment", "splice"):
                line += match[kind].count("\n")
                fresh = False
                continue
            if kind is None:
                continue
            if kind == "hash" and fresh:
                end = match.start()
                break
            fresh = False
            value = match[kind]
            if kind == "word":
                if own:
                    words.setdefault(line, set()).add(value)
                    begins = begins or not last
                    tokens.append((value, line, last in _MEMBER, False))
                    followed = True
                    last = value
                    lines.add(line)
                    continue
            elif kind == "bracket":
                if followed and value == "(":
                    name, at, member, _ = tokens[-1]
                    tokens[-1] = (name, at, member, True)
                begins = begins or not last
                tokens.append((value, line, False, False))
            elif kind == "string":
                words.setdefault(line, set()).add(literal_word(value, raw=True))
            followed = False
            last = value
            lines.add(line)
        self._line = line
        if last:
            file = self._where.file
            self._items.append(
                _Run(
                    {(file, at): frozenset(each) for at, each in words.items()},
                    frozenset([text for text, *_ in tokens if text not in "()"]),
                    tuple(tokens),
                    begins,
                    last,
                )
            )
        return end

    def _directive(self, position: int) -> int:
        """Read a directive; gives the position after it."""
        text = self._text
        start = position
        while position < len(text):
            match = TOKEN.match(text, position)
            position = match.end() if match else position + 1
            if match is not None and match.lastgroup == "newline":
                break
        directive = text[start:position]
        where = self._where
        place = Place(where.file, self._line, False)
        self._lines.add(self._line)
        self._line += directive.count("\n")
        if match := _INCLUDE.match(directive):
            if where.origin is Origin.OWN:
                self._items.append(Include(match[2], match[1] == "<", place))
        elif match := _DEFINITION.match(directive):
            if match["gone"]:
                self._items.append(_Undefined(match["gone"]))
            else:
                library = where.origin is Origin.LIBRARY
                name = where.name if library else None
                call = bool(match["call"])
                macro = Macro(match["name"], call, match["rest"], name, False, library, place)
                self._items.append(macro)
        return position


class _User:
    """Goes through a unit, knows the macros of the moment, and notes which of them are used."""

    def __init__(self, view: SourceView) -> None:
        self._view = view
        self._macros: dict[str, Macro] = {}
        self._reached: dict[Macro, tuple[tuple[Macro, tuple[Macro, ...]], ...]] = {}
        # Of a call that goes on over lines: where it began, and how deep its brackets are.
        self._call: tuple[Place, int] | None = None
        self._previous = ""

    def take_system(self, items: _System, file: str) -> None:
        """Take in the directives of a system header, or of what stands for one."""
        self._ask(items.includes, file)
        if file.startswith("<"):
            if file == "<built-in>":
                self._view.builtin.update(each.name for each in items.items)
            for each in items.items:
                if isinstance(each, _Undefined):
                    self._macros.pop(each.name, None)
            return
        self._view.definitions.add(items)
        if items.macros is not None:
            self._macros.update(items.macros)
            return
        for each in items.items:
            if isinstance(each, Macro):
                self._macros[each.name] = each
            else:
                self._macros.pop(each.name, None)

    def _ask(self, includes: tuple[Asked, ...], file: str) -> None:
        if includes:
            self._view.asked.update((file, each) for each in includes)

    def take_own(self, piece: _Own, where: _Where, *, shared: bool) -> None:
        """Take in a piece of an own file, which other units may have, too."""
        if shared:
            self._view.definitions.add(piece)
        self._ask(piece.includes, where.file)
        if piece.lines:
            self._view.lines.setdefault(where.file, set()).update(piece.lines)
        for item in piece.items:
            if isinstance(item, _Run):
                self._take_words(item.words)
                if self._call or any(map(self._macros.__contains__, item.names)):
                    self._use(item, where)
                self._previous = item.last
            elif isinstance(item, Include):
                self._view.includes.append(item)
            else:
                if isinstance(item, Macro):
                    self._macros[item.name] = item
                    if not shared:
                        self._view.definitions.define(item)
                else:
                    self._macros.pop(item.name, None)
                self._reached.clear()

    def _take_words(self, words: dict[tuple[str, int], frozenset[str]]) -> None:
        known = self._view.words
        if known.keys().isdisjoint(words):
            known.update(words)
            return
        for at, each in words.items():
            known[at] = known.get(at, frozenset()) | each

    def _use(self, run: _Run, where: _Where) -> None:
        """Note which macros a run uses."""
        macros = self._macros
        first = run.begins and self._previous in _MEMBER
        for text, line, member, called in run.tokens:
            if text in ("(", ")"):
                if self._call is not None:
                    self._bracket(text, line)
            elif (macro := macros.get(text)) is not None and not (member or first):
                self._expand(macro, called, Place(where.file, line, False))
            first = False

    def _expand(self, macro: Macro, called: bool, place: Place) -> None:
        if macro.takes_arguments:
            if not called:
                return
            if self._call is None:
                self._call = (place, 0)
        self._view.expanded.setdefault((place.file, place.line), []).append(macro)
        for reached, path in self._system_macros(macro):
            self._view.macros.append((reached, place, path))

    def _bracket(self, text: str, line: int) -> None:
        if self._call is None:
            return
        place, depth = self._call
        depth += 1 if text == "(" else -1
        if text == ")" and depth <= 0:
            self._call = None
            key = (place.file, place.line)
            if line > place.line:
                self._view.reach[key] = max(self._view.reach.get(key, 0), line)
            return
        self._call = (place, depth)

    def _system_macros(self, macro: Macro) -> tuple[tuple[Macro, tuple[Macro, ...]], ...]:
        """The outermost system macros that a use of ``macro`` expands to, and the way to each."""
        if macro.header is not None:
            return ((macro, ()),)
        found = self._reached.get(macro)
        if found is None:
            reached = self._within(macro, set())
            found = tuple((each, self._view.path(macro, each.name)) for each in reached)
            self._reached[macro] = found
        return found

    def _within(self, macro: Macro, seen: set[str]) -> list[Macro]:
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
                found += self._within(inner, seen)
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

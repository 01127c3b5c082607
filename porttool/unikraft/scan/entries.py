"""The ukstore entries of libraries, read from their C: static ones and those of objects.

Both generations are told apart by where the type stands. Releases 0.9 to 0.13 have
``UK_STORE_STATIC_ENTRY(name, type, get, set, cookie)``, later ones put an id in front of the name
and have entries of objects: arrays of ``struct uk_store_entry`` that are given to
``uk_store_obj_alloc`` (``<uk/store.h>``). Macros of the library's own around these are followed.
"""

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from porttool.unikraft.provides import ENTRY_TYPES, Entry
from porttool.unikraft.scan import conditional, definitions
from porttool.unikraft.scan.condition import NEVER, Condition, symbol
from porttool.unikraft.scan.conditional import Source
from porttool.unikraft.scan.kconfig import Selects, least
from porttool.unikraft.scan.layout import Layout
from porttool.unikraft.scan.makefile import Library
from porttool.unikraft.scan.tokens import CToken, Macros, arguments, expand, matching

_HEADER = "uk/store.h"
_STATIC, _OF_OBJECTS = "UK_STORE_STATIC_ENTRY", "UK_STORE_ENTRY"
_STRUCTURE = "uk_store_entry"
_ALLOCATES = "uk_store_obj_alloc"
_WORD = re.compile(r"[A-Za-z_]\w*")
_FORMATTED = {"asprintf": 1, "sprintf": 1, "snprintf": 2}
_DEPTH_MAX = 8
_ENTRIES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Raw:
    """An entry as it stands in a file, with what can be known only there.

    ``id`` is the C expression, None in the first generation; ``defined_in`` the file that defines
    the name that it is.
    """

    library: Library
    name: str
    type: str
    id: str | None
    value: int | None
    condition: Condition
    dynamic: bool
    object: str | None
    defined_in: str | None


def of_c(source: Source, library: Library, condition: Condition) -> list[Raw]:
    """The entries in a file of ``library`` that has been read and is built on a condition."""
    if _HEADER not in source.included and not _mentions(source.tokens):
        return []
    file = _File(source)
    found: list[Raw] = []
    for made in file.entries():
        guard = condition & made.condition
        if guard is NEVER or len(found) == _ENTRIES_MAX:
            continue
        value, where = (None, None) if made.id is None else file.value(made.id)
        found.append(
            Raw(
                library=library,
                name=made.name,
                type=made.type,
                id=made.id,
                value=value,
                condition=guard,
                dynamic=made.dynamic,
                object=file.object_of(made.array) if made.dynamic else None,
                defined_in=where,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Folder:
    """The libraries that a folder registers with Unikraft's build, and their entries."""

    libraries: tuple[str, ...]
    entries: tuple[Entry, ...]


def of_library(folder: Path, tree: Path | None = None) -> tuple[Entry, ...]:
    """The entries of one library or application: those of :func:`of_folder`."""
    return of_folder(folder, tree).entries


def of_folder(folder: Path, tree: Path | None = None) -> Folder:
    """What a library or application has, entries in the order of the catalogue.

    ``folder`` has its ``Makefile.uk``. With ``tree``, a Unikraft tree, macros and ids of that can
    be used in it, too. What is in archives is not looked at. Raises :class:`UserError` when the
    folder has no ``Makefile.uk``.
    """
    folder = folder.resolve()
    with tempfile.TemporaryDirectory(prefix="porttool-") as temporary:
        layout = Layout(tree, [folder], None, Path(temporary))
        own = [each for each in layout.libraries if each.folder.is_relative_to(folder)]
        found: list[Raw] = []
        for library in own:
            reader = layout.reader(library)
            for file in layout.files(library):
                found += of_c(reader.read(file.path), library, file.condition)
        return Folder(tuple(each.name for each in own), public(found, layout))


def public(found: Iterable[Raw], layout: Layout) -> tuple[Entry, ...]:
    """Entries as others see them, sorted; ids that no public header defines are known by value."""
    names: dict[str, str] = {}
    for header in layout.headers():
        names.setdefault(str(header.path.resolve()), header.name)
    whole: dict[tuple[str, str, str], tuple[Raw, Condition]] = {}
    for raw in found:
        key = (raw.library.name, raw.name, raw.object or "")
        known, condition = whole.get(key, (raw, NEVER))
        whole[key] = (known, condition | raw.condition)
    made = []
    for _, (raw, condition) in sorted(whole.items(), key=lambda item: item[0]):
        requires = _requires(condition.given(layout.fixed), raw.library, layout)
        if requires is None:
            continue
        where = None if raw.defined_in is None else str(Path(raw.defined_in).resolve())
        made.append(
            Entry(
                library=raw.library.name,
                name=raw.name,
                id=raw.id if raw.id is not None and _WORD.fullmatch(raw.id) else None,
                value=raw.value,
                type=raw.type,
                header=None if where is None else names.get(where),
                requires=requires,
                dynamic=raw.dynamic,
                object=raw.object,
            )
        )
    return tuple(made)


def generation(layout: Layout) -> int | None:
    """1 when ukstore looks entries up by their names, 2 by ids; None when there is no ukstore."""
    reader = layout.public_reader({})
    for header in layout.headers():
        if header.name == _HEADER:
            source = reader.read(header.path)
            declared = definitions.of_c(source).declared
            return 2 if "uk_store_static_entry_get" in declared else 1
    return None


def _requires(condition: Condition, library: Library, layout: Layout) -> tuple[str, ...] | None:
    """All symbols of the shortest way to an entry; the library's own goes without saying.

    That is, when another of them depends on it: it guards nothing that the other does not.
    """
    nothing: Selects = {}
    way = least(condition & symbol("LIBUKSTORE"), nothing)
    if way is None:
        return None
    names = way.requires
    own = library.name.upper()
    if any(own in layout.depends.get(name, ()) for name in names):
        return tuple(name for name in names if name != own)
    return names


def _mentions(tokens: Sequence[CToken]) -> bool:
    return any(token.text in (_STATIC, _OF_OBJECTS, _STRUCTURE) for token in tokens)


@dataclass(frozen=True, slots=True)
class _Made:
    """An entry in a file; ``array`` is the variable that holds it."""

    name: str
    type: str
    id: str | None
    condition: Condition
    dynamic: bool
    array: str | None


class _File:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._macros = source.macros
        self._wrappers = _wrappers(source.macros)

    def entries(self) -> Iterator[_Made]:
        yield from self._walk(self._source.tokens, None, 0)

    def _walk(self, tokens: Sequence[CToken], array: str | None, depth: int) -> Iterator[_Made]:
        """Entries in tokens, with macros expanded that have to do with entries."""
        if depth > _DEPTH_MAX:
            return
        index = 0
        inside = 0  # braces of the array that are open
        outer = array
        while index < len(tokens):
            token = tokens[index]
            called = index + 1 < len(tokens) and tokens[index + 1].text == "("
            if token.text == "=" and (name := _array(tokens, index)):
                array, inside = name, 0
            elif token.text == "{":
                inside += 1
            elif token.text == "}":
                inside -= 1
            elif token.text == ";" and inside <= 0:
                array = outer
            elif called and token.text in (_STATIC, _OF_OBJECTS):
                end = matching(tokens, index + 1)
                if made := self._called(token, arguments(tokens[index + 2 : end]), array):
                    yield made
                index = end
            elif called and self._leads(token, tokens, index):
                end = matching(tokens, index + 1)
                for guard, macro in self._macros.known[token.text]:
                    guard = token.condition & guard
                    inner = expand(macro, tokens[index + 2 : end], guard, self._macros)
                    yield from self._walk(inner, array, depth + 1)
                index = end
            if token.text == "{" and array is not None:
                end = matching(tokens, index)
                if made := self._designated(tokens[index + 1 : end], array):
                    yield made
            index += 1

    def _leads(self, token: CToken, tokens: Sequence[CToken], index: int) -> bool:
        """Whether a call of a macro may have entries in what it stands for."""
        known = self._macros.known.get(token.text)
        if not known or known[0][1].parameters is None:
            return False
        if token.text in self._wrappers:
            return True
        end = matching(tokens, index + 1)
        names = {_STATIC, _OF_OBJECTS, *self._wrappers}
        return any(each.text in names for each in tokens[index + 2 : end])

    def _called(
        self, token: CToken, parts: Sequence[Sequence[str]], array: str | None
    ) -> _Made | None:
        """What a call of one of ukstore's macros makes; the place of the type tells which."""
        words = [_joined(part) for part in parts]
        dynamic = token.text == _OF_OBJECTS
        for place in (2, 1):
            type_ = self._type(words[place]) if len(words) > place else None
            name = self._text(words[place - 1]) if type_ else None
            if type_ and name:
                id_ = words[0] if place == 2 else None
                return _Made(name, type_, id_, token.condition, dynamic, array)
        return None

    def _designated(self, tokens: Sequence[CToken], array: str) -> _Made | None:
        """The entry that a brace makes whose members are named."""
        members: dict[str, list[str]] = {}
        start, depth = 0, 0
        for index, token in enumerate([*tokens, CToken("punctuation", ",", NEVER, 0)]):
            depth += {"(": 1, "{": 1, "[": 1, ")": -1, "}": -1, "]": -1}.get(token.text, 0)
            if token.text == "," and depth == 0:
                part = [each.text for each in tokens[start:index]]
                if len(part) > 3 and part[0] == "." and part[2] == "=":
                    members[part[1]] = part[3:]
                start = index + 1
        kind = members.get("type", [])
        name = self._text(" ".join(members.get("name", [])))
        type_ = self._type(kind[2]) if len(kind) == 4 and kind[0] == "UK_STORE_ENTRY_TYPE" else None
        if not (name and type_):
            return None
        id_ = _joined(members["id"]) if "id" in members else None
        return _Made(name, type_, id_, tokens[0].condition, True, array)

    def _type(self, text: str) -> str | None:
        resolved = self._resolved(text)
        return resolved if resolved in ENTRY_TYPES else None

    def _text(self, text: str) -> str | None:
        """A name as it is written: a word, a string, or a macro for one."""
        text = self._resolved(text)
        if text.startswith('"'):
            text = _literal(text)
        return text if _WORD.fullmatch(text) else None

    def _resolved(self, text: str) -> str:
        for _ in range(_DEPTH_MAX):
            macro = self._macros.only(text)
            if macro is None or macro.parameters is not None or not macro.body.strip():
                break
            text = macro.body.strip()
        return text

    def object_of(self, array: str | None) -> str | None:
        """How the objects are called that an array of entries is given to."""
        tokens = self._source.tokens
        names = set()
        for index, token in enumerate(tokens):
            if token.text != _ALLOCATES or index + 1 == len(tokens):
                continue
            parts = arguments(tokens[index + 2 : matching(tokens, index + 1)])
            if len(parts) == 5 and array is not None and array in parts[3]:
                names.add(self._object(parts[2], index))
        return names.pop() if len(names) == 1 else None

    def _object(self, expression: Sequence[str], before: int) -> str | None:
        """The name, or the format of it, that an expression has where an object is made."""
        text = "".join(self._resolved(word) for word in expression if not word.startswith("("))
        if text.startswith('"'):
            return _literal(text)
        tokens = self._source.tokens
        for index in range(before - 1, -1, -1):
            word = tokens[index].text
            if word == "}" and tokens[index].column == 0:
                return None
            if word in _FORMATTED and tokens[index + 1].text == "(":
                parts = arguments(tokens[index + 2 : matching(tokens, index + 1)])
                place = _FORMATTED[word]
                if len(parts) > place and parts[0][-1:] == [text]:
                    return _literal(" ".join(map(self._resolved, parts[place])))
            if word == text and tokens[index + 1].text == "=" and tokens[index + 2].text[0] == '"':
                return _literal(tokens[index + 2].text)
        return None

    def value(self, expression: str) -> tuple[int | None, str | None]:
        """The number of an id, and the file that defines its name."""
        if not _WORD.fullmatch(expression):
            return conditional.evaluate(expression, self._macros), None
        for path in self._source.files:
            if conditional.defines(path, self._source.roots, expression):
                return conditional.evaluate(expression, self._macros), path
        for path in self._source.files:
            number = _enumerated(expression, path, self._source)
            if number is not None:
                return number, path
        return None, None


def _wrappers(macros: Macros) -> frozenset[str]:
    """Macros that have entries in what they stand for, by way of others as well."""
    bodies = {
        name: set(_WORD.findall(" ".join(macro.body for _, macro in known)))
        for name, known in macros.known.items()
        if name not in (_STATIC, _OF_OBJECTS) and any(macro.parameters for _, macro in known)
    }
    found: set[str] = {_STATIC, _OF_OBJECTS}
    while more := {name for name, words in bodies.items() if words & found} - found:
        found |= more
    return frozenset(found - {_STATIC, _OF_OBJECTS})


def _array(tokens: Sequence[CToken], index: int) -> str | None:
    """The variable that an initialiser is of, when that is of ukstore's entries."""
    start = index
    while start > 0 and tokens[start - 1].text not in (";", "{", "}"):
        start -= 1
    before = [token.text for token in tokens[start:index]]
    if _STRUCTURE not in before:
        return None
    words = before[before.index(_STRUCTURE) + 1 :]
    return next((word for word in words if _WORD.fullmatch(word) and word != "const"), None)


def _enumerated(name: str, path: str, source: Source) -> int | None:
    """The value of an enumeration's constant that a file defines."""
    words = conditional.words(path, source.roots)
    for index, word in enumerate(words):
        if word != "enum":
            continue
        start = words.index("{", index) if "{" in words[index : index + 3] else None
        if start is None:
            continue
        end = words.index("}", start) if "}" in words[start:] else len(words)
        value = -1
        for part in _parts(words[start + 1 : end]):
            given = _joined(part[2:]) if part[1:2] == ["="] else None
            number = conditional.evaluate(given, source.macros) if given else value + 1
            if number is None:
                break
            value = number
            if part[0] == name:
                return value
    return None


def _parts(words: Sequence[str]) -> Iterator[list[str]]:
    part: list[str] = []
    for word in [*words, ","]:
        if word != ",":
            part.append(word)
        elif part:
            yield part
            part = []


def _joined(words: Sequence[str]) -> str:
    """Tokens as a text that means the same: "<<" was taken for two."""
    return re.sub(r"([<>=&|]) (?=[<>=&|])", r"\1", " ".join(words))


def _literal(text: str) -> str:
    """The text of string literals that follow each other."""
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text))

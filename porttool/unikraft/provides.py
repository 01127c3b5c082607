"""What one Unikraft release provides to C code: symbols, system calls and headers.

The files under ``provides/`` are made by ``porttool catalogue scan`` and hold facts alone. Their
schema, version 3, is described in ``docs/catalogue.md``.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from porttool.errors import UserError
from porttool.unikraft import kconfig
from porttool.unikraft.kconfig import Graph

_T = TypeVar("_T")
_SHIPPED = Path(__file__).parent / "provides"
_SCHEMA = 3
_NOT = "!"
_DEPTHS = 2
_KINDS = ("function", "variable")
_CALLS = ("syscalls", "sometimes", "unchecked")
_RELEASE = re.compile(r"[0-9]+(\.[0-9]+)+")

ENTRY_TYPES = ("u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64", "uptr", "charp")
"""The types of ukstore's entries (``<uk/store.h>``); the last two are no figures."""

STUBS = ("enosys", "empty", "warn")
"""Ways of answering without doing: fails with ENOSYS, does nothing at all, warns and goes on."""


class ProvidesError(UserError, ValueError):
    """A file does not say what a release provides, or there is none of that release."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A function or variable that other libraries can link with.

    ``requires`` are the Kconfig symbols (without ``CONFIG_``) that have to be set for it to exist,
    sorted, without those that one of the others selects anyway; ``excludes`` are those that must
    not be set, sorted. ``syscalls`` are the system calls that it may make, itself or by way of
    other functions of its library. Of these it makes ``sometimes`` on some ways through it alone
    (failures that it finds itself do not count as ways), and at the result of ``unchecked`` it
    does not look. ``stub`` is one of :data:`STUBS`. ``source`` is the file that defines it,
    relative to the library or the archive it is made from.
    """

    name: str
    kind: str
    library: str
    requires: tuple[str, ...]
    syscalls: tuple[str, ...]
    stub: str | None
    source: str
    excludes: tuple[str, ...] = ()
    sometimes: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Syscall:
    """A system call with a handler; the fields mean what they do in :class:`Symbol`."""

    name: str
    library: str
    requires: tuple[str, ...]
    stub: str | None
    excludes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A value that a library keeps in ukstore.

    ``id`` is the macro of its number and ``value`` the number itself; both are None where entries
    have names alone, which is so up to Unikraft 0.13. ``header`` is what has to be included for
    ``id``, None when it cannot be. ``requires`` are all Kconfig symbols (without ``CONFIG_``) that
    must be set for it to exist, sorted, without the library's own where another one implies that.
    A ``dynamic`` entry is one of objects that are made at run time; ``object`` is what they are
    called, a format of printf, None when that cannot be told.
    """

    library: str
    name: str
    id: str | None
    value: int | None
    type: str
    header: str | None
    requires: tuple[str, ...]
    object: str | None = None
    dynamic: bool = False

    @property
    def key(self) -> str:
        """``library/entry``, as a mapping names it."""
        return f"{self.library}/{self.name}"


@dataclass(frozen=True, slots=True)
class Provides:
    """All that a tree of one release and its libraries provide, for x86-64.

    ``commits`` maps ``unikraft``, ``lib-musl`` and the like to the commit that was read, None when
    it was no git checkout. ``others`` are definitions of further libraries, for symbols that a
    Kconfig symbol can exclude; the first of them that nothing excludes counts then.
    ``headers`` maps the name of a header, as in ``#include <...>``, to the library that brings it,
    ``parts`` those that take Kconfig symbols beside the library's own to these.
    ``declared`` are names that a header declares and nothing defines.
    ``ukstore`` is the generation of ukstore: 1 when entries are found by name, 2 by id, None when
    there is none; ``entries`` are what it holds, sorted by library and name. ``kconfig`` has
    the boolean Kconfig symbols of the tree and the libraries.
    """

    release: str
    commits: Mapping[str, str | None]
    symbols: Mapping[str, Symbol]
    syscalls: Mapping[str, Syscall]
    headers: Mapping[str, str]
    declared: frozenset[str]
    ukstore: int | None = None
    entries: tuple[Entry, ...] = ()
    kconfig: Graph = field(default_factory=Graph)
    others: Mapping[str, tuple[Symbol, ...]] = field(default_factory=dict)
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def dumps(provides: Provides) -> str:
    """The JSON text of ``provides``: the same facts give the same bytes."""
    document: dict[str, object] = {
        "schema": _SCHEMA,
        "release": provides.release,
        "commits": dict(sorted(provides.commits.items())),
        "ukstore": provides.ukstore,
        "entries": [_of_entry(entry) for entry in provides.entries],
        "symbols": _grouped(
            (_owner(symbol), symbol.name, _of_symbol(symbol))
            for symbol in provides.symbols.values()
        ),
        "others": _grouped(
            (_owner(symbol), symbol.name, _of_symbol(symbol))
            for symbols in provides.others.values()
            for symbol in symbols
        ),
        "syscalls": _grouped(
            (_owner(call), call.name, call.stub) for call in provides.syscalls.values()
        ),
        "headers": _names_of(
            {
                name: " ".join((library, *provides.parts.get(name, ())))
                for name, library in provides.headers.items()
            }
        ),
        "declared": sorted(provides.declared),
        **kconfig.to_document(provides.kconfig),
    }
    return "".join(_lines(document, 0)) + "\n"


def _owner(each: Symbol | Syscall) -> str:
    """The library, what it requires and what it excludes, as one word after the other."""
    return " ".join((each.library, *each.requires, *(f"{_NOT}{name}" for name in each.excludes)))


def _of_symbol(symbol: Symbol) -> object:
    """The source alone for a function that makes no system calls and does its work."""
    facts: dict[str, object] = {}
    if symbol.kind != "function":
        facts["kind"] = symbol.kind
    for key in _CALLS:
        if names := getattr(symbol, key):
            facts[key] = " ".join(names)
    if symbol.stub is not None:
        facts["stub"] = symbol.stub
    return {"source": symbol.source, **facts} if facts else symbol.source


def _of_entry(entry: Entry) -> dict[str, object]:
    facts: dict[str, object] = {
        "library": entry.library,
        "name": entry.name,
        "type": entry.type,
        "id": entry.id,
        "value": entry.value,
        "header": entry.header,
        "requires": " ".join(entry.requires),
    }
    return {**facts, "object": entry.object} if entry.dynamic else facts


def _grouped(facts: Iterable[tuple[str, str, object]]) -> dict[str, dict[str, object]]:
    groups: dict[str, dict[str, object]] = {}
    for group, name, fact in sorted(facts, key=lambda each: each[:2]):
        groups.setdefault(group, {})[name] = fact
    return groups


def _names_of(owners: Mapping[str, str]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name, owner in sorted(owners.items()):
        groups.setdefault(owner, []).append(name)
    return dict(sorted(groups.items()))


def _lines(value: object, depth: int) -> Iterator[str]:
    """JSON with one fact a line, so that two releases can be compared with diff."""
    if depth > _DEPTHS or not isinstance(value, dict | list) or not value:
        yield json.dumps(value)
        return
    margin = " " * depth
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    separator = f"{opening}\n"
    for each in value:
        yield f"{separator}{margin} "
        if isinstance(value, dict):
            yield f"{json.dumps(each)}: "
            # What is known of one name stays on its line.
            yield from _lines(value[each], depth + 1)
        else:
            yield json.dumps(each)
        separator = ",\n"
    yield f"\n{margin}{closing}"


def load(path: Path) -> Provides:
    """Read what :func:`dumps` has written. Raises :class:`ProvidesError`."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ProvidesError("cannot be read", where=str(path), why=error.strerror) from error
    except (ValueError, RecursionError) as error:
        raise ProvidesError("is not JSON", where=str(path), why=str(error)) from error
    try:
        return _provides(document)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ProvidesError(
            "does not say what a Unikraft release provides",
            where=str(path),
            why=f"{type(error).__name__}: {error}",
            fix="make it anew with porttool catalogue scan",
        ) from error


def _provides(document: Any) -> Provides:  # noqa: ANN401 - whatever the file holds
    if document["schema"] != _SCHEMA:
        raise ValueError(f"schema {document['schema']!r} instead of {_SCHEMA}")
    headers = {
        name: group.split() for group, names in document["headers"].items() for name in names
    }
    others: dict[str, tuple[Symbol, ...]] = {}
    for name, symbol in _symbols(document["others"]):
        others[name] = (*others.get(name, ()), symbol)
    return Provides(
        release=_text(document["release"]),
        commits={
            name: None if commit is None else _text(commit)
            for name, commit in document["commits"].items()
        },
        symbols=dict(_symbols(document["symbols"])),
        syscalls=dict(_syscalls(document["syscalls"])),
        headers={name: library for name, (library, *_) in headers.items()},
        declared=frozenset(_texts(document["declared"])),
        ukstore=None if document["ukstore"] is None else _one_of(document["ukstore"], (1, 2)),
        entries=tuple(_entry(raw) for raw in _list(document["entries"])),
        kconfig=kconfig.from_document(document),
        others=others,
        parts={name: tuple(parts) for name, (_, *parts) in headers.items() if parts},
    )


def _symbols(groups: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Symbol]]:
    for group, facts in groups.items():
        owner, excludes = _group(group)
        for name, fact in facts.items():
            if isinstance(fact, str):
                yield name, Symbol(name, "function", *owner, (), None, fact, excludes)
            else:
                yield name, _symbol(name, owner, excludes, fact)


def _group(words: str) -> tuple[tuple[str, tuple[str, ...]], tuple[str, ...]]:
    """The library and what it requires, and what it excludes."""
    library, *names = words.split()
    requires = tuple(name for name in names if not name.startswith(_NOT))
    excludes = tuple(name.removeprefix(_NOT) for name in names if name.startswith(_NOT))
    return (library, requires), excludes


def _symbol(
    name: str,
    owner: tuple[str, tuple[str, ...]],
    excludes: tuple[str, ...],
    fact: Mapping[str, Any],
) -> Symbol:
    syscalls, sometimes, unchecked = (tuple(fact.get(key, "").split()) for key in _CALLS)
    if not {*sometimes, *unchecked} <= {*syscalls}:
        raise ValueError(f"{name} makes system calls that are not among its system calls")
    return Symbol(
        name,
        _one_of(fact.get("kind", "function"), _KINDS),
        *owner,
        syscalls,
        _stub(fact.get("stub")),
        _text(fact["source"]),
        excludes,
        sometimes,
        unchecked,
    )


def _syscalls(groups: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Syscall]]:
    for group, facts in groups.items():
        owner, excludes = _group(group)
        for name, stub in facts.items():
            yield name, Syscall(name, *owner, _stub(stub), excludes)


def _entry(raw: Mapping[str, Any]) -> Entry:
    return Entry(
        library=_text(raw["library"]),
        name=_text(raw["name"]),
        id=_optional(raw["id"], str),
        value=_optional(raw["value"], int),
        type=_one_of(raw["type"], ENTRY_TYPES),
        header=_optional(raw["header"], str),
        requires=tuple(raw["requires"].split()),
        object=_optional(raw.get("object"), str),
        dynamic="object" in raw,
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _optional(value: object, kind: type[_T]) -> _T | None:
    if value is not None and not isinstance(value, kind):
        raise TypeError(f"{value!r} is not of type {kind.__name__}")
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list")
    return value


def _texts(value: object) -> tuple[str, ...]:
    return tuple(_text(each) for each in _list(value))


def _one_of(value: _T, known: Sequence[_T]) -> _T:
    if value not in known:
        raise ValueError(f"{value!r} is none of {', '.join(map(str, known))}")
    return value


def _stub(value: str | None) -> str | None:
    return None if value is None else _one_of(value, STUBS)


def releases() -> Sequence[str]:
    """The releases whose facts are shipped, oldest first."""
    names = [path.name.removesuffix(".json") for path in _SHIPPED.glob("*.json")]
    return sorted(
        (name for name in names if _RELEASE.fullmatch(name)),
        key=lambda name: [int(part) for part in name.split(".")],
    )


@cache
def shipped(release: str) -> Provides:
    """What a Unikraft release that porttool knows provides, for instance ``0.16.3``.

    Raises :class:`ProvidesError` for a release that is not known.
    """
    known = releases()
    if release not in known:
        raise ProvidesError(
            f"it is not known what Unikraft {release!r} provides",
            why=f"known releases: {', '.join(known)}",
            fix="read a tree of it with porttool catalogue scan",
        )
    return load(_SHIPPED / f"{release}.json")

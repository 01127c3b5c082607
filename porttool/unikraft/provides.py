"""What one Unikraft release provides to C code: symbols, system calls and headers.

The files under ``provides/`` are made by ``porttool catalogue scan`` and hold facts alone. Their
schema, version 1, is that of :class:`Provides`, with the names as keys of JSON objects.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from porttool.errors import UserError

_SHIPPED = Path(__file__).parent / "provides"
_SCHEMA = 1
_KINDS = ("function", "variable")
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
    sorted, without those that one of the others selects anyway. ``syscalls`` are the system calls
    it makes, itself or by way of other functions of its library. ``stub`` is one of :data:`STUBS`.
    ``source`` is the file that defines it, relative to the library or the archive it is made from.
    """

    name: str
    kind: str
    library: str
    requires: tuple[str, ...]
    syscalls: tuple[str, ...]
    stub: str | None
    source: str


@dataclass(frozen=True, slots=True)
class Syscall:
    """A system call with a handler; the fields mean what they do in :class:`Symbol`."""

    name: str
    library: str
    requires: tuple[str, ...]
    stub: str | None


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
    it was no git checkout. ``headers`` maps the name of a header, as in ``#include <...>``, to the
    library that brings it. ``declared`` are names that a header declares and nothing defines.
    ``ukstore`` is the generation of ukstore: 1 when entries are found by name, 2 by id, None when
    there is none; ``entries`` are what it holds, sorted by library and name.
    """

    release: str
    commits: Mapping[str, str | None]
    symbols: Mapping[str, Symbol]
    syscalls: Mapping[str, Syscall]
    headers: Mapping[str, str]
    declared: frozenset[str]
    ukstore: int | None = None
    entries: tuple[Entry, ...] = ()


def dumps(provides: Provides) -> str:
    """The JSON text of ``provides``: the same facts give the same bytes."""
    document = {
        "schema": _SCHEMA,
        "release": provides.release,
        "commits": dict(sorted(provides.commits.items())),
        "symbols": {
            name: {
                "kind": symbol.kind,
                "library": symbol.library,
                "requires": list(symbol.requires),
                "syscalls": list(symbol.syscalls),
                "stub": symbol.stub,
                "source": symbol.source,
            }
            for name, symbol in sorted(provides.symbols.items())
        },
        "syscalls": {
            name: {
                "library": syscall.library,
                "requires": list(syscall.requires),
                "stub": syscall.stub,
            }
            for name, syscall in sorted(provides.syscalls.items())
        },
        "headers": dict(sorted(provides.headers.items())),
        "declared": sorted(provides.declared),
    }
    lines = ["{"]
    for number, (key, value) in enumerate(document.items()):
        comma = "," if number < len(document) - 1 else ""
        if isinstance(value, dict) and value:
            # One name a line, so that two releases can be compared with diff.
            entries = [f"  {json.dumps(name)}: {json.dumps(what)}" for name, what in value.items()]
            lines += [f" {json.dumps(key)}: {{", ",\n".join(entries), f" }}{comma}"]
        elif isinstance(value, list) and value:
            entries = [f"  {json.dumps(each)}" for each in value]
            lines += [f" {json.dumps(key)}: [", ",\n".join(entries), f" ]{comma}"]
        else:
            lines.append(f" {json.dumps(key)}: {json.dumps(value)}{comma}")
    return "\n".join([*lines, "}"]) + "\n"


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
    return Provides(
        release=_text(document["release"]),
        commits={
            _text(name): None if commit is None else _text(commit)
            for name, commit in document["commits"].items()
        },
        symbols={
            name: Symbol(
                name,
                _one_of(raw["kind"], _KINDS),
                _text(raw["library"]),
                _texts(raw["requires"]),
                _texts(raw["syscalls"]),
                _stub(raw["stub"]),
                _text(raw["source"]),
            )
            for name, raw in document["symbols"].items()
        },
        syscalls={
            name: Syscall(name, _text(raw["library"]), _texts(raw["requires"]), _stub(raw["stub"]))
            for name, raw in document["syscalls"].items()
        },
        headers={name: _text(library) for name, library in document["headers"].items()},
        declared=frozenset(_texts(document["declared"])),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list")
    return tuple(_text(each) for each in value)


def _one_of(value: object, known: Sequence[str]) -> str:
    if value not in known:
        raise ValueError(f"{value!r} is none of {', '.join(known)}")
    return _text(value)


def _stub(value: object) -> str | None:
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

"""Which header to name for something that several headers give."""

import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from porttool.audit.lexer import PRIVATE

#: How a header asks a private one for a type: musl's way and glibc's.
_ASKS = re.compile(r"^[ \t]*#[ \t]*define[ \t]+__(?:NEED|need)_(\w+)", re.MULTILINE)

_DEFINE = re.compile(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", re.MULTILINE)
_WORD = re.compile(r"[A-Za-z_]\w*")

#: Headers to prefer when several give the same name, in this order.
PREFERRED = (
    "stddef.h",
    "stdint.h",
    "stdarg.h",
    "sys/types.h",
    "time.h",
    "signal.h",
    "unistd.h",
    "fcntl.h",
    "sys/socket.h",
    "stdio.h",
    "stdlib.h",
    "string.h",
)


class HeaderNames:
    """The headers below the folders of a C library."""

    def __init__(self, folders: tuple[str, ...]) -> None:
        self._folders = folders

    @cached_property
    def _texts(self) -> dict[str, str]:
        """The text of every header that a program may include, by name; first folder wins."""
        texts: dict[str, str] = {}
        for folder in self._folders[:1]:
            for path in sorted(Path(folder).rglob("*.h")):
                name = path.relative_to(folder).as_posix()
                if not PRIVATE.match(name) and name not in texts:
                    texts[name] = path.read_text("latin-1")
        return texts

    @cached_property
    def _askers(self) -> dict[str, set[str]]:
        askers: dict[str, set[str]] = {}
        for name, text in self._texts.items():
            for wanted in _ASKS.findall(text):
                askers.setdefault(wanted, set()).add(name)
        return askers

    def choose(self, name: str, seen: Iterable[str], *, private: bool) -> str:
        """The header to name for ``name`` (a tag as ``struct x``).

        ``seen`` are the headers through which it was reached; ``private`` says that it stands in
        a header that only headers include, so that others may give it too.
        """
        candidates = set(seen)
        if private:
            candidates |= self._askers.get(name.replace(" ", "_"), set())
        return min(candidates, key=lambda header: _rank(name, header))

    def mentions(self, name: str) -> bool:
        """Whether a name stands in a header, which is not yet a declaration of it."""
        return name in self._words

    @cached_property
    def _words(self) -> frozenset[str]:
        words = (_WORD.findall(text) for text in self._texts.values())
        return frozenset().union(*words)

    def defines(self, name: str) -> bool:
        """Whether a header defines a macro."""
        return name in self._macros

    @cached_property
    def _macros(self) -> frozenset[str]:
        return frozenset().union(*(_DEFINE.findall(text) for text in self._texts.values()))

    def mentioning(self, name: str) -> tuple[str, ...]:
        """The headers in whose text a name stands, sorted."""
        word = re.compile(rf"\b{re.escape(name)}\b")
        return tuple(header for header, text in self._texts.items() if word.search(text))


def _rank(name: str, header: str) -> tuple[bool, int, int, str]:
    """Order of preference: named like the thing, then the usual ones, then by name."""
    stem = header.rpartition("/")[2].removesuffix(".h")
    alike = name.rpartition(" ")[2].startswith(stem)
    preferred = PREFERRED.index(header) if header in PREFERRED else len(PREFERRED)
    return not alike, preferred, header.count("/"), header

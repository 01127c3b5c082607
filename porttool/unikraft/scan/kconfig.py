"""What selecting one Kconfig symbol sets as well, read from ``Config.uk`` files."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from porttool.unikraft.scan.condition import Condition

_CONFIG = re.compile(r"\s*(?:menu)?config\s+(\w+)\s*(?:#.*)?")
_SELECT = re.compile(r"\s*select\s+(\w+)\s*(?:#.*)?")
_OTHER = re.compile(r"\s*(?:menu|endmenu|choice|endchoice|source|comment)\b")

#: A symbol (without ``CONFIG_``) -> what it sets whenever it is set, directly or not.
Selects = Mapping[str, frozenset[str]]


def read_selects(files: Iterable[Path]) -> Selects:
    """Unconditional ``select`` lines of the files, followed to their end.

    A symbol that is defined in several places selects what any of them says.
    """
    direct: dict[str, set[str]] = {}
    for path in files:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        now = ""
        for line in text.splitlines():
            if match := _CONFIG.fullmatch(line):
                now = match[1]
            elif _OTHER.match(line):
                now = ""
            elif now and (match := _SELECT.fullmatch(line)):
                direct.setdefault(now, set()).add(match[1])
    return {name: frozenset(_reached(name, direct)) for name in direct}


def read_names(files: Iterable[Path]) -> frozenset[str]:
    """All symbols that the files define."""
    names: set[str] = set()
    for path in files:
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        names |= {match[1] for line in lines if (match := _CONFIG.fullmatch(line))}
    return frozenset(names)


def _reached(name: str, direct: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    todo = [name]
    while todo:
        for each in direct.get(todo.pop(), ()):
            if each not in seen:
                seen.add(each)
                todo.append(each)
    seen.discard(name)
    return seen


def least(condition: Condition, selects: Selects) -> tuple[str, ...] | None:
    """The fewest symbols to set for ``condition``, sorted; None when it can never be true.

    Symbols that must not be set are not in it; of two ways as short the one without them counts.
    """
    ways = []
    for term in condition.terms:
        wanted = {name for name, value in term if value}
        unwanted = len(term) - len(wanted)
        kept = set(wanted)
        for name in sorted(wanted):
            if any(name in selects.get(other, ()) for other in kept - {name}):
                kept.discard(name)
        ways.append((len(kept), unwanted, tuple(sorted(kept))))
    return min(ways)[2] if ways else None

"""What one Kconfig symbol sets as well or depends on, read from ``Config.uk`` files."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from porttool.unikraft.scan.condition import Condition, Term

_CONFIG = re.compile(r"\s*(?:menu)?config\s+(\w+)\s*(?:#.*)?")
_SELECT = re.compile(r"\s*select\s+(\w+)\s*(?:#.*)?")
_IF = re.compile(r"\s*if\s+([^#]+?)\s*(?:#.*)?")
_ENDIF = re.compile(r"\s*endif\b.*")
_DEPENDS = re.compile(r"\s*depends\s+on\s+([^#]+?)\s*(?:#.*)?")
_OTHER = re.compile(r"\s*(?:menu|endmenu|choice|endchoice|source|comment)\b")

#: A symbol (without ``CONFIG_``) -> what is set whenever it is set, directly or not.
Selects = Mapping[str, frozenset[str]]


def read_selects(files: Iterable[Path]) -> Selects:
    """Unconditional ``select`` lines of the files, followed to their end.

    A symbol that is defined in several places selects what any of them says.
    """
    direct: dict[str, set[str]] = {}
    for path in files:
        now = ""
        for line in _lines(path):
            if match := _CONFIG.fullmatch(line):
                now = match[1]
            elif _OTHER.match(line):
                now = ""
            elif now and (match := _SELECT.fullmatch(line)):
                direct.setdefault(now, set()).add(match[1])
    return {name: frozenset(_reached(name, direct)) for name in direct}


def read_depends(files: Iterable[Path]) -> Selects:
    """What has to be set for each symbol: ``if`` blocks around it and ``depends on`` below it.

    Only conditions that are symbols joined by ``&&`` are understood. A symbol that is defined in
    several places depends on what all of them say.
    """
    direct: dict[str, set[str]] = {}
    for path in files:
        now = ""
        around: list[set[str]] = []
        here: dict[str, set[str]] = {}
        for line in _lines(path):
            if match := _CONFIG.fullmatch(line):
                now = match[1]
                here.setdefault(now, set()).update(*around)
            elif match := _IF.fullmatch(line):
                around.append(_all_of(match[1]))
                now = ""
            elif _ENDIF.fullmatch(line):
                around = around[:-1]
                now = ""
            elif _OTHER.match(line):
                now = ""
            elif now and (match := _DEPENDS.fullmatch(line)):
                here[now] |= _all_of(match[1])
        for name, names in here.items():
            direct[name] = direct[name] & names if name in direct else names
    return {name: frozenset(_reached(name, direct)) for name in direct}


def _all_of(condition: str) -> set[str]:
    names = [name.strip() for name in condition.split("&&")]
    return set(names) if all(re.fullmatch(r"\w+", name) for name in names) else set()


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def read_names(files: Iterable[Path]) -> frozenset[str]:
    """All symbols that the files define."""
    names: set[str] = set()
    for path in files:
        names |= {match[1] for line in _lines(path) if (match := _CONFIG.fullmatch(line))}
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


@dataclass(frozen=True, slots=True)
class Way:
    """Kconfig symbols (without ``CONFIG_``) that have to be set, and that must not be; sorted."""

    requires: tuple[str, ...]
    excludes: tuple[str, ...] = ()


def least(
    condition: Condition, selects: Selects, usual: frozenset[str] = frozenset()
) -> Way | None:
    """The way to ``condition`` that needs the fewest symbols; None when it can never be true.

    The way counts that needs the fewest beside what is ``usual``, the symbols that are set when
    nobody says otherwise; of two ways as short the one that excludes less counts. A symbol is only
    excluded where it matters: not when the rest is enough for another way with it.
    """
    ways = []
    for term in condition.terms:
        wanted = {name for name, value in term if value}
        unwanted = {name for name, value in term if not value and _matters(name, term, condition)}
        kept = set(wanted)
        for name in sorted(wanted):
            if any(name in selects.get(other, ()) for other in kept - {name}):
                kept.discard(name)
        effort = len(kept - usual) + len(unwanted & usual)
        ways.append(
            (effort, len(kept), len(unwanted), tuple(sorted(kept)), tuple(sorted(unwanted)))
        )
    return Way(*min(ways)[3:]) if ways else None


def _matters(name: str, term: Term, condition: Condition) -> bool:
    """Whether ``condition`` can become false when ``name``, which is unset in a term, is set."""
    instead = term - {(name, False)} | {(name, True)}
    return not any(other <= instead for other in condition.terms)

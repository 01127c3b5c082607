"""What a Unikraft release has of everything that C code needs."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from porttool.audit.caveats import caveat, ignored, occasion, pretended_call, pretended_function
from porttool.audit.groups import LIBRARY
from porttool.audit.model import AuditReport, Kind, Need, Site
from porttool.unikraft.kconfig import Consequences
from porttool.unikraft.provides import Provides, Symbol, Syscall

if TYPE_CHECKING:
    from porttool.unikraft.table import Catalogue


class Status(StrEnum):
    """What becomes of a need. The order is the order of every report: what is missing is first."""

    ABSENT = "absent"
    DECLARED_ONLY = "declared-only"
    RUNTIME = "runtime"
    STUBBED = "stubbed"
    PATCHED = "patched"
    OWN = "own"
    PROVIDED = "provided"


#: What tells one need of a report from another: the name alone does not.
Key = tuple[Kind, str]


@dataclass(frozen=True, slots=True)
class Removed:
    """How a port gets rid of a need of its upstream.

    ``patch`` is the patch of the series that takes the last place away, None when that is not
    the work of one; ``reason`` says in words what did.
    """

    patch: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A need and what a release has of it.

    ``library`` is the one that provides it, None when none does. ``symbols`` are the Kconfig
    symbols (without ``CONFIG_``) of the symbol and of the ``syscalls`` under it, ``requires`` the
    fewest of them that have to be set for all to be: those that no other one selects and that are
    not on by default then. All sorted.
    ``reason`` is one line, "" when there is nothing to say; ``patch`` is set for PATCHED alone.
    ``caveat`` says how something that can be linked works otherwise than on Linux, "" if not.
    ``excludes`` are the Kconfig symbols that must not be set for it, sorted; ``lacking`` is how
    many of its ``syscalls`` are missing or stubs.
    """

    need: Need
    status: Status
    library: str | None = None
    requires: tuple[str, ...] = ()
    reason: str = ""
    patch: str | None = None
    caveat: str = ""
    symbols: tuple[str, ...] = ()
    syscalls: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    lacking: int = 0


@dataclass(frozen=True, slots=True)
class Judgement:
    """All needs of an audit (in its order) against one release."""

    release: str
    needs: tuple[Judged, ...]
    kconfig: tuple[str, ...] = ()
    """The fewest Kconfig symbols to set so that all provided needs are there, sorted."""

    def of(self, *statuses: Status) -> tuple[Judged, ...]:
        """The needs with one of these statuses, in the order of the audit."""
        return tuple(judged for judged in self.needs if judged.status in statuses)


#: The header that every port may include, and the library that porttool emits beside the port.
_PORT_HEADERS = ("ukm.h", "ukm_store.h")
_PORT_LIBRARY, _PORT_SYMBOL = "libukmetrics", "LIBUKMETRICS"

#: What can be linked, so that it matters how it works.
_LINKED = (Status.PROVIDED, Status.RUNTIME, Status.STUBBED)

#: What counts of several definitions: the best.
_ORDER = (Status.PROVIDED, Status.STUBBED, Status.RUNTIME)

_SOCKET, _STACK = "socket", "HAVE_NW_STACK"

_STUBS = {
    "enosys": "ENOSYS at run time",
    "empty": "nothing is done",
    "warn": "nothing is done but a warning",
}


@dataclass(frozen=True, slots=True)
class _Replacement:
    """Where the figures of a kernel path come from: ukstore entries (globs), functions."""

    paths: tuple[str, ...]
    entries: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()


#: The first one that matches counts, and of it what the release really has.
_REPLACEMENTS = (
    _Replacement(("/proc/meminfo", "/proc/vmstat"), entries=("libukalloc/*",)),
    _Replacement(("/proc/net/dev", "/proc/*/net/dev"), entries=("libuknetdev/*",)),
    _Replacement(("/sys/class/net", "/sys/class/net/*"), entries=("libuknetdev/*",)),
    _Replacement(("/proc/uptime",), functions=("clock_gettime",)),
    _Replacement(
        ("/proc/version", "/proc/sys/kernel/ostype", "/proc/sys/kernel/osrelease"),
        functions=("uname",),
    ),
    _Replacement(("/proc/sys/kernel/hostname",), functions=("gethostname", "uname")),
)


def judge(
    report: AuditReport,
    provides: Provides,
    *,
    catalogue: "Catalogue | None" = None,
    removed: Mapping[Key, Removed] | None = None,
) -> tuple[Judged, ...]:
    """Say of each need of ``report`` what a release has of it, in the order of the report.

    ``catalogue`` are the ukstore entries that can stand in for a kernel path; None for those of
    ``provides``. ``removed`` are the needs that a port no longer has.
    """
    consequences = Consequences(provides.kconfig)
    found = [_judge(need, provides, catalogue, removed or {}) for need in report.needs]
    found = _together(found, provides, consequences)
    return tuple(
        _annotated(replace(each, requires=consequences.fewest(each.symbols))) for each in found
    )


def _together(
    found: Sequence[Judged], provides: Provides, consequences: Consequences
) -> list[Judged]:
    """The needs as they are in one configuration, which has all that is provided of them.

    What that sets can keep a library from defining a name; what another one has of it counts then.
    """
    settled = list(found)
    on: frozenset[str] = frozenset()
    while True:
        wanted = {
            name
            for each in settled
            for name in (*each.symbols, *(_stacks(provides) if _SOCKET in each.syscalls else ()))
            if each.status is Status.PROVIDED
        }
        before, on = on, on | consequences.by_default(wanted)
        if on == before:
            return settled
        for index, each in enumerate(settled):
            if each.library is not None and on.intersection(each.excludes):
                settled[index] = _judge_ways(each.need, provides, on)


def _stacks(provides: Provides) -> Iterable[str]:
    """The external libraries that are a network stack."""
    return (
        option.name
        for option in provides.kconfig.options.values()
        if option.external and any(line.value == _STACK for line in option.selects)
    )


def _annotated(judged: Judged) -> Judged:
    """The caveat of what can be linked, and that a macro is merely asked for."""
    if judged.status in _LINKED:
        judged = replace(judged, caveat=caveat(judged.need))
    if judged.need.tested:
        reason = "; ".join(filter(None, ("only an #if asks for it", judged.reason)))
        judged = replace(judged, reason=reason)
    return judged


def fewest(needs: Iterable[Judged], provides: Provides) -> tuple[str, ...]:
    """The fewest Kconfig symbols to set so that what is provided of ``needs`` is there, sorted.

    What the others select, or what is on by default when they are set, is not among them.
    """
    symbols = (name for each in needs if each.status is Status.PROVIDED for name in each.symbols)
    return Consequences(provides.kconfig).fewest(symbols)


def _judge(
    need: Need,
    provides: Provides,
    catalogue: "Catalogue | None",
    removed: Mapping[Key, Removed],
) -> Judged:
    gone = removed.get((need.kind, need.name))
    if gone is not None:
        return Judged(need, Status.PATCHED, reason=gone.reason, patch=gone.patch)
    if need.kind is Kind.PATH:
        return _judge_path(need, provides, catalogue)
    if need.defined:
        return Judged(need, Status.OWN, reason=f"upstream brings it: {_places(need.defined)}")
    header = need.name if need.kind is Kind.HEADER else need.header
    if header in _PORT_HEADERS:
        return Judged(need, Status.PROVIDED, _PORT_LIBRARY, symbols=(_PORT_SYMBOL,))
    if need.kind not in (Kind.FUNCTION, Kind.VARIABLE):
        return _judge_header(need, header, provides)
    return _judge_ways(need, provides)


def _judge_ways(need: Need, provides: Provides, on: frozenset[str] = frozenset()) -> Judged:
    """The best of what the libraries have of a function or variable while ``on`` is set."""
    symbol = provides.symbols.get(need.name)
    if symbol is None:
        return _missing(need, provides)
    every = (symbol, *provides.others.get(need.name, ()))
    ways = [each for each in every if not on.intersection(each.excludes)]
    if not ways:
        return _left_out(need, symbol, provides, on)
    found = [_judge_symbol(need, each, provides) for each in ways]
    return min(found, key=lambda each: (_ORDER.index(each.status), each.lacking))


def _left_out(need: Need, symbol: Symbol, provides: Provides, on: frozenset[str]) -> Judged:
    by = _sorted(on.intersection(symbol.excludes))
    declared = need.header in provides.headers
    is_set = "is set" if len(by) == 1 else "are set"
    return Judged(
        need,
        Status.DECLARED_ONLY if declared else Status.ABSENT,
        reason=f"{symbol.library} leaves it out with {' and '.join(by)}, which {is_set}",
    )


def _judge_header(need: Need, header: str | None, provides: Provides) -> Judged:
    library = provides.headers.get(header or "")
    if library is not None:
        parts = provides.parts.get(header or "", ())
        symbols = _sorted([*provides.kconfig.libraries.get(library, ()), *parts])
        return Judged(need, Status.PROVIDED, library, symbols=symbols)
    if need.kind is Kind.HEADER:
        return Judged(need, Status.ABSENT, reason="no library has this header")
    reason = f"no library has <{header}>" if header else "no header declares it"
    return Judged(need, Status.ABSENT, reason=reason)


def _missing(need: Need, provides: Provides) -> Judged:
    if need.name in provides.declared:
        where = f"<{need.header}> declares it" if need.header else "a header declares it"
        return Judged(need, Status.DECLARED_ONLY, reason=f"{where}, and nothing defines it")
    if need.group == LIBRARY:
        reason = f"<{need.header}> is of a library that is not Unikraft's"
        return Judged(need, Status.ABSENT, reason=reason)
    if need.elsewhere:
        reason = f"not among the audited files: {_places(need.elsewhere)} defines it"
        return Judged(need, Status.ABSENT, reason=reason)
    return Judged(need, Status.ABSENT, reason="nothing defines it")


def _places(sites: Sequence[Site]) -> str:
    """The first of some places, and how many more there are."""
    more = f" and {len(sites) - 1} more" if len(sites) > 1 else ""
    return f"{sites[0]}{more}"


def _judge_symbol(need: Need, symbol: Symbol, provides: Provides) -> Judged:
    there = {name: provides.syscalls[name] for name in symbol.syscalls if name in provides.syscalls}
    # What a system call takes may be what the function must not have.
    there = {name: call for name, call in there.items() if not _excluded(call, symbol)}
    stubs = {name: how for name, call in there.items() if (how := _pretends(call))}
    works = {name: call for name, call in there.items() if name not in stubs}
    rare = {*symbol.sometimes, *symbol.unchecked} - {need.name} if works else set()
    rare |= {name for name in symbol.syscalls if ignored(need.name, name)}
    missing = [name for name in symbol.syscalls if name not in there and name not in rare]
    idle = {name: how for name, how in stubs.items() if name not in rare}
    lacking = [name for name in symbol.syscalls if name not in works]
    taken = [call for name, call in there.items() if name in works or name not in rare]
    symbols = _sorted([*symbol.requires, *_required(taken)])

    def judged(status: Status, *reasons: str) -> Judged:
        return Judged(
            need,
            status,
            symbol.library,
            reason="; ".join([*reasons, *_exclusion(symbol)]),
            symbols=symbols,
            syscalls=tuple(symbol.syscalls),
            excludes=symbol.excludes,
            lacking=len(lacking),
        )

    how = pretended_function(symbol.library, need.name)
    if symbol.stub is not None or how:
        return judged(Status.STUBBED, f"links, but is a stub: {how or _stub(symbol.stub)}")
    if missing:
        calls = _syscalls(missing)
        return judged(Status.RUNTIME, f"links, but nothing provides {calls}: ENOSYS at run time")
    if idle:
        how = next(iter(idle.values()))
        what = "is a stub" if len(idle) == 1 else "are stubs"
        return judged(Status.STUBBED, f"links, but {_syscalls(idle)} under it {what}: {how}")
    return judged(Status.PROVIDED, *_further(symbol, works), *_occasions(symbol, lacking, there))


def _excluded(call: Syscall, symbol: Symbol) -> bool:
    """Whether a system call is never there together with a function that makes it."""
    return not set(call.requires).isdisjoint(symbol.excludes) or not set(
        symbol.requires
    ).isdisjoint(call.excludes)


def _exclusion(symbol: Symbol) -> list[str]:
    return [f"only without {' and '.join(symbol.excludes)}"] if symbol.excludes else []


def _pretends(call: Syscall) -> str:
    """How a system call answers without doing; "" when it does its work."""
    return pretended_call(call.name) or ("" if call.stub is None else _stub(call.stub))


def _further(symbol: Symbol, calls: Mapping[str, Syscall]) -> list[str]:
    """The system calls that take more Kconfig symbols than the function does."""
    by_symbols: dict[tuple[str, ...], list[str]] = {}
    for name, call in calls.items():
        if more := _sorted(set(call.requires) - set(symbol.requires)):
            by_symbols.setdefault(more, []).append(name)
    words = [
        f"{_syscalls(names)}, which {' and '.join(more)} {_verb(more)}"
        for more, names in by_symbols.items()
    ]
    return [f"links, but needs {'; '.join(words)}"] if words else []


def _verb(providers: Collection[str]) -> str:
    return "provides" if len(providers) == 1 else "provide"


def _occasions(
    symbol: Symbol, lacking: Iterable[str], there: Mapping[str, Syscall]
) -> Iterator[str]:
    """What does not work of a function that is provided otherwise."""
    by_words: dict[str, list[str]] = {}
    for name in lacking:
        what = "a stub" if name in there else "missing"
        unchecked = name in symbol.unchecked or ignored(symbol.name, name)
        when = "its result not looked at" if unchecked else f"made only {occasion(name)}"
        by_words.setdefault(f"{what}, and {when}", []).append(name)
    for words, names in by_words.items():
        yield f"{_syscalls(names)} {'is' if len(names) == 1 else 'are'} {words}"


def _required(calls: Iterable[Syscall]) -> list[str]:
    return [symbol for call in calls for symbol in call.requires]


def _stub(stub: str | None) -> str:
    return _STUBS.get(stub or "", "an answer without doing")


def _syscalls(names: Collection[str]) -> str:
    return f"{'syscall' if len(names) == 1 else 'syscalls'} {', '.join(names)}"


def _judge_path(need: Need, provides: Provides, catalogue: "Catalogue | None") -> Judged:
    if need.name.startswith("/dev"):
        reason = "is there only where devfs is mounted and a library registers it"
        return Judged(need, Status.RUNTIME, reason=reason)
    instead, symbols = _instead(need.name, provides, catalogue)
    if not instead:
        return Judged(need, Status.ABSENT, reason="nothing has this")
    reason = f"no such file at run time; instead: {', '.join(instead)}"
    return Judged(need, Status.RUNTIME, reason=reason, symbols=symbols)


def _instead(
    path: str, provides: Provides, catalogue: "Catalogue | None"
) -> tuple[list[str], tuple[str, ...]]:
    """What a release has in the place of a path, and the Kconfig symbols that takes."""
    for replacement in _REPLACEMENTS:
        if any(fnmatchcase(path, pattern) for pattern in replacement.paths):
            break
    else:
        return [], ()
    words: list[str] = []
    requires: list[str] = []
    entries = (catalogue or provides).entries
    for pattern in replacement.entries:
        found = [entry for entry in entries if fnmatchcase(entry.key, pattern)]
        if found:
            words.append(f"ukstore's {found[0].library} ({', '.join(e.name for e in found)})")
            requires += (symbol for entry in found for symbol in entry.requires)
    for name in replacement.functions:
        judged = _judge_ways(Need(Kind.FUNCTION, name, "", None, ()), provides)
        if judged.status is Status.PROVIDED:
            words.append(f"{name}()")
            requires += judged.symbols
    return words, _sorted(requires)


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names)))

"""What an audit finds: values only, no reading and no printing."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

SCHEMA = 3


class Kind(StrEnum):
    """What sort of thing is needed. The order is the order of every report."""

    FUNCTION = "function"
    VARIABLE = "variable"
    TYPE = "type"
    CONSTANT = "constant"
    HEADER = "header"
    PATH = "path"


KIND_ORDER = {kind: order for order, kind in enumerate(Kind)}


@dataclass(frozen=True, slots=True, order=True)
class Site:
    """A place in an original source file; ``file`` is relative to the audited folder.

    ``function`` is the one the place is in, "" at file scope. ``macro`` is the one that hides the
    name there, the upstream's or the system's, "" when the name itself stands on the line.
    """

    file: str
    line: int
    function: str = ""
    macro: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Need:
    """Something the C code requires and does not bring itself.

    ``header`` is the name one writes in ``#include <...>`` to get it; None for a path, and for a
    name that no header of the C library declares. ``sites`` is sorted and never empty.
    ``primitive`` is the sort of pthread primitive (``mutex``, ...), "" for anything else.
    ``tested`` says that only conditions of ``#if`` name it.
    ``conditions`` are those under which it is needed, any of them; none: always.

    ``defined`` are the places where the upstream itself defines it, for other files of its to
    use; ``elsewhere`` those in files of the folder that are not among the audited ones.
    """

    kind: Kind
    name: str
    group: str
    header: str | None
    sites: tuple[Site, ...]
    primitive: str = ""
    tested: bool = False
    conditions: tuple[str, ...] = ()
    defined: tuple[Site, ...] = ()
    elsewhere: tuple[Site, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Function:
    """A function of the upstream: two static ones in different files may have one name.

    ``file`` is where it is defined. ``name`` is "" for what stands at file scope there.
    """

    file: str
    name: str

    def __str__(self) -> str:
        return f"{self.name or '(file scope)'} ({self.file})"


@dataclass(frozen=True, slots=True, order=True)
class Call:
    """An own function (or, at file scope, a table) that calls another or takes its address."""

    caller: Function
    callee: Function
    site: Site


@dataclass(frozen=True, slots=True)
class FileResult:
    """One source file of the audit; ``error`` says why it was not parsed, with its line."""

    path: str
    parsed: bool
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Configuration:
    """A set of macros under which sources were audited.

    ``macros`` are ``-DNAME=VALUE`` and ``-UNAME``, besides those of every configuration.
    ``failed`` are the files that were not parsed under it.
    """

    name: str
    macros: tuple[str, ...]
    failed: tuple[FileResult, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Unseen:
    """A branch of an ``#if`` of the upstream that no configuration took, by its directive."""

    file: str
    line: int
    condition: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The result of an audit. Needs are sorted by kind and name, files by path, calls by all.

    ``headers_from`` names the C library whose headers were read (``musl``, or ``host`` for want
    of it), ``preprocessor`` the program that read them (``gcc``, ``cc``, or ``pcpp`` for want of
    both). ``configurations`` are empty when there was one, without a name; ``unseen`` is only
    known when all branches were looked for.
    """

    needs: tuple[Need, ...]
    files: tuple[FileResult, ...]
    headers_from: str = "musl"
    calls: tuple[Call, ...] = ()
    configurations: tuple[Configuration, ...] = ()
    unseen: tuple[Unseen, ...] = ()
    preprocessor: str = "gcc"

    @property
    def failed(self) -> tuple[FileResult, ...]:
        """The files that were not parsed."""
        return tuple(file for file in self.files if not file.parsed)

    def of_kind(self, kind: Kind) -> tuple[Need, ...]:
        """The needs of one kind, sorted by name."""
        return tuple(need for need in self.needs if need.kind is kind)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed between two audits. A need that only moved is in neither."""

    added: tuple[Need, ...]
    removed: tuple[Need, ...]


def sort_needs(needs: Iterable[Need]) -> tuple[Need, ...]:
    """Needs in report order: kind, then name by code point."""
    return tuple(sorted(needs, key=lambda need: (KIND_ORDER[need.kind], need.name)))


def compare(before: AuditReport, after: AuditReport) -> Comparison:
    """What ``after`` needs that ``before`` did not, and what it no longer needs."""
    old = {(need.kind, need.name) for need in before.needs}
    new = {(need.kind, need.name) for need in after.needs}
    return Comparison(
        added=tuple(need for need in after.needs if (need.kind, need.name) not in old),
        removed=tuple(need for need in before.needs if (need.kind, need.name) not in new),
    )

"""Which of several exporters would need least: figures of each, and the rule that ranks them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from porttool.audit.groups import LIBRARY
from porttool.audit.model import AuditReport, Kind, Need
from porttool.audit.status import Judged, Judgement, Status

#: Types and constants follow their header and are not counted beside it.
_COUNTED = (Kind.FUNCTION, Kind.VARIABLE, Kind.HEADER, Kind.PATH)

#: What a port has to do without, or to be given.
MISSING = (Status.ABSENT, Status.DECLARED_ONLY, Status.RUNTIME)


@dataclass(frozen=True, slots=True)
class _Use:
    """A way of working that is another one in a unikernel, known by functions (globs)."""

    name: str
    groups: tuple[str, ...]
    functions: tuple[str, ...]


_USES = (
    _Use(
        "processes",
        ("process",),
        ("fork", "vfork", "clone", "exec*", "fexecve", "posix_spawn*", "system", "popen", "daemon"),
    ),
    _Use("threads", ("pthread", "threads"), ()),
    _Use("signals", ("signal",), ("alarm", "setitimer", "timer_create")),
)


@dataclass(frozen=True, slots=True)
class Figures:
    """What an exporter would need of a release, in numbers.

    ``absent``, ``declared_only``, ``runtime`` and ``stubbed`` count functions, variables, headers
    and paths with that status; ``libraries`` are the headers of libraries beyond the C library;
    ``uses`` are ``processes``, ``threads`` and ``signals``; ``paths`` are kernel paths whatever
    their status, ``needs`` all needs. ``lines`` are those of the sources that are not blank,
    ``files`` the sources, ``unparsed`` those of them that were not parsed.
    """

    absent: int
    declared_only: int
    runtime: int
    stubbed: int
    libraries: tuple[str, ...]
    uses: tuple[str, ...]
    paths: int
    needs: int
    lines: int
    files: int
    unparsed: int

    @property
    def missing(self) -> int:
        """How many needs a port has to do without, or to be given."""
        return self.absent + self.declared_only + self.runtime


@dataclass(frozen=True, slots=True)
class Audited:
    """An exporter that was audited: its report and judgement, and its non-blank source lines."""

    report: AuditReport
    judgement: Judgement
    lines: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """An exporter that was asked for by ``name``.

    ``ref`` and ``commit`` are set when it came from git. ``audited`` is None when it could not be
    got or not be audited: ``error`` says why.
    """

    name: str
    ref: str | None = None
    commit: str | None = None
    audited: Audited | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate in its place.

    ``rank`` counts from 1, and is None without ``figures``. ``because`` says what put it behind
    the candidate before it, "" for the first.
    """

    candidate: Candidate
    rank: int | None
    figures: Figures | None
    because: str = ""


@dataclass(frozen=True, slots=True)
class _Criterion:
    """One step of the rule: fewer is better."""

    name: str
    number: Callable[[Figures], int]


#: The first one in which two candidates differ decides; then their names do. A candidate with a
#: file that was not parsed may need more than is known, so it is behind those that were parsed.
_RULE = (
    _Criterion("files not parsed", lambda figures: figures.unparsed),
    _Criterion("missing", lambda figures: figures.missing),
    _Criterion("stubbed", lambda figures: figures.stubbed),
    _Criterion("libraries", lambda figures: len(figures.libraries)),
    _Criterion("uses", lambda figures: len(figures.uses)),
    _Criterion("paths", lambda figures: figures.paths),
    _Criterion("needs", lambda figures: figures.needs),
    _Criterion("lines", lambda figures: figures.lines),
)

CRITERIA = tuple(criterion.name for criterion in _RULE)
"""The names of the criteria, the weightiest first; the name of the candidate settles the rest."""


def counted(judgement: Judgement, status: Status) -> tuple[Judged, ...]:
    """The needs of a status that the figures count: functions, variables, headers and paths."""
    return tuple(each for each in judgement.of(status) if each.need.kind in _COUNTED)


def figures_of(audited: Audited) -> Figures:
    """The figures of one exporter."""
    report, judgement = audited.report, audited.judgement
    libraries = {need.header for need in report.needs if need.group == LIBRARY and need.header}
    return Figures(
        absent=len(counted(judgement, Status.ABSENT)),
        declared_only=len(counted(judgement, Status.DECLARED_ONLY)),
        runtime=len(counted(judgement, Status.RUNTIME)),
        stubbed=len(counted(judgement, Status.STUBBED)),
        libraries=tuple(sorted(libraries)),
        uses=tuple(use.name for use in _USES if _is_used(use, report.of_kind(Kind.FUNCTION))),
        paths=len(report.of_kind(Kind.PATH)),
        needs=len(report.needs),
        lines=audited.lines,
        files=len(report.files),
        unparsed=len(report.failed),
    )


def rank(candidates: Iterable[Candidate]) -> tuple[Ranked, ...]:
    """The candidates, the one that needs least first; those without an audit last, by name."""
    known = [(each, figures_of(each.audited)) for each in candidates if each.audited is not None]
    known.sort(key=lambda pair: (_numbers(pair[1]), pair[0].name))
    placed: list[Ranked] = []
    for place, (candidate, figures) in enumerate(known):
        because = _because(known[place - 1][1], figures) if place else ""
        placed.append(Ranked(candidate, place + 1, figures, because))
    unknown = sorted((each for each in candidates if each.audited is None), key=lambda e: e.name)
    return (*placed, *(Ranked(each, None, None) for each in unknown))


def _numbers(figures: Figures) -> list[int]:
    return [criterion.number(figures) for criterion in _RULE]


def _because(before: Figures, behind: Figures) -> str:
    for criterion in _RULE:
        fewer, more = criterion.number(before), criterion.number(behind)
        if fewer != more:
            return f"{criterion.name}: {more} against {fewer}"
    return "the same figures: by name"


def _is_used(use: _Use, functions: Iterable[Need]) -> bool:
    return any(
        need.group in use.groups or any(fnmatchcase(need.name, glob) for glob in use.functions)
        for need in functions
    )

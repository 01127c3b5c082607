"""An audit as a page: needs by group and status, and a list of them that can be filtered."""

from collections.abc import Sequence
from dataclasses import dataclass

from porttool.audit import AuditReport
from porttool.audit.model import Kind, Need
from porttool.audit.questions.matrix import Matrix, Row
from porttool.audit.questions.matrixreports import counted
from porttool.audit.reports import places, summary, where
from porttool.audit.status import Judged, Judgement, Status
from porttool.audit.statusreports import why
from porttool.pages import page

#: What stands in the place of a status when nothing is known of the release.
_UNKNOWN = "unknown"
_STATUSES = (*(status.value for status in Status), _UNKNOWN)
_NAMES = {status: status for status in _STATUSES} | {_UNKNOWN: "not known"}

#: So many places of a need are named in the matrix, and on paper.
_PLACES, _PLACES_ON_PAPER = 3, 8


@dataclass(frozen=True, slots=True)
class _Listed:
    """A need in the list."""

    need: Need
    judged: Judged | None

    @property
    def status(self) -> str:
        return _UNKNOWN if self.judged is None else self.judged.status.value

    @property
    def said(self) -> list[str]:
        """What the release has of it, in words."""
        if self.judged is None:
            return []
        library = self.judged.library or ""
        return [text for text in (library, why(self.judged), self.judged.caveat) if text]

    @property
    def requires(self) -> tuple[str, ...]:
        return () if self.judged is None else self.judged.requires

    @property
    def where(self) -> str:
        return where(self.need)

    @property
    def few_places(self) -> str:
        return places(self.need.sites, _PLACES_ON_PAPER)


@dataclass(frozen=True, slots=True)
class _Part:
    """The needs of one status in a bar: how many, and how many are left of them."""

    status: str
    start: int
    count: int


@dataclass(frozen=True, slots=True)
class _Bar:
    """The needs of a group."""

    group: str
    parts: tuple[_Part, ...]

    @property
    def total(self) -> int:
        return sum(part.count for part in self.parts)

    @property
    def said(self) -> str:
        return ", ".join(f"{part.count} {_NAMES[part.status]}" for part in self.parts)


@dataclass(frozen=True, slots=True)
class _Cell:
    """The status in one release; ``turn``: it is another one than in the release before."""

    status: str
    reason: str
    turn: bool


@dataclass(frozen=True, slots=True)
class _Line:
    """A need in the matrix; ``fine``: all releases provide it."""

    row: Row

    @property
    def need(self) -> Need:
        return self.row.need

    @property
    def changes(self) -> bool:
        return self.row.changes

    @property
    def fine(self) -> bool:
        return set(self.row.statuses) == {Status.PROVIDED}

    @property
    def where(self) -> str:
        return places(self.need.sites, _PLACES)

    @property
    def cells(self) -> list[_Cell]:
        before = (self.row.statuses[0], *self.row.statuses)
        return [
            _Cell(each.status.value, why(each), each.status is not was)
            for each, was in zip(self.row.judged, before, strict=False)
        ]


def audit_page(subject: str, report: AuditReport, judgement: Judgement | None) -> bytes:
    """The page of an audit of ``subject``, as it is called in the title."""
    judged = [None] * len(report.needs) if judgement is None else judgement.needs
    listed = [_Listed(need, each) for need, each in zip(report.needs, judged, strict=True)]
    bars = _bars(listed)
    return page.render(
        "audit.html.j2",
        subject=subject,
        release=judgement.release if judgement is not None else None,
        summary=summary(report),
        statuses=_STATUSES,
        names=_NAMES,
        counts=_counts(listed),
        kinds={kind.value: len(needs) for kind in Kind if (needs := report.of_kind(kind))},
        bars=bars,
        widest=max((bar.total for bar in bars), default=1),
        rows=sorted(listed, key=lambda each: _STATUSES.index(each.status)),
        failed=report.failed,
        kconfig=judgement.kconfig if judgement is not None else (),
    )


def _counts(listed: Sequence[_Listed]) -> list[tuple[str, int]]:
    """How many needs have each status, without those that none has."""
    found = [each.status for each in listed]
    return [(status, found.count(status)) for status in _STATUSES if status in found]


def _bars(listed: Sequence[_Listed]) -> list[_Bar]:
    """A bar for each group, the one with the most that is missing first."""
    groups: dict[str, list[_Listed]] = {}
    for each in listed:
        groups.setdefault(each.need.group, []).append(each)
    bars = []
    for group, needs in groups.items():
        parts: list[_Part] = []
        for status, count in _counts(needs):
            parts.append(_Part(status, sum(part.count for part in parts), count))
        bars.append(_Bar(group, tuple(parts)))
    return sorted(bars, key=lambda bar: (-_unfavourable(bar), -bar.total, bar.group))


def _unfavourable(bar: _Bar) -> int:
    fine = (Status.PATCHED, Status.OWN, Status.PROVIDED, _UNKNOWN)
    return sum(part.count for part in bar.parts if part.status not in fine)


def releases_page(subject: str, report: AuditReport, matrix: Matrix) -> bytes:
    """The page of the needs against all releases: those first that are not the same in all."""
    rows = [_Line(row) for row in matrix.rows]
    sums = [
        (status.value, [matrix.count(release, status) for release in matrix.releases])
        for status in Status
    ]
    return page.render(
        "releases.html.j2",
        subject=subject,
        summary=f"{summary(report)}. {counted(matrix)}",
        statuses=_STATUSES,
        releases=matrix.releases,
        sums=[(status, counts) for status, counts in sums if any(counts)],
        rows=sorted(rows, key=lambda line: (not line.changes, _STATUSES.index(line.row.worst))),
        failed=report.failed,
    )

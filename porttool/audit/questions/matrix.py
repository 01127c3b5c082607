"""Needs against many releases: which status each has where, and where that changes."""

from collections.abc import Sequence
from dataclasses import dataclass

from porttool.audit.model import Need
from porttool.audit.status import Judged, Judgement, Status

_ORDER = {status: order for order, status in enumerate(Status)}


@dataclass(frozen=True, slots=True)
class Turn:
    """A need has another status from ``release`` on than in the release before it."""

    release: str
    before: Status
    after: Status


@dataclass(frozen=True, slots=True)
class Row:
    """A need and what each release has of it, in the order of the releases."""

    need: Need
    judged: tuple[Judged, ...]

    @property
    def statuses(self) -> tuple[Status, ...]:
        """Its status in each release."""
        return tuple(each.status for each in self.judged)

    @property
    def worst(self) -> Status:
        """The status with which it stands first in a report."""
        return min(self.statuses, key=_ORDER.__getitem__)

    @property
    def changes(self) -> bool:
        """Whether it has not the same status in all releases."""
        return len(set(self.statuses)) > 1


@dataclass(frozen=True, slots=True)
class Matrix:
    """Needs (in the order of the audit) against ``releases``, oldest first, at least one."""

    releases: tuple[str, ...]
    rows: tuple[Row, ...]

    def turns(self, row: Row) -> tuple[Turn, ...]:
        """Where the status of a need changes."""
        steps = zip(self.releases[1:], row.statuses, row.statuses[1:], strict=False)
        return tuple(Turn(release, was, now) for release, was, now in steps if was is not now)

    def count(self, release: str, status: Status) -> int:
        """How many needs have a status in a release."""
        at = self.releases.index(release)
        return sum(row.statuses[at] is status for row in self.rows)

    def changing(self) -> tuple[Row, ...]:
        """The needs whose status changes, in the order of the audit."""
        return tuple(row for row in self.rows if row.changes)

    def alike(self, status: Status) -> tuple[Row, ...]:
        """The needs that have this status in every release."""
        return tuple(row for row in self.rows if not row.changes and row.worst is status)


def matrix(judgements: Sequence[Judgement]) -> Matrix:
    """Put the judgements of one report against several releases beside each other."""
    columns = zip(*(judgement.needs for judgement in judgements), strict=True)
    rows = tuple(Row(column[0].need, column) for column in columns)
    return Matrix(tuple(judgement.release for judgement in judgements), rows)

"""What a newer upstream needs that an older one does not, and what it no longer needs."""

from dataclasses import dataclass
from enum import StrEnum

from porttool.audit.model import KIND_ORDER, AuditReport
from porttool.audit.status import Judged, Judgement, Key, Status

_ORDER = {status: order for order, status in enumerate(Status)}


class Change(StrEnum):
    """What became of a need. The order is the order of every report."""

    ADDED = "added"
    WORSE = "worse"
    BETTER = "better"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Changed:
    """A need that is not as it was.

    ``judged`` is how it is now, or how it was when it was removed. ``before`` is the status that
    it had; None when it was added.
    """

    change: Change
    judged: Judged
    before: Status | None


@dataclass(frozen=True, slots=True)
class Version:
    """One of the two that are compared: ``ref`` as it was named, ``commit`` None for a folder."""

    ref: str
    commit: str | None
    report: AuditReport
    judgement: Judgement


def changes(before: Judgement, after: Judgement) -> tuple[Changed, ...]:
    """What is not the same in two judgements against one release; places do not count.

    Sorted by change, then by status (what is missing first), kind and name.
    """
    old, new = _by_key(before), _by_key(after)
    found = [Changed(Change.ADDED, new[key], None) for key in new.keys() - old.keys()]
    found += [Changed(Change.REMOVED, old[key], old[key].status) for key in old.keys() - new.keys()]
    for key in new.keys() & old.keys():
        was, now = old[key].status, new[key].status
        if was is not now:
            change = Change.WORSE if _ORDER[now] < _ORDER[was] else Change.BETTER
            found.append(Changed(change, new[key], was))
    return tuple(sorted(found, key=_place))


def _place(changed: Changed) -> tuple[int, int, int, str]:
    need = changed.judged.need
    order = list(Change).index(changed.change)
    return order, _ORDER[changed.judged.status], KIND_ORDER[need.kind], need.name


def _by_key(judgement: Judgement) -> dict[Key, Judged]:
    return {(each.need.kind, each.need.name): each for each in judgement.needs}

"""The series against many upstream commits, without touching anything."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from porttool.git import Repository
from porttool.series.importer import AppliedPatch
from porttool.series.outcome import Outcome, Verdict
from porttool.series.patch import Patch
from porttool.series.rebase import picks, rebasing
from porttool.upstream.lock import Pin


class Way(StrEnum):
    """What it takes to move the series to an upstream commit."""

    BY_ITSELF = "moves by itself"
    DROP_ABSORBED = "moves with --drop-absorbed"
    DECISION = "needs a decision"


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one upstream commit would mean: an outcome a patch, in series order.

    A patch behind one in conflict was tried with that one left out; ``behind`` has the names.
    """

    pin: Pin
    outcomes: tuple[Outcome, ...]

    @property
    def worst(self) -> Verdict:
        """The strongest verdict of all; ``clean`` for an empty series."""
        order = list(Verdict)
        return min((o.verdict for o in self.outcomes), key=order.index, default=Verdict.CLEAN)

    @property
    def way(self) -> Way:
        """What a refresh to this commit would want of its user."""
        verdicts = {outcome.verdict for outcome in self.outcomes}
        if verdicts & {Verdict.CONFLICT, Verdict.AMBIGUOUS}:
            return Way.DECISION
        return Way.DROP_ABSORBED if Verdict.ABSORBED in verdicts else Way.BY_ITSELF

    @property
    def behind(self) -> tuple[tuple[str, ...], ...]:
        """For each outcome the patches in conflict before it, without which it was tried."""
        found: list[tuple[str, ...]] = []
        left_out: tuple[str, ...] = ()
        for outcome in self.outcomes:
            found.append(left_out)
            if outcome.verdict is Verdict.CONFLICT:
                left_out = (*left_out, outcome.name)
        return tuple(found)


def forecast(
    store: Repository,
    base: str,
    pins: Sequence[Pin],
    patches: Sequence[Patch],
    applied: Sequence[AppliedPatch],
    advance: Callable[[], None] = lambda: None,
) -> list[Forecast]:
    """Rebase ``applied`` (the commits of ``patches`` on ``base``) onto each of ``pins``.

    ``advance`` is called behind each patch.
    """
    todo = picks(base, patches, applied)
    with store.apart() as scratch, rebasing(scratch, base) as rebaser:
        found = rebaser.forecast([pin.commit for pin in pins], todo, advance)
    return [Forecast(pin, outcomes) for pin, outcomes in zip(pins, found, strict=True)]

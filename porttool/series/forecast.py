"""The series against many upstream commits, without touching anything but the private store."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from porttool.git import Repository
from porttool.series.importer import AppliedPatch
from porttool.series.patch import Patch
from porttool.series.rebase import Outcome, Verdict, picks, rebase
from porttool.upstream.lock import Pin


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one upstream commit would mean: an outcome a patch, in series order.

    A patch behind one in conflict was tried with that one left out.
    """

    pin: Pin
    outcomes: tuple[Outcome, ...]

    @property
    def worst(self) -> Verdict:
        """The strongest verdict of all; ``clean`` for an empty series."""
        order = list(Verdict)
        return min((o.verdict for o in self.outcomes), key=order.index, default=Verdict.CLEAN)


def forecast(
    store: Repository,
    base: str,
    pins: Sequence[Pin],
    patches: Sequence[Patch],
    applied: Sequence[AppliedPatch],
    advance: Callable[[], None] = lambda: None,
) -> list[Forecast]:
    """Rebase ``applied`` (the commits of ``patches`` on ``base``) onto each of ``pins``."""
    forecasts = []
    todo = picks(base, patches, applied)
    for pin in pins:
        moved = rebase(store, base, pin.commit, todo, leave_out_conflicts=True)
        forecasts.append(Forecast(pin, moved.outcomes))
        advance()
    return forecasts

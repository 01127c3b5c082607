"""Whether upstream has a newer release than the pin, and what moving to it would take."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.text import Text

from porttool import ui
from porttool.commands import forecast, verdicts
from porttool.commands.session import fetching
from porttool.port import Port, find_pin, verify_pin
from porttool.series.forecast import Forecast, Way
from porttool.series.outcome import Outcome, Verdict
from porttool.upstream.lock import LockError, Pin

_STYLE = {Way.BY_ITSELF: "yellow", Way.DROP_ABSORBED: "yellow", Way.DECISION: "bold red"}
_INDENT = 9


@dataclass(frozen=True, slots=True)
class Newer:
    """The releases after ``pin``, oldest first, and the forecast for the newest.

    ``forecast`` is None when there is none, or when the series cannot be tried: ``why`` says so.
    """

    pin: Pin
    releases: tuple[str, ...]
    forecast: Forecast | None
    why: str | None = None

    def having(self, *wanted: Verdict) -> tuple[Outcome, ...]:
        """The outcomes on the newest release with one of these verdicts."""
        outcomes = self.forecast.outcomes if self.forecast is not None else ()
        return tuple(outcome for outcome in outcomes if outcome.verdict in wanted)


def ask(port: Port) -> None:
    """Fetch upstream, and verify the pin against what it has now.

    Raises :class:`porttool.upstream.store.UnreachableError` when it does not answer.
    """
    with fetching() as progress:
        port.mirror.fetch(progress, port.lock.pin.commit)
    verify_pin(port.mirror, port.lock.pin, str(port.workspace.lock_path))


def find_newer(port: Port) -> Newer:
    """The releases newer than the pin, and the forecast of the series for the newest of them."""
    pin = port.lock.pin
    releases = tuple(port.mirror.newer_releases(pin))
    if not releases:
        return Newer(pin, (), None)
    try:
        port.verify_settled()
        (found,) = forecast.forecasts(port, [find_pin(port.mirror, releases[-1])])
    except LockError as error:
        return Newer(pin, releases, None, error.what)
    return Newer(pin, releases, found)


def document(newer: Newer) -> dict[str, Any]:
    """The same as JSON; ``decisions`` and ``absorbed`` are names of patches."""
    decisions = newer.having(Verdict.CONFLICT, Verdict.AMBIGUOUS)
    return {
        "pin": newer.pin.ref,
        "newer": bool(newer.releases),
        "releases": list(newer.releases),
        "forecast": None if newer.forecast is None else forecast.document(newer.forecast),
        "decisions": [outcome.name for outcome in decisions],
        "absorbed": [outcome.name for outcome in newer.having(Verdict.ABSORBED)],
        "why": newer.why,
    }


def view(newer: Newer) -> Sequence[RenderableType]:
    """The same for a person: the newest release, what it takes, the patches in question."""
    if not newer.releases:
        return [Text(f"upstream has no release newer than {newer.pin.ref}", "green")]
    newest = newer.releases[-1]
    heading = Text.assemble(("upstream ", "bold"), f"{newest} is newer than {newer.pin.ref}")
    if len(newer.releases) > 1:
        heading.append(f", {ui.count(len(newer.releases), 'release')} on")
    found = newer.forecast
    if found is None:
        return [heading.append(f"; it cannot be tried: {newer.why}")]
    heading.append(": ").append(str(found.way), _STYLE[found.way])
    heading.append(f" (worst: {found.worst})")
    asked = newer.having(Verdict.CONFLICT, Verdict.AMBIGUOUS, Verdict.ABSORBED)
    command = f"porttool refresh --onto {newest}"
    if newer.having(Verdict.ABSORBED):
        command += " --drop-absorbed"
    if len(newer.releases) > 1:
        command += "; porttool forecast shows the releases between"
    return [
        heading,
        *([Padding(verdicts.table(asked), (0, 0, 0, _INDENT))] if asked else []),
        Padding(Text(command), (0, 0, 0, _INDENT)),
    ]

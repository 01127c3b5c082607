"""A forecast as a page: the matrix, and behind each of its cells what stands behind the verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from porttool.commands import verdicts
from porttool.pages import page
from porttool.series.forecast import Forecast
from porttool.series.outcome import HunkFact, HunkState, Outcome
from porttool.upstream.lock import Pin

#: So many lines that a hunk wants, and so many that it finds, are shown.
_LINES = 40


@dataclass(frozen=True, slots=True)
class _Cell:
    """One patch on one ref; ``anchor`` is its place on the page."""

    outcome: Outcome
    behind: tuple[str, ...]
    anchor: str

    @property
    def facts(self) -> list[str]:
        said = verdicts.facts(self.outcome)
        if self.behind:
            said.append(f"tried without {', '.join(self.behind)}, in conflict")
        return said

    @property
    def hunks(self) -> list[HunkFact]:
        """The hunks that did not find their place, or found several."""
        wanting = (HunkState.MISSING, HunkState.AMBIGUOUS)
        return [hunk for hunk in self.outcome.hunks if hunk.state in wanting]

    @property
    def explained(self) -> bool:
        """Whether there is something to say about it."""
        return bool(self.facts or self.hunks)


def write_page(path: Path, name: str, pin: Pin, found: Sequence[Forecast]) -> None:
    """Write the forecasts ``found`` of the port ``name``, pinned at ``pin``, as an HTML page."""
    columns = [
        [
            _Cell(outcome, behind, f"r{ref}p{number}")
            for number, (outcome, behind) in enumerate(zip(each.outcomes, each.behind, strict=True))
        ]
        for ref, each in enumerate(found)
    ]
    content = page.render(
        "forecast.html.j2",
        name=name,
        pin=pin,
        columns=list(zip(found, columns, strict=True)),
        rows=list(zip(*columns, strict=True)),
        limit=_LINES,
    )
    page.write(path, content)

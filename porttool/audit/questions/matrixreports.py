"""Needs against many releases as JSON, as Markdown and as a table."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.box import Box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from porttool.audit.model import SCHEMA, AuditReport
from porttool.audit.questions.matrix import Matrix, Row
from porttool.audit.reports import (
    code,
    covered,
    described,
    failures,
    markdown_failures,
    printable,
    section,
    summary,
)
from porttool.audit.status import Status
from porttool.audit.statusreports import STATUS_STYLE

#: What stands in a cell: nothing is said by colour alone.
LETTERS = {
    Status.ABSENT: "A",
    Status.DECLARED_ONLY: "D",
    Status.RUNTIME: "R",
    Status.STUBBED: "S",
    Status.PATCHED: "p",
    Status.OWN: "o",
    Status.PROVIDED: ".",
}
_LEGEND = "A absent  D declared-only  R runtime  S stubbed  p patched  o own  . provided"


def to_json(report: AuditReport, matrix: Matrix) -> dict[str, Any]:
    """The document of ``--releases --json``; statuses are in the order of the releases."""
    return {
        "schema": SCHEMA,
        "report": "releases",
        "releases": list(matrix.releases),
        "needs": [
            described(row.need)
            | {
                "statuses": [status.value for status in row.statuses],
                "reasons": [each.reason or None for each in row.judged],
                "changes": [
                    {
                        "release": turn.release,
                        "before": turn.before.value,
                        "after": turn.after.value,
                    }
                    for turn in matrix.turns(row)
                ],
            }
            for row in matrix.rows
        ],
    } | covered(report)


def turns(matrix: Matrix, row: Row) -> str:
    """Where the status changes, in words: ``runtime, from 0.14.0 provided``."""
    words = [row.statuses[0].value]
    words += [f"from {turn.release} {turn.after}" for turn in matrix.turns(row)]
    return ", ".join(words)


def table(report: AuditReport, matrix: Matrix, *, box: Box | None, wide: bool = False) -> Group:
    """The matrix for a terminal: what changes, then what is missing everywhere, then the sums.

    What all releases provide is only counted on a terminal. Without ``box`` it is text to search
    in, with all needs, and words in the place of letters.
    """
    parts: list[Table | Text] = []
    for heading, rows in _sections(matrix, everything=box is None):
        parts += [_rows(heading, rows, matrix, box, wide)]
        parts += [Text()] if box is None else []
    parts.append(_sums(matrix, box))
    parts += [Text()] if box is None else []
    parts += failures(report, box)
    if box is not None:
        parts.append(Text(_LEGEND))
    parts.append(Text(summary(report)))
    parts.append(Text(counted(matrix)))
    return Group(*parts)


def _sections(matrix: Matrix, *, everything: bool) -> Iterator[tuple[str, Sequence[Row]]]:
    if rows := matrix.changing():
        yield f"Not the same in all releases ({len(rows)})", rows
    for status in Status:
        rows = matrix.alike(status)
        if rows and (everything or status is not Status.PROVIDED):
            yield f"{status.value.capitalize()} in all releases ({len(rows)})", rows


def _rows(heading: str, rows: Sequence[Row], matrix: Matrix, box: Box | None, wide: bool) -> Table:
    shown = section(heading, "bold", box)
    shown.add_column("Kind", style="cyan", no_wrap=True)
    shown.add_column("Name", style="bold", overflow="fold")
    changing = any(row.changes for row in rows)
    apart = box is None or (wide and changing)
    if apart:
        shown.padding = (0, 1) if box is None else (0, 0)
        for release in matrix.releases:
            shown.add_column(release, no_wrap=True)
    elif changing:
        shown.add_column(f"{matrix.releases[0]} … {matrix.releases[-1]}", no_wrap=True)
        shown.add_column("Changes", overflow="fold")
    else:
        shown.add_column("Why", overflow="fold")
    for row in rows:
        cells = [Text(row.need.kind.value), Text(printable(row.need.name))]
        if box is None:
            cells += [Text(status.value) for status in row.statuses]
        elif apart:
            cells += [_letter(status) for status in row.statuses]
        elif changing:
            cells += [Text().join(map(_letter, row.statuses)), Text(turns(matrix, row))]
        else:
            cells.append(Text(printable(row.judged[-1].reason or "-")))
        shown.add_row(*cells)
    return shown


def _letter(status: Status) -> Text:
    return Text(LETTERS[status], STATUS_STYLE.get(status, ""))


def _sums(matrix: Matrix, box: Box | None) -> Table:
    """How many needs have which status in each release."""
    there = [s for s in Status if any(matrix.count(r, s) for r in matrix.releases)]
    shown = section("Needs by status", "bold", box)
    shown.add_column("Release", style="bold", no_wrap=True)
    for status in there:
        shown.add_column(status.value, justify="right", no_wrap=True)
    for release in matrix.releases:
        shown.add_row(release, *(str(matrix.count(release, status)) for status in there))
    return shown


def counted(matrix: Matrix) -> str:
    """A sentence: how many releases and needs there are, and how many are alike."""
    """A sentence: how many releases and needs there are, and how many are alike."""
    return (
        f"{len(matrix.releases)} releases, {len(matrix.rows)} needs: "
        f"{len(matrix.changing())} not the same in all, "
        f"{len(matrix.alike(Status.PROVIDED))} provided by all"
    )


def markdown(report: AuditReport, matrix: Matrix) -> str:
    """The matrix as Markdown, ending in a newline."""
    lines = ["# What the code needs, release by release", "", f"{summary(report)}.", ""]
    lines += [f"{counted(matrix)}.", ""]
    for heading, rows in _sections(matrix, everything=True):
        lines += [f"## {heading}", "", f"| Kind | Name | {' | '.join(matrix.releases)} |"]
        lines.append("|---" * (2 + len(matrix.releases)) + "|")
        for row in rows:
            cells = [row.need.kind.value, code(row.need.name), *(s.value for s in row.statuses)]
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join([*lines, *markdown_failures(report)])

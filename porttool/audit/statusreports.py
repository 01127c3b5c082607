"""An audit against a release as Markdown and as a table: what is missing comes first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD, Box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from porttool.audit.model import AuditReport
from porttool.audit.reports import (
    as_text,
    code,
    escape,
    failures,
    markdown_failures,
    primitives,
    printable,
    section,
    summary,
    where,
)
from porttool.audit.status import Judged, Judgement, Status

_MEANING = {
    Status.ABSENT: "Absent: nothing has it",
    Status.DECLARED_ONLY: "Declared only: compiles, does not link",
    Status.RUNTIME: "Run time: links, and fails when it is used",
    Status.STUBBED: "Stubbed: answers without doing",
    Status.PATCHED: "Patched: the series removes it",
    Status.OWN: "Own: the upstream brings it",
    Status.PROVIDED: "Provided",
}
STATUS_STYLE = {
    Status.ABSENT: "bold red",
    Status.DECLARED_ONLY: "bold red",
    Status.RUNTIME: "bold yellow",
    Status.STUBBED: "bold yellow",
    Status.PROVIDED: "bold green",
}
_STYLES = {"Name": "bold", "Kconfig": "dim", "Library": "cyan", "Kind": "cyan"}
_PROVIDED = ("Library", "Kind", "Name", "Kconfig", "Used in")
_OTHERS = ("Kind", "Name", "Why", "Used in")
_DIFFERENT = ("Kind", "Name", "How", "Used in")

_Row = tuple[Judged, tuple[str, ...]]


def counts(judgement: Judgement) -> str:
    """How many needs have each status: ``Unikraft 0.16.3: 2 absent, 40 provided``."""
    known = [f"{len(each)} {status}" for status in Status if (each := judgement.of(status))]
    return f"Unikraft {judgement.release}: {', '.join(known) or 'nothing needed'}"


def why(judged: Judged) -> str:
    """The reason, and for a need that is patched away the patch that does it."""
    return ": ".join(filter(None, (judged.patch, judged.reason)))


def _caveats(judgement: Judgement) -> list[_Row]:
    return [
        (each, (each.need.kind.value, each.need.name, each.caveat))
        for each in judgement.needs
        if each.caveat
    ]


@dataclass(frozen=True, slots=True)
class _Part:
    """A table of the report. A row is a need with its cells, but for the places, which are last.

    ``label`` is what each line of text begins with.
    """

    label: str
    heading: str
    style: str
    columns: tuple[str, ...]
    rows: Sequence[_Row]


def _sections(judgement: Judgement) -> Iterator[_Part]:
    """The tables: a status each, and before what is provided all that works otherwise."""
    for status in Status:
        if status is Status.PROVIDED and (caveats := _caveats(judgement)):
            heading = f"Different: works otherwise than on Linux ({len(caveats)})"
            yield _Part("different", heading, "bold yellow", _DIFFERENT, caveats)
        if rows := _rows(judgement, status):
            heading = f"{_MEANING[status]} ({len(rows)})"
            columns = _PROVIDED if status is Status.PROVIDED else _OTHERS
            yield _Part(status.value, heading, STATUS_STYLE.get(status, "bold"), columns, rows)


def _rows(judgement: Judgement, status: Status) -> list[_Row]:
    needs = judgement.of(status)
    if status is not Status.PROVIDED:
        return [(each, (each.need.kind.value, each.need.name, why(each))) for each in needs]
    return [
        (each, (each.library or "-", each.need.kind.value, each.need.name, _kconfig(each)))
        for each in sorted(needs, key=lambda each: each.library or "")
    ]


def _kconfig(judged: Judged) -> str:
    return " ".join(judged.requires) or "-"


def _longest_symbol(rows: Sequence[_Row]) -> int:
    """The width at which no Kconfig symbol is folded, within reason."""
    lengths = (len(symbol) for judged, _ in rows for symbol in judged.requires)
    return min(max(lengths, default=0), 24)


def table(
    report: AuditReport,
    judgement: Judgement,
    *,
    site_limit: int | None = None,
    box: Box | None = SIMPLE_HEAD,
) -> Group:
    """The needs for a terminal, one table for each status, the worst first, and one of caveats.

    ``site_limit`` bounds the places shown for a need; None shows them all. Without ``box`` each
    line says its status.
    """
    parts: list[Table | Text] = []
    for part in _sections(judgement):
        shown = _section(part, site_limit, box)
        parts += [shown, Text()] if box is None else [shown]
    parts += failures(report, box)
    parts.append(Text(summary(report)))
    if threads := primitives(report):
        parts.append(Text(threads))
    parts.append(Text(counts(judgement)))
    if judgement.kconfig:
        parts.append(Text(f"Kconfig: {' '.join(judgement.kconfig)}"))
    return Group(*parts)


def _section(part: _Part, site_limit: int | None, box: Box | None) -> Table:
    shown = section(part.heading, part.style, box)
    if box is None:
        shown.add_column("Status")
    for name in part.columns:
        shown.add_column(
            name,
            style=_STYLES.get(name),
            no_wrap=name == "Kind",
            overflow="fold",
            min_width=_longest_symbol(part.rows) if name == "Kconfig" else None,
        )
    before: tuple[str, ...] = ()
    for judged, cells in part.rows:
        line = [*(cells if box is None else _once(cells, before))]
        before = cells
        if box is None:
            line.insert(0, part.label)
        line.append(where(judged.need, site_limit))
        shown.add_row(*(Text(printable(cell)) for cell in line))
    return shown


def _once(cells: tuple[str, ...], before: tuple[str, ...]) -> list[str]:
    """Cells without those at the beginning that are as in the line above; the name stays."""
    shown = list(cells)
    for position in range(len(cells) - 2):  # what is left of the name
        if cells[: position + 1] != before[: position + 1]:
            break
        shown[position] = ""
    return shown


def plain(report: AuditReport, judgement: Judgement) -> str:
    """The table as text to search in: one line a need, which begins with its status."""
    return as_text(table(report, judgement, box=None))


def markdown(report: AuditReport, judgement: Judgement) -> str:
    """The needs as Markdown, ending in a newline."""
    lines = [
        f"# What the code needs, and what Unikraft {judgement.release} has of it",
        "",
        f"{summary(report)}.",
        "",
        f"{counts(judgement)}.",
        "",
    ]
    if threads := primitives(report):
        lines += [f"{threads}.", ""]
    if judgement.kconfig:
        lines += [f"Kconfig: {' '.join(map(code, judgement.kconfig))}", ""]
    for part in _sections(judgement):
        lines += [f"## {part.heading}", "", f"| {' | '.join(part.columns)} |"]
        lines.append("|---" * len(part.columns) + "|")
        for judged, cells in part.rows:
            shown = [code(cell) if cell == judged.need.name else escape(cell) for cell in cells]
            lines.append(f"| {' | '.join([*shown, escape(where(judged.need))])} |")
        lines.append("")
    return "\n".join([*lines, *markdown_failures(report)])

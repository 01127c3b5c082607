"""An audit against a release as Markdown and as a table: what is missing comes first."""

from collections.abc import Sequence

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
    places,
    printable,
    section,
    summary,
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
_STYLE = {
    Status.ABSENT: "bold red",
    Status.DECLARED_ONLY: "bold red",
    Status.RUNTIME: "bold yellow",
    Status.STUBBED: "bold yellow",
    Status.PROVIDED: "bold green",
}
_STYLES = {"Name": "bold", "Kconfig": "dim", "Library": "cyan", "Kind": "cyan"}
_PROVIDED = ("Library", "Kind", "Name", "Kconfig", "Used in")
_OTHERS = ("Kind", "Name", "Why", "Used in")


def counts(judgement: Judgement) -> str:
    """How many needs have each status: ``Unikraft 0.16.3: 2 absent, 40 provided``."""
    known = [f"{len(each)} {status}" for status in Status if (each := judgement.of(status))]
    return f"Unikraft {judgement.release}: {', '.join(known) or 'nothing needed'}"


def why(judged: Judged) -> str:
    """The reason, and for a need that is patched away the patch that does it."""
    return ": ".join(filter(None, (judged.patch, judged.reason)))


def _heading(status: Status, needs: Sequence[Judged]) -> str:
    return f"{_MEANING[status]} ({len(needs)})"


def _columns(status: Status) -> tuple[str, ...]:
    return _PROVIDED if status is Status.PROVIDED else _OTHERS


def _rows(judgement: Judgement, status: Status) -> list[tuple[Judged, tuple[str, ...]]]:
    """The needs of a status with their cells, but for the places, which are last."""
    needs = judgement.of(status)
    if status is not Status.PROVIDED:
        return [(each, (each.need.kind.value, each.need.name, why(each))) for each in needs]
    return [
        (each, (each.library or "-", each.need.kind.value, each.need.name, _kconfig(each)))
        for each in sorted(needs, key=lambda each: each.library or "")
    ]


def _kconfig(judged: Judged) -> str:
    return " ".join(judged.requires) or "-"


def _longest_symbol(rows: Sequence[tuple[Judged, tuple[str, ...]]]) -> int:
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
    """The needs for a terminal, one table for each status, the worst first.

    ``site_limit`` bounds the places shown for a need; None shows them all. Without ``box`` each
    line says its status.
    """
    parts: list[Table | Text] = []
    for status in Status:
        rows = _rows(judgement, status)
        if not rows:
            continue
        part = section(_heading(status, judgement.of(status)), _STYLE.get(status, "bold"), box)
        if box is None:
            part.add_column("Status")
        for name in _columns(status):
            part.add_column(
                name,
                style=_STYLES.get(name),
                no_wrap=name == "Kind",
                overflow="fold",
                min_width=_longest_symbol(rows) if name == "Kconfig" else None,
            )
        before: tuple[str, ...] = ()
        for judged, cells in rows:
            shown = cells if box is None else _once(cells, before)
            before = cells
            line = [*shown, places(judged.need.sites, site_limit)]
            if box is None:
                line.insert(0, status.value)
            part.add_row(*(Text(printable(cell)) for cell in line))
        parts += [part, Text()] if box is None else [part]
    parts += failures(report, box)
    parts.append(Text(summary(report)))
    parts.append(Text(counts(judgement)))
    if judgement.kconfig:
        parts.append(Text(f"Kconfig: {' '.join(judgement.kconfig)}"))
    return Group(*parts)


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
    if judgement.kconfig:
        lines += [f"Kconfig: {' '.join(map(code, judgement.kconfig))}", ""]
    for status in Status:
        rows = _rows(judgement, status)
        if not rows:
            continue
        names = _columns(status)
        lines += [f"## {_heading(status, judgement.of(status))}", ""]
        lines += [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
        for judged, cells in rows:
            shown = [code(cell) if cell == judged.need.name else escape(cell) for cell in cells]
            lines.append(f"| {' | '.join([*shown, escape(places(judged.need.sites))])} |")
        lines.append("")
    return "\n".join([*lines, *markdown_failures(report)])

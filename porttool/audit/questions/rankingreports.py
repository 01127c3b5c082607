"""A ranking of exporters as JSON, as Markdown and as a table."""

from collections.abc import Sequence
from typing import Any

from rich.box import Box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from porttool.audit.model import SCHEMA, AuditReport
from porttool.audit.questions.ranking import (
    CRITERIA,
    MISSING,
    Candidate,
    Figures,
    Ranked,
    counted,
)
from porttool.audit.reports import (
    code,
    covered,
    escape,
    need_document,
    printable,
    section,
)
from porttool.audit.status import Status

#: Names of what is missing that are shown for a status, on a terminal up to 120 columns and on a
#: wider one.
_NAMES = (12, 40)

_NUMBERS = ("Missing", "Stubbed", "Libs", "Uses", "Paths", "Needs", "Lines")
_ALL_NUMBERS = (
    *("Missing", "absent", "declared", "run time", "Stubbed", "Libs"),
    *("Uses", "Paths", "Needs", "Lines"),
)


def to_json(ranked: Sequence[Ranked], release: str) -> dict[str, Any]:
    """The document of ``--compare --json``."""
    return {
        "schema": SCHEMA,
        "report": "compare",
        "release": release,
        "criteria": [*CRITERIA, "name"],
        "candidates": [_document(each) for each in ranked],
    }


def _document(ranked: Ranked) -> dict[str, Any]:
    candidate, figures = ranked.candidate, ranked.figures
    known = candidate.audited
    needs = known.judgement.needs if known is not None else ()
    return {
        "name": candidate.name,
        "ref": candidate.ref,
        "commit": candidate.commit,
        "rank": ranked.rank,
        "because": ranked.because or None,
        "error": candidate.error,
        "figures": None if figures is None else _figures(figures),
        "needs": [need_document(each.need, each) for each in needs],
    } | covered(AuditReport((), ()) if known is None else known.report)


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "unparsed": figures.unparsed,
        "missing": figures.missing,
        "absent": figures.absent,
        "declared_only": figures.declared_only,
        "runtime": figures.runtime,
        "stubbed": figures.stubbed,
        "libraries": list(figures.libraries),
        "uses": list(figures.uses),
        "paths": figures.paths,
        "needs": figures.needs,
        "lines": figures.lines,
        "files": figures.files,
    }


def table(ranked: Sequence[Ranked], release: str, *, box: Box | None, wide: bool = False) -> Group:
    """The ranking for a terminal, then what each lacks, and the rule.

    Without ``box`` it is text to search in. ``wide`` shows all numbers apart, with the versions.
    """
    parts: list[Table | Text] = [_ranking(ranked, release, box, wide)]
    parts += _lacking(ranked, box, wide)
    parts += _unknown(ranked, box)
    parts += [Text(printable(line)) for line in _words(ranked)]
    if box is None:
        parts = [part for each in parts for part in _spaced(each)]
    return Group(*parts)


def _spaced(part: Table | Text) -> list[Table | Text]:
    return [part, Text()] if isinstance(part, Table) else [part]


def _ranking(ranked: Sequence[Ranked], release: str, box: Box | None, wide: bool) -> Table:
    shown = section(f"What they would need of Unikraft {release}", "bold", box)
    shown.padding = (0, 1 if box is None else 0)
    shown.add_column("#", justify="right", style="bold", no_wrap=True)
    shown.add_column("Candidate", style="bold", overflow="fold", min_width=16)
    if wide:
        shown.add_column("Version", style="dim", no_wrap=True)
    incomplete = any(each.figures and each.figures.unparsed for each in ranked)
    names = [*(["Unparsed"] if incomplete else []), *(_ALL_NUMBERS if wide else _NUMBERS)]
    for name in names:
        shown.add_column(name, justify="right", no_wrap=True)
    for each in ranked:
        if each.figures is None:
            continue
        cells = [str(each.rank), each.candidate.name]
        if wide:
            cells.append(version(each.candidate))
        numbers = _cells(each.figures)
        cells += [numbers[name] for name in names]
        shown.add_row(*(Text(printable(cell)) for cell in cells))
    return shown


def version(candidate: Candidate) -> str:
    """Ref and commit in few characters; ``-`` for a folder."""
    if candidate.ref is None or candidate.commit is None:
        return "-"
    short = candidate.commit[:12]
    return short if candidate.commit.startswith(candidate.ref) else f"{candidate.ref} {short}"


def _cells(figures: Figures) -> dict[str, str]:
    return {
        "Unparsed": f"{figures.unparsed}/{figures.files}",
        "Missing": str(figures.missing),
        "absent": str(figures.absent),
        "declared": str(figures.declared_only),
        "run time": str(figures.runtime),
        "Stubbed": str(figures.stubbed),
        "Libs": str(len(figures.libraries)),
        "Uses": str(len(figures.uses)),
        "Paths": str(figures.paths),
        "Needs": str(figures.needs),
        "Lines": str(figures.lines),
    }


def _lacking(ranked: Sequence[Ranked], box: Box | None, wide: bool) -> list[Table | Text]:
    """What is missing, by name: what a port of each candidate would have to solve."""
    limit = None if box is None else _NAMES[wide]
    shown = section("What a port has to deal with", "bold", box)
    shown.add_column("#", justify="right", style="bold", no_wrap=True)
    shown.add_column("What", style="cyan", no_wrap=True)
    shown.add_column("Names", overflow="fold")
    for each in ranked:
        number = str(each.rank)
        for what, names in _lists(each):
            shown.add_row(number, what, Text(printable(_few(names, limit))))
            number = number if box is None else ""
    return [shown] if shown.row_count else []


def _lists(ranked: Ranked) -> list[tuple[str, Sequence[str]]]:
    if ranked.candidate.audited is None or ranked.figures is None:
        return []
    judgement = ranked.candidate.audited.judgement
    lists: list[tuple[str, Sequence[str]]] = [
        (status.value, [each.need.name for each in counted(judgement, status)])
        for status in (*MISSING, Status.STUBBED)
    ]
    lists += [("libraries", ranked.figures.libraries), ("uses", ranked.figures.uses)]
    return [(what, names) for what, names in lists if names]


def _few(names: Sequence[str], limit: int | None) -> str:
    if limit is None or len(names) <= limit:
        return ", ".join(names)
    return f"{', '.join(names[:limit])} and {len(names) - limit} more"


def _unknown(ranked: Sequence[Ranked], box: Box | None) -> list[Table | Text]:
    """Which candidates, or files of them, are not known, and why."""
    rows = list(_failures(ranked))
    if not rows:
        return []
    shown = section(f"Not known ({len(rows)})", "bold red", box)
    shown.add_column("Candidate", style="bold", overflow="fold")
    shown.add_column("Why", overflow="fold")
    for name, why in rows:
        shown.add_row(Text(printable(name)), Text(printable(why)))
    return [shown]


def _failures(ranked: Sequence[Ranked]) -> list[tuple[str, str]]:
    rows = []
    for each in ranked:
        known = each.candidate.audited
        if known is None:
            rows.append((each.candidate.name, each.candidate.error or ""))
        else:
            rows += [(each.candidate.name, file.error or "") for file in known.report.failed]
    return rows


def _words(ranked: Sequence[Ranked]) -> list[str]:
    """The order in words: who is first, what puts each other one behind, and the rule."""
    lines = []
    for each in ranked:
        if each.rank == 1:
            lines.append(f"1 {each.candidate.name} needs least")
        elif each.rank is not None:
            lines.append(f"{each.rank} {each.candidate.name} is behind by {each.because}")
    return [*lines, RULE]


RULE = (
    "Fewer comes first, and the first of these that differs decides: "
    f"{', '.join(CRITERIA)}, name. Missing is what is absent, declared only or fails at run time."
)
"""The rule of the ranking in a sentence."""


def markdown(ranked: Sequence[Ranked], release: str) -> str:
    """The ranking as Markdown, ending in a newline."""
    names = ["#", "Candidate", "Version", "Unparsed", *_ALL_NUMBERS]
    lines = [f"# What they would need of Unikraft {release}", "", f"| {' | '.join(names)} |"]
    lines.append(f"|--:|---|---|{'--:|' * (len(names) - 3)}")
    for each in ranked:
        if each.figures is not None:
            numbers = _cells(each.figures)
            cells = [str(each.rank), code(each.candidate.name), code(version(each.candidate))]
            lines.append(f"| {' | '.join([*cells, *(numbers[name] for name in names[3:])])} |")
    lines += ["", *(f"- {escape(line)}" for line in _words(ranked)), ""]
    for each in ranked:
        if lists := _lists(each):
            lines += [f"## {code(each.candidate.name)}", ""]
            lines += [f"- {what}: {', '.join(map(code, names))}" for what, names in lists]
            lines.append("")
    if rows := _failures(ranked):
        lines += ["## Not known", "", "| Candidate | Why |", "|---|---|"]
        lines += [f"| {code(name)} | {escape(why)} |" for name, why in rows]
        lines.append("")
    return "\n".join(lines)

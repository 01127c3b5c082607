"""An audit as JSON, as Markdown and as a table: all from the same report."""

import io
from collections.abc import Iterable
from typing import Any

from rich.box import SIMPLE_HEAD, Box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from porttool.audit.model import SCHEMA, AuditReport, Kind, Need, Site

_WORDS = {
    Kind.FUNCTION: ("function", "functions"),
    Kind.VARIABLE: ("variable", "variables"),
    Kind.TYPE: ("type", "types"),
    Kind.CONSTANT: ("constant or macro", "constants and macros"),
    Kind.HEADER: ("header", "headers"),
    Kind.PATH: ("kernel path", "kernel paths"),
}


def to_json(report: AuditReport) -> dict[str, Any]:
    """The document of ``--json``; its schema is in docs/audit.md."""
    return {
        "schema": SCHEMA,
        "needs": [
            {
                "kind": need.kind.value,
                "name": need.name,
                "group": need.group,
                "header": need.header,
                "sites": [{"file": site.file, "line": site.line} for site in need.sites],
            }
            for need in report.needs
        ],
        "files": [
            {"path": file.path, "parsed": file.parsed, "error": file.error} for file in report.files
        ],
    }


def summary(report: AuditReport) -> str:
    """One sentence: how many files, how many needs of each kind."""
    counts = [
        f"{len(needs)} {_WORDS[kind][len(needs) != 1]}"
        for kind in Kind
        if (needs := report.of_kind(kind))
    ]
    failed = f", {len(report.failed)} not parsed" if report.failed else ""
    files = f"{len(report.files)} file{'' if len(report.files) == 1 else 's'}{failed}"
    return f"{files}: {', '.join(counts) or 'nothing needed'}"


def places(sites: Iterable[Site], limit: int | None = None) -> str:
    """Sites in few words: ``a.c:3,9 b.c:1``; beyond ``limit`` sites their number only."""
    listed = list(sites)
    shown = listed if limit is None or len(listed) <= limit else listed[:limit]
    words: list[str] = []
    file = ""
    for site in shown:
        if site.file == file:
            words[-1] += f",{site.line}"
        else:
            words.append(str(site))
            file = site.file
    if len(shown) < len(listed):
        words.append(f"+{len(listed) - len(shown)}")
    return " ".join(words)


def _by_group(needs: Iterable[Need]) -> list[Need]:
    return sorted(needs, key=lambda need: (need.group, need.name))


def _heading(kind: Kind, needs: list[Need]) -> str:
    return f"{_WORDS[kind][1].capitalize()} ({len(needs)})"


def _printable(text: str) -> str:
    """Text of somebody else's files, without what a terminal would obey."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _section(title: str, style: str, box: Box | None) -> Table:
    return Table(title=title, title_justify="left", title_style=style, box=box, pad_edge=False)


def table(
    report: AuditReport, *, site_limit: int | None = None, box: Box | None = SIMPLE_HEAD
) -> Group:
    """The report for a terminal, one table for each kind, ordered by group.

    ``site_limit`` bounds the places shown for a need; None shows them all.
    """
    parts: list[Table | Text] = []
    for kind in Kind:
        needs = _by_group(report.of_kind(kind))
        if not needs:
            continue
        with_header = kind not in (Kind.HEADER, Kind.PATH)
        part = _section(_heading(kind, needs), "bold", box)
        part.add_column("Group", style="cyan", no_wrap=True)
        part.add_column("Name", style="bold", overflow="fold")
        if with_header:
            part.add_column("Header", style="dim", overflow="fold")
        part.add_column("Used in", overflow="fold")
        group = ""
        for need in needs:
            shown = "" if need.group == group and site_limit is not None else need.group
            group = need.group
            cells = [shown, need.name]
            if with_header:
                cells.append(need.header or "-")
            cells.append(places(need.sites, site_limit))
            part.add_row(*(Text(_printable(cell)) for cell in cells))
        parts += [part, Text()] if box is None else [part]
    if report.failed:
        part = _section(f"Not parsed ({len(report.failed)})", "bold red", box)
        part.add_column("File", overflow="fold")
        part.add_column("Why", overflow="fold")
        for file in report.failed:
            part.add_row(Text(_printable(file.path)), Text(_printable(file.error or "")))
        parts += [part, Text()] if box is None else [part]
    parts.append(Text(summary(report)))
    return Group(*parts)


def plain(report: AuditReport) -> str:
    """The table as text to search in: one line a need, however long, and no trailing blanks."""
    console = Console(width=100_000, color_system=None, file=io.StringIO())
    with console.capture() as captured:
        console.print(table(report, box=None))
    return "".join(line.rstrip() + "\n" for line in captured.get().splitlines())


def markdown(report: AuditReport) -> str:
    """The report as Markdown, ending in a newline."""
    lines = ["# What the code needs", "", f"{summary(report)}.", ""]
    for kind in Kind:
        needs = _by_group(report.of_kind(kind))
        if not needs:
            continue
        lines += [f"## {_heading(kind, needs)}", ""]
        lines += ["| Group | Name | Header | Used in |", "|---|---|---|---|"]
        for need in needs:
            header = f"`{need.header}`" if need.header else "-"
            where = _escape(places(need.sites))
            lines.append(f"| {need.group} | {_code(need.name)} | {header} | {where} |")
        lines.append("")
    if report.failed:
        lines += ["## Not parsed", "", "| File | Why |", "|---|---|"]
        for file in report.failed:
            lines.append(f"| {_escape(file.path)} | {_escape(file.error or '')} |")
        lines.append("")
    return "\n".join(lines)


def _escape(text: str) -> str:
    plain_text = _printable(text)
    for character in "\\`*_<>[]|":
        plain_text = plain_text.replace(character, "\\" + character)
    return plain_text


def _code(text: str) -> str:
    return f"`{_printable(text).replace('`', chr(39)).replace('|', chr(92) + '|')}`"

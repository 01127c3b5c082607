"""An audit as JSON, as Markdown and as a table: all from the same report."""

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from rich.box import SIMPLE_HEAD, Box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from porttool.audit.model import SCHEMA, AuditReport, Configuration, Kind, Need, Site
from porttool.audit.status import Judged, Judgement

WORDS = {
    Kind.FUNCTION: ("function", "functions"),
    Kind.VARIABLE: ("variable", "variables"),
    Kind.TYPE: ("type", "types"),
    Kind.CONSTANT: ("constant or macro", "constants and macros"),
    Kind.HEADER: ("header", "headers"),
    Kind.PATH: ("kernel path", "kernel paths"),
}


#: A place with its function and macro is shown on a terminal up to this many characters.
SHORT_PLACE = 32


def to_json(report: AuditReport, judgement: Judgement | None = None) -> dict[str, Any]:
    """The document of ``--json``; its schema is in docs/audit.md.

    Without a ``judgement`` (of the needs of ``report``) there is no status.
    """
    verdicts = [None] * len(report.needs) if judgement is None else judgement.needs
    return {
        "schema": SCHEMA,
        "report": "audit",
        "release": judgement.release if judgement is not None else None,
        "kconfig": list(judgement.kconfig) if judgement is not None else None,
        "preprocessor": report.preprocessor,
        "headers": report.headers_from,
        "needs": [
            need_document(need, verdict)
            for need, verdict in zip(report.needs, verdicts, strict=True)
        ],
    } | covered(report)


def need_document(need: Need, verdict: Judged | None) -> dict[str, Any]:
    """One need as JSON; ``verdict`` is what a release has of it."""
    return described(need) | {
        "status": verdict.status.value if verdict else None,
        "library": verdict.library if verdict else None,
        "requires": list(verdict.requires) if verdict else [],
        "reason": (verdict.reason or None) if verdict else None,
        "patch": verdict.patch if verdict else None,
        "caveat": (verdict.caveat or None) if verdict else None,
    }


def described(need: Need) -> dict[str, Any]:
    """What is known of a need without a release, as JSON."""
    return {
        "kind": need.kind.value,
        "name": need.name,
        "group": need.group,
        "header": need.header,
        "primitive": need.primitive or None,
        "tested": need.tested,
        "conditions": list(need.conditions),
        "defined": [{"file": site.file, "line": site.line} for site in need.defined],
        "sites": [
            {
                "file": site.file,
                "line": site.line,
                "function": site.function or None,
                "macro": site.macro or None,
            }
            for site in need.sites
        ],
    }


def covered(report: AuditReport) -> dict[str, Any]:
    """What an audit read and what it did not, as JSON: the last fields of a document."""
    return {
        "files": [
            {"path": file.path, "parsed": file.parsed, "error": file.error} for file in report.files
        ],
        "configurations": [
            {
                "name": each.name,
                "macros": list(each.macros),
                "failed": [{"path": file.path, "error": file.error} for file in each.failed],
            }
            for each in report.configurations
        ],
        "unseen": [
            {"file": each.file, "line": each.line, "condition": each.condition}
            for each in report.unseen
        ],
    }


def summary(report: AuditReport) -> str:
    """One sentence: how many files, how many needs of each kind."""
    counts = [
        f"{len(needs)} {WORDS[kind][len(needs) != 1]}"
        for kind in Kind
        if (needs := report.of_kind(kind))
    ]
    failed = f", {len(report.failed)} not parsed" if report.failed else ""
    files = f"{len(report.files)} file{'' if len(report.files) == 1 else 's'}{failed}"
    return f"{files}: {', '.join(counts) or 'nothing needed'}"


def where(need: Need, limit: int | None = None) -> str:
    """The places of a need, see :func:`used_in`, and under which conditions it is one."""
    when = f" if {' or '.join(need.conditions)}" if need.conditions else ""
    return f"{used_in(need.sites, limit)}{when}"


def primitives(report: AuditReport) -> str:
    """How many needs each pthread primitive has: ``Threads: 4 mutex, 2 thread``; "" for none."""
    counts = Counter(need.primitive for need in report.needs if need.primitive)
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    listed = ", ".join(f"{count} {primitive}" for primitive, count in ordered)
    return f"Threads: {listed}" if listed else ""


def places(sites: Iterable[Site], limit: int | None = None) -> str:
    """Sites in few words: ``a.c:3,9 b.c:1``; beyond ``limit`` lines their number only."""
    listed = list(dict.fromkeys((site.file, site.line) for site in sites))
    shown = listed if limit is None or len(listed) <= limit else listed[:limit]
    words: list[str] = []
    before = ""
    for file, line in shown:
        if file == before:
            words[-1] += f",{line}"
        else:
            words.append(f"{file}:{line}")
            before = file
    if len(shown) < len(listed):
        words.append(f"+{len(listed) - len(shown)}")
    return " ".join(words)


def used_in(sites: Sequence[Site], limit: int | None = None) -> str:
    """Sites with their functions and macros: ``a.c:3,9 in serve via LOCK; b.c:1``.

    With a ``limit`` (see :func:`places`) these are there for a single place, if it stays short.
    """
    if limit is not None:
        text = used_in(sites)
        return text if len(sites) == 1 and len(text) <= SHORT_PLACE else places(sites, limit)
    parts: list[str] = []
    grouped = groupby(sites, key=lambda site: (site.file, site.function, site.macro))
    for (_, function, macro), each in grouped:
        inside = f" in {function}" if function else ""
        hidden = f" via {macro}" if macro else ""
        parts.append(f"{places(each)}{inside}{hidden}")
    # Without functions and macros a blank is enough between files.
    return ("; " if any(" " in part for part in parts) else " ").join(parts)


def _by_group(needs: Iterable[Need]) -> list[Need]:
    return sorted(needs, key=lambda need: (need.group, need.primitive, need.name))


def _group(need: Need) -> str:
    """The group, and within threads the primitive: ``pthread mutex``."""
    return f"{need.group} {need.primitive}".rstrip()


def _heading(kind: Kind, needs: list[Need]) -> str:
    return f"{WORDS[kind][1].capitalize()} ({len(needs)})"


def printable(text: str) -> str:
    """Text of somebody else's files, without what a terminal would obey."""
    return "".join(character if character.isprintable() else "?" for character in text)


def section(title: str, style: str, box: Box | None) -> Table:
    """An empty table with a title, for a terminal or, without ``box``, for text."""
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
        part = section(_heading(kind, needs), "bold", box)
        part.add_column("Group", style="cyan", no_wrap=True)
        part.add_column("Name", style="bold", overflow="fold")
        if with_header:
            part.add_column("Header", style="dim", overflow="fold")
        part.add_column("Used in", overflow="fold")
        group = ""
        for need in needs:
            shown = "" if _group(need) == group and site_limit is not None else _group(need)
            group = _group(need)
            cells = [shown, need.name]
            if with_header:
                cells.append(need.header or "-")
            cells.append(where(need, site_limit))
            part.add_row(*(Text(printable(cell)) for cell in cells))
        parts += [part, Text()] if box is None else [part]
    parts += failures(report, box)
    parts.append(Text(summary(report)))
    if threads := primitives(report):
        parts.append(Text(threads))
    return Group(*parts)


def failures(report: AuditReport, box: Box | None) -> list[Table | Text]:
    """The tables of the files that were not parsed, of configurations, and of unseen branches.

    Nothing for what there is none of.
    """
    parts: list[Table | Text] = []
    for heading, style, columns, rows in _unread(report):
        part = section(heading, style, box)
        for column in columns:
            part.add_column(column, overflow="fold")
        for row in rows:
            part.add_row(*(Text(printable(cell)) for cell in row))
        parts += [part, Text()] if box is None else [part]
    return parts


_Rows = list[tuple[str, ...]]


def _unread(report: AuditReport) -> Iterator[tuple[str, str, tuple[str, ...], _Rows]]:
    """Heading, style, columns and rows of each table on what was read and what was not."""
    rows: _Rows = [(file.path, file.error or "") for file in report.failed]
    if rows:
        yield f"Not parsed ({len(rows)})", "bold red", ("File", "Why"), rows
    rows = [
        (each.name or "as it is", " ".join(each.macros), _failed(each))
        for each in report.configurations
    ]
    if rows:
        heading = f"Configurations ({len(rows)})"
        yield heading, "bold", ("Configuration", "Macros", "Could not be read"), rows
    rows = [(f"{each.file}:{each.line}", each.condition) for each in report.unseen]
    if rows:
        heading = f"Branches that no configuration took ({len(rows)})"
        yield heading, "bold", ("Branch", "Condition"), rows


def _failed(configuration: Configuration) -> str:
    """What could not be read in few words: the reason of the first file, the number of others."""
    if not configuration.failed:
        return ""
    first, *others = configuration.failed
    more = f" and {len(others)} more" if others else ""
    return f"{first.error or first.path}{more}"


def plain(report: AuditReport) -> str:
    """The table as text to search in: one line a need, however long, and no trailing blanks."""
    return as_text(table(report, box=None))


def as_text(renderable: Group) -> str:
    """What a table without box is in a file or a pipe."""
    console = Console(width=100_000, color_system=None, file=io.StringIO())
    with console.capture() as captured:
        console.print(renderable)
    return "".join(line.rstrip() + "\n" for line in captured.get().splitlines())


def markdown(report: AuditReport) -> str:
    """The report as Markdown, ending in a newline."""
    lines = ["# What the code needs", "", f"{summary(report)}.", ""]
    if threads := primitives(report):
        lines += [f"{threads}.", ""]
    for kind in Kind:
        needs = _by_group(report.of_kind(kind))
        if not needs:
            continue
        lines += [f"## {_heading(kind, needs)}", ""]
        lines += ["| Group | Name | Header | Used in |", "|---|---|---|---|"]
        for need in needs:
            header = f"`{need.header}`" if need.header else "-"
            cells = f"{_group(need)} | {code(need.name)} | {header} | {escape(where(need))}"
            lines.append(f"| {cells} |")
        lines.append("")
    return "\n".join([*lines, *markdown_failures(report)])


def markdown_failures(report: AuditReport) -> list[str]:
    """Lines of Markdown with the tables of :func:`failures`; none when there are none."""
    lines = []
    for heading, _, columns, rows in _unread(report):
        lines += [f"## {heading}", "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
        lines += [f"| {' | '.join(escape(cell) for cell in row)} |" for row in rows]
        lines.append("")
    return lines


def escape(text: str) -> str:
    """Somebody else's text as it stands, in Markdown."""
    plain_text = printable(text)
    for character in "\\`*_<>[]|":
        plain_text = plain_text.replace(character, "\\" + character)
    return plain_text


def code(text: str) -> str:
    """A name in Markdown's code, also within a table."""
    return f"`{printable(text).replace('`', chr(39)).replace('|', chr(92) + '|')}`"

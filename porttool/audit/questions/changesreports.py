"""What a newer upstream adds and removes, as JSON, as Markdown and as a table."""

from collections.abc import Sequence
from typing import Any

from rich.box import Box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from porttool.audit.model import SCHEMA
from porttool.audit.questions.changes import Change, Changed, Version
from porttool.audit.reports import (
    code,
    covered,
    escape,
    failures,
    markdown_failures,
    need_document,
    printable,
    section,
)
from porttool.audit.reports import (
    where as places_of,
)
from porttool.audit.status import Status
from porttool.audit.statusreports import STATUS_STYLE, why

_HEADINGS = {
    Change.ADDED: "Added",
    Change.WORSE: "Worse than before",
    Change.BETTER: "Better than before",
    Change.REMOVED: "Removed",
}
_COLUMNS = ("Status", "Kind", "Name", "Why", "Used in")


def to_json(old: Version, new: Version, changed: Sequence[Changed]) -> dict[str, Any]:
    """The document of ``--since --json``."""
    return {
        "schema": SCHEMA,
        "report": "since",
        "release": new.judgement.release,
        "from": _version(old),
        "to": _version(new),
        "changes": [
            {
                "change": each.change.value,
                "before": None if each.before is None else each.before.value,
                "need": need_document(each.judged.need, each.judged),
            }
            for each in changed
        ],
    }


def _version(version: Version) -> dict[str, Any]:
    return {
        "ref": version.ref,
        "commit": version.commit,
        "needs": len(version.report.needs),
    } | covered(version.report)


def table(
    old: Version,
    new: Version,
    changed: Sequence[Changed],
    *,
    box: Box | None,
    site_limit: int | None = None,
) -> Group:
    """The changes for a terminal, one table for each sort; ``site_limit`` bounds the places.

    Without ``box`` it is text to search in, whose lines begin with the change.
    """
    parts: list[Table | Text] = []
    for change in Change:
        rows = [each for each in changed if each.change is change]
        if rows:
            shown = _section(change, rows, box, site_limit)
            parts += [shown, Text()] if box is None else [shown]
    for version in (old, new):
        if version.report.failed:
            parts += [Text(f"{printable(version.ref)}:"), *failures(version.report, box)]
    parts.append(Text(printable(summary(old, new, changed))))
    return Group(*parts)


def _section(
    change: Change, rows: Sequence[Changed], box: Box | None, site_limit: int | None
) -> Table:
    bad = any(each.judged.status is not Status.PROVIDED for each in rows)
    style = "bold red" if bad and change in (Change.ADDED, Change.WORSE) else "bold"
    shown = section(f"{_HEADINGS[change]} ({len(rows)})", style, box)
    if box is None:
        shown.add_column("Change")
    shown.add_column("Status", no_wrap=True)
    shown.add_column("Kind", style="cyan", no_wrap=True)
    shown.add_column("Name", style="bold", overflow="fold")
    shown.add_column("Why", overflow="fold")
    shown.add_column("Used in", overflow="fold")
    for each in rows:
        status, *cells = _cells(each, site_limit)
        texts = [Text(status, STATUS_STYLE.get(each.judged.status, ""))]
        texts += [Text(printable(cell)) for cell in cells]
        shown.add_row(*([change.value] if box is None else []), *texts)
    return shown


def _cells(changed: Changed, site_limit: int | None = None) -> list[str]:
    judged = changed.judged
    status = judged.status.value
    if changed.before not in (None, judged.status):
        status = f"{changed.before} → {status}"
    where = places_of(judged.need, site_limit)
    return [status, judged.need.kind.value, judged.need.name, why(judged) or "-", where]


def summary(old: Version, new: Version, changed: Sequence[Changed]) -> str:
    """One sentence: from where to where, and how many needs of which status were added, and so on.

    ``v1.0 → v1.1: added 1 absent, 2 provided; removed 1 provided; Unikraft 0.16.3``.
    """
    words = []
    for change in Change:
        rows = [each.judged.status for each in changed if each.change is change]
        counts = [f"{rows.count(status)} {status}" for status in Status if status in rows]
        words += [f"{change} {', '.join(counts)}"] if counts else []
    said = "; ".join(words) or "no need was added or removed"
    return f"{old.ref} → {new.ref}: {said}; Unikraft {new.judgement.release}"


def markdown(old: Version, new: Version, changed: Sequence[Changed]) -> str:
    """The changes as Markdown, ending in a newline."""
    lines = [f"# What {code(new.ref)} needs that {code(old.ref)} does not, and the other way", ""]
    lines += [f"{escape(summary(old, new, changed))}.", ""]
    for change in Change:
        rows = [each for each in changed if each.change is change]
        if not rows:
            continue
        lines += [f"## {_HEADINGS[change]} ({len(rows)})", "", f"| {' | '.join(_COLUMNS)} |"]
        lines.append("|---" * len(_COLUMNS) + "|")
        for each in rows:
            status, kind, name, because, where = _cells(each)
            cells = (status, kind, code(name), escape(because), escape(where))
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    for version in (old, new):
        if failed := markdown_failures(version.report):
            lines += [f"In {code(version.ref)}:", "", *failed]
    return "\n".join(lines)

"""The paths to a need as JSON, as Markdown, as text, and as a tree for a terminal."""

from collections.abc import Sequence
from typing import Any

from rich.box import Box
from rich.console import Group
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from porttool.audit.model import SCHEMA, AuditReport, Function, Kind, Need, Site
from porttool.audit.questions.paths import Entry, Found, Graph, Node, Path
from porttool.audit.reports import (
    code,
    covered,
    escape,
    need_document,
    places,
    printable,
    used_in,
)
from porttool.audit.statusreports import STATUS_STYLE, why

#: So many functions are shown of the tree of one need, and so many places of a call in it.
TREE_LIMIT, _CALLS = 200, 6

_SAID = {
    Entry.MAIN: "",
    Entry.TABLE: "",
    Entry.UNCALLED: "no own function calls it",
    Entry.RECURSION: "only reached from itself",
}


def to_json(
    report: AuditReport, asked: str, release: str | None, found: Sequence[Found]
) -> dict[str, Any]:
    """The document of ``--why --json``."""
    return {
        "schema": SCHEMA,
        "report": "why",
        "release": release,
        "asked": asked,
        "needs": [
            need_document(each.need, each.judged)
            | {
                "brings": list(each.why.brings),
                "paths": [_path(path) for path in each.why.paths],
                "calls": [
                    {
                        "caller": _function(call.caller),
                        "callee": _function(call.callee),
                        "site": _site(call.site),
                    }
                    for call in each.why.calls
                ],
            }
            for each in found
        ],
    } | covered(report)


def _path(path: Path) -> dict[str, Any]:
    return {
        "entry": path.entry.value,
        "entries": path.entries,
        "steps": [
            _function(step.function) | {"sites": [_site(site) for site in step.sites]}
            for step in path.steps
        ],
    }


def _function(function: Function) -> dict[str, Any]:
    return {"function": function.name or None, "file": function.file}


def _site(site: Site) -> dict[str, Any]:
    return {"file": site.file, "line": site.line, "macro": site.macro or None}


def table(graph: Graph, found: Sequence[Found], *, box: Box | None) -> Group:
    """A tree for each need on a terminal; without ``box`` one line a path, to search in."""
    if box is None:
        return Group(*(part for each in found for part in (_heading(each), _lines(each), Text())))
    return Group(*(part for each in found for part in (_tree(graph, each), Text())))


def _heading(found: Found) -> Text:
    need, judged = found.need, found.judged
    heading = Text.assemble((need.kind.value, "cyan"), " ", (printable(need.name), "bold"))
    if judged is not None:
        heading.append(", ").append(judged.status.value, STATUS_STYLE.get(judged.status, ""))
        if because := why(judged):
            heading.append(f": {printable(because)}", "dim")
    return heading


def _tree(graph: Graph, found: Found) -> Tree:
    tree = Tree(_heading(found), guide_style="dim")
    if found.why.brings:
        tree.add(Text(f"brings {', '.join(found.why.brings)}", "dim"))
    for node in graph.tree(found.need, TREE_LIMIT):
        _grow(tree, node, found.need)
    return tree


def _grow(tree: Tree, node: Node, need: Need) -> None:
    if not node.function.name:  # tables, types and includes: the places say it all
        for place in _uses(node, need):
            tree.add(place)
        if not node.children:
            return
    branch = tree.add(_label(node))
    if node.function.name and not node.above:
        for place in _uses(node, need):
            branch.add(place)
    for child in node.children:
        _grow(branch, child, need)
    if node.cut:
        branch.add(Text(f"… {node.cut} more, see --json", "dim"))


def _label(node: Node) -> Text:
    name = printable(node.function.name) or "at file scope"
    label = Text.assemble((name, "bold" if node.entry is not None else ""))
    where = places(node.calls, _CALLS) if node.calls else node.function.file
    label.append(f"  {printable(where)}", "dim")
    macros = sorted({site.macro for site in node.calls if site.macro})
    if macros:
        label.append(f" via {printable(', '.join(macros))}", "dim")
    if node.entry is not None and (said := _SAID[node.entry]):
        label.append(f"  {said}", "yellow")
    if node.above:
        label.append("  (see above)", "dim")
    return label


def _uses(node: Node, need: Need) -> list[Text]:
    if not node.uses:
        return []
    name = printable(need.name)
    plain = [Site(site.file, site.line, macro=site.macro) for site in node.uses]
    where = used_in(plain)
    if not node.function.name and need.kind is not Kind.HEADER:
        where += " at file scope"
    return [Text.assemble((name, "bold green"), f"  {printable(where)}")]


def _lines(found: Found) -> Table:
    shown = Table(box=None, pad_edge=False)
    for name in ("Entry", "Entries", "Path"):
        shown.add_column(name)
    for path in found.why.paths:
        shown.add_row(path.entry.value, str(path.entries), Text(printable(in_words(path))))
    return shown


def in_words(path: Path) -> str:
    """A path on one line: ``main a.c:3 → serve b.c:9 via SEND``."""
    words = []
    for step in path.steps:
        plain = [Site(site.file, site.line, macro=site.macro) for site in step.sites]
        words.append(f"{step.function.name or '(file scope)'} {used_in(plain)}")
    return " → ".join(words)


def markdown(asked: str, found: Sequence[Found]) -> str:
    """The paths as Markdown, ending in a newline."""
    lines = [f"# Why {code(asked)} is needed", ""]
    for each in found:
        lines += [f"## {each.need.kind.value} {code(each.need.name)}", ""]
        if each.judged is not None:
            because = why(each.judged)
            said = f"{each.judged.status}: {because}" if because else each.judged.status.value
            lines += [f"{escape(said)}.", ""]
        if each.why.brings:
            lines += [f"Brings {', '.join(map(code, each.why.brings))}.", ""]
        lines += ["| Entry | Entries | Path |", "|---|--:|---|"]
        for path in each.why.paths:
            lines.append(f"| {path.entry} | {path.entries} | {escape(in_words(path))} |")
        lines.append("")
    return "\n".join(lines)

"""How the difference between two states of a series looks: on a terminal, as JSON, as a page."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from porttool import ui
from porttool.commands import verdicts
from porttool.pages import page
from porttool.series.interdiff import Inner, InterdiffLine, Kind, Outer, PatchInterdiff, State
from porttool.series.outcome import Outcome
from porttool.upstream.lock import Pin

#: So many lines of a patch are shown unless all are asked for; many, as it is said only once.
_LINES = 200
_INNER = {
    Inner.HEADER: "bold",
    Inner.MESSAGE: "",
    Inner.HUNK: "cyan",
    Inner.CONTEXT: "",
    Inner.REMOVED: "red",
    Inner.ADDED: "green",
}
_OUTER = {
    Outer.BOTH: ("", ""),
    Outer.OLD: ("reverse red", "dim"),
    Outer.NEW: ("reverse green", "bold"),
}
_WORDS = {
    Kind.CONTENT: ("content", "yellow"),
    Kind.PATHS: ("paths only", "blue"),
    Kind.NOISE: ("context only", "dim"),
    State.NEW: ("new", "green"),
    State.DROPPED: ("dropped", "red"),
    State.UNCHANGED: ("unchanged", "dim"),
}


@dataclass(frozen=True, slots=True)
class View:
    """How a difference is shown: ``whole``, so that long ones are not cut; as a ``page``, too."""

    whole: bool = False
    page: Path | None = None

    def require_place(self) -> None:
        """Raise :class:`UserError` unless the page, if any, can be written."""
        if self.page is not None:
            page.require_place(self.page)


def document(found: Sequence[PatchInterdiff]) -> list[dict[str, Any]]:
    """The interdiff as JSON."""
    return [asdict(each) for each in found]


def summary(found: Sequence[PatchInterdiff]) -> str:
    """How many patches changed, and how: ``1 content, 7 paths only, 1 dropped``."""
    counts = Counter(_word(each)[0] for each in found)
    said = [f"{counts[word]} {word}" for word, _ in _WORDS.values() if counts[word]]
    moved = sum(each.reordered for each in found)
    return ", ".join([*said, *([f"{moved} moved in the series"] if moved else [])])


def view(found: Sequence[PatchInterdiff], *, whole: bool) -> list[RenderableType]:
    """What changed, for a terminal: content line by line, then a line for each other patch.

    Nothing when no patch changed and none moved. Long ones are cut unless ``whole``.
    """
    if not any(each.state is State.CHANGED or each.reordered for each in found):
        return []
    shown: list[RenderableType] = [Text.assemble(("interdiff ", "bold"), summary(found))]
    for each in found:
        if each.kind is Kind.CONTENT:
            shown += _in_full(each, whole=whole)
    rest = [
        each
        for each in found
        if each.kind is not Kind.CONTENT and (each.state is not State.UNCHANGED or each.reordered)
    ]
    if rest:
        shown.append(_one_line_each(rest))
    return shown


def _word(each: PatchInterdiff) -> tuple[str, str]:
    return _WORDS[each.kind if each.kind is not None else each.state]


def _what(each: PatchInterdiff) -> tuple[str, str]:
    """What to say of a patch that is not shown in full, and its style."""
    word, style = _word(each)
    if not each.reordered:
        return word, style
    return ("moved" if each.state is State.UNCHANGED else f"moved, {word}"), "magenta"


def _numbers(each: PatchInterdiff) -> str:
    return f"{each.old_number or '-'} {each.state.sign} {each.new_number or '-'}"


def _in_full(each: PatchInterdiff, *, whole: bool) -> list[Text]:
    title = Text.assemble((f"{_numbers(each)}  ", "yellow"), (each.name, "bold"))
    if each.reordered:
        title.append("  moved in the series", "magenta")
    lines = each.lines if whole else each.lines[:_LINES]
    shown = [title, *map(_line, lines)]
    if len(lines) < len(each.lines):
        more = ui.count(len(each.lines) - len(lines), "line")
        instead = f"git diff patches/{each.name}, or --verbose the next time"
        shown.append(Text(f"    … {more} more: {instead}", "dim"))
    return shown


def _line(line: InterdiffLine) -> Text:
    """One line with its two signs: what happened to it, and what it is in the patch."""
    if line.outer is Outer.HUNK:
        return Text(f"    {line}", "cyan", no_wrap=True, overflow="fold")
    sign, weight = _OUTER[line.outer]
    text = Text("    ", no_wrap=True, overflow="fold")
    text.append(line.outer, sign)
    return text.append(line.text, f"{weight} {_INNER[line.inner]}".strip())


def _one_line_each(rest: Sequence[PatchInterdiff]) -> Table:
    rows = [(_numbers(each), *_what(each), each.name) for each in rest]
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    # The name is what gives way on a narrow terminal.
    widths = max(len(numbers) for numbers, *_ in rows), max(len(word) for _, word, *_ in rows)
    for width in widths:
        table.add_column(no_wrap=True, min_width=width)
    room = max(ui.stdout().width - sum(widths) - 2 * 3, 16)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=room)
    for numbers, word, style, name in rows:
        table.add_row(Text(numbers), Text(word, style), Text(name))
    return table


@dataclass(frozen=True, slots=True)
class _Row:
    """A patch on the page."""

    diff: PatchInterdiff
    outcome: Outcome | None

    @property
    def facts(self) -> list[str]:
        """What stands behind the verdict."""
        return [] if self.outcome is None else verdicts.facts(self.outcome)


def write_page(
    path: Path,
    name: str,
    old: Pin,
    new: Pin,
    found: Sequence[PatchInterdiff],
    outcomes: Sequence[Outcome],
) -> None:
    """Write the interdiff of the series ``name`` and the verdicts, if any, as an HTML page."""
    by_name = {outcome.name: outcome for outcome in outcomes}
    rows = [_Row(each, by_name.get(each.name)) for each in found]

    def of(what: Kind | State) -> list[_Row]:
        return [row for row in rows if what in (row.diff.kind, row.diff.state)]

    groups = (
        ("Content", "What these patches do changed.", of(Kind.CONTENT), True),
        ("New", "These were not in the series before.", of(State.NEW), False),
        ("Dropped", "These left the series.", of(State.DROPPED), False),
        ("Paths only", "The same lines, in files that were renamed.", of(Kind.PATHS), False),
        ("Context only", "The same lines; those around them changed.", of(Kind.NOISE), False),
        ("Unchanged", "Line numbers may differ.", of(State.UNCHANGED), False),
    )
    content = page.render(
        "refresh.html.j2", name=name, old=old, new=new, summary=summary(found), groups=groups
    )
    page.write(path, content)

"""``porttool forecast``: the series against many upstream refs."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from porttool import ui
from porttool.commands import verdicts
from porttool.commands.forecast_page import write_page
from porttool.commands.session import opened
from porttool.errors import ExitCode
from porttool.pages import page
from porttool.port import Port, find_pins
from porttool.series.forecast import Forecast
from porttool.series.forecast import forecast as work_out
from porttool.series.outcome import Outcome, Verdict
from porttool.upstream.lock import Pin

#: What stands in a cell: a word where there is room for it, a letter where there is not. The heat
#: of a cell says the same; nothing is said by colour alone.
_CELLS = {
    Verdict.CONFLICT: ("CONFLICT", "X", "bold white on red"),
    Verdict.AMBIGUOUS: ("ambiguous", "?", "bold white on magenta"),
    Verdict.ABSORBED: ("absorbed", "a", "black on cyan"),
    Verdict.PARTLY_ABSORBED: ("partly", "p", "black on cyan"),
    Verdict.MERGED: ("merged", "m", "black on yellow"),
    Verdict.MOVED: ("moved", "r", "white on blue"),
    Verdict.OFFSET: ("offset", "o", "green"),
    Verdict.CLEAN: ("clean", ".", "green"),
}
_IN_WORDS = {Verdict.MOVED: "moved (renamed file)"}
_BEHIND = "* tried without a patch before it that is in conflict"

_CELL = max(len(word) for word, _, _ in _CELLS.values()) + 1
_GAP = 2
_NAME_MIN = 32
_NAME_MIN_COMPACT = 24


def forecast(
    directory: Path, refs: Sequence[str], *, html: Path | None = None, as_json: bool
) -> ExitCode:
    """Report a verdict a patch and ref. Without ``refs``: all newer tags and the newest commit.

    ``html`` gets the same as a page.
    """
    if html is not None:
        page.require_place(html)
    with opened(directory, "forecast", contact=True) as port:
        port.verify_settled()
        pins = find_pins(port.mirror, refs or port.mirror.newer(port.lock.pin))
        found = forecasts(port, pins)
        name, current = port.lock.name, port.lock.pin
    if html is not None:
        write_page(html, name, current, found)
    if as_json:
        documents = [document(each) for each in found]
        ui.show_json({"schema": 1, "pin": current.ref, "forecasts": documents})
    elif not found:
        ui.show(f"upstream has nothing newer than {current.ref}")
    else:
        ui.show(*heat_map(found, ui.stdout().width))
    return ExitCode.OK


def forecasts(port: Port, pins: Sequence[Pin]) -> list[Forecast]:
    """The forecasts of a settled port for ``pins``, worked out under a progress bar."""
    applied = port.apply().patches
    with ui.progress() as bar:
        task = bar.add_task("forecast", total=len(applied))
        return work_out(
            port.store,
            port.lock.pin.commit,
            pins,
            port.series.patches,
            applied,
            advance=lambda: bar.advance(task),
        )


def document(each: Forecast) -> dict[str, Any]:
    """One forecast as JSON."""
    outcomes = zip(verdicts.document(each.outcomes), each.behind, strict=True)
    return {
        "ref": each.pin.ref,
        "commit": each.pin.commit,
        "date": each.pin.date,
        "worst": str(each.worst),
        "way": str(each.way),
        "outcomes": [outcome | {"behind": list(behind)} for outcome, behind in outcomes],
    }


def heat_map(found: Sequence[Forecast], width: int) -> list[RenderableType]:
    """The matrix patch by ref in ``width`` columns, with a legend for what explains not itself.

    Words in the cells when all refs fit beside each other so, else letters, in as many tables as
    it takes.
    """
    needed = max(map(len, ["patch", *(outcome.name for outcome in found[0].outcomes)]))
    cells = sum(max(len(each.pin.ref), _CELL) + _GAP for each in found)
    room = min(needed, max(_NAME_MIN, width - _GAP - cells))
    marked = any(any(each.behind) for each in found)
    if room + _GAP + cells <= width:
        return [_in_words(found, room), *([Text(_BEHIND, "dim")] if marked else [])]
    room = min(needed, max(_NAME_MIN_COMPACT, width - _GAP - 2 * len(found)))
    many = max((width - room - _GAP) // 2, 1)
    shown: list[RenderableType] = []
    for start in range(0, len(found), many):
        shown += [*_in_letters(found[start : start + many], room), ""]
    return [*shown, *_legend(found, marked, width)]


def _rows(found: Sequence[Forecast]) -> Iterator[tuple[str, list[tuple[Outcome, bool]]]]:
    """For each patch its name, and for each ref its outcome and whether it is behind a conflict."""
    columns = [
        [
            (outcome, bool(behind))
            for outcome, behind in zip(each.outcomes, each.behind, strict=True)
        ]
        for each in found
    ]
    for row in zip(*columns, strict=True):
        yield row[0][0].name, list(row)


def _in_words(found: Sequence[Forecast], room: int) -> Table:
    """Patches down, refs across, a word in each cell."""
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    table.add_column("patch", overflow="ellipsis", no_wrap=True, max_width=room)
    for each in found:
        table.add_column(Text(each.pin.ref), no_wrap=True, min_width=_CELL)
    for name, row in _rows(found):
        cells = []
        for outcome, behind in row:
            word, _, style = _CELLS[outcome.verdict]
            cells.append(Text(f"{word}{'*' if behind else ''}".ljust(_CELL), style))
        table.add_row(Text(name), *cells)
    return table


def _in_letters(found: Sequence[Forecast], room: int) -> list[Text]:
    """Patches down, refs across and written downwards, a letter and its mark in each cell."""
    height = max(len(each.pin.ref) for each in found)
    refs = [each.pin.ref.rjust(height) for each in found]
    lines = []
    for at in range(height):
        label = "patch" if at == height - 1 else ""
        heads = "".join(f"{ref[at]} " for ref in refs)
        lines.append(Text(f"{label:{room + _GAP}}{heads}", "bold", no_wrap=True))
    for name, row in _rows(found):
        line = Text(no_wrap=True)
        short = name if len(name) <= room else f"{name[: room - 1]}…"
        line.append(f"{short:{room + _GAP}}")
        for outcome, behind in row:
            _, letter, style = _CELLS[outcome.verdict]
            line.append(letter + ("*" if behind else " "), style)
        lines.append(line)
    return lines


def _legend(found: Sequence[Forecast], marked: bool, width: int) -> list[Text]:
    """What the letters that are there mean, in lines of ``width`` columns."""
    there = {outcome.verdict for each in found for outcome in each.outcomes}
    entries = []
    for verdict, (_, letter, style) in _CELLS.items():
        if verdict in there:
            entry = Text.assemble((f"{letter} ", style), f" {_IN_WORDS.get(verdict, verdict)}")
            entries.append(entry)
    if marked:
        entries.append(Text(_BEHIND))
    lines: list[Text] = []
    for entry in entries:
        if lines and lines[-1].cell_len + 3 + entry.cell_len <= width:
            lines[-1].append("   ").append_text(entry)
        else:
            lines.append(entry)
    return lines

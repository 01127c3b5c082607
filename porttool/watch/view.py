"""The history of an exporter on a terminal: a table by group, with a sparkline for each line."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from porttool.watch.history import History, Line

#: Groups in the order shown, and the beginnings of the names in them.
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("cpu", ("node_cpu_", "node_procs_", "node_context_", "node_load", "unikraft_sched_")),
    ("memory", ("node_memory_", "unikraft_alloc_", "unikraft_memory_")),
    ("network", ("node_network_", "node_netstat_", "node_sockstat_", "node_arp_")),
    ("locks", ("unikraft_mutex_", "unikraft_lock_")),
    ("files", ("node_filefd_", "node_filesystem_", "unikraft_vfs_")),
    ("other", ()),
    ("exporter", ("node_scrape_", "ukmetrics_", "process_", "promhttp_", "scrape_")),
)

_BLOCKS = "▁▂▃▄▅▆▇█"
_ASCII = "_.-=+*%#"

#: From this width on, names are whole and the extremes have columns.
_WIDE = 120

_VALUE_WIDTH = 12
_SPARK_LEAST = 16


def group_of(name: str) -> tuple[str, str]:
    """The group of a metric, and its name without what the group says already."""
    for group, prefixes in GROUPS:
        for prefix in prefixes:
            if name.startswith(prefix):
                rest = name.removeprefix(prefix)
                return group, rest if prefix.startswith("node_") else name.split("_", 1)[1]
    return "other", name


def spark(points: Sequence[float | None], width: int, *, zero: bool, blocks: str) -> str:
    """The newest ``width`` points as blocks of rising height; a gap is a blank.

    With ``zero`` the scale begins at 0, else at the smallest point shown.
    """
    shown = [
        None if point is None or math.isnan(point) or math.isinf(point) else point
        for point in list(points)[-width:]
    ]
    known = [point for point in shown if point is not None]
    if not known:
        return " " * width
    low = min(0.0, *known) if zero else min(known)
    span = max(known) - low
    top = len(blocks) - 1

    def block(point: float | None) -> str:
        if point is None:
            return " "
        return blocks[round((point - low) / span * top) if span else 0]

    return "".join(map(block, shown)).rjust(width)


def _scaled(value: float, base: float, units: Sequence[str]) -> str:
    size = abs(value)
    for unit in units:
        if size < base * 0.9995 or unit == units[-1]:
            break
        size /= base
    digits = 0 if size >= 100 or (size == int(size) and unit == units[0]) else 1
    return f"{math.copysign(size, value):,.{digits}f} {unit}".rstrip()


def _seconds(value: float) -> str:
    if value == 0 or abs(value) >= 1:
        return f"{value:,.1f} s"
    return f"{value * 1e3:.1f} ms" if abs(value) >= 1e-3 else f"{value * 1e6:.0f} µs"


def shown(name: str, value: float | None, *, rate: bool) -> str:
    """A value with the unit that the name of its metric says, for people."""
    if value is None or math.isnan(value):
        return "-"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    stem = name.removesuffix("_total")
    if stem.endswith("_seconds"):
        if rate:
            return f"{value * 100:.1f} %"
        if stem.endswith("time_seconds") and value > 1e9:
            return f"{datetime.fromtimestamp(value, UTC):%H:%M:%S}Z"
        return _seconds(value)
    if stem.endswith("_bytes"):
        text = _scaled(value, 1024, ("B", "KiB", "MiB", "GiB", "TiB"))
    elif value == int(value) and abs(value) < 1e6:
        text = f"{int(value):,}"
    else:
        text = _scaled(value, 1000, ("", "k", "M", "G", "T"))
    return f"{text}/s" if rate else text


@dataclass(frozen=True, slots=True)
class Look:
    """How to draw. ``total`` shows counters as they are, where there is nothing to compare."""

    width: int
    height: int | None = None
    everything: bool = False
    total: bool = False
    blocks: str = _BLOCKS


def look(console: Console, *, everything: bool = False, total: bool = False) -> Look:
    """The look that fits a console: its size, and characters that it can show."""
    able = (console.encoding or "").lower().replace("-", "").startswith("utf")
    height = console.height if console.is_terminal and not total else None
    width = console.width if console.is_terminal else min(console.width, 160)
    return Look(width, height, everything, total, _BLOCKS if able else _ASCII)


def _label(line: Line, common: set[tuple[str, str]], *, wide: bool) -> str:
    labels = [pair for pair in line.labels if pair not in common]
    if wide:
        inner = ",".join(f'{name}="{value}"' for name, value in labels)
        return line.name + (f"{{{inner}}}" if inner else "")
    rest = group_of(line.name)[1].removesuffix("_total")
    return " ".join([rest, *(value for _, value in labels)])


def _information(history: History) -> list[Line]:
    return [line for line in history.lines.values() if line.name.endswith("_info")]


def head(history: History, url: str, at: float) -> Text:
    """Where from, since when, and what is wrong, if anything is."""
    text = Text()
    text.append(url, style="bold")
    if history.common:
        text.append("  " + " ".join(f"{name}={value}" for name, value in history.common))
    if history.trouble is not None:
        gone = f", for {max(0.0, at - (history.since or at)):.0f} s" if history.since else ""
        text.append(f"\ngone: {history.trouble}{gone}", style="bold red")
        if not history.lines:
            text.append("\nwaiting for it", style="dim")
    elif history.seconds is not None:
        count = len(history.lines)
        text.append(f"\n{count} samples in {_seconds(history.seconds)}", style="dim")
        if history.scrapes > 1:
            text.append(f", {history.scrapes} scrapes", style="dim")
        if history.failed:
            text.append(f", {history.failed} failed", style="dim")
        if history.restarts:
            text.append(f", {history.restarts} restarts seen", style="yellow")
    for line in _information(history):
        pairs = [pair for pair in line.labels if pair not in history.common]
        words = " ".join(f"{name}={value}" for name, value in pairs)
        text.append(f"\n{line.name.removesuffix('_info')}: {words}", style="dim")
    return text


def _grouped(history: History) -> list[tuple[str, list[Line]]]:
    found: dict[str, list[Line]] = {group: [] for group, _ in GROUPS}
    for line in history.lines.values():
        if not line.name.endswith("_info"):
            found[group_of(line.name)[0]].append(line)
    return [(group, lines) for group, lines in found.items() if lines]


def _fits(rows: Sequence[tuple[str, Line]], room: int) -> bool:
    return len(rows) + len({group for group, _ in rows}) <= room


def _rows(history: History, look: Look, room: int | None) -> tuple[list[tuple[str, Line]], int]:
    """The lines to draw with their group, and how many there would be room for no more.

    Where room is short, what has not moved goes first.
    """
    rows = [(group, line) for group, lines in _grouped(history) for line in lines]
    if not look.everything:
        rows = [(group, line) for group, line in rows if not line.idle]
    if room is None:
        return rows, 0
    kept = set(range(len(rows)))
    order = sorted(kept, key=lambda index: (not rows[index][1].steady, -index))
    for index in order:
        if _fits([rows[each] for each in kept], room):
            break
        kept.remove(index)
    return [rows[index] for index in sorted(kept)], len(rows) - len(kept)


def draw(history: History, url: str, at: float, look: Look) -> RenderableType:
    """The whole picture at the time ``at`` of the history's clock."""
    top = head(history, url, at)
    lines_of_top = len(top.wrap(Console(width=look.width), look.width))
    room = None if look.height is None else max(1, look.height - lines_of_top - 2)
    rows, left_out = _rows(history, look, room)
    wide = look.width >= _WIDE
    names = [_label(line, set(history.common), wide=wide) for _, line in rows]
    longest = max(map(len, names), default=0)
    extremes = wide and not look.total
    others = (_VALUE_WIDTH + 2) * (3 if extremes else 1)
    width = min(longest + 2, look.width - others - 2 - (0 if look.total else _SPARK_LEAST))
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(width=width, no_wrap=True, overflow="ellipsis")
    table.add_column(width=_VALUE_WIDTH, justify="right", no_wrap=True)
    left = look.width - width - others - 2
    if extremes:
        table.add_column(width=_VALUE_WIDTH, justify="right", no_wrap=True)
        table.add_column(width=_VALUE_WIDTH, justify="right", no_wrap=True)
    if not look.total:
        table.add_column(width=max(1, left), no_wrap=True)
    before = None
    for name, (group, line) in zip(names, rows, strict=True):
        if group != before:
            heading = [Text(group, style="bold cyan")]
            if extremes and before is None:
                heading += [Text(word, style="dim") for word in ("now", "least", "most")]
            table.add_row(*heading)
            before = group
        table.add_row(*_cells(name, line, look, left, extremes=extremes))
    parts: list[RenderableType] = [top, table]
    idle = sum(1 for line in history.lines.values() if line.idle)
    notes = []
    if left_out:
        notes.append(f"{left_out} more do not fit")
    if idle and not look.everything:
        notes.append(f"at 0 all the time and not shown: {idle} (--all)")
    if notes:
        parts.append(Text("; ".join(notes), style="dim"))
    return Group(*parts)


def _cells(
    name: str, line: Line, look: Look, width: int, *, extremes: bool
) -> list[RenderableType]:
    label = Text("  " + name)
    if look.total:
        return [label, Text(shown(line.name, line.last, rate=False))]
    rate = line.counter
    cells: list[RenderableType] = [label, Text(shown(line.name, line.now, rate=rate))]
    if extremes:
        known = [point for point in line.points if point is not None]
        for extreme in (min, max):
            value = extreme(known, default=None)
            cells.append(Text(shown(line.name, value, rate=rate), style="dim"))
    drawn = spark(line.points, max(1, width), zero=rate, blocks=look.blocks)
    return [*cells, Text(drawn, style="green")]

"""``porttool forecast``: the series against many upstream refs."""

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from porttool import ui
from porttool.commands import verdicts
from porttool.commands.session import opened
from porttool.errors import ExitCode
from porttool.port import find_pin
from porttool.series.forecast import Forecast
from porttool.series.forecast import forecast as work_out

#: What stands in a cell; the legend below the table says it in words.
_SHORT = {
    "conflict": "CONFLICT",
    "ambiguous": "ambiguous",
    "absorbed": "absorbed",
    "partly absorbed": "partly",
    "merged": "merged",
    "moved": "moved",
    "offset": "offset",
    "clean": "clean",
}

_CELL = max(map(len, _SHORT.values()))
_GAP = 2
_NAME_MIN = 32


def forecast(directory: Path, refs: Sequence[str], *, as_json: bool) -> ExitCode:
    """Report a verdict a patch and ref. Without ``refs``: all newer tags and the newest commit."""
    with opened(directory, "forecast", contact=True) as port:
        port.verify_settled()
        pins = [find_pin(port.mirror, ref) for ref in refs or port.mirror.newer(port.lock.pin)]
        applied = port.apply().patches
        with ui.progress() as bar:
            task = bar.add_task("forecast", total=len(pins))
            found = work_out(
                port.store,
                port.lock.pin.commit,
                pins,
                port.series.patches,
                applied,
                advance=lambda: bar.advance(task),
            )
        current = port.lock.pin.ref
    if as_json:
        ui.show_json(
            {
                "schema": 1,
                "pin": current,
                "forecasts": [
                    {
                        "ref": each.pin.ref,
                        "commit": each.pin.commit,
                        "date": each.pin.date,
                        "worst": str(each.worst),
                        "outcomes": verdicts.document(each.outcomes),
                    }
                    for each in found
                ],
            }
        )
    elif not found:
        ui.show(f"upstream has nothing newer than {current}")
    else:
        ui.show(*_matrices(found, ui.stdout().width))
    return ExitCode.OK


def _matrices(found: Sequence[Forecast], width: int) -> list[Table]:
    """The matrix patch by ref, cut into as many tables as ``width`` columns need."""
    needed = max(len(outcome.name) for outcome in found[0].outcomes) if found[0].outcomes else 0
    name = min(needed, max(_NAME_MIN, width - _GAP - sum(map(_width, found))))
    tables: list[Table] = []
    rest = list(found)
    while rest:
        fitting = 1
        while fitting < len(rest) and name + _GAP + sum(map(_width, rest[: fitting + 1])) <= width:
            fitting += 1
        tables.append(_matrix(rest[:fitting], name))
        rest = rest[fitting:]
    return tables


def _width(forecast: Forecast) -> int:
    return max(len(forecast.pin.ref), _CELL) + _GAP


def _matrix(found: Sequence[Forecast], room: int) -> Table:
    """Patches down, refs across, a coloured verdict in each cell."""
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    table.add_column("patch", overflow="ellipsis", no_wrap=True, max_width=room)
    for each in found:
        table.add_column(each.pin.ref, no_wrap=True, min_width=_CELL)
    for row in zip(*(each.outcomes for each in found), strict=True):
        cells = [Text(_SHORT[str(o.verdict)], verdicts.STYLE[o.verdict]) for o in row]
        table.add_row(Text(row[0].name), *cells)
    return table

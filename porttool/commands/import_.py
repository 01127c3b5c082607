"""``porttool import``: take up patches from elsewhere."""

from dataclasses import replace
from pathlib import Path

from porttool import ui
from porttool.commands.deciding import deciding
from porttool.commands.refresh import carry_out
from porttool.commands.session import opened, require_idle
from porttool.errors import ExitCode
from porttool.port import Port
from porttool.series import edit, foreign
from porttool.series.importer import DoesNotApply, import_series
from porttool.series.refresh import Plan, conclude, settle
from porttool.series.seriesfile import Series


def import_(directory: Path, path: Path, *, as_json: bool) -> ExitCode:
    """Put the patches at ``path`` behind those of the series: all of them, or none."""
    with opened(directory, f"import {path}") as port:
        require_idle(port)
        with deciding(port, as_json=as_json):
            plan = _plan(port, path)
        return carry_out(port, plan, as_json=as_json)


def _plan(port: Port, path: Path) -> Plan:
    source = edit.settled_source(port)
    patches = port.workspace.patches
    used = {each.relative_to(patches).as_posix() for each in patches.rglob("*")}
    taken = foreign.read(port.store, path, {*port.series.names, *used})
    for subject in taken.left_out:
        ui.note(f"left out, it holds no patch: {subject}")
    if taken.unlisted:
        ui.note(f"left out, its series does not name them: {', '.join(taken.unlisted)}")
    try:
        added = import_series(port.store, source.head, [file.patch for file in taken.files])
    except DoesNotApply as error:
        error.fix = error.fix or (
            "mend it there; or, if it was made for another upstream version, begin with "
            "porttool init --ref VERSION, import it there and refresh --onto this one"
        )
        raise
    pin = port.lock.pin
    files = (*source.files, *taken.files)
    commits = (*source.commits, *(patch.commit for patch in added.patches))
    known = list(zip(files, commits, strict=True))
    names = {*port.series.names, *(file.name for file in taken.files)}
    settled = settle(port.store, pin.commit, added.head, known, names)
    series = Series(source.listing.series.lines + taken.lines)
    listing = replace(source.listing, series=series, files=files)
    return conclude(port, replace(source, listing=listing), pin, settled)

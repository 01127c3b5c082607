"""``porttool status``: pin, series, worktree and emitted libraries at a glance."""

from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from porttool import ui
from porttool.commands.emitting import emit_input
from porttool.commands.session import opened
from porttool.errors import ExitCode, PorttoolError
from porttool.port import Port
from porttool.series import operation, worktree
from porttool.series import refresh as engine
from porttool.unikraft.emit import compare_emitted

#: So many files that differ are named.
_SHOWN = 3


def status(directory: Path, *, as_json: bool) -> ExitCode:
    """Report the state of the workspace in ``directory``. Nothing is changed."""
    with opened(directory, "status") as port:
        facts = {
            "schema": 1,
            "name": port.lock.name,
            "pin": {
                "url": port.lock.pin.url,
                "ref": port.lock.pin.ref,
                "commit": port.lock.pin.commit,
                "date": port.lock.pin.date,
                "license": port.lock.license,
            },
            "unikraft": port.workspace.config.unikraft,
            "series": {
                "patches": [file.name for file in port.series.files],
                "unlisted": list(port.series.unlisted),
                "edited": port.series_edited,
            },
            "worktree": _worktree(port),
            "unfinished": _unfinished(port),
            "emitted": _emitted(port),
        }
    if as_json:
        ui.show_json(facts)
    else:
        _show(facts)
    return ExitCode.OK


def _worktree(port: Port) -> dict[str, Any] | None:
    state = worktree.inspect(port.workspace.tree)
    if state is None:
        return None
    return {
        "path": str(port.workspace.tree),
        "head": state.head,
        "edited": engine.tree_edited(port, state),
        "dirty": state.dirty,
        "untracked": list(state.untracked),
        "busy": state.busy,
    }


def _unfinished(port: Port) -> dict[str, Any] | None:
    """The operation that waits for somebody, if there is one."""
    waiting = operation.load(port.workspace)
    if waiting is None:
        return None
    stop = waiting.stopped
    return {
        "command": waiting.command,
        "patch": stop.name if stop is not None else None,
        "reason": str(stop.reason) if stop is not None else None,
        "waits_for": waiting.waits_for,
        "worktree": str(port.workspace.work) if stop is not None else None,
    }


def _emitted(port: Port) -> dict[str, Any]:
    """Whether the emitted libraries are what they would be now, and if not, why not."""
    found = {"path": str(port.workspace.build), "current": False, "why": None, "differing": []}
    if not port.workspace.build.exists():
        return found | {"why": "nothing yet (porttool emit)"}
    try:
        port.verify_settled()
        with emit_input(port, port.apply()) as source:
            differing = compare_emitted(source, port.workspace.build)
    except PorttoolError as error:
        return found | {"why": error.what}
    if not differing:
        return found | {"current": True}
    shown = ", ".join(differing[:_SHOWN])
    if len(differing) > _SHOWN:
        shown += f" and {len(differing) - _SHOWN} more (porttool check)"
    return found | {"why": f"differs: {shown}", "differing": differing}


def _show(facts: dict[str, Any]) -> None:
    pin, series, tree, emitted = (facts[k] for k in ("pin", "series", "worktree", "emitted"))
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("upstream", Text(f"{facts['name']}  {pin['url']}"))
    where = f"{pin['ref']}  commit {pin['commit'][:12]} of {pin['date'][:10]}  {pin['license']}"
    table.add_row("pin", Text(where))
    table.add_row("target", Text(f"Unikraft {facts['unikraft']}"))
    line = Text(ui.count(len(series["patches"]), "patch", "patches"))
    if series["edited"]:
        line.append(", edited since the lock was written", "yellow")
    if series["unlisted"]:
        line.append(f", not in series: {', '.join(series['unlisted'])}", "yellow")
    table.add_row("series", line)
    if tree is None:
        table.add_row("worktree", Text("none (porttool apply makes one)", "dim"))
    else:
        line = Text(tree["path"])
        for key, text in (("edited", "commits not in patches/"), ("dirty", "uncommitted changes")):
            if tree[key]:
                line.append(f", {text}", "yellow")
        if tree["untracked"]:
            line.append(f", {ui.count(len(tree['untracked']), 'file')} not added to git", "yellow")
        if tree["busy"]:
            line.append(f", in the middle of {tree['busy']}", "red")
        table.add_row("worktree", line)
    if (waiting := facts["unfinished"]) is not None:
        line = Text(f"porttool {waiting['command']}", "red")
        if waiting["patch"] is not None:
            line.append(f", {waiting['reason']}: {waiting['patch']} in {waiting['worktree']}")
        elif waiting["waits_for"] is not None:
            line.append(f", waits for {waiting['waits_for']}")
        table.add_row("unfinished", line)
    line = Text(emitted["path"])
    if emitted["current"]:
        line.append(", up to date", "green")
    else:
        line.append(f", {emitted['why']}", "yellow")
    table.add_row("emitted", line)
    ui.show(table)

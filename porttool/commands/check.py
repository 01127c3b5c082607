"""``porttool check``: whether everything is what a refresh would leave."""

from pathlib import Path

from rich.text import Text

from porttool import ui
from porttool.commands import releases
from porttool.commands.emitting import emit_input, own_metrics
from porttool.commands.session import opened
from porttool.errors import ExitCode, UserError
from porttool.port import Port
from porttool.series import operation, worktree
from porttool.series import refresh as engine
from porttool.unikraft.emit import compare_emitted
from porttool.unikraft.own_metrics import combined
from porttool.upstream.lock import LockError


def check(directory: Path, *, upstream: bool = False, as_json: bool) -> ExitCode:
    """Report every drift; exit code 4 if there is any. Nothing is changed.

    With ``upstream``, upstream is asked, and a newer release counts as drift, too; raises
    :class:`porttool.upstream.store.UnreachableError` when it does not answer.
    """
    newer: releases.Newer | None = None
    try:
        with opened(directory, "check") as port:
            if upstream:
                releases.ask(port)
            drift = find_drift(port)
            if upstream:
                newer = releases.find_newer(port)
    except LockError as error:
        drift = [("lock", _on_one_line(error))]
    behind = newer is not None and bool(newer.releases)
    ok = not drift and not behind
    if as_json:
        found = [{"what": what, "detail": detail} for what, detail in drift]
        said = {"upstream": newer and releases.document(newer)} if upstream else {}
        ui.show_json({"schema": 1, "ok": ok, "drift": found} | said)
        return ExitCode.OK if ok else ExitCode.CHECK_FAILED
    for what, detail in drift:
        ui.show(Text.assemble((f"{what:11}", "bold red"), detail))
    if not drift:
        emitted = (directory / "build").exists()
        what = " and emitted libraries agree" if emitted else " agree; nothing was emitted yet"
        ui.show(Text(f"lock, series, export{what}", "green"))
    if newer is not None:
        ui.show(*releases.view(newer))
    return ExitCode.OK if ok else ExitCode.CHECK_FAILED


def _on_one_line(error: LockError) -> str:
    return "; ".join([error.what, *(error.why or "").splitlines()])


def find_drift(port: Port) -> list[tuple[str, str]]:
    """Every drift of a port: (what drifted, how). Empty when a refresh would change nothing."""
    drift: list[tuple[str, str]] = []
    if (waiting := operation.load(port.workspace)) is not None:
        drift.append(("unfinished", f"porttool {waiting.command}: --continue, --skip or --abort"))
    if port.series_edited:
        drift.append(("series", "patches/ was edited since the lock was written: porttool refresh"))
    if port.series.unlisted:
        drift.append(("series", f"not in series: {', '.join(port.series.unlisted)}"))
    state = worktree.inspect(port.workspace.tree)
    if state is not None and engine.tree_edited(port, state):
        drift.append(("worktree", "it has commits that are not in patches/: porttool refresh"))
    if drift:
        return drift
    try:
        port.verify_settled()
    except LockError as error:
        drift.append(("lock", _on_one_line(error)))
    try:
        imported = port.apply()
    except LockError as error:
        return [*drift, ("series", _on_one_line(error))]
    outcome = engine.plan(port)
    drift += [
        ("export", f"{patch.name} would be written anew")
        for patch in outcome.patches
        if patch.fate != "unchanged"
    ]
    if outcome.change.lock != port.workspace.lock_path.read_bytes() and not drift:
        drift.append(("lock", "upstream.lock would be written anew"))
    try:
        combined(port.workspace.config.unikraft, own_metrics(port.workspace))
    except UserError as error:
        return [*drift, ("metrics", f"{error.where}: {error.what}")]
    if not port.workspace.build.exists():
        return drift  # never emitted: nothing there that could have drifted
    with emit_input(port, imported) as source:
        try:
            paths = compare_emitted(source, port.workspace.build)
        except UserError as error:
            return [*drift, ("emitted", error.what)]
    return drift + [("emitted", f"{path} is not what it would be now") for path in paths]

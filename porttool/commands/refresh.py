"""``porttool refresh``: the main job."""

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from porttool import ui
from porttool.audit import AuditReport
from porttool.commands import verdicts
from porttool.commands.auditing import fail_if_unparsed, patched_scope, run_audit
from porttool.commands.emitting import emit_input
from porttool.commands.session import opened
from porttool.errors import ExitCode, PorttoolError
from porttool.port import Port, find_pin, load
from porttool.series import refresh as engine
from porttool.series.exporter import Fate
from porttool.series.importer import DoesNotApply
from porttool.series.refresh import PatchReport, Plan, SeriesDecision
from porttool.series.side import Side
from porttool.series.why import Culprit
from porttool.unikraft.emit import EmitResult, emit
from porttool.upstream.lock import Pin
from porttool.upstream.store import borrow_tags
from porttool.workspace import Workspace

_DIFF_LINES = 40
_DIFF_NOISE = ("index ", "similarity ", "diff --git ")
_DIFF_STYLE = {"+": "green", "-": "red", "@": "cyan"}
_STYLE = {Fate.UNCHANGED: "dim", Fate.CHANGED: "yellow", Fate.NEW: "green"}


def refresh(
    directory: Path,
    *,
    onto: str | None,
    take: Side | None,
    drop_absorbed: bool = False,
    as_json: bool,
) -> ExitCode:
    """Refresh the workspace in ``directory``; report the patches, the audit and the libraries.

    The series and the lock are settled before the audit and the emission: when one of those fails,
    the error says so, and ``patches/`` and the lock are already as they should be.
    """
    with opened(directory, "refresh", contact=True, leaving=onto is not None) as port:
        borrow_tags(port.store, port.mirror)
        pin = None if onto is None else find_pin(port.mirror, onto)
        try:
            outcome = engine.plan(port, pin, take, drop_absorbed=drop_absorbed)
        except DoesNotApply as error:
            error.fix = error.fix or _way_out(port, None)
            raise
        except SeriesDecision as error:
            error.fix = error.fix or _way_out(port, pin)
            culprit = error.culprit
            if as_json:
                ui.show_json(
                    {
                        "schema": 1,
                        "changed": False,
                        "outcomes": verdicts.document(error.outcomes),
                        "culprit": None if culprit is None else asdict(culprit),
                    }
                )
            else:
                ui.show(verdicts.table(error.outcomes))
                if culprit is not None:
                    _show_culprit(culprit)
            raise
        for text in outcome.notes:
            ui.note(text)
        changed = engine.carry_out(port, outcome)
        settled, _ = load(Workspace.open(directory))
        imported = settled.apply()
        with emit_input(settled, imported) as source:
            report = run_audit(patched_scope(source.patched_tree, settled.workspace.config))
            failure: PorttoolError | None = None
            libraries: EmitResult | None = None
            try:
                libraries = emit(source, settled.workspace.build)
            except PorttoolError as error:
                failure = error
        if as_json:
            ui.show_json(_document(outcome, changed, libraries) | {"audit": _audit_counts(report)})
        else:
            _show(outcome, changed, libraries)
            counts = _audit_counts(report)
            ui.show(
                Text.assemble(
                    ("audit    ", "bold"),
                    f"{ui.count(counts['function'], 'function')}, "
                    f"{ui.count(counts['header'], 'header')} and "
                    f"{ui.count(counts['path'], 'kernel path')} needed by "
                    f"{ui.count(len(report.files), 'file')}",
                )
            )
    if failure is not None:
        raise failure
    fail_if_unparsed(report)
    return ExitCode.OK


def _show_culprit(culprit: Culprit) -> None:
    """The upstream commit that a patch breaks at, and its changes to the files in conflict."""
    ui.show(
        Text.assemble(
            ("breaks at ", "bold"),
            (culprit.commit[:12], "yellow"),
            f" of {culprit.date[:10]}: {culprit.subject}",
        )
    )
    lines = [line for line in culprit.diff.splitlines() if not line.startswith(_DIFF_NOISE)]
    for line in lines[:_DIFF_LINES]:
        ui.show(Text(f"  {line}", _DIFF_STYLE.get(line[:1], "")))
    if len(lines) > _DIFF_LINES:
        ui.show(Text(f"  … {ui.count(len(lines) - _DIFF_LINES, 'line')} more", "dim"))


def _way_out(port: Port, onto: Pin | None) -> str:
    """What a maintainer does about a patch that does not apply."""
    if onto is None:
        return "mend the patch in patches/ and refresh again"
    # The worktree knows upstream's tags, but not its branches.
    new, old = (
        pin.ref if port.mirror.is_tag(pin.ref) else pin.commit for pin in (onto, port.lock.pin)
    )
    tree = shlex.quote(str(port.workspace.tree))
    return (
        f"porttool apply; git -C {tree} rebase --onto {new} {old}; "
        f"porttool refresh --onto {onto.ref}"
    )


def _audit_counts(report: AuditReport) -> dict[str, int]:
    counts = dict.fromkeys(("function", "variable", "type", "constant", "header", "path"), 0)
    for need in report.needs:
        counts[str(need.kind)] += 1
    return counts


def _document(outcome: Plan, changed: bool, libraries: EmitResult | None) -> dict[str, Any]:
    pin = outcome.lock.pin
    return {
        "schema": 1,
        "changed": changed,
        "pin": {"url": pin.url, "ref": pin.ref, "commit": pin.commit, "tree": pin.tree},
        "series": {"digest": outcome.lock.series_digest, "tree": outcome.lock.series_tree},
        "patches": [
            {
                "name": patch.name,
                "fate": patch.fate,
                "subject": patch.subject,
                "offsets": list(patch.offsets),
                "files": list(patch.files),
                "added": patch.added,
                "removed": patch.removed,
            }
            for patch in outcome.patches
        ],
        "dropped": list(outcome.dropped),
        "outcomes": verdicts.document(outcome.outcomes),
        "libraries": [
            {"folder": str(each.path), "changed": list(each.changed)}
            for each in (libraries.libraries if libraries is not None else ())
        ],
    }


def _show(outcome: Plan, changed: bool, libraries: EmitResult | None) -> None:
    pin = outcome.lock.pin
    ui.show(
        Text.assemble(
            ("upstream ", "bold"), f"{outcome.lock.name} {pin.ref} ({pin.commit[:12]}), verified"
        )
    )
    if outcome.outcomes:
        ui.show(verdicts.table(outcome.outcomes))
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    # The name is what gives way on a narrow terminal, not what happened to it.
    widest = max((_amount(patch).cell_len for patch in outcome.patches), default=0)
    room = max(ui.stdout().width - len("unchanged") - widest - 2 * 3, 16)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=room)
    table.add_column(no_wrap=True, justify="right")
    for patch in outcome.patches:
        style = _STYLE[Fate(patch.fate)]
        table.add_row(Text(patch.fate, style), patch.name, _amount(patch))
    for name in outcome.dropped:
        table.add_row(Text("dropped", "red"), name, "")
    if outcome.patches or outcome.dropped:
        ui.show(table)
    else:
        ui.show("the series is empty")
    state = "written" if changed else "nothing to change"
    ui.show(Text.assemble(("series   ", "bold"), f"tree {outcome.lock.series_tree[:12]}, {state}"))
    for library in libraries.libraries if libraries is not None else ():
        changed_files = len(library.changed)
        what = f"{ui.count(changed_files, 'file')} written" if changed_files else "up to date"
        ui.show(Text.assemble(("emitted  ", "bold"), f"{library.path}: {what}"))


def _amount(patch: PatchReport) -> Text:
    away = sorted({abs(offset) for offset in patch.offsets if offset})
    text = Text.assemble((f"+{patch.added}", "green"), " ", (f"-{patch.removed}", "red"))
    if away:
        text.append(f"  offset {away[-1]}", "yellow")
    return text

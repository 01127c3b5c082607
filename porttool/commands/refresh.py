"""``porttool refresh``: the main job."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from porttool import ui
from porttool.audit import AuditReport
from porttool.audit.failures import fail_if_unparsed
from porttool.commands import interdiffs, verdicts
from porttool.commands.auditing import patched_scope, run_audit
from porttool.commands.deciding import deciding
from porttool.commands.emitting import emit_input
from porttool.commands.interdiffs import View
from porttool.commands.session import opened, require_idle
from porttool.errors import ExitCode, PorttoolError, UserError
from porttool.port import Port, find_pin, load
from porttool.series import operate
from porttool.series import operation as state
from porttool.series import refresh as engine
from porttool.series.exporter import Fate
from porttool.series.interdiff import interdiff
from porttool.series.operation import Operation, Stop
from porttool.series.outcome import Solution, Verdict
from porttool.series.refresh import PatchReport, Plan
from porttool.series.side import Side
from porttool.unikraft.emit import EmitResult, emit
from porttool.upstream.lock import Pin
from porttool.upstream.store import borrow_tags
from porttool.workspace import Workspace

_PLAIN = View()
_STYLE = {Fate.UNCHANGED: "dim", Fate.CHANGED: "yellow", Fate.NEW: "green"}


@dataclass(frozen=True, slots=True)
class Options:
    """How a refresh is to go.

    ``onto`` is the upstream ref to move to, in steps with ``step``; ``take`` the side that counts
    when both were edited; ``reuse`` says whether conflicts are solved as they were before.
    """

    onto: str | None = None
    take: Side | None = None
    drop_absorbed: bool = False
    step: bool = False
    reuse: bool = True


def refresh(directory: Path, options: Options, *, view: View = _PLAIN, as_json: bool) -> ExitCode:
    """Refresh the workspace in ``directory``; report the patches, the audit and the libraries.

    What changed in the series is shown as an interdiff; ``view`` says how.

    The series and the lock are settled before the audit and the emission: when one of those fails,
    the error says so, and ``patches/`` and the lock are already as they should be.
    """
    view.require_place()
    command = f"refresh --onto {options.onto}" if options.onto is not None else "refresh"
    with opened(directory, command, contact=True, leaving=options.onto is not None) as port:
        require_idle(port)
        borrow_tags(port.store, port.mirror)
        pin = port.lock.pin if options.onto is None else find_pin(port.mirror, options.onto)
        with deciding(port, as_json=as_json):
            reached = _work_out(port, pin, command, options)
        return finish(port, reached, view=view, as_json=as_json)


def _work_out(port: Port, pin: Pin, command: str, options: Options) -> Plan | Stop:
    source = engine.gather(port, pin.commit, options.take)
    if source.base == pin.commit:
        return engine.settle_in_place(port, source, pin)
    operation = operate.begin(
        port,
        source,
        pin,
        command,
        drop_absorbed=options.drop_absorbed,
        step=options.step,
        reuse=options.reuse,
    )
    return operate.run(port, operation)


def resume(directory: Path, *, drop_absorbed: bool, view: View = _PLAIN, as_json: bool) -> ExitCode:
    """``refresh --continue``: take up what was solved or edited, and go on."""
    view.require_place()
    with opened(directory, "refresh --continue", leaving=True) as port:
        operation = _unfinished(port)
        if drop_absorbed:
            operation = replace(operation, drop_absorbed=True)
        with deciding(port, as_json=as_json):
            reached = operate.resume(port, operation)
        return finish(port, reached, view=view, as_json=as_json)


def skip(directory: Path, *, view: View = _PLAIN, as_json: bool) -> ExitCode:
    """``refresh --skip``: leave the patch that is waited for out, and go on."""
    view.require_place()
    with opened(directory, "refresh --skip", leaving=True) as port:
        operation = _unfinished(port)
        with deciding(port, as_json=as_json):
            reached = operate.skip(port, operation)
        return finish(port, reached, view=view, as_json=as_json)


def abort(directory: Path, *, as_json: bool) -> ExitCode:
    """``refresh --abort``: give the unfinished operation up; everything is as it was before."""
    with opened(directory, "refresh --abort", leaving=True) as port:
        if not state.folder(port.workspace).exists():
            raise _nothing_unfinished()
        operate.abort(port)
        if as_json:
            ui.show_json({"schema": 1, "changed": False, "aborted": True})
        else:
            ui.show("given up; patches/, porttool.toml and upstream.lock are as they were")
    return ExitCode.OK


def _unfinished(port: Port) -> Operation:
    operation = state.load(port.workspace)
    if operation is None:
        raise _nothing_unfinished()
    return operation


def _nothing_unfinished() -> UserError:
    return UserError("no refresh is unfinished here", fix="porttool refresh --onto REF begins one")


def finish(port: Port, reached: Plan | Stop, *, view: View = _PLAIN, as_json: bool) -> ExitCode:
    """Write what an operation came to; or say where its patch is to be edited."""
    if isinstance(reached, Plan):
        return carry_out(port, reached, view=view, as_json=as_json)
    path = port.workspace.work
    if as_json:
        stopped = {"patch": reached.name, "reason": str(reached.reason), "worktree": str(path)}
        ui.show_json({"schema": 1, "changed": False, "stopped": stopped})
    else:
        ui.show(str(path))
        ui.note(
            f"edit {reached.name} there, then porttool refresh --continue (--abort gives it up)"
        )
    return ExitCode.OK


def carry_out(
    port: Port,
    plan: Plan,
    *,
    view: View = _PLAIN,
    also: Mapping[str, Any] | None = None,
    as_json: bool,
) -> ExitCode:
    """Write the plan, then audit and emit what there is now, and report it all.

    ``also`` is what the command has to report beside it, as JSON.
    """
    for text in plan.notes:
        ui.note(text)
    changed = operate.carry_out(port, plan)
    settled, _ = load(Workspace.open(port.workspace.root))
    difference = interdiff(port.store, port.series.files, settled.series.files)
    if view.page is not None:
        pins = port.lock.pin, settled.lock.pin
        interdiffs.write_page(view.page, settled.lock.name, *pins, difference, plan.outcomes)
    imported = settled.apply()
    failure: PorttoolError | None = None
    libraries: EmitResult | None = None
    with emit_input(settled, imported) as source:
        report = run_audit(patched_scope(source.patched_tree, settled.workspace.config))
        try:
            libraries = emit(source, settled.workspace.build)
        except PorttoolError as error:
            failure = error
    if as_json:
        ui.show_json(
            _document(plan, changed, libraries)
            | {"interdiff": interdiffs.document(difference), "audit": _audit_counts(report)}
            | dict(also or {})
        )
    else:
        _show(plan, changed, libraries, interdiffs.view(difference, whole=view.whole))
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
    fail_if_unparsed(report, patched=True)
    return ExitCode.OK


def _audit_counts(report: AuditReport) -> dict[str, int]:
    counts = dict.fromkeys(("function", "variable", "type", "constant", "header", "path"), 0)
    for need in report.needs:
        counts[str(need.kind)] += not need.defined
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


def _show(
    outcome: Plan,
    changed: bool,
    libraries: EmitResult | None,
    difference: Sequence[RenderableType],
) -> None:
    pin = outcome.lock.pin
    ui.show(
        Text.assemble(
            ("upstream ", "bold"), f"{outcome.lock.name} {pin.ref} ({pin.commit[:12]}), verified"
        )
    )
    told = outcome.outcomes
    if not outcome.moved:  # an edit: only patches that had to give way are worth a line
        told = tuple(o for o in told if o.verdict not in (Verdict.CLEAN, Verdict.OFFSET))
    if told:
        ui.show(verdicts.table(told, "upstream" if outcome.moved else "a patch before it"))
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
    left_out = {o.name for o in outcome.outcomes if o.solution is Solution.LEFT_OUT}
    for name in outcome.dropped:
        table.add_row(Text("left out" if name in left_out else "dropped", "red"), name, "")
    if outcome.patches or outcome.dropped:
        ui.show(table)
    else:
        ui.show("the series is empty")
    ui.show(*difference)
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

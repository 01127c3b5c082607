"""``porttool audit-deps``: what C code needs from the C library, the system and the kernel."""

import os.path
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from porttool import ui
from porttool.audit import AuditReport, discover
from porttool.commands.auditing import (
    Scope,
    fail_if_unparsed,
    patched_scope,
    run_audit,
    unpatched_scope,
)
from porttool.commands.session import opened
from porttool.errors import ExitCode, UserError

#: Places shown for one need on a terminal up to 120 columns, and on a wider one. JSON, Markdown
#: and pipes get them all.
SITES_ON_TERMINAL = (4, 12)


def audit_deps(
    paths: Sequence[Path] = (),
    *,
    workspace: Path = Path(),
    unpatched: bool = False,
    as_json: bool = False,
    as_markdown: bool = False,
    defines: Sequence[str] = (),
    includes: Sequence[Path] = (),
) -> ExitCode:
    """Audit folders and files of C, or the port in ``workspace`` when there are no ``paths``.

    The port is audited with its series applied, or, ``unpatched``, all of the pin as it is.
    ``includes`` are relative to the current folder. Raises :class:`CheckFailed` after reporting
    when a file did not parse, :class:`UserError` when there is nothing to audit.
    """
    if as_json and as_markdown:
        raise UserError("--json and --markdown exclude each other")
    if paths and unpatched:
        raise UserError("--unpatched is for the port in a workspace, not for paths")
    with _from_workspace(workspace, unpatched) if not paths else _from_paths(paths) as scope:
        report = run_audit(scope, includes, defines)
    _show(report, as_json=as_json, as_markdown=as_markdown)
    fail_if_unparsed(report, patched=not paths and not unpatched)
    return ExitCode.OK


def _show(report: AuditReport, *, as_json: bool, as_markdown: bool) -> None:
    from porttool.audit import reports

    if report.headers_from != "musl":
        ui.note(
            "musl's headers are not installed: these are the host's C library's names, and some "
            "differ (apt-get install musl-dev)"
        )
    if as_json:
        ui.show_json(reports.to_json(report))
    elif as_markdown:
        ui.stdout().out(reports.markdown(report), end="")
    else:
        console = ui.stdout()
        if console.is_terminal:
            ui.show(reports.table(report, site_limit=SITES_ON_TERMINAL[console.width > 120]))
        else:
            console.out(reports.plain(report), end="")


@contextmanager
def _from_paths(paths: Sequence[Path]) -> Iterator[Scope]:
    for path in paths:
        if not path.exists():
            raise UserError("no such file or folder", where=str(path))
    real = [path.resolve() for path in paths]
    folders = [path if path.is_dir() else path.parent for path in real]
    root = Path(os.path.commonpath(folders))
    found = discover(root)
    for folder in found.skipped:
        ui.note(f"left out: {folder.relative_to(root)}")
    sources = [
        source
        for source in found.sources
        if any(path == source or path in source.parents for path in real)
    ]
    sources += [path for path in real if path.is_file() and path not in sources]
    if found.defines:
        ui.note(f"defined, as the build files do: {' '.join(found.defines)}")
    yield Scope(root, tuple(sources), found.includes, found.defines)


@contextmanager
def _from_workspace(directory: Path, unpatched: bool) -> Iterator[Scope]:
    with tempfile.TemporaryDirectory(prefix="porttool-") as scratch:
        tree = Path(scratch) / "tree"
        with opened(directory, "audit-deps") as port:
            if unpatched:
                port.store.export(port.lock.pin.commit, tree)
                scope = unpatched_scope(tree)
            else:
                port.verify_settled()
                port.store.export(port.apply().head, tree)
                scope = patched_scope(tree, port.workspace.config)
        yield scope

"""``porttool audit-deps``: what C code needs from the C library, the system and the kernel."""

import os.path
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from porttool import ui
from porttool.audit import AuditReport, audit, discover
from porttool.errors import CheckFailed, UserError
from porttool.workspace import Workspace

#: Places shown for one need on a terminal up to 120 columns, and on a wider one. JSON, Markdown
#: and pipes get them all.
SITES_ON_TERMINAL = (4, 12)
#: ``ukm.h`` is on the include path of every port.
UKMETRICS_INCLUDE = Path(__file__).parent.parent / "ukmetrics" / "include"


@dataclass(frozen=True, slots=True)
class _Scope:
    """What is audited: see :func:`porttool.audit.audit`."""

    root: Path
    sources: tuple[Path, ...]
    includes: tuple[Path, ...]
    defines: tuple[str, ...] = ()


def audit_deps(
    paths: Sequence[Path] = (),
    *,
    workspace: Path = Path(),
    as_json: bool = False,
    as_markdown: bool = False,
    defines: Sequence[str] = (),
    includes: Sequence[Path] = (),
) -> None:
    """Audit folders and files of C, or the port in ``workspace`` when there are no ``paths``.

    ``includes`` are relative to the current folder. Raises :class:`CheckFailed` after reporting
    when a file did not parse, :class:`UserError` when there is nothing to audit.
    """
    if as_json and as_markdown:
        raise UserError("--json and --markdown exclude each other")
    scope = _from_paths(paths) if paths else _from_workspace(workspace)
    for folder in includes:
        if not folder.is_dir():
            raise UserError("--include names no folder", where=str(folder))
    if not scope.sources:
        raise UserError(
            "no C sources here", where=str(scope.root), fix="name a folder with .c files"
        )
    with ui.progress() as bar:
        task = bar.add_task("audit", total=len(scope.sources))
        report = audit(
            scope.root,
            scope.sources,
            (*(folder.resolve() for folder in includes), *scope.includes),
            (*scope.defines, *defines),
            advance=lambda: bar.advance(task),
        )
    _show(report, as_json=as_json, as_markdown=as_markdown)
    fail_if_unparsed(report)


def fail_if_unparsed(report: AuditReport) -> None:
    """Raise :class:`CheckFailed` that names the files that were not parsed, if there are any."""
    failed = report.failed
    if not failed:
        return
    many = f"{len(failed)} of {len(report.files)} files were" if len(failed) > 1 else "a file was"
    shown = [f"{file.path}: {file.error}" for file in failed[:10]]
    if len(failed) > len(shown):
        shown.append(f"and {len(failed) - len(shown)} more")
    missing = any("not found" in (file.error or "") for file in failed)
    raise CheckFailed(
        f"{many} not parsed, and what the rest needs is not the whole answer",
        why="\n".join(shown),
        fix="porttool audit-deps --include DIR for the header's folder" if missing else None,
    )


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


def _from_paths(paths: Sequence[Path]) -> _Scope:
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
    return _Scope(root, tuple(sources), found.includes, found.defines)


def _from_workspace(directory: Path) -> _Scope:
    port = Workspace.open(directory)
    if not port.tree.is_dir():
        raise UserError(
            "the patched sources are not there yet",
            where=str(port.tree),
            fix="porttool apply, or name a folder: porttool audit-deps DIR",
        )
    root = port.tree.resolve()
    sources = sorted({path for glob in port.config.sources for path in root.glob(glob)})
    includes = (*(root / folder for folder in port.config.includes), UKMETRICS_INCLUDE)
    return _Scope(root, tuple(sources), includes, port.config.defines)

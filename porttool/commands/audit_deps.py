"""``porttool audit-deps``: what C code needs from the C library, the system and the kernel."""

import os.path
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from porttool import ui
from porttool.audit import AuditReport, discover
from porttool.audit.status import Judgement, Key, Removed, Status, judge
from porttool.commands.auditing import (
    DEFAULT_BUILD,
    Build,
    Patched,
    Scope,
    fail_if_unparsed,
    fail_on,
    patched_scope,
    removed_needs,
    run_audit,
    unpatched_scope,
    with_commands,
)
from porttool.commands.session import opened
from porttool.errors import DecisionNeeded, ExitCode, UserError
from porttool.port import Port
from porttool.series.trace import steps
from porttool.unikraft import DEFAULT_RELEASE
from porttool.unikraft import provides as known
from porttool.unikraft.provides import Provides
from porttool.workspace import CONFIG_NAME, Workspace

#: Places shown for one need on a terminal up to 120 columns, and on a wider one. JSON, Markdown
#: and pipes get them all.
SITES_ON_TERMINAL = (4, 12)


@dataclass(frozen=True, slots=True)
class Target:
    """Which release the needs are held against, and which statuses make the audit fail.

    ``release`` is one that porttool knows, ``catalogue`` the file of a scan; with neither it is
    the release that the workspace is for. ``fail_on`` are names of statuses, with commas.
    """

    release: str | None = None
    catalogue: Path | None = None
    fail_on: str | None = None


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is audited, and what it is held against; ``patched`` for a pin that has a series."""

    scope: Scope
    provides: Provides | None
    patched: Patched | None = None


def audit_deps(
    paths: Sequence[Path] = (),
    *,
    workspace: Path = Path(),
    unpatched: bool = False,
    as_json: bool = False,
    as_markdown: bool = False,
    defines: Sequence[str] = (),
    includes: Sequence[Path] = (),
    target: Target = Target(),
    build: Build = DEFAULT_BUILD,
) -> ExitCode:
    """Audit folders and files of C, or the port in ``workspace`` when there are no ``paths``.

    The port is audited with its series applied, or, ``unpatched``, all of the pin as it is.
    ``includes`` are relative to the current folder. Raises :class:`CheckFailed` after reporting
    when a file did not parse or a need has a status of ``target.fail_on``, :class:`UserError`
    when there is nothing to audit or the release is not known.
    """
    if as_json and as_markdown:
        raise UserError("--json and --markdown exclude each other")
    if paths and unpatched:
        raise UserError("--unpatched is for the port in a workspace, not for paths")
    failing = _statuses(target.fail_on)
    with (
        _from_paths(paths, workspace, target, build)
        if paths
        else _from_workspace(workspace, unpatched, target, build)
    ) as subject:
        provided = () if subject.provides is None else subject.provides.symbols
        report = run_audit(subject.scope, includes, defines, build=build, provided=provided)
        judgement = None
        if subject.provides is not None:
            removed = {}
            if subject.patched is not None:
                removed = removed_needs(report, subject.patched, includes, defines, build)
            judgement = _judgement(report, subject.provides, removed)
    _show(report, judgement, as_json=as_json, as_markdown=as_markdown)
    fail_if_unparsed(report, patched=not paths and not unpatched)
    if judgement is not None:
        fail_on(judgement, failing)
    return ExitCode.OK


def _judgement(
    report: AuditReport, provides: Provides, removed: Mapping[Key, Removed]
) -> Judgement:
    from porttool.unikraft.table import shipped_catalogue, shipped_releases

    release = provides.release
    entries = shipped_catalogue(release) if release in shipped_releases() else None
    return Judgement(release, judge(report, provides, catalogue=entries, removed=removed))


def _statuses(names: str | None) -> tuple[Status, ...]:
    """The statuses of ``--fail-on``."""
    if names is None:
        return ()
    try:
        return tuple(Status(name.strip()) for name in names.split(","))
    except ValueError as error:
        raise UserError(
            "--fail-on names no status", why=str(error), fix=f"use some of: {', '.join(Status)}"
        ) from None


def _provides(target: Target, default: str) -> Provides | None:
    """What the wanted release provides.

    None, and a note, when the release was not asked for, and is not known nor needed.
    """
    if target.release is not None and target.catalogue is not None:
        raise UserError("--release and --catalogue exclude each other")
    if target.catalogue is not None:
        return known.load(target.catalogue)
    needed = target.release is not None or target.fail_on is not None
    if not needed and default not in known.releases():
        ui.note(
            f"what Unikraft {default} provides is not known: needs have no status "
            f"(--release takes {', '.join(known.releases()) or 'nothing yet'})"
        )
        return None
    return known.shipped(target.release or default)


def _show(
    report: AuditReport, judgement: Judgement | None, *, as_json: bool, as_markdown: bool
) -> None:
    from porttool.audit import reports, statusreports

    if report.headers_from != "musl":
        ui.note(
            "musl's headers are not installed: these are the host's C library's names, and some "
            "differ (apt-get install musl-dev)"
        )
    if as_json:
        ui.show_json(reports.to_json(report, judgement))
        return
    console = ui.stdout()
    limit = SITES_ON_TERMINAL[console.width > 120]
    if as_markdown:
        text = (
            reports.markdown(report)
            if judgement is None
            else statusreports.markdown(report, judgement)
        )
        console.out(text, end="")
    elif console.is_terminal:
        ui.show(
            reports.table(report, site_limit=limit)
            if judgement is None
            else statusreports.table(report, judgement, site_limit=limit)
        )
    else:
        text = (
            reports.plain(report) if judgement is None else statusreports.plain(report, judgement)
        )
        console.out(text, end="")


@contextmanager
def _from_paths(
    paths: Sequence[Path], workspace: Path, target: Target, build: Build
) -> Iterator[_Subject]:
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
    named = [path for path in real if path.is_file()]
    scope = Scope(root, tuple(sources), found.includes, found.defines)
    scope = with_commands(scope, build, chosen=named)
    if scope.defines:
        ui.note(f"defined, as the build files do: {' '.join(scope.defines)}")
    yield _Subject(scope, _provides(target, _target_of(workspace)))


def _target_of(workspace: Path) -> str:
    """The release that a workspace is for; without one, the release of new workspaces."""
    if not (workspace / CONFIG_NAME).exists():
        return DEFAULT_RELEASE
    return Workspace.open(workspace).config.unikraft


@contextmanager
def _from_workspace(
    directory: Path, unpatched: bool, target: Target, build: Build
) -> Iterator[_Subject]:
    with tempfile.TemporaryDirectory(prefix="porttool-") as scratch:
        with opened(directory, "audit-deps") as port:
            config = port.workspace.config
            provides = _provides(target, config.unikraft)
            if unpatched:
                pin = Path(scratch) / "pin"
                port.store.export(port.lock.pin.commit, pin)
                tree = Path(scratch) / "tree"
                patched = None if provides is None else _patched(port, tree)
                scope = with_commands(unpatched_scope(pin), build, chosen=())
                subject = _Subject(scope, provides, patched)
            else:
                port.verify_settled()
                tree = port.store.export(port.apply().head, Path(scratch) / "tree")
                subject = _Subject(with_commands(patched_scope(tree, config), build), provides)
        yield subject


def _patched(port: Port, tree: Path) -> Patched | None:
    """The port with its series; None, and a note, while the series makes another tree."""
    if not port.series.patches:
        return None
    try:
        series = port.apply()
    except (UserError, DecisionNeeded) as error:
        ui.note(f"what the series removes is not marked: {error.what}")
        return None
    port.store.export(series.head, tree)
    return Patched(patched_scope(tree, port.workspace.config), steps(port.store, series))

"""What audit-deps audits, and the release that it is held against."""

import os.path
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from porttool import ui
from porttool.audit import AuditReport, discover
from porttool.audit.hostnames import environment_notes
from porttool.audit.status import Judgement, Key, Removed, Status, fewest, judge
from porttool.commands.auditing import (
    DEFAULT_BUILD,
    Build,
    Patched,
    Scope,
    patched_scope,
    removed_needs,
    run_audit,
    unpatched_scope,
    with_commands,
)
from porttool.commands.session import opened
from porttool.errors import DecisionNeeded, UserError
from porttool.port import Port
from porttool.series.trace import steps
from porttool.unikraft import DEFAULT_RELEASE
from porttool.unikraft import provides as known
from porttool.unikraft.provides import Provides
from porttool.workspace import CONFIG_NAME, Workspace


@dataclass(frozen=True, slots=True)
class Target:
    """Which release the needs are held against, and which statuses make the audit fail.

    ``release`` is one that porttool knows, ``catalogue`` the file of a scan; with neither it is
    the release that the workspace is for. ``fail_on`` are names of statuses, with commas.
    """

    release: str | None = None
    catalogue: Path | None = None
    fail_on: str | None = None

    @property
    def failing(self) -> tuple[Status, ...]:
        """The statuses of ``--fail-on``; :class:`UserError` for a name that is none."""
        if self.fail_on is None:
            return ()
        try:
            return tuple(Status(name.strip()) for name in self.fail_on.split(","))
        except ValueError as error:
            raise UserError(
                "--fail-on names no status", why=str(error), fix=f"use some of: {', '.join(Status)}"
            ) from None


@dataclass(frozen=True, slots=True)
class Subject:
    """What is audited, and what it is held against; ``patched`` for a pin that has a series."""

    scope: Scope
    provides: Provides | None
    patched: Patched | None = None


def judgement_of(
    report: AuditReport, provides: Provides, removed: Mapping[Key, Removed] | None = None
) -> Judgement:
    """What a release has of the needs of ``report``; ``removed`` are those that a port has not."""
    release = provides.release
    needs = judge(report, provides, removed=removed)
    return Judgement(release, needs, fewest(needs, provides))


def provides_for(target: Target, default: str, *, needed: bool = False) -> Provides | None:
    """What the wanted release provides.

    None, and a note, when the release was not asked for, and is not known nor ``needed``.
    """
    if target.release is not None and target.catalogue is not None:
        raise UserError("--release and --catalogue exclude each other")
    if target.catalogue is not None:
        return known.load(target.catalogue)
    needed = needed or target.release is not None or target.fail_on is not None
    if not needed and default not in known.releases():
        ui.note(
            f"what Unikraft {default} provides is not known: needs have no status "
            f"(--release takes {', '.join(known.releases()) or 'nothing yet'})"
        )
        return None
    return known.shipped(target.release or default)


def known_provides(target: Target, workspace: Path) -> Provides:
    """What the wanted release provides, for a question that makes no sense without."""
    provides = provides_for(target, release_of(workspace), needed=True)
    if provides is None:
        raise AssertionError("a release that is needed is there or an error")
    return provides


@contextmanager
def from_paths(
    paths: Sequence[Path], workspace: Path, target: Target, build: Build
) -> Iterator[Subject]:
    """The C files at ``paths`` and below; ``workspace`` says for which release."""
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
    yield Subject(scope, provides_for(target, release_of(workspace)))


def release_of(workspace: Path) -> str:
    """The release that a workspace is for; without one, the release of new workspaces."""
    if not (workspace / CONFIG_NAME).exists():
        return DEFAULT_RELEASE
    return Workspace.open(workspace).config.unikraft


@contextmanager
def from_workspace(
    directory: Path, unpatched: bool, target: Target, build: Build
) -> Iterator[Subject]:
    """The port in ``directory``, with its series or, ``unpatched``, the pin."""
    with tempfile.TemporaryDirectory(prefix="porttool-") as scratch:
        with opened(directory, "audit-deps") as port:
            config = port.workspace.config
            provides = provides_for(target, config.unikraft)
            if unpatched:
                pin = Path(scratch) / "pin"
                port.store.export(port.lock.pin.commit, pin)
                tree = Path(scratch) / "tree"
                patched = None if provides is None else _patched(port, tree)
                scope = with_commands(unpatched_scope(pin), build, chosen=())
                subject = Subject(scope, provides, patched)
            else:
                port.verify_settled()
                tree = port.store.export(port.apply().head, Path(scratch) / "tree")
                subject = Subject(with_commands(patched_scope(tree, config), build), provides)
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


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be audited, as it was asked for: see :func:`porttool.commands.audit_deps`."""

    paths: tuple[Path, ...] = ()
    workspace: Path = Path()
    unpatched: bool = False
    includes: tuple[Path, ...] = ()
    defines: tuple[str, ...] = ()
    target: Target = Target()
    build: Build = DEFAULT_BUILD

    @property
    def subject(self) -> str:
        """What is audited, in a few words: the paths, or the name of the port."""
        if self.paths:
            return ", ".join(map(str, self.paths))
        return Workspace.open(self.workspace).config.name


@dataclass(frozen=True, slots=True)
class Audited:
    """An audit; ``provides`` is None when nothing is known of the release.

    ``removed`` are the needs that the port does not have, when its pin was audited.
    """

    report: AuditReport
    provides: Provides | None
    removed: Mapping[Key, Removed]

    def against(self, provides: Provides) -> Judgement:
        """What a release has of the needs."""
        return judgement_of(self.report, provides, self.removed)


def audited(request: Request) -> Audited:
    """Audit what ``request`` names.

    Raises :class:`UserError` when there is nothing to audit or the release is not known.
    """
    if request.paths and request.unpatched:
        raise UserError("--unpatched is for the port in a workspace, not for paths")
    with (
        from_paths(request.paths, request.workspace, request.target, request.build)
        if request.paths
        else from_workspace(request.workspace, request.unpatched, request.target, request.build)
    ) as subject:
        report = run_as_asked(subject.scope, request, subject.provides)
        removed = {}
        if subject.provides is not None and subject.patched is not None:
            removed = removed_needs(
                report, subject.patched, request.includes, request.defines, request.build
            )
    note_headers(report)
    return Audited(report, subject.provides, removed)


def audit_unpatched(tree: Path, request: Request, provides: Provides) -> AuditReport:
    """Audit an upstream at ``tree`` that is not the port's pin; nothing of it is executed.

    A compile_commands.json in it is read. Raises :class:`UserError` when there are no sources.
    """
    scope = with_commands(unpatched_scope(tree), request.build, chosen=())
    return run_as_asked(scope, request, provides)


def require_no_flags(build: Build, question: str) -> None:
    """Raise :class:`UserError` for flags of one build where several trees are audited."""
    if build.compile_commands is not None or build.trust_make:
        raise UserError(f"--compile-commands and --trust-make do not go with {question}")


def run_as_asked(scope: Scope, request: Request, provides: Provides | None) -> AuditReport:
    """Audit ``scope`` with the folders, macros and configurations of ``request``."""
    return run_audit(
        scope,
        request.includes,
        request.defines,
        build=request.build,
        provided=() if provides is None else provides.symbols,
    )


def note_headers(report: AuditReport) -> None:
    """Say so when the headers were not musl's, or gcc did not read them."""
    for note in environment_notes(report):
        ui.note(note)

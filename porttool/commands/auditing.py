"""From a port, or a folder, to what the audit takes."""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from porttool import ui
from porttool.audit import AuditReport, Need, audit, cache, compare
from porttool.audit.build import guess_build
from porttool.audit.commands import Command, read_compile_commands
from porttool.audit.configurations import CONFIGURATION_LIMIT, named_configurations
from porttool.audit.make import dry_run
from porttool.audit.preprocess import check_define
from porttool.audit.reports import places
from porttool.audit.status import Judgement, Key, Removed, Status
from porttool.errors import CheckFailed, UserError
from porttool.series.trace import Line, Step, follow
from porttool.workspace import PortConfig

#: ``ukm.h`` is on the include path of every port.
UKMETRICS_INCLUDE = Path(__file__).parent.parent / "ukmetrics" / "include"


@dataclass(frozen=True, slots=True)
class Scope:
    """What is audited: see :func:`porttool.audit.audit`."""

    root: Path
    sources: tuple[Path, ...]
    includes: tuple[Path, ...]
    defines: tuple[str, ...] = ()
    commands: tuple[Command, ...] = ()


@dataclass(frozen=True, slots=True)
class Build:
    """How the audit learns what is compiled with what, and under which configurations.

    ``compile_commands`` is a file of compiler commands, ``trust_make`` lets ``make -n`` say them.
    ``configurations`` are ``NAME=DEFINE,DEFINE...``; ``all_branches`` finds them by itself.
    ``cached`` says that results of earlier audits are used, and kept.
    """

    compile_commands: Path | None = None
    trust_make: bool = False
    configurations: tuple[str, ...] = ()
    all_branches: bool = False
    cached: bool = True

    def __post_init__(self) -> None:
        if self.compile_commands is not None and self.trust_make:
            raise UserError("--compile-commands and --trust-make exclude each other")
        if self.configurations and self.all_branches:
            raise UserError("--config and --all-configs exclude each other")
        names = [each.partition("=")[0] for each in self.configurations]
        for name, each in zip(names, self.configurations, strict=True):
            if not name or "=" not in each:
                raise UserError(
                    f"--config {each!r} is not NAME=DEFINE,DEFINE",
                    fix="--config plain= --config tls=HAVE_TLS,TLS_VERSION=3",
                )
            for define in filter(None, each.partition("=")[2].split(",")):
                check_define(define)
        if len(set(names)) < len(names):
            raise UserError("--config has a name twice", why=", ".join(names))


DEFAULT_BUILD = Build()

#: What a build leaves in its folder.
COMPILE_COMMANDS = "compile_commands.json"


@dataclass(frozen=True, slots=True)
class Patched:
    """A port with its series, and what each patch of it changes."""

    scope: Scope
    steps: tuple[Step, ...]


def patched_scope(tree: Path, config: PortConfig) -> Scope:
    """The sources that ``config`` names, in the patched upstream at ``tree``."""
    root = tree.resolve()
    sources = sorted({path for glob in config.sources for path in root.glob(glob)})
    includes = (*(root / folder for folder in config.includes), UKMETRICS_INCLUDE)
    return Scope(root, tuple(sources), includes, config.defines)


def unpatched_scope(tree: Path) -> Scope:
    """All of the upstream at ``tree`` that seems to be built; the series has no say in it."""
    root = tree.resolve()
    guess = guess_build(root)
    sources = tuple(root / name for name in guess.sources)
    return Scope(root, sources, tuple(root / name for name in guess.includes), guess.defines)


def with_commands(scope: Scope, build: Build, *, chosen: Sequence[Path] | None = None) -> Scope:
    """``scope`` with the flags of its build, as far as there is something to learn them from.

    ``chosen`` are files that were named by themselves; those the build does not compile are left
    out, and the flags found in the tree too, unless ``chosen`` is None: then the sources stay.
    """
    if build.trust_make:
        source, found = "make -n", dry_run(scope.root)
    elif build.compile_commands is not None:
        source = str(build.compile_commands)
        found = read_compile_commands(build.compile_commands, scope.root)
    elif chosen is not None and _lies_in(scope.root / COMPILE_COMMANDS, scope.root):
        source = COMPILE_COMMANDS
        found = read_compile_commands(scope.root / COMPILE_COMMANDS, scope.root)
    else:
        return scope
    compiled = {command.path for command in found.commands}
    sources = [path for path in scope.sources if path in compiled or path in (chosen or ())]
    if not sources:
        if build.compile_commands is not None:
            raise UserError("the compile commands name no file here", where=source)
        ui.note(f"{source} names no file here, and was not used")
        return scope
    for note in found.notes:
        ui.note(f"{source}: {note}")
    kept = tuple(command for command in found.commands if command.path in scope.sources)
    if chosen is None:
        return replace(scope, commands=kept)
    ui.note(f"flags from {source}: {len(sources)} of {ui.count(len(scope.sources), 'file')}")
    defines = () if compiled.issuperset(sources) else scope.defines
    return replace(scope, sources=tuple(sources), defines=defines, commands=kept)


def _lies_in(path: Path, root: Path) -> bool:
    """Whether there is a file, and not elsewhere by a link."""
    return path.is_file() and path.resolve().is_relative_to(root.resolve())


def run_audit(
    scope: Scope,
    includes: Sequence[Path] = (),
    defines: Sequence[str] = (),
    *,
    build: Build = DEFAULT_BUILD,
    provided: Collection[str] = (),
) -> AuditReport:
    """Audit ``scope`` with a progress display; ``includes`` come before its own.

    ``provided`` see :func:`porttool.audit.audit`. Raises :class:`UserError` when there is nothing
    to audit.
    """
    require_includes(includes)
    if not scope.sources:
        raise UserError(
            "no C sources here", where=str(scope.root), fix="name a folder with .c files"
        )
    with ui.progress() as bar:
        total = len(scope.sources) * max(1, len(build.configurations))
        task = bar.add_task("audit", total=total)
        report = audit(
            scope.root,
            scope.sources,
            (*(folder.resolve() for folder in includes), *scope.includes),
            (*scope.defines, *defines),
            advance=lambda: bar.advance(task),
            provided=provided,
            commands=scope.commands,
            configurations=named_configurations(build.configurations),
            all_branches=build.all_branches,
            cache=cache.default_folder() if build.cached else None,
        )
    if build.all_branches and len(report.configurations) > CONFIGURATION_LIMIT:
        ui.note(
            f"stopped after {CONFIGURATION_LIMIT} configurations, which may not be all: "
            f"{ui.count(len(report.unseen), 'branch', 'branches')} not compiled"
        )
    return report


def require_includes(includes: Sequence[Path]) -> None:
    """Raise :class:`UserError` when one of the folders of ``--include`` is not there."""
    for folder in includes:
        if not folder.is_dir():
            raise UserError("--include names no folder", where=str(folder))


def removed_needs(
    unpatched: AuditReport,
    patched: Patched,
    includes: Sequence[Path],
    defines: Sequence[str],
    build: Build = DEFAULT_BUILD,
) -> dict[Key, Removed]:
    """The needs of the pin that the port does not have, with the patch that removes each.

    Nothing when a file of the port does not parse: then it is not known what it needs.
    """
    report = run_audit(patched.scope, includes, defines, build=build)
    if report.failed:
        ui.note(
            "what the series removes is not marked: a file of the patched port does not parse "
            "(porttool audit-deps says which)"
        )
        return {}
    built = frozenset(file.path for file in report.files)
    return {
        (need.kind, need.name): _removed(need, patched.steps, built)
        for need in compare(unpatched, report).removed
    }


def _removed(need: Need, steps: Sequence[Step], built: frozenset[str]) -> Removed:
    """How a need went: by the last patch that takes a place away, or with files not built."""
    word = need.name.rpartition(" ")[2].encode()
    ends = [follow(steps, Line(os.fsencode(site.file), site.line), word) for site in need.sites]
    left = {os.fsdecode(end.path) for end in ends if isinstance(end, Line)}
    if not left:
        order = [step.patch for step in steps]
        patches = sorted({end for end in ends if isinstance(end, str)}, key=order.index)
        return Removed(patches[-1], "")
    idle = sorted(path for path in left if path.endswith(".c") and path not in built)
    # A header needs nothing by itself: what includes it does.
    if idle and all(path in idle or path.endswith(".h") for path in left):
        return Removed(None, f"not built: {', '.join(idle)}")
    return Removed(None, "the port does not reach it any more")


def fail_on(judgement: Judgement, statuses: Sequence[Status]) -> None:
    """Raise :class:`CheckFailed` that names the needs with one of ``statuses``, if there are any.

    Each stands on a line with its places and the reason.
    """
    found = [each for status in statuses for each in judgement.of(status)]
    if not found:
        return
    names = ", ".join(dict.fromkeys(statuses))
    lines = []
    for each in found:
        because = ": ".join(filter(None, (each.patch, each.reason)))
        line = f"{places(each.need.sites)}: {each.need.name} is {each.status}"
        lines.append(f"{line}: {because}" if because else line)
    raise CheckFailed(
        f"{ui.count(len(found), 'need')} of status {names} in Unikraft {judgement.release}",
        why="\n".join(lines),
        fix="a patch that does without, or a library that brings it",
    )

"""From a port, or a folder, to what the audit takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from porttool import ui
from porttool.audit import AuditReport, audit
from porttool.audit.build import guess_build
from porttool.audit.model import FileResult
from porttool.errors import CheckFailed, UserError
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


def run_audit(
    scope: Scope, includes: Sequence[Path] = (), defines: Sequence[str] = ()
) -> AuditReport:
    """Audit ``scope`` with a progress display; ``includes`` come before its own.

    Raises :class:`UserError` when there is nothing to audit.
    """
    for folder in includes:
        if not folder.is_dir():
            raise UserError("--include names no folder", where=str(folder))
    if not scope.sources:
        raise UserError(
            "no C sources here", where=str(scope.root), fix="name a folder with .c files"
        )
    with ui.progress() as bar:
        task = bar.add_task("audit", total=len(scope.sources))
        return audit(
            scope.root,
            scope.sources,
            (*(folder.resolve() for folder in includes), *scope.includes),
            (*scope.defines, *defines),
            advance=lambda: bar.advance(task),
        )


def fail_if_unparsed(report: AuditReport, *, patched: bool) -> None:
    """Raise :class:`CheckFailed` that names the files that were not parsed, if there are any.

    ``patched`` says that it is a port with its series, whose settings name the folders.
    """
    failed = report.failed
    if not failed:
        return
    many = f"{len(failed)} of {len(report.files)} files were" if len(failed) > 1 else "a file was"
    shown = [_failure(file) for file in failed[:10]]
    if len(failed) > len(shown):
        shown.append(f"and {len(failed) - len(shown)} more")
    fix = None
    if any("not found" in (file.error or "") for file in failed):
        fix = "porttool audit-deps --include DIR for the header's folder"
        if patched:
            fix = "mend the patch, or add the header's folder to includes in porttool.toml"
    raise CheckFailed(
        f"{many} not parsed, and what the rest needs is not the whole answer",
        why="\n".join(shown),
        fix=fix,
    )


def _failure(file: FileResult) -> str:
    error = file.error or ""
    return error if error.startswith(f"{file.path}:") else f"{file.path}: {error}"

"""Folders of C for the audit's tests, and short ways to look at a report."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from porttool.audit import AuditReport, Kind, audit, discover


def build_tree(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write ``files`` (path: content) below ``root``; gives ``root``."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def audit_tree(
    root: Path,
    files: Mapping[str, str | bytes],
    *,
    includes: Sequence[Path] = (),
    defines: Sequence[str] = (),
    complete: bool = True,
) -> AuditReport:
    """Write ``files`` and audit them; ``complete`` asserts that all of them parse."""
    found = discover(build_tree(root, files))
    report = audit(root, found.sources, (*includes, *found.includes), defines)
    if complete:
        assert not report.failed
    return report


def audit_text(root: Path, text: str, *, complete: bool = True) -> AuditReport:
    """Audit one file, ``a.c``."""
    return audit_tree(root, {"a.c": text}, complete=complete)


def names(report: AuditReport, kind: Kind) -> set[str]:
    """The names of the needs of one kind."""
    return {need.name for need in report.of_kind(kind)}


def functions(report: AuditReport) -> set[str]:
    """The functions that are needed and that the sources do not define themselves."""
    return {need.name for need in report.of_kind(Kind.FUNCTION) if not need.defined}


def lines(report: AuditReport, name: str, kind: Kind = Kind.FUNCTION) -> list[str]:
    """The places of one need, as ``file:line``."""
    [need] = [need for need in report.of_kind(kind) if need.name == name]
    return [str(site) for site in need.sites]

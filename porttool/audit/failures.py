"""What to say when files of an audit were not parsed."""

from porttool.audit.model import AuditReport, FileResult
from porttool.errors import CheckFailed


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

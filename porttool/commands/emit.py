"""``porttool emit``: write the two Unikraft libraries, and what goes with them."""

from collections.abc import Mapping
from pathlib import Path

from porttool import ui
from porttool.audit.reports import places
from porttool.errors import ExitCode
from porttool.operator import emit as operator_files
from porttool.unikraft import app as applications
from porttool.unikraft.emit import EmitInput, EmitResult, Written
from porttool.unikraft.emit import emit as emit_libraries


def _summary(written: Written) -> str:
    total = len(written.library.files)
    if not written.changed:
        return f"{written.path}  up to date, {total} files"
    return f"{written.path}  {len(written.changed)} of {total} files written or removed"


def _folder(written: Written) -> dict[str, object]:
    return {
        "library": written.library.name,
        "folder": str(written.path),
        "files": sorted(written.library.files),
        "changed": list(written.changed),
    }


def _document(result: EmitResult, others: Mapping[str, Written]) -> dict[str, object]:
    return {
        "schema": 1,
        "libraries": [_folder(written) for written in result.libraries],
        **{what: _folder(written) for what, written in others.items()},
    }


def emit(
    source: EmitInput,
    out: Path,
    *,
    app: bool = False,
    operator: bool = False,
    as_json: bool = False,
) -> int:
    """Write the libraries of ``source`` below ``out`` and report; gives the exit code.

    With ``app``, the smallest application that links them, too; with ``operator``, the folder for
    Prometheus and Grafana.
    """
    from rich.text import Text

    result = emit_libraries(source, out)
    others: dict[str, Written] = {}
    if app:
        others["application"] = applications.write(source.config, out)
    if operator:
        others["operator"] = operator_files.write(out)
    if result.missing:
        release = source.config.unikraft
        names = ui.count(len(result.missing), "name")
        ui.note(
            f"the port cannot be linked: Unikraft {release} lacks {names} (porttool audit-deps)"
        )
        for each in result.missing:
            ui.note(f"  {each.need.name}: {each.reason} ({places(each.need.sites)})")
    if as_json:
        ui.show_json(_document(result, others))
        return ExitCode.OK
    for written in (*result.libraries, *others.values()):
        ui.show(Text(_summary(written)))
        archive = written.library.archive
        if archive is not None:
            ui.note(
                f"the build fetches {archive.url}; without a network, put it to "
                f"build/{written.library.name}/{archive.basename}"
            )
    return ExitCode.OK

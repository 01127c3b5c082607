"""``porttool emit``: write the two Unikraft libraries, and an application that links them."""

from pathlib import Path

from porttool import ui
from porttool.errors import ExitCode
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


def _document(result: EmitResult, application: Written | None) -> dict[str, object]:
    document: dict[str, object] = {
        "schema": 1,
        "libraries": [_folder(written) for written in result.libraries],
    }
    if application is not None:
        document["application"] = _folder(application)
    return document


def emit(source: EmitInput, out: Path, *, app: bool = False, as_json: bool = False) -> int:
    """Write the libraries of ``source`` below ``out`` and report; gives the exit code.

    With ``app``, the smallest application that links them, too.
    """
    from rich.text import Text

    result = emit_libraries(source, out)
    application = applications.write(source.config, out) if app else None
    if as_json:
        ui.show_json(_document(result, application))
        return ExitCode.OK
    for written in (*result.libraries, *([application] if application else [])):
        ui.show(Text(_summary(written)))
        archive = written.library.archive
        if archive is not None:
            ui.note(
                f"the build fetches {archive.url}; without a network, put it to "
                f"build/{written.library.name}/{archive.basename}"
            )
    return ExitCode.OK

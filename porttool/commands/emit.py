"""``porttool emit``: write the two Unikraft libraries."""

from pathlib import Path

from porttool import ui
from porttool.errors import ExitCode
from porttool.unikraft.emit import EmitInput, EmitResult, Written
from porttool.unikraft.emit import emit as emit_libraries


def _summary(written: Written) -> str:
    total = len(written.library.files)
    if not written.changed:
        return f"{written.path}  up to date, {total} files"
    return f"{written.path}  {len(written.changed)} of {total} files written or removed"


def _document(result: EmitResult) -> dict[str, object]:
    return {
        "schema": 1,
        "libraries": [
            {
                "library": written.library.name,
                "folder": str(written.path),
                "files": sorted(written.library.files),
                "changed": list(written.changed),
            }
            for written in result.libraries
        ],
    }


def emit(source: EmitInput, out: Path, *, as_json: bool = False) -> int:
    """Write the libraries of ``source`` below ``out`` and report; gives the exit code."""
    from rich.text import Text

    result = emit_libraries(source, out)
    if as_json:
        ui.show_json(_document(result))
        return ExitCode.OK
    for written in result.libraries:
        ui.show(Text(_summary(written)))
        archive = written.library.archive
        if archive is not None:
            ui.note(
                f"the build fetches {archive.url}; without a network, put it to "
                f"build/{written.library.name}/{archive.basename}"
            )
    return ExitCode.OK

"""``porttool split``: make one patch two, or show what it consists of."""

from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from porttool import ui
from porttool.commands.editing import edit_series
from porttool.commands.session import opened
from porttool.errors import ExitCode
from porttool.series import edit, operate
from porttool.series.edit import Part
from porttool.series.folder import PatchFile
from porttool.series.patch import Hunk


def split(
    directory: Path, name: str, parts: Sequence[str], subject: str, *, as_json: bool
) -> ExitCode:
    """Put ``parts`` of the patch ``name`` into a new patch before it, called ``subject``."""
    chosen = [Part.parse(part) for part in parts]
    return edit_series(
        directory,
        f"split {name}",
        lambda port, source: edit.split(port, source, name, chosen, subject),
        as_json=as_json,
    )


def show_parts(directory: Path, name: str, *, as_json: bool) -> ExitCode:
    """List the files and hunks of a patch, as :func:`split` takes them."""
    with opened(directory, "split") as port:
        source = edit.settled_source(port)
        file = source.files[edit.position(operate.items(source), name)]
    if as_json:
        ui.show_json({"schema": 1, "patch": file.name, "parts": _document(file)})
    else:
        ui.show(*_lines(file))
    return ExitCode.OK


def _document(file: PatchFile) -> list[dict[str, object]]:
    return [
        {
            "path": diff.path.decode("utf-8", "surrogateescape"),
            "hunks": [
                {"number": hunk.number, "line": hunk.old_start, **_amount(hunk)}
                for hunk in diff.hunks
            ],
        }
        for diff in file.patch.files
    ]


def _lines(file: PatchFile) -> list[Text]:
    found = []
    for diff in file.patch.files:
        path = diff.path.decode("utf-8", "surrogateescape")
        found.append(Text(path, "bold"))
        for hunk in diff.hunks:
            amount = _amount(hunk)
            line = Text(f"  {path}:{hunk.number}  ")
            line.append(f"+{amount['added']}", "green").append(" ")
            line.append(f"-{amount['removed']}", "red")
            line.append(
                f"  line {hunk.old_start}  {hunk.section.decode('utf-8', 'replace')}", "dim"
            )
            found.append(line)
    return found


def _amount(hunk: Hunk) -> dict[str, int]:
    signs = [line[:1] for line in hunk.lines]
    return {"added": signs.count(b"+"), "removed": signs.count(b"-")}

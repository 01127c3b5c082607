"""``porttool edit``: work on one patch; the later ones follow."""

from pathlib import Path

from porttool.commands.editing import edit_series
from porttool.errors import ExitCode
from porttool.series.edit import edited


def edit(directory: Path, name: str, *, as_json: bool) -> ExitCode:
    """Check the series out up to the patch ``name``, to be changed there."""
    return edit_series(
        directory, f"edit {name}", lambda _, source: edited(source, name), as_json=as_json
    )

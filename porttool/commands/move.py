"""``porttool move``: put patches elsewhere in the series."""

from collections.abc import Sequence
from pathlib import Path

from porttool.commands.editing import edit_series
from porttool.errors import ExitCode
from porttool.series.edit import Place, moved


def move(directory: Path, names: Sequence[str], place: Place, *, as_json: bool) -> ExitCode:
    """Put the patches ``names`` at ``place``, in the order that they have."""
    return edit_series(
        directory,
        f"move {' '.join(names)}",
        lambda _, source: moved(source, names, place),
        as_json=as_json,
    )

"""``porttool drop``: take patches out of the series."""

from collections.abc import Sequence
from pathlib import Path

from porttool.commands.editing import edit_series
from porttool.errors import ExitCode
from porttool.series.edit import dropped


def drop(directory: Path, names: Sequence[str], *, as_json: bool) -> ExitCode:
    """Take the patches ``names`` out; their files go."""
    return edit_series(
        directory,
        f"drop {' '.join(names)}",
        lambda _, source: dropped(source, names),
        as_json=as_json,
    )

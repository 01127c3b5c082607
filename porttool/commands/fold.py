"""``porttool fold``: make two patches one."""

from pathlib import Path

from porttool.commands.editing import edit_series
from porttool.errors import ExitCode
from porttool.series.edit import folded


def fold(directory: Path, name: str, into: str | None, *, as_json: bool) -> ExitCode:
    """Fold the patch ``name`` into another, by default into the one before it."""
    return edit_series(
        directory, f"fold {name}", lambda _, source: folded(source, name, into), as_json=as_json
    )

"""``porttool new``: begin a patch."""

from pathlib import Path

from porttool.commands.editing import edit_series
from porttool.errors import ExitCode
from porttool.series.edit import Place, begun


def new(
    directory: Path,
    subject: str,
    place: Place,
    *,
    status: str,
    author: str | None,
    as_json: bool,
) -> ExitCode:
    """Check the series out up to ``place``, for a patch called ``subject`` to be made there."""
    return edit_series(
        directory,
        f"new {subject!r}",
        lambda port, source: begun(port, source, subject, status, place, author),
        as_json=as_json,
    )

"""``porttool fetch``."""

from pathlib import Path

from porttool import ui
from porttool.commands.session import opened
from porttool.errors import ExitCode


def fetch(directory: Path, *, as_json: bool) -> ExitCode:
    """Fetch and verify the pinned upstream; report the pin."""
    with opened(directory, "fetch", contact=True) as port:
        pin = port.lock.pin
        if as_json:
            facts = {"url": pin.url, "ref": pin.ref, "commit": pin.commit, "tree": pin.tree}
            cache = str(port.mirror.repository.git_dir)
            ui.show_json({"schema": 1, "pin": facts | {"date": pin.date}, "cache": cache})
        else:
            ui.show(f"{port.lock.name} {pin.ref}: commit {pin.commit[:12]}, tree verified")
    return ExitCode.OK

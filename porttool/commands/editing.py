"""What the commands that edit the series have in common."""

from collections.abc import Callable
from pathlib import Path

from porttool.commands.deciding import deciding
from porttool.commands.refresh import finish
from porttool.commands.session import opened, require_idle
from porttool.errors import ExitCode
from porttool.port import Port
from porttool.series import edit, operate
from porttool.series.operation import Item
from porttool.series.refresh import Source


def edit_series(
    directory: Path,
    command: str,
    arrange: Callable[[Port, Source], list[Item]],
    *,
    as_json: bool,
) -> ExitCode:
    """Put the series in the workspace as ``arrange`` has it; what does not fit stops as a refresh.

    ``command`` is what the user typed, for messages.
    """
    with opened(directory, command) as port:
        require_idle(port)
        source = edit.settled_source(port)
        todo = arrange(port, source)
        with deciding(port, as_json=as_json):
            operation = operate.begin(port, source, port.lock.pin, command, todo=todo)
            reached = operate.run(port, operation)
        return finish(port, reached, as_json=as_json)

"""What every command on a workspace begins with."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from porttool import port, transaction, ui
from porttool.errors import UserError
from porttool.port import Port
from porttool.series import operation, worktree
from porttool.upstream.store import ProgressFn
from porttool.workspace import Workspace


@contextmanager
def fetching() -> Iterator[ProgressFn]:
    """A progress bar for a fetch: one line a stage, shown on a terminal only."""
    with ui.progress() as bar:
        tasks = {}

        def report(stage: str, done: float, whole: float | None) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(stage, total=whole)
            bar.update(tasks[stage], completed=done, total=whole)

        yield report


@contextmanager
def opened(
    directory: Path, command: str, *, contact: bool = False, leaving: bool = False
) -> Iterator[Port]:
    """The port of the workspace in ``directory``, held against other porttools, its pin verified.

    ``contact`` and ``leaving`` are those of :func:`porttool.port.load`.
    """
    workspace = Workspace.open(directory)
    with transaction.held(workspace, command) as recovered:
        if recovered:
            ui.note(recovered)
        with fetching() as progress:
            opened_port, warning = port.load(
                workspace, contact=contact, leaving=leaving, progress=progress
            )
        if warning:
            ui.note(warning)
        if finished := worktree.finish_move(workspace.tree, workspace.lock_path.read_bytes()):
            ui.note(finished)
        yield opened_port


def require_idle(port: Port) -> None:
    """Raise :class:`UserError` when an operation waits for somebody in this workspace."""
    unfinished = operation.load(port.workspace)
    if unfinished is None:
        return
    waits_for = unfinished.waits_for
    raise UserError(
        f"porttool {unfinished.command} is unfinished",
        where=str(port.workspace.work),
        why=f"it waits for {waits_for}" if waits_for is not None else None,
        fix="porttool refresh --continue, --skip or --abort",
    )

"""``porttool apply``."""

from pathlib import Path

from porttool import ui
from porttool.commands.session import opened
from porttool.errors import ExitCode, UserError
from porttool.port import Port
from porttool.series import worktree
from porttool.series.refresh import tree_edited
from porttool.upstream.store import borrow_tags


def apply(directory: Path, to: Path | None, *, force: bool, as_json: bool) -> ExitCode:
    """Check the pin with its series out, at ``to`` or at the default place."""
    with opened(directory, "apply") as port:
        port.verify_settled()
        path = port.workspace.tree if to is None else to.absolute()
        if to is not None and force:
            raise UserError(
                "--force is for the default worktree alone",
                where=str(path),
                fix="leave --to out, or remove that folder yourself",
            )
        imported = port.apply()
        borrow_tags(port.store, port.mirror)
        if to is None:
            _check_out(port, path, imported.head, force=force)
        else:
            _check_out_elsewhere(port, path, imported.head)
        if as_json:
            ui.show_json(
                {
                    "schema": 1,
                    "path": str(path),
                    "commit": imported.head,
                    "tree": port.lock.series_tree,
                    "patches": [{"name": p.name, "commit": p.commit} for p in imported.patches],
                }
            )
        else:
            patches = ui.count(len(imported.patches), "patch", "patches")
            ui.show(f"{path}: {port.lock.pin.ref} with {patches}")
    return ExitCode.OK


def _check_out(port: Port, path: Path, commit: str, *, force: bool) -> None:
    """Bring the default worktree to ``commit``; :class:`UserError` when edits would be lost."""
    state = worktree.inspect(path)
    if force:
        worktree.remove(port.store, path)
        state = None
    if state is None:
        port.store.run("update-ref", worktree.TREE_REF, commit)
        worktree.create(port.store, path, commit, branch=worktree.BRANCH)
    else:
        if state.dirty or state.busy or tree_edited(port, state):
            what = "uncommitted changes" if state.dirty else "commits that are not in patches/"
            raise UserError(
                f"the worktree has {state.busy or what}",
                where=str(path),
                fix="commit and porttool refresh to keep them, porttool apply --force to drop them",
            )
        worktree.move(path, commit)


def _check_out_elsewhere(port: Port, path: Path, commit: str) -> None:
    """Check out at a place of the user's choice, which must be free or hold just that already."""
    state = worktree.inspect(path) if worktree.belongs_to(path, port.store) else None
    if state is None or state.head != commit or state.dirty or state.busy:
        worktree.create(port.store, path, commit)

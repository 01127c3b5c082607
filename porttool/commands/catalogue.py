"""``porttool catalogue``."""

from collections.abc import Sequence
from pathlib import Path

from porttool import ui
from porttool.errors import ExitCode, UserError
from porttool.git import Repository
from porttool.unikraft.provides import dumps
from porttool.unikraft.scan.tree import provides
from porttool.unikraft.scan.tree import scan as scan_tree


def scan(
    tree: Path, libraries: Sequence[Path], archives: Sequence[Path], output: Path | None
) -> ExitCode:
    """Write what the tree and the libraries provide to ``output``, or to stdout."""
    for folder in (tree, *libraries, *archives):
        if not folder.is_dir():
            raise UserError("there is no such folder", where=str(folder))
    if output is not None and not output.parent.is_dir():
        raise UserError("there is no such folder", where=str(output.parent))
    commits = {"unikraft": _commit(tree)}
    commits |= {library.resolve().name: _commit(library) for library in libraries}
    with ui.progress() as bar:
        task = bar.add_task("reading", total=None)
        found = scan_tree(
            tree,
            libraries,
            archives,
            commits,
            lambda name, done, total: bar.update(
                task, description=f"reading {name}", completed=done, total=total
            ),
        )
    result = provides(found)
    text = dumps(result)
    if output is None:
        ui.write(text)
        return ExitCode.OK
    output.write_text(text, encoding="utf-8")
    ui.note(
        f"Unikraft {result.release}: {ui.count(len(result.symbols), 'symbol')},"
        f" {ui.count(len(result.syscalls), 'system call')},"
        f" {ui.count(len(result.headers), 'header')},"
        f" {len(result.entries)} entries of ukstore"
    )
    return ExitCode.OK


def _commit(folder: Path) -> str | None:
    """The commit that is checked out in a folder; None when it is no git checkout."""
    git_dir = folder / ".git"
    return Repository(git_dir).resolve("HEAD") if git_dir.exists() else None

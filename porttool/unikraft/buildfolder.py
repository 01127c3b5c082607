"""A folder in which make builds emitted libraries: one build at a time, on nothing outdated."""

import fcntl
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from porttool.errors import UserError
from porttool.unikraft.emit import Written
from porttool.unikraft.stamped import STAMP, recorded


@contextmanager
def locked(folder: Path, what: str) -> Iterator[None]:
    """Keep two builds in one folder apart; ``what`` is built there."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"another porttool builds {what} here", where=str(folder), fix="wait for it"
            ) from None
        yield


def require_plain(paths: Sequence[Path]) -> None:
    """Raise :class:`UserError` for a path that make would not take as it is."""
    for path in paths:
        if re.search(r"[\s:$#%'\"\\;&|<>()*?~]", str(path)):
            raise UserError(
                "make cannot build in a folder of this name",
                where=str(path),
                why="its path has a blank or another character with a meaning of its own",
                fix="move the workspace",
            )


def _outdated(built: Path, files: Mapping[str, bytes]) -> bool:
    """Whether what was built of a library cannot be built upon.

    Make stops at a source that went, and does not apply patches again when they change.
    """
    known = recorded(built)
    if known is None or known.keys() != files.keys() - {STAMP}:
        return True
    return (built / "origin").exists() and (built / STAMP).read_bytes() != files[STAMP]


def prepare(libraries: Sequence[Written], folder: Path) -> None:
    """Put archives where the build looks for them, and drop what came out of an older one."""
    for written in libraries:
        built = folder / written.library.name
        files = written.library.files
        if built.exists() and _outdated(built, files):
            shutil.rmtree(built)
        built.mkdir(parents=True, exist_ok=True)
        (built / STAMP).write_bytes(files[STAMP])
        archive = written.library.archive
        if archive is not None:
            target = built / archive.basename
            if not target.exists() or target.read_bytes() != archive.data:
                target.write_bytes(archive.data)

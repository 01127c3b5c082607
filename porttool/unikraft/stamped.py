"""Folders that porttool writes: a stamp in each tells its own files from somebody else's."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from porttool.errors import UserError

STAMP = ".porttool-stamp"
_SCHEMA = 1


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def stamp(made_from: Mapping[str, Any], files: Mapping[str, bytes]) -> bytes:
    """Make the stamp of a folder: what it was made from, and the SHA-256 of each file."""
    document = {
        "schema": _SCHEMA,
        "made_from": dict(made_from),
        "files": {path: _digest(files[path]) for path in sorted(files)},
    }
    return (json.dumps(document, indent=2, ensure_ascii=True) + "\n").encode()


def made_from(stamp_: bytes) -> dict[str, Any]:
    """What a folder with this stamp, which :func:`stamp` has made, was made from."""
    return dict(json.loads(stamp_)["made_from"])


def recorded(folder: Path) -> dict[str, str] | None:
    """Path -> SHA-256 of the files that porttool wrote; None without a stamp that can be read."""
    try:
        document = json.loads((folder / STAMP).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    files = document.get("files") if isinstance(document, dict) else None
    if not isinstance(files, dict) or document.get("schema") != _SCHEMA:
        return None
    return {str(path): str(digest) for path, digest in files.items()}


def _present(folder: Path) -> dict[str, bytes | None]:
    """Every file in ``folder``; None for what is no regular file."""
    found: dict[str, bytes | None] = {}
    for parent, folders, names in os.walk(folder):
        for name in [*names, *(n for n in folders if Path(parent, n).is_symlink())]:
            path = Path(parent, name)
            regular = path.is_file() and not path.is_symlink()
            found[path.relative_to(folder).as_posix()] = path.read_bytes() if regular else None
    return found


def compare(folder: Path, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Paths in which ``folder`` differs from ``files`` (stamp included), sorted."""
    present = _present(folder)
    paths = present.keys() | files.keys()
    return tuple(sorted(path for path in paths if present.get(path) != files.get(path)))


def _refuse_foreign(folder: Path, present: Mapping[str, bytes | None], instead: str) -> None:
    if not present:
        return
    known = recorded(folder)
    if known is None:
        raise UserError(
            f"{folder.name} is there, and porttool did not write it",
            where=str(folder),
            why=f"it has no {STAMP} that can be read",
            fix="choose another folder with -o DIR, or move this one away",
        )
    for path in sorted(present.keys() - {STAMP}):
        if path not in known:
            raise UserError(
                f"{path} is not porttool's, but lies in a folder that it writes",
                where=str(folder / path),
                fix="move it out of the folder",
            )
        data = present[path]
        if data is None or _digest(data) != known[path]:
            raise UserError(
                f"{path} was edited since porttool wrote it",
                where=str(folder / path),
                why="writing it again would throw the edit away",
                fix=f"{instead}, or delete the file",
            )


def _build(folder: Path, old: Path, files: Mapping[str, bytes], unchanged: set[str]) -> None:
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if path in unchanged:
            # Keeps the time of the file, so that make does not compile it again.
            shutil.copy2(old / path, target)
        else:
            target.write_bytes(data)


def _replace(
    folder: Path, new: Path, old: Path, files: Mapping[str, bytes], instead: str
) -> tuple[str, ...]:
    if old.exists():
        # A run was killed while the folders changed places.
        if folder.exists():
            shutil.rmtree(old)
        else:
            old.rename(folder)
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UserError(f"{folder.name} is in the way", where=str(folder), why="it is no folder")
    changed = compare(folder, files)
    if not changed:
        return ()
    _refuse_foreign(folder, _present(folder), instead)
    if new.exists():
        shutil.rmtree(new)
    new.mkdir(parents=True)
    _build(new, folder, files, set(files) - set(changed))
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    if old.exists():
        shutil.rmtree(old)
    return changed


def write(folder: Path, files: Mapping[str, bytes], instead: str) -> tuple[str, ...]:
    """Make ``folder`` hold exactly ``files``, which include its stamp.

    ``instead`` tells who edited a file in there where such a change belongs.

    The new folder is put together beside the old one and takes its place whole. Nothing is
    touched when nothing differs. Returns the paths that changed, appeared or went. Raises
    :class:`UserError` naming a file in there that porttool did not write, or that was edited.
    """
    new, old = (folder.parent / f".{folder.name}.{end}" for end in ("new", "old"))
    try:
        return _replace(folder, new, old, files, instead)
    except OSError as error:
        shutil.rmtree(new, ignore_errors=True)
        if not folder.exists() and old.exists():
            old.rename(folder)
        raise UserError(
            f"{folder.name} cannot be written", where=str(folder), why=error.strerror
        ) from None

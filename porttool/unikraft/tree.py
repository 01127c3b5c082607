"""A source tree on disk, as it is compared, archived and copied: paths, kinds and bytes."""

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from porttool.errors import UserError


class Kind(Enum):
    """What git would record of a file."""

    FILE = "file"
    EXECUTABLE = "executable"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class TreeFile:
    """One file. ``data`` are its bytes, or the target of a link."""

    kind: Kind
    data: bytes


#: Path with forward slashes, relative to the root -> file. Folders are not listed, as in git.
Tree = Mapping[str, TreeFile]


def _walk(root: str, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    with os.scandir(root) as entries:
        for entry in sorted(entries, key=lambda e: os.fsencode(e.name)):
            path = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, path + "/")
            else:
                yield path, entry


def read_tree(root: Path) -> Tree:
    """Read every file below ``root`` but its ``.git``; no link is followed.

    Raises :class:`UserError` for what git cannot record, such as a socket.
    """
    files: dict[str, TreeFile] = {}
    for path, entry in _walk(str(root), ""):
        if path == ".git" or path.startswith(".git/"):
            continue
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            target = os.readlink(entry.path)  # noqa: PTH115 - bytes matter, not the path
            files[path] = TreeFile(Kind.LINK, os.fsencode(target))
        elif stat.S_ISREG(mode):
            kind = Kind.EXECUTABLE if mode & stat.S_IXUSR else Kind.FILE
            files[path] = TreeFile(kind, Path(entry.path).read_bytes())
        else:
            raise UserError("neither a file nor a link", where=entry.path)
    return dict(sorted(files.items(), key=lambda item: os.fsencode(item[0])))


def write_tree(tree: Tree, root: Path) -> None:
    """Write ``tree`` below ``root``, which must be empty or absent."""
    for path, file in tree.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.kind is Kind.LINK:
            target.symlink_to(os.fsdecode(file.data))
        else:
            target.write_bytes(file.data)
            target.chmod(0o755 if file.kind is Kind.EXECUTABLE else 0o644)


def differences(actual: Tree, wanted: Tree) -> tuple[str, ...]:
    """Say in what ``actual`` is not ``wanted``: one line a path, sorted; empty when equal."""
    lines = []
    for path in sorted(actual.keys() | wanted.keys(), key=os.fsencode):
        have, want = actual.get(path), wanted.get(path)
        if have == want:
            continue
        if have is None:
            lines.append(f"{path}: missing")
        elif want is None:
            lines.append(f"{path}: should not be there")
        elif have.kind is not want.kind:
            lines.append(f"{path}: {have.kind.value} instead of {want.kind.value}")
        else:
            lines.append(f"{path}: other content")
    return tuple(lines)

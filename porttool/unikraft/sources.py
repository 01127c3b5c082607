"""Which files of an upstream tree the build needs."""

import posixpath
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from porttool.errors import UserError
from porttool.unikraft import quoting
from porttool.unikraft.tree import Kind, Tree
from porttool.workspace import CONFIG_NAME

#: What Unikraft's build compiles; a header among the sources is only copied.
_COMPILED = (".c", ".S")
_COPIED = (".h", ".inc", ".def")

_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*(?:"([^"\n]+)"|<([^>\n]+)>)', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Source:
    """A file to compile. ``variant`` tells it from another of the same name, or is empty.

    Unikraft's build names an object after the last part of its source's path alone.
    """

    path: str
    variant: str = ""

    @property
    def word(self) -> str:
        """The source as it stands in ``LIBX_SRCS-y``, relative to the tree."""
        return f"{self.path}|{self.variant}" if self.variant else self.path


@dataclass(frozen=True, slots=True)
class SourceSet:
    """``compiled`` in path order; ``files`` are all that compiling them reads of the tree."""

    compiled: tuple[Source, ...]
    files: tuple[str, ...]


def _regular(tree: Tree, path: str) -> None:
    if tree[path].kind is Kind.LINK:
        raise UserError(
            f"{path!r} is a symbolic link, which a library cannot hold",
            fix="make it a file with a patch of the series",
        )
    quoting.path(path, "the file")


def _match(pattern: str, root: Path, tree: Tree) -> list[str]:
    found = [path.relative_to(root).as_posix() for path in root.glob(pattern)]
    matched = [path for path in found if path in tree]
    if not matched:
        raise UserError(
            f"sources: {pattern!r} matches no file of the patched tree",
            where=CONFIG_NAME,
            fix=f"edit sources in {CONFIG_NAME}",
        )
    for path in matched:
        if not path.endswith(_COMPILED + _COPIED):
            raise UserError(
                f"sources: {path!r} is neither C nor assembler",
                where=CONFIG_NAME,
                fix=f"edit sources in {CONFIG_NAME}",
            )
    return matched


def _included(path: str, tree: Tree, folders: Sequence[str]) -> list[str]:
    """Files of the tree that ``path`` includes, whatever ``#if`` says."""
    found = []
    for match in _INCLUDE.finditer(tree[path].data):
        name = (match[1] or match[2]).decode("utf-8", "surrogateescape")
        beside = [posixpath.dirname(path)] if match[1] else []
        for folder in [*beside, *folders]:
            candidate = posixpath.normpath(posixpath.join(folder, name))
            if candidate in tree:
                found.append(candidate)
                break
    return found


def _variants(paths: Sequence[str], reserved: str) -> tuple[Source, ...]:
    def stem(path: str) -> str:
        return posixpath.splitext(posixpath.basename(path))[0]

    taken = Counter([*map(stem, paths), stem(reserved)])
    sources = []
    for path in paths:
        # The prefix keeps clear of the variants that mean something to the build, such as "isr".
        folder = re.sub(r"[^A-Za-z0-9]", "_", posixpath.dirname(path))
        sources.append(Source(path, f"in_{folder}" if taken[stem(path)] > 1 else ""))
    words = Counter((stem(source.path), source.variant) for source in sources)
    twice = [key for key, count in words.items() if count > 1]
    if twice:
        raise UserError(
            f"two sources named {twice[0][0]!r} cannot be told apart",
            why="Unikraft's build names an object after the last part of its source's path",
            fix="rename one with a patch of the series",
        )
    return tuple(sources)


def select(
    patterns: Sequence[str], includes: Sequence[str], root: Path, tree: Tree, *, reserved: str
) -> SourceSet:
    """Expand ``sources`` over the patched tree and follow what they include.

    ``root`` is where ``tree`` lies on disk, ``includes`` the folders given to the compiler, and
    ``reserved`` the name of a file of ours compiled beside them. A conditional ``#include`` counts
    as if its condition held. Raises :class:`UserError` for a pattern that matches nothing, a
    folder that is not there, and a name that cannot stand in a Makefile.
    """
    for folder in includes:
        quoting.path(folder, "the include path")
        if folder != "." and not any(path.startswith(f"{folder}/") for path in tree):
            raise UserError(
                f"includes: {folder!r} is not a folder of the patched tree",
                where=CONFIG_NAME,
                fix=f"edit includes in {CONFIG_NAME}",
            )
    matched = {path for pattern in patterns for path in _match(pattern, root, tree)}
    compiled = sorted(path for path in matched if path.endswith(_COMPILED))
    if not compiled:
        raise UserError(
            "sources names nothing to compile",
            where=CONFIG_NAME,
            fix=f"edit sources in {CONFIG_NAME}",
        )
    needed: set[str] = set()
    todo = sorted(matched)
    while todo:
        path = todo.pop()
        if path not in needed:
            _regular(tree, path)
            needed.add(path)
            todo += _included(path, tree, includes)
    return SourceSet(_variants(compiled, reserved), tuple(sorted(needed)))

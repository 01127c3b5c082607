"""How conflicts were solved, to be solved so again.

A solution is a patch: from the files with their conflict markers to what a maintainer made of them,
edits elsewhere included. It is used again only where the same files are in conflict and all of it
fits, markers, sides and context, as strictly as a patch of the series, with no marker left. Unlike
the cache of git-rerere(1) it can be read, reviewed and versioned, and it does not forget the edits
that a conflict made necessary in other files.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from porttool.errors import PorttoolError
from porttool.git import GitKilled, Repository
from porttool.port import tree_of
from porttool.series.clash import markers
from porttool.series.exporter import DIFF_FORMAT
from porttool.series.importer import import_series, pin_signature
from porttool.series.patch import parse
from porttool.series.trees import write_commit
from porttool.transaction import replace_whole

_SCRATCH = "refs/porttool/solution"


def find(
    store: Repository,
    folders: Iterable[Path],
    patch: str,
    tree: str,
    head: str,
    conflicts: Sequence[str],
) -> str | None:
    """The tree that an earlier solution makes of ``tree``, the conflict of ``patch`` on ``head``.

    ``conflicts`` are the paths in conflict. The first of ``folders`` with solutions that fit and
    decide about each of them counts; None when there is none, or when those in it disagree.
    """
    author = pin_signature(store, head)
    conflict = write_commit(store, tree, [head], author, b"porttool: a conflict\n")
    for folder in folders:
        found = set()
        for path in sorted(folder.glob(f"{_stem(patch)}-*.patch")):
            try:
                solution = parse(path.name, path.read_bytes())
                if solution.message.body != _listed(patch, conflicts):
                    continue
                made = import_series(store, conflict, [solution], _SCRATCH)
            except GitKilled:
                raise
            except PorttoolError:
                continue  # made for another conflict, or damaged: nothing that could be used
            solved = tree_of(store, made.head)
            if all(_is_decided(store, tree, solved, each, patch) for each in conflicts):
                found.add(solved)
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def keep(
    store: Repository,
    folder: Path,
    patch: str,
    tree: str,
    solved: str,
    conflicts: Sequence[str],
    ref: str,
) -> Path:
    """Keep in ``folder`` how ``tree``, with ``patch`` in conflict, became the tree ``solved``.

    A solution of the same conflict that is there already gives way. ``ref`` is the upstream ref.
    Gives the file.
    """
    diff = store.run("diff-tree", "-p", "-r", *DIFF_FORMAT, tree, solved)
    listed = _listed(patch, conflicts)
    text = b"Subject: Solve the conflict of %s on %s\n\n%s\n---\n" % (
        os.fsencode(patch),
        os.fsencode(ref),
        listed,
    )
    sides = b"".join(_content(store, tree, path) for path in conflicts)
    name = f"{_stem(patch)}-{hashlib.sha256(sides).hexdigest()[:12]}.patch"
    replace_whole(folder / name, text + diff)
    return folder / name


def _listed(patch: str, conflicts: Sequence[str]) -> bytes:
    """What a solution says of the conflict that it was made for."""
    return b"\n".join(
        (b"Conflicts of %s:" % os.fsencode(patch), *(b"\t" + os.fsencode(p) for p in conflicts))
    )


def _is_decided(store: Repository, tree: str, solved: str, path: str, patch: str) -> bool:
    """Whether a solution changed a file in conflict and left none of its markers."""
    before, after = _content(store, tree, path), _content(store, solved, path)
    marks = tuple(markers(patch).values())
    return before != after and not any(line.startswith(marks) for line in after.split(b"\n"))


def _content(store: Repository, tree: str, path: str) -> bytes:
    return store.run("cat-file", "blob", f"{tree}:{path}", ok=(0, 128))


def _stem(patch: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", patch).removesuffix(".patch")

"""How conflicts were solved, to be solved so again.

A solution is a patch: from the files with their conflict markers to what a maintainer made of them,
edits elsewhere included. It is used again only where all of it fits, markers, sides and context, as
strictly as a patch of the series. Unlike the cache of git-rerere(1) it can be read, reviewed and
versioned, and it does not forget the edits that a conflict made necessary in other files.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from porttool.errors import PorttoolError
from porttool.git import GitKilled, Repository
from porttool.port import tree_of
from porttool.series.exporter import DIFF_FORMAT
from porttool.series.importer import import_series, pin_signature
from porttool.series.patch import parse
from porttool.series.rebase import write_commit
from porttool.transaction import write_synced

_SCRATCH = "refs/porttool/solution"


def find(
    store: Repository, folders: Iterable[Path], patch: str, tree: str, head: str
) -> str | None:
    """The tree that an earlier solution makes of ``tree``, the conflict of ``patch`` on ``head``.

    None when there is no solution in ``folders`` that fits, or when several disagree.
    """
    author = pin_signature(store, head)
    conflict = write_commit(store, tree, [head], author, b"porttool: a conflict\n")
    found = set()
    for folder in folders:
        for path in sorted(folder.glob(f"{_stem(patch)}-*.patch")):
            try:
                solution = parse(path.name, path.read_bytes())
                solved = import_series(store, conflict, [solution], _SCRATCH)
            except GitKilled:
                raise
            except PorttoolError:
                continue  # made for another conflict, or damaged: nothing that could be used
            found.add(tree_of(store, solved.head))
    return found.pop() if len(found) == 1 else None


def keep(
    store: Repository,
    folder: Path,
    patch: str,
    tree: str,
    solved: str,
    conflicts: Sequence[str],
    ref: str,
) -> None:
    """Keep in ``folder`` how ``tree``, with ``patch`` in conflict, became the tree ``solved``.

    A solution of the same conflict that is there already gives way. ``ref`` is the upstream ref.
    """
    diff = store.run("diff-tree", "-p", "-r", *DIFF_FORMAT, tree, solved)
    text = f"Subject: Solve the conflict of {patch} on {ref}\n\n---\n"
    sides = b"".join(
        store.run("cat-file", "blob", f"{tree}:{path}", ok=(0, 128)) for path in conflicts
    )
    name = f"{_stem(patch)}-{hashlib.sha256(sides).hexdigest()[:12]}.patch"
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{name}.new"
    write_synced(part, text.encode("utf-8", "surrogateescape") + diff)
    part.rename(folder / name)


def _stem(patch: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", patch).removesuffix(".patch")

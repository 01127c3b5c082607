"""The series as Unikraft's build applies it: every file of a folder, sorted, to ``patch -p1``."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from porttool.errors import UserError
from porttool.unikraft.tree import Tree, differences, read_tree, write_tree

_SECTION = re.compile(rb"^diff --git .*$", re.MULTILINE)
_MODE_CHANGE = re.compile(rb"^old mode [0-7]+$", re.MULTILINE)
_CONTENT = re.compile(rb"^(?:--- |rename from |copy from )", re.MULTILINE)
_BINARY = re.compile(rb"^(?:GIT binary patch|Binary files .* differ)$", re.MULTILINE)
# GNU patch hands a diff of this kind to ed(1), which can run commands.
_ED_COMMAND = re.compile(rb"^[ \t]*[0-9]+(?:,[0-9]+)?[acdis]$", re.MULTILINE)
_ED_END = re.compile(rb"^[ \t]*\.$", re.MULTILINE)


def _refuse(name: str, why: str) -> UserError:
    return UserError(
        f"{name} cannot be applied by Unikraft's build",
        where=name,
        why=why,
        fix='set mode = "vendored" under [emit] in porttool.toml, or change the patch',
    )


def _check(name: str, patch: bytes) -> None:
    starts = [match.start() for match in _SECTION.finditer(patch)]
    message = patch[: starts[0]] if starts else patch
    if _ED_COMMAND.search(message) and _ED_END.search(message):
        raise _refuse(name, "its message looks like a script for ed to patch")
    for start, end in pairwise([*starts, len(patch)]):
        section = patch[start:end]
        first_line = section.partition(b"\n")[0].decode("utf-8", "replace")
        if _BINARY.search(section):
            raise _refuse(name, f"patch does not know binary diffs: {first_line}")
        if _MODE_CHANGE.search(section) and not _CONTENT.search(section):
            raise _refuse(
                name, f"it changes nothing but a mode, which not every patch does: {first_line}"
            )


def numbered(patches: Sequence[tuple[str, bytes]]) -> dict[str, bytes]:
    """Name the patches so that make's sort order is the order of the series.

    ``patches`` are (name, bytes) in series order; the numbers they bear are replaced. Returns file
    name -> bytes. Raises :class:`UserError` naming the patch that ``patch`` cannot apply.
    """
    width = max(4, len(str(len(patches))))
    files = {}
    for position, (name, patch) in enumerate(patches, start=1):
        _check(name, patch)
        subject = re.sub(r"^\d+-|\.(?:patch|diff)$", "", name.rpartition("/")[2])
        subject = re.sub(r"[^A-Za-z0-9_.+-]+", "-", subject).strip("-.") or "patch"
        files[f"{position:0{width}}-{subject}.patch"] = patch
    return files


def apply(tree: Tree, files: dict[str, bytes]) -> Tree:
    """Apply ``files`` in sorted order with GNU patch, called as Unikraft's build calls it.

    Raises :class:`UserError` naming the patch that does not apply, or that there is no ``patch``.
    """
    program = shutil.which("patch")
    if program is None:
        raise UserError(
            "GNU patch is not installed",
            why="the fetch mode leaves applying the series to it, and it is tried out first",
            fix='install patch, or set mode = "vendored" under [emit] in porttool.toml',
        )
    with tempfile.TemporaryDirectory(prefix="porttool-") as folder:
        root = Path(folder, "tree")
        root.mkdir()
        write_tree(tree, root)
        for name in sorted(files):
            done = subprocess.run(
                [program, "-sd", str(root), "-p1"],
                input=files[name],
                capture_output=True,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
                check=False,
            )
            if done.returncode:
                said = (done.stdout + done.stderr).decode("utf-8", "replace").strip()
                raise _refuse(name, said)
        return read_tree(root)


def verify(pinned: Tree, files: dict[str, bytes], patched: Tree) -> None:
    """Prove that the build will get the patched tree out of the pinned one.

    Raises :class:`UserError` saying where it would not.
    """
    lines = differences(apply(pinned, files), patched)
    if lines:
        raise UserError(
            "patch does not make of the pinned tree what git makes of it",
            why="\n".join(lines[:10]),
            fix='set mode = "vendored" under [emit] in porttool.toml',
        )

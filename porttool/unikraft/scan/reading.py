"""Files of a tree, read with a limit and never from outside of it."""

import os.path
from collections.abc import Sequence
from pathlib import Path

#: Larger than any source of a kernel or a libc.
_BYTES_MAX = 4 << 20


def text(path: str, roots: Sequence[str]) -> str | None:
    """The text of a regular file in one of ``roots`` (real paths), or None when it is none.

    Bytes that are not UTF-8 become replacement characters.
    """
    try:
        real = os.path.realpath(path)
        inside = any(real.startswith(f"{root}/") for root in roots)
        file = Path(real)
        if not inside or not file.is_file() or file.stat().st_size > _BYTES_MAX:
            return None
        return file.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return None


def is_file(path: Path) -> bool:
    """Whether there is a file; False for what can be no path, as a Makefile may make one up."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether there is a folder; see :func:`is_file`."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False

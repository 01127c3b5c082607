"""The one door to the HTML pages: self-contained files that need neither network nor script."""

import os
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from porttool.errors import UserError

#: What HTML may not hold, or what would let upstream's text look like another: control characters,
#: marks that turn the direction of writing (UAX #9), and surrogates, which stand for no character.
_VISIBLE: dict[int, int | str] = {
    **{code: 0x2400 + code for code in range(0x20) if code not in (0x09, 0x0A)},
    0x7F: 0x2421,
    **{code: f"\\x{code:02x}" for code in range(0x80, 0xA0)},
    **{code: f"\\u{code:04x}" for code in (0x061C, 0x200E, 0x200F)},
    **{code: f"\\u{code:04x}" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))},
    **dict.fromkeys(range(0xD800, 0xE000), 0xFFFD),
}


def _tame(value: object) -> object:
    """A value on its way into a page. Markup, which is no plain str, went through here already."""
    return value.translate(_VISIBLE) if type(value) is str else value


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("porttool.pages", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=True,
        finalize=_tame,
    )


def render(template: str, **values: Any) -> bytes:  # noqa: ANN401 - whatever jinja2 takes
    """Fill in ``template`` (a file of ``templates/``). Whatever a value holds is shown as text."""
    return _environment().get_template(template).render(**values).encode("utf-8")


def require_place(path: Path) -> None:
    """Raise :class:`UserError` unless a page can be written to ``path``; to be asked beforehand."""
    if path.exists() and not path.is_file():
        raise UserError(
            f"a page cannot take the place of {path.name or path}",
            where=str(path),
            why="it is no plain file",
            fix="name another file",
        )
    if not os.access(path.parent, os.W_OK):
        raise UserError(
            f"{path.name} cannot be written",
            where=str(path.parent),
            why="it may not be written to" if path.parent.is_dir() else "there is no such folder",
            fix="name another file",
        )


def write(path: Path, page: bytes) -> None:
    """Put ``page`` at ``path`` whole: a reader, or a crash, finds the old file or the new one."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with part.open("xb") as handle:
            handle.write(page)
            handle.flush()
            os.fsync(handle.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)

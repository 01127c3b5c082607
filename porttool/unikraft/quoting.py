"""What may stand in an emitted file, by the language of the file.

Nothing is escaped: make, Kconfig and the shells behind them have no common way to do so. A text
that would need it is refused.
"""

import re

from porttool.errors import UserError
from porttool.workspace import CONFIG_NAME, DEFINE_PATTERN

_PATH = re.compile(r"(?!-)[A-Za-z0-9_.+-]+(/(?!-)[A-Za-z0-9_.+-]+)*")
_PLAIN_TEXT = re.compile(r"[ -~]*")
_LICENSE = re.compile(r"[A-Za-z0-9.+-]+( (AND|OR|WITH) [A-Za-z0-9.+-]+)*")
_REVISION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+/-]*")
_HEX = re.compile(r"[0-9a-f]{40,64}")
_LINK = re.compile(r"[A-Za-z0-9_.:/@~+-]+")
_ARCHIVE_URL = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9_.+-]+)+")
_PLAIN_WORD = re.compile(r"[A-Za-z0-9_=.,+-]*")
_FLAG = re.compile(r"-[A-Za-z0-9][A-Za-z0-9_=+,.-]*")
_SYMBOL = re.compile(r"[A-Z][A-Z0-9_]*")


def path(text: str, what: str) -> str:
    """Return ``text`` if it does as a path in a Makefile, or raise :class:`UserError`.

    ``what`` names the thing for the message. Make and the shell split at spaces, expand ``$``, end
    at ``#`` and match ``%``; Unikraft's build reads ``|`` and ``>`` in a source's name.
    """
    if not _PATH.fullmatch(text) or ".." in text.split("/"):
        raise UserError(
            f"{what} {text!r} cannot stand in a Makefile",
            why="only letters, digits and _ . + - / may be in it, and no part may start with -",
            fix="rename it with a patch of the series",
        )
    return text


def sentence(text: str, what: str) -> str:
    """Return ``text`` if it does as a quoted text in Kconfig, or raise :class:`UserError`."""
    if not _PLAIN_TEXT.fullmatch(text) or set(text) & set('"\\$`'):
        raise UserError(
            f"{what} {text!r} cannot stand in Kconfig",
            why='only printable ASCII without " \\ $ ` may be in it',
            fix=f"edit {CONFIG_NAME}",
        )
    return text


def _checked(pattern: re.Pattern[str], text: str, what: str, why: str) -> str:
    if not pattern.fullmatch(text):
        raise UserError(f"{what} {text!r} cannot be written into a library", why=why)
    return text


def license_expression(text: str) -> str:
    """Return an SPDX licence expression, or raise :class:`UserError`."""
    return _checked(_LICENSE, text, "the licence", "it is no SPDX expression such as MIT")


def revision(text: str) -> str:
    """Return a tag or branch name that may stand in any file, or raise :class:`UserError`."""
    return _checked(_REVISION, text, "the ref", "only letters, digits and _ . + - / may be in it")


def object_id(text: str, what: str) -> str:
    """Return a full git object id, or raise :class:`UserError`."""
    return _checked(_HEX, text, what, "it is not a full object id")


def link(text: str) -> str:
    """Return the upstream's URL for a comment or a Library.uk, or raise :class:`UserError`."""
    return _checked(_LINK, text, "the URL", "only letters, digits and _ . : / @ ~ + - may be in it")


def archive_url(text: str) -> str:
    """Return a URL that Unikraft's ``fetch`` can take, or raise :class:`UserError`.

    ``fetch`` hands it to wget through a shell without quotes, and makes a target of its last part.
    """
    return _checked(
        _ARCHIVE_URL,
        text,
        "archive_url",
        "http(s)://HOST/PATH with letters, digits and _ . + - only: Unikraft's build does not "
        "quote it",
    )


def define(text: str) -> str:
    """Return the shell word for ``-D`` with ``text``, or raise :class:`UserError`."""
    checked = _checked(DEFINE_PATTERN, text, "defines:", "it is not NAME or NAME=VALUE")
    return f"-D{checked}" if _PLAIN_WORD.fullmatch(checked) else f"'-D{checked}'"


def compiler_flag(text: str) -> str:
    """Return a compiler flag that the shell takes as it is, or raise :class:`UserError`."""
    return _checked(_FLAG, text, "cflags:", "it is not a plain compiler flag")


def symbol(text: str) -> str:
    """Return the name of a Kconfig symbol, or raise :class:`UserError`."""
    return _checked(_SYMBOL, text, "the Kconfig symbol", "only A-Z, 0-9 and _ may be in it")

"""How an upstream is named on the command line: a URL or a path, and maybe ``@`` and a ref."""

import re
from dataclasses import dataclass
from pathlib import Path

#: What stands before the path of a URL (``https://user@host/``) or of an address that ssh takes
#: (``git@host:``); an ``@`` in it begins no ref.
_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/]*|[^/:]+:(?!//)")


@dataclass(frozen=True, slots=True)
class Address:
    """An upstream and a ref of it; ``ref`` is None when none was named."""

    url: str
    ref: str | None


def is_url(text: str) -> bool:
    """Whether ``text`` names a repository by a scheme or a host rather than by a path."""
    return _AUTHORITY.match(text) is not None and not Path(text).exists()


def split(text: str) -> Address:
    """Take ``URL@REF`` or ``DIR@REF`` apart. What exists as a path as it stands has no ref."""
    authority = "" if Path(text).exists() else _authority(text)
    rest = text[len(authority) :]
    before, at, ref = rest.rpartition("@")
    if not at or not before or not ref or Path(text).exists():
        return Address(text, None)
    return Address(authority + before, ref)


def _authority(text: str) -> str:
    found = _AUTHORITY.match(text)
    return found[0] if found is not None else ""


def absolute(url: str) -> str:
    """A path as an absolute one, so that a pin does not depend on where one stands."""
    if not url or is_url(url):
        return url
    path = Path(url)
    return str(path.resolve()) if path.exists() else url

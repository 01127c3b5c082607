"""The bundled reference upstream: a base tree and its history as patches, replayed into git.

Every commit and tag has fixed names and dates, so that the replay gives the same ids on every
machine; ``history.toml`` says which, and they are checked.
"""

import hashlib
import os
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from porttool.errors import PorttoolError, UserError
from porttool.git import Change, Repository, Signature
from porttool.series.importer import import_series
from porttool.series.patch import parse, parse_date

SCHEME = "bundled:"

_ROOT = Path(__file__).resolve().parent.parent / "reference"


def bundled_name(url: str) -> str | None:
    """The name of the bundled upstream that a URL means, or None for any other URL.

    Raises :class:`UserError` when no upstream of that name is bundled.
    """
    if not url.startswith(SCHEME):
        return None
    name = url.removeprefix(SCHEME)
    if name not in bundled():
        raise UserError(
            f"no bundled upstream is called {name!r}",
            fix=f"there is: {', '.join(SCHEME + each for each in bundled())}",
        )
    return name


@cache
def bundled() -> tuple[str, ...]:
    """The names of the bundled upstreams."""
    return tuple(sorted(path.parent.name for path in _ROOT.glob("*/history.toml")))


@cache
def digest(name: str) -> str:
    """A digest of all that the replay is made from."""
    sha = hashlib.sha256()
    for path in _files(_ROOT / name):
        relative = os.fsencode(path.relative_to(_ROOT))
        sha.update(b"%d %s %d\n" % (len(relative), relative, path.stat().st_size))
        sha.update(path.read_bytes())
    return sha.hexdigest()


def replay(name: str, repository: Repository) -> None:
    """Write the history of a bundled upstream into an empty repository: main, and its tags."""
    root = _ROOT / name
    history: dict[str, Any] = tomllib.loads((root / "history.toml").read_text("utf-8"))
    identity, base = history["identity"], history["base"]
    files = root / "base"
    changes: list[Change] = [
        (os.fsencode(path.relative_to(files)), (_mode(path), path.read_bytes()))
        for path in _files(files)
    ]
    with repository.fast_import() as writer:
        author = _signature(identity, base["date"])
        first = writer.commit("refs/heads/main", author, base["message"].encode(), changes, None)
    paths = sorted((root / "history").glob("*.patch"))
    patches = [parse(path.name, path.read_bytes()) for path in paths]
    imported = import_series(repository, first, patches, "refs/heads/main")
    commits = [first, *(patch.commit for patch in imported.patches)]
    with repository.fast_import() as writer:
        for release in history["release"]:
            tagger = _signature(identity, release["date"])
            target = commits[release["patches"]]
            writer.tag(release["tag"], target, tagger, release["message"].encode())
    for release in history["release"]:
        found = repository.resolve(f"refs/tags/{release['tag']}")
        if found != release["object"]:
            raise PorttoolError(
                f"the bundled {name} {release['tag']} replays to another tag object",
                why=f"expected {release['object']}\nfound {found}",
            )


def _files(root: Path) -> list[Path]:
    found = (p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return sorted(found, key=os.fsencode)


def _mode(path: Path) -> bytes:
    return b"100755" if path.stat().st_mode & 0o111 else b"100644"


def _signature(who: dict[str, Any], date: str) -> Signature:
    raw = parse_date(date.encode())
    if raw is None:
        raise PorttoolError(f"history.toml: {date!r} is no date")
    return Signature(who["name"].encode(), who["email"].encode(), raw)

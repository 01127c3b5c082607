"""Exporters that are looked at without being pinned: folders, and refs of git repositories."""

from dataclasses import dataclass
from pathlib import Path

from porttool.commands.session import fetching
from porttool.errors import UserError
from porttool.git import Repository
from porttool.port import choose_pin
from porttool.upstream import address
from porttool.upstream.lock import Pin
from porttool.upstream.store import Mirror


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of an exporter at ``path``; ``pin`` is None for a folder that is taken as it is."""

    path: Path
    pin: Pin | None


def mirror_of(url: str) -> Mirror:
    """The mirror of a URL or a path, up to date. Raises :class:`UserError` when there is none."""
    mirror = Mirror.of(address.absolute(url))
    with fetching() as progress:
        mirror.fetch(progress)
    return mirror


def tree_of(name: str, scratch: Path) -> Tree:
    """The files that ``name`` means: a folder as it is, or a ref that is written to ``scratch``.

    Without a ref that is the newest release of a repository, else its default branch. Raises
    :class:`UserError` when there is no such folder, repository or ref.
    """
    named = address.split(name)
    if named.ref is None and not is_repository(named.url):
        path = Path(named.url)
        if not path.is_dir():
            raise UserError("no such folder", where=name)
        return Tree(path, None)
    mirror = mirror_of(named.url)
    pin = choose_pin(mirror, named.ref)
    return Tree(exported(mirror.repository, pin, scratch), pin)


def is_repository(name: str) -> bool:
    """Whether ``name`` is a URL or a repository without files of its own, not a folder of C.

    That is told by what gitrepository-layout(5) says is always there.
    """
    path = Path(name)
    bare = (path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir()
    return address.is_url(name) or bare


def exported(repository: Repository, pin: Pin, scratch: Path) -> Path:
    """The files of a pin, in a folder of its own below ``scratch``."""
    return repository.export(pin.commit, scratch / pin.commit)

"""``upstream.lock``: what the port is pinned to. Written by porttool, verified at every use."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from porttool.errors import UserError

_SCHEMA = 1


class LockError(UserError):
    """The lock does not verify; ``what`` says which of its facts does not hold."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One commit of an upstream. ``date`` is the committer's, ISO 8601 with its offset.

    ``ref`` is what the user named (a tag, a branch, a commit); ``commit`` and ``tree`` are full
    object ids.
    """

    url: str
    ref: str
    commit: str
    tree: str
    date: str


@dataclass(frozen=True, slots=True)
class Lock:
    """The content of ``upstream.lock``.

    ``license`` is an SPDX expression, or ``NOASSERTION``; ``series_digest`` is over ``patches/``,
    ``series_tree`` the tree that the series makes of the pin; ``unikraft`` the target release.
    """

    name: str
    pin: Pin
    license: str
    series_digest: str
    series_tree: str
    unikraft: str

    def dumps(self) -> str:
        """The text of the file. The same lock gives the same bytes."""
        document = tomlkit.document()
        document.add(
            tomlkit.comment("Written by porttool and verified at every use; not for editing.")
        )
        document.add("schema", tomlkit.item(_SCHEMA))
        upstream = tomlkit.table()
        for key, value in (
            ("name", self.name),
            ("url", self.pin.url),
            ("ref", self.pin.ref),
            ("commit", self.pin.commit),
            ("tree", self.pin.tree),
            ("date", self.pin.date),
            ("license", self.license),
        ):
            upstream.add(key, value)
        series = tomlkit.table()
        series.add("digest", self.series_digest)
        series.add("tree", self.series_tree)
        target = tomlkit.table()
        target.add("unikraft", self.unikraft)
        document.add("upstream", upstream)
        document.add("series", series)
        document.add("target", target)
        return tomlkit.dumps(document)


_OID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def parse(text: str, where: str) -> Lock:
    """Parse a lock; ``where`` is for messages. Raises :class:`LockError`."""

    def error(why: str) -> LockError:
        return LockError(
            "upstream.lock is damaged",
            where=where,
            why=why,
            fix="bring it back with: git checkout upstream.lock",
        )

    try:
        document: dict[str, Any] = tomlkit.parse(text).unwrap()
    except TOMLKitError as problem:
        raise error(str(problem)) from None
    if document.get("schema") != _SCHEMA:
        raise error(f"schema {document.get('schema')!r}; this porttool reads schema {_SCHEMA}")

    def value(table: str, key: str) -> str:
        found = document.get(table)
        found = found.get(key) if isinstance(found, dict) else None
        if not isinstance(found, str) or not found:
            raise error(f"[{table}] {key} is missing")
        if key in ("commit", "tree") and not _OID.fullmatch(found):
            raise error(f"[{table}] {key} is not an object id")
        return found

    up = {key: value("upstream", key) for key in ("url", "ref", "commit", "tree", "date")}
    return Lock(
        value("upstream", "name"),
        Pin(**up),
        value("upstream", "license"),
        value("series", "digest"),
        value("series", "tree"),
        value("target", "unikraft"),
    )


def read(path: Path) -> Lock:
    """Read ``upstream.lock``; :class:`LockError` when it is missing or damaged."""
    try:
        return parse(path.read_text("utf-8"), str(path))
    except FileNotFoundError:
        raise LockError(
            "there is no upstream.lock",
            where=str(path),
            fix="git checkout upstream.lock, or porttool init",
        ) from None
    except UnicodeDecodeError as error:
        raise LockError("upstream.lock is damaged", where=str(path), why=str(error)) from None

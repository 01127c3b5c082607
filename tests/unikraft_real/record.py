"""What the tests with real trees measured, kept with the digest of the libraries they ran with.

Renew it, after a change of the emitted libraries, with::

    PORTTOOL_UNIKRAFT=DIR .venv/bin/pytest -m unikraft --record-unikraft
"""

import hashlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import tomlkit

from porttool.commands.emitting import workspace_input
from porttool.unikraft.emit import Library, libraries
from porttool.unikraft.table import shipped_releases

RECORD = Path(__file__).parent / "record.toml"
RENEW = "PORTTOOL_UNIKRAFT=DIR .venv/bin/pytest -m unikraft --record-unikraft"

#: The releases that are tried in real trees, as far as libraries can be emitted for them.
TRIED = ("0.13.1", "0.16.3", "0.17.0")


@dataclass(frozen=True, slots=True)
class Entry:
    """One release: what was built from what, and how it went. Times in seconds, sizes in bytes."""

    unikraft: str
    digest: str
    passed: int
    build_seconds: float
    image_bytes: int
    first_scrape_seconds: float
    samples: int
    tools: str
    commits: dict[str, str]


def releases() -> list[str]:
    """The releases to be tried and to be found in the record."""
    return [release for release in shipped_releases() if release in TRIED]


def digest(emitted: Iterable[Library]) -> str:
    """SHA-256 over what Unikraft's build reads of the libraries: no prose, no stamps."""
    state = hashlib.sha256()
    for library in emitted:
        for path, data in sorted(library.files.items()):
            name = path.rpartition("/")[2]
            if name.startswith((".", "LICENSE")) or name.endswith(".md") or name == "Library.uk":
                continue
            state.update(f"{library.folder}/{path}\0{len(data)}\0".encode() + data)
    return f"sha256:{state.hexdigest()}"


def current(port: Path, release: str) -> str:
    """The digest of what ``port`` emits now for a release."""
    with workspace_input(port, "emit") as (source, _):
        source = replace(source, config=replace(source.config, unikraft=release))
        return digest(libraries(source))


def read() -> dict[str, Entry]:
    """The committed record, by release."""
    document = tomlkit.parse(RECORD.read_text("utf-8")).unwrap()
    entries = [Entry(**values) for values in document.get("release", [])]
    return {entry.unikraft: entry for entry in entries}


def write(entries: Iterable[Entry]) -> None:
    """Put these entries in the place of those of the same release."""
    known = read() if RECORD.exists() else {}
    known |= {entry.unikraft: entry for entry in entries}
    ordered = [asdict(entry) for _, entry in sorted(known.items())]
    head = f"# Written by the tests with real trees of Unikraft. Renew it with\n# {RENEW}\n\n"
    RECORD.write_text(head + tomlkit.dumps({"release": ordered}), encoding="utf-8")

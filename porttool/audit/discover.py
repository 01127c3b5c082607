"""Guesses the sources and include folders of a plain folder of C."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*["<]([^">\n]+)[">]', re.MULTILINE)

_FEATURE = re.compile(
    rb"-D ?(_GNU_SOURCE|_DEFAULT_SOURCE|_BSD_SOURCE|_ALL_SOURCE"
    rb"|(?:_POSIX_C_SOURCE|_XOPEN_SOURCE|_FILE_OFFSET_BITS)=\d+L?)(?![\w=])"
)
#: Includes and flags are looked for in so much of a file.
_BYTES_MAX = 4 << 20
#: Where a build says its flags.
BUILD_FILES = ("Makefile", "makefile", "GNUmakefile", "CMakeLists.txt", "meson.build")


@dataclass(frozen=True, slots=True)
class Discovery:
    """What is in a folder.

    ``sources`` and ``includes`` are absolute; ``skipped`` is what was left out; ``defines``
    are the feature test macros that the build files name.
    """

    sources: tuple[Path, ...]
    includes: tuple[Path, ...]
    skipped: tuple[Path, ...]
    defines: tuple[str, ...] = ()


def discover(root: Path) -> Discovery:
    """Find every ``.c`` file below ``root``, and the folders that its includes need.

    Hidden folders, links to folders, and links out of ``root`` are left out and listed in
    ``skipped``.
    """
    root = root.resolve()
    sources: list[Path] = []
    headers: list[Path] = []
    skipped: list[Path] = []
    builds: list[Path] = []
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        for name in sorted(folders):
            if name.startswith(".") or (here / name).is_symlink():
                folders.remove(name)
                skipped.append(here / name)
        for name in names:
            path = here / name
            if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(root):
                skipped.append(path)
            elif path.suffix == ".c" and path.is_file():
                sources.append(path)
            elif path.suffix == ".h" and path.is_file():
                headers.append(path)
            elif name in BUILD_FILES and path.is_file():
                builds.append(path)
    return Discovery(
        tuple(sorted(sources)),
        guess_includes(root, sorted(sources), sorted(headers)),
        tuple(sorted(skipped)),
        guess_defines(builds),
    )


def _start(path: Path) -> bytes:
    """What a file holds, as far as a person may have written it; nothing if it cannot be read."""
    try:
        with path.open("rb") as stream:
            return stream.read(_BYTES_MAX)
    except OSError:
        return b""


def guess_defines(builds: Iterable[Path]) -> tuple[str, ...]:
    """The feature test macros that build files define; they are read, never run.

    Without them the headers hide what the upstream uses. Other macros are left to the user, as
    they depend on what is configured.
    """
    found = {raw.decode() for path in builds for raw in _FEATURE.findall(_start(path))}
    return tuple(sorted(found))


def guess_includes(root: Path, sources: list[Path], headers: list[Path]) -> tuple[Path, ...]:
    """The folders below ``root`` from which the includes of ``sources`` and ``headers`` resolve.

    A name that resolves beside the file that includes it needs no folder.
    """
    by_name: dict[str, list[Path]] = {}
    for header in headers:
        by_name.setdefault(header.name, []).append(header)
    found: set[Path] = set()
    for path in (*sources, *headers):
        for raw in _INCLUDE.findall(_start(path)):
            name = os.fsdecode(raw)
            if (path.parent / name).is_file():
                continue
            for header in by_name.get(name.rpartition("/")[2], ()):
                if header.as_posix().endswith("/" + name):
                    found.add(Path(header.as_posix().removesuffix("/" + name)))
    inside = [folder for folder in found if folder == root or root in folder.parents]
    return tuple(sorted(inside, key=lambda folder: (len(folder.parts), folder)))

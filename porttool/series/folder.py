"""The ``patches/`` folder: what is in it, and its digest."""

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

from porttool.errors import UserError
from porttool.series import seriesfile
from porttool.series.patch import Patch, parse
from porttool.series.seriesfile import Series, SeriesLine

SERIES_NAME = "series"


@dataclass(frozen=True, slots=True)
class PatchFile:
    """A patch file of the series: its bytes, and the patch they hold as the series applies it."""

    name: str
    content: bytes
    patch: Patch


@dataclass(frozen=True, slots=True)
class PatchesFolder:
    """The series with all of its patch files, in order. ``extra`` is what else lies beside them.

    ``unlisted`` are patch files that neither ``series`` nor a comment in it names, ``parked`` those
    that only a comment names; ``series_text`` is None when there is no ``series`` file.
    """

    series: Series
    series_text: bytes | None
    files: tuple[PatchFile, ...]
    unlisted: tuple[str, ...]
    parked: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all patch files in the folder, whether they are in the series or not."""
        return (*(file.name for file in self.files), *self.unlisted, *self.parked)

    @property
    def patches(self) -> list[Patch]:
        """The patches, in order."""
        return [file.patch for file in self.files]

    @property
    def digest(self) -> str:
        """Digest of the series: see :func:`digest`."""
        return digest(self.series_text or b"", [(f.name, f.content) for f in self.files])

    def with_unlisted(self, folder: Path) -> "PatchesFolder":
        """The same with the unlisted patches behind the others, in the order of their names."""
        files = [_read(folder, SeriesLine(name, name)) for name in self.unlisted]
        lines = tuple(SeriesLine(name, name) for name in self.unlisted)
        series = Series(self.series.lines + lines)
        return replace(self, series=series, files=self.files + tuple(files), unlisted=())


def digest(series_text: bytes, files: list[tuple[str, bytes]]) -> str:
    """``sha256:`` over the series file and every patch in order, each with its name and length."""
    sha = hashlib.sha256()
    for name, content in [(SERIES_NAME, series_text), *files]:
        sha.update(b"%s %d\n" % (name.encode("utf-8", "surrogateescape"), len(content)))
        sha.update(content)
    return f"sha256:{sha.hexdigest()}"


def read(folder: Path) -> PatchesFolder:
    """Read ``patches/``. A folder without ``series`` is an empty series.

    Raises :class:`UserError` for a folder that is missing or a link, a line that cannot be, a patch
    that is missing or is not one.
    """
    if folder.is_symlink() or not folder.is_dir():
        missing = not os.path.lexists(folder)
        raise UserError(
            "there is no patches folder" if missing else "patches is not a folder of its own",
            where=str(folder),
            why="it is a symbolic link, and porttool exchanges the folder whole"
            if folder.is_symlink()
            else None,
            fix="bring it back (git checkout patches), or make an empty one for an empty series",
        )
    series_path = folder / SERIES_NAME
    if os.path.lexists(series_path) and (series_path.is_symlink() or not series_path.is_file()):
        raise UserError(
            "series is no plain file", where=str(series_path), fix="git checkout patches/series"
        )
    text = series_path.read_bytes() if series_path.is_file() else None
    series = seriesfile.parse(text or b"", str(series_path))
    files = tuple(_read(folder, line) for line in series.patches)
    names = {line.name for line in series.patches}
    found = sorted(p.name for p in folder.glob("*.patch") if p.is_file() or p.is_symlink())
    others = [name for name in found if name not in names]
    parked = tuple(name for name in others if series.mentions(name))
    unlisted = tuple(name for name in others if name not in parked)
    return PatchesFolder(series, text, files, unlisted, parked)


def _read(folder: Path, line: SeriesLine) -> PatchFile:
    name = line.name or ""
    path = folder / name
    real = Path(os.path.realpath(path))
    if not real.is_relative_to(folder.resolve()):
        raise UserError(
            f"{name} leads out of the patches folder",
            where=str(path),
            fix="put the patch itself into patches/, not a link to it",
        )
    if not real.is_file():  # a link to itself, a pipe or a folder is none either
        raise UserError(
            f"series names {name}, but there is no such patch",
            where=str(folder / SERIES_NAME),
            why="quilt takes an indented # for the name of a patch"
            if name.startswith("#")
            else None,
            fix="put the # of a comment in the first column"
            if name.startswith("#")
            else f"bring {path.name} back (git checkout), or remove its line from series",
        )
    content = path.read_bytes()
    patch = parse(name, content, line.strip)
    patch = replace(patch, operands=tuple(os.fsencode(word) for word in line.operands))
    return PatchFile(name, content, patch.reversed() if line.reverse else patch)

"""The archives that external libraries are made from, unpacked and patched as the build does."""

import lzma
import shutil
import stat
import struct
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from porttool.errors import UserError

#: What tarfile and zipfile raise for what is no archive, or one of a kind that they do not know.
_UNREADABLE = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(OSError, EOFError, ValueError, LookupError, NotImplementedError, RuntimeError),
    *(AttributeError, OverflowError, TypeError),
)
#: What an archive may hold when unpacked, in bytes and in files: many times what musl has.
_BYTES_MAX = 1 << 29
_FILES_MAX = 100_000


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar or zip archive into ``folder``; nothing in it is written outside of that.

    Raises :class:`UserError` when it is not an archive, or holds far too much.
    """
    try:
        if archive.suffix == ".zip":
            _unzip(archive, folder)
        else:
            _untar(archive, folder)
    except _UNREADABLE as error:
        raise UserError("the archive cannot be unpacked", where=str(archive), why=str(error)) from (
            error
        )


def _check(archive: Path, sizes: Sequence[int]) -> None:
    if len(sizes) > _FILES_MAX or sum(sizes) > _BYTES_MAX:
        raise UserError("the archive holds too much", where=str(archive))


def _untar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as tar:
        members = [member for member in tar if member.isfile() or member.isdir()]
        _check(archive, [member.size for member in members])
        tar.extractall(folder, members=members, filter="data")


def _unzip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as zipped:
        infos = [info for info in zipped.infolist() if not stat.S_ISLNK(info.external_attr >> 16)]
        _check(archive, [info.file_size for info in infos])
        zipped.extractall(folder, members=infos)


def patch(folder: Path, patches: Sequence[Path]) -> None:
    """Apply patches with ``patch -p1``, as Unikraft's build does.

    Raises :class:`UserError` when there is no ``patch``, or one does not apply.
    """
    if not patches:
        return
    program = shutil.which("patch")
    if program is None:
        raise UserError("the program 'patch' is not installed", fix="install it: apt install patch")
    for each in patches:
        with each.open("rb") as content:
            done = subprocess.run(
                [program, "-s", "-f", "-d", str(folder), "-p1"],
                stdin=content,
                capture_output=True,
                check=False,
                timeout=60,
            )
        if done.returncode != 0:
            raise UserError(
                "a patch of the library does not apply to its archive",
                where=str(each),
                why=done.stdout.decode("utf-8", "replace").strip(),
                fix="use the archive that the library's Makefile.uk names",
            )


def find(names: Sequence[str], folders: Sequence[Path]) -> Path | None:
    """The first of these archives that is in one of the folders, under exactly that name."""
    for name in names:
        for folder in folders:
            path = folder / name
            if "/" not in name and path.is_file():
                return path
    return None

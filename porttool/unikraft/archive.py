"""Source archives: written with the same bytes everywhere, and read to be compared."""

import io
import lzma
import os
import stat
import struct
import tarfile
import zipfile
import zlib

from porttool.errors import UserError
from porttool.unikraft.tree import Kind, Tree, TreeFile

#: Endings for which Unikraft's ``unarchive`` has a rule (support/build/Makefile.rules, 0.16.3).
UNPACKABLE = (".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".zip")

_GZIP_HEADER = b"\x1f\x8b\x08\x00" + bytes(4) + b"\x00\xff"
_STORED_BLOCK = 0xFFFF


def _gzip_stored(data: bytes) -> bytes:
    """Wrap ``data`` as gzip (RFC 1952) without compressing it.

    zlib's output, even at level 0, differs between its versions and its forks; these bytes depend
    on ``data`` alone. Unikraft unpacks no plain tar.
    """
    parts = [_GZIP_HEADER]
    for start in range(0, max(len(data), 1), _STORED_BLOCK):
        block = data[start : start + _STORED_BLOCK]
        final = start + _STORED_BLOCK >= len(data)
        parts += [struct.pack("<BHH", final, len(block), len(block) ^ 0xFFFF), block]
    parts.append(struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF))
    return b"".join(parts)


def write_archive(tree: Tree, prefix: str, mtime: int) -> bytes:
    """Pack ``tree`` under the folder ``prefix`` into a ``.tar.gz``.

    The bytes follow from the arguments alone: sorted names, owner 0, mode 644 or 755, every time
    ``mtime`` (seconds since 1970).
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(tree, key=os.fsencode):
            file = tree[path]
            info = tarfile.TarInfo(f"{prefix}/{path}")
            info.mtime = mtime
            if file.kind is Kind.LINK:
                info.type = tarfile.SYMTYPE
                info.linkname = os.fsdecode(file.data)
                info.mode = 0o777
                tar.addfile(info)
            else:
                info.mode = 0o755 if file.kind is Kind.EXECUTABLE else 0o644
                info.size = len(file.data)
                tar.addfile(info, io.BytesIO(file.data))
    return _gzip_stored(buffer.getvalue())


def _read_tar(data: bytes) -> Tree:
    files: dict[str, TreeFile] = {}
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as tar:
        for info in tar:
            if info.isdir():
                continue
            if info.issym():
                files[info.name] = TreeFile(Kind.LINK, os.fsencode(info.linkname))
            elif info.islnk() or info.isreg():
                content = tar.extractfile(info)
                kind = Kind.EXECUTABLE if info.mode & stat.S_IXUSR else Kind.FILE
                files[info.name] = TreeFile(kind, content.read() if content else b"")
            else:
                raise UserError(f"the archive holds {info.name!r}, neither file nor link")
    return files


def _read_zip(data: bytes) -> Tree:
    files: dict[str, TreeFile] = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            mode = info.external_attr >> 16
            kind = Kind.EXECUTABLE if mode & stat.S_IXUSR else Kind.FILE
            if stat.S_ISLNK(mode):
                kind = Kind.LINK
            files[info.filename] = TreeFile(kind, archive.read(info))
    return files


#: What the readers raise for damaged, encrypted or unknown archives.
_DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    KeyError,
    RuntimeError,
)


def read_archive(data: bytes, name: str) -> tuple[str, Tree]:
    """Unpack an archive in memory.

    ``name`` is for messages; its ending says what it is. Returns the one folder that holds
    everything and the tree in it. Raises :class:`UserError` when it is damaged, or does not have
    that one folder.
    """
    try:
        files = _read_zip(data) if name.endswith(".zip") else _read_tar(data)
    except _DAMAGE as error:
        raise UserError("the archive cannot be read", where=name, why=str(error)) from None
    tops = {path.partition("/")[0] for path in files}
    if len(tops) != 1 or any("/" not in path for path in files):
        raise UserError(
            "the archive does not hold exactly one folder",
            where=name,
            why=f"at its top: {', '.join(sorted(tops)[:5]) or 'nothing'}",
        )
    (top,) = tops
    return top, {path.partition("/")[2]: file for path, file in files.items()}

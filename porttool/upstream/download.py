"""Source archives of the ``fetch`` mode: downloaded once, kept in the cache under their digest."""

import hashlib
import http.client
import shutil
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import platformdirs

from porttool.upstream.store import ProgressFn, UnreachableError

_TIMEOUT = 60  # seconds without a byte
_CHUNK = 1 << 16
_NO_ANSWER = (urllib.error.URLError, TimeoutError, ConnectionError, http.client.HTTPException)


def obtain(url: str, sha256: str | None, progress: ProgressFn | None = None) -> Path:
    """The file behind an http(s) ``url``: from the cache when its digest is known, else downloaded.

    What is downloaded is kept under the digest that it really has, whatever ``sha256`` says; the
    caller compares. Raises :class:`UnreachableError` when it cannot be had.
    """
    if sha256 is not None and (kept := _cache() / sha256).is_file() and digest(kept) == sha256:
        return kept
    _cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".download-", dir=_cache()) as scratch:
        part = Path(scratch) / "part"
        try:
            _download(url, part, progress)
        except _NO_ANSWER as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()
            raise UnreachableError(
                "cannot fetch the source archive",
                where=url,
                why=str(getattr(error, "reason", None) or error),
                fix="download it yourself and name the file once: porttool emit --archive FILE",
            ) from None
        return _store(part)


def keep(file: Path) -> Path:
    """Copy an archive that the user named into the cache, where :func:`obtain` finds it."""
    _cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".download-", dir=_cache()) as scratch:
        part = Path(scratch) / "part"
        shutil.copyfile(file, part)
        return _store(part)


def digest(file: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _download(url: str, target: Path, progress: ProgressFn | None) -> None:
    with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer, target.open("wb") as out:
        length = answer.headers.get("Content-Length")
        whole = float(length) if length else None
        while chunk := answer.read(_CHUNK):
            out.write(chunk)
            if progress is not None:
                progress("Downloading", float(out.tell()), whole)


def _store(part: Path) -> Path:
    return part.rename(_cache() / digest(part))


def _cache() -> Path:
    return Path(platformdirs.user_cache_path("porttool")) / "archives"

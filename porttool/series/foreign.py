"""Patches from elsewhere: a series of quilt's or gbp's, a folder, a mailbox, one patch."""

import re
import tempfile
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from porttool.errors import UserError
from porttool.git import Repository, Signature
from porttool.series import exporter, folder
from porttool.series.folder import PatchFile
from porttool.series.patch import parse
from porttool.series.seriesfile import Series, SeriesLine

#: Where the series is in a source tree: quilt's default, and that of Debian's format 3.0 (quilt).
_PLACES = ("", "debian/patches", "patches")


@dataclass(frozen=True, slots=True)
class Foreign:
    """A series from elsewhere, under names that are free: its files, and its ``series`` lines.

    ``left_out`` are the subjects of mails without a patch, such as cover letters; ``unlisted`` the
    patch files that the ``series`` there does not name.
    """

    files: tuple[PatchFile, ...]
    lines: tuple[SeriesLine, ...]
    left_out: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()


def read(store: Repository, path: Path, taken: Collection[str]) -> Foreign:
    """Read the patches at ``path``; none of them gets one of the names ``taken``.

    ``path`` is a folder with a ``series`` (its own, in ``patches/`` or in ``debian/patches/``), a
    folder of patches in the order of their names, a Maildir, a mailbox, a mail, or a diff. Raises
    :class:`UserError` when there is no patch.
    """
    if path.is_dir():
        found = next((path / p for p in _PLACES if (path / p / folder.SERIES_NAME).is_file()), None)
        if found is not None:
            listed = folder.read(found)
            foreign = _renamed(listed.files, listed.series, taken)
            return replace(foreign, unlisted=listed.unlisted)
        if not (path / "cur").is_dir():
            names = sorted(p.name for p in path.iterdir() if p.suffix in (".patch", ".diff"))
            files = tuple(_file(name, (path / name).read_bytes()) for name in names)
            return _renamed(_required(files, path), _plain(names), taken)
    elif not path.is_file():
        raise UserError("there is nothing to import", where=str(path))
    elif not _is_mail(content := path.read_bytes()):
        files = (_file(path.name, content),)
        return _renamed(_required(files, path), _plain([path.name]), taken)
    return _mails(store, path, taken)


def _is_mail(content: bytes) -> bool:
    return re.match(
        rb"(From |[A-Za-z][A-Za-z0-9-]*: .*\n(?:[ \t].*\n)*)", content
    ) is not None and (
        content.startswith(b"From ") or b"\nSubject:" in b"\n" + content.split(b"\n\n", 1)[0]
    )


def _file(name: str, content: bytes) -> PatchFile:
    return PatchFile(name, content, parse(name, content))


def _plain(names: list[str]) -> Series:
    return Series(tuple(SeriesLine(name, name) for name in names))


def _required(files: tuple[PatchFile, ...], path: Path) -> tuple[PatchFile, ...]:
    if not any(file.patch.files for file in files):
        raise UserError(
            "there is no patch in it",
            where=str(path),
            fix="name a folder with a series, a mailbox or a diff",
        )
    return files


def _renamed(files: tuple[PatchFile, ...], series: Series, taken: Collection[str]) -> Foreign:
    """The files and lines with another name for each that is taken already."""
    used = set(taken)
    names: dict[str, str] = {}
    for file in files:
        subject = file.patch.message.subject
        name = file.name if file.name not in used else exporter.new_name(subject, used)
        used.add(name)
        names[file.name] = name
    lines = tuple(
        line if line.name is None else SeriesLine(names[line.name], names[line.name])
        for line in series.lines
    )
    return Foreign(tuple(PatchFile(names[f.name], f.content, f.patch) for f in files), lines)


def _mails(store: Repository, path: Path, taken: Collection[str]) -> Foreign:
    """The patches of a mailbox, decoded by git-mailsplit(1) and git-mailinfo(1)."""
    used = set(taken)
    files: list[PatchFile] = []
    left_out: list[str] = []
    with tempfile.TemporaryDirectory(prefix="porttool-") as scratch:
        split = Path(scratch) / "mails"
        split.mkdir()
        store.run("mailsplit", "--keep-cr", f"-o{split}", "--", str(path.resolve()))
        for mail in sorted(split.iterdir()):
            content = _mail(store, mail, Path(scratch))
            patch = parse(mail.name, content)
            subject = patch.message.subject
            if not patch.files:
                left_out.append(subject.decode("utf-8", "replace"))
                continue
            name = exporter.new_name(subject, used)
            used.add(name)
            files.append(_file(name, content))
    series = _plain([file.name for file in files])
    return Foreign(_required(tuple(files), path), series.lines, tuple(left_out))


def _mail(store: Repository, mail: Path, scratch: Path) -> bytes:
    """One mail as a patch file."""
    message, diff = scratch / "message", scratch / "diff"
    options = ("-b", "--encoding=UTF-8", "--no-scissors")
    out = store.run("mailinfo", *options, str(message), str(diff), stdin=mail.read_bytes())
    said = dict(re.findall(rb"^(Author|Email|Subject|Date): (.*)$", out, re.MULTILINE))
    who = Signature(said.get(b"Author", b""), said.get(b"Email", b""), said.get(b"Date", b""))
    header = [b"From: %s <%s>" % (who.name, who.email)] if who.email else []
    header += [b"Date: %s" % who.date] if who.date else []
    header += [b"Subject: %s" % said.get(b"Subject", b"")]
    text = message.read_bytes().replace(b"\r\n", b"\n").strip(b"\n")
    body = b"\n\n" + text if text else b""
    return b"\n".join(header) + body + b"\n---\n\n" + _diff(diff.read_bytes())


def _diff(content: bytes) -> bytes:
    """Without what mailinfo leaves before the diff, the ``---`` and the diffstat."""
    at = re.search(rb"^(?:diff -|Index: |--- \S)", content, re.MULTILINE)
    return content if at is None else content[at.start() :]

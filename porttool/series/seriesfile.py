"""The ``series`` file: which patches, in which order.

Read as quilt reads it (``cat_series`` and ``patch_args`` of quilt's ``patchfns``): a line that
begins with ``#`` is a comment, the first word is the patch, the words up to `` #`` are options for
``patch``. Written without options, names in column 0.
"""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass

from porttool.errors import UserError

_OPTION_P = re.compile(r"-p(\d{1,4}|ab)")


@dataclass(frozen=True, slots=True)
class SeriesLine:
    """One line of ``series``: a patch with its options, or (``name`` None) a comment or blank.

    ``comment`` is what a patch line says behind `` #``. ``operands`` are words that are no option:
    quilt has ``patch`` change the file of that name, whatever the patch says.
    """

    text: str
    name: str | None = None
    strip: int = 1
    reverse: bool = False
    comment: str = ""
    operands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Series:
    """The lines of a ``series`` file, in order."""

    lines: tuple[SeriesLine, ...]

    @property
    def patches(self) -> tuple[SeriesLine, ...]:
        """The lines that name a patch."""
        return tuple(line for line in self.lines if line.name is not None)

    def mentions(self, name: str) -> bool:
        """Whether a comment names this patch: somebody took it out on purpose."""
        word = re.compile(rf"(?<![\w./-]){re.escape(name)}(?![\w-])")
        return any(line.name is None and word.search(line.text) for line in self.lines)

    def rewritten(self, names: list[str], epitaphs: Mapping[str, str] | None = None) -> str:
        """The text of a series file with ``names`` in that order.

        Every comment stays before the patch that it stood before; those behind the last patch, and
        those whose patch is gone, stay where their neighbours were. ``epitaphs`` are comment lines
        that take the place of patches that are gone; for those that were not there, they come last.
        """
        epitaphs = epitaphs or {}
        there = {line.name for line in self.lines}
        before: dict[str | None, list[str]] = {}
        pending: list[str] = []
        for line in self.lines:
            if line.name is None:
                pending.append(line.text)
            else:
                if line.comment:
                    pending.append(f"# {line.comment}")
                if line.name in names:
                    before.setdefault(line.name, []).extend(pending)
                    pending = []
                elif line.name in epitaphs:
                    pending.append(epitaphs[line.name])
        before[None] = pending + [epitaphs[name] for name in epitaphs if name not in there]
        out: list[str] = []
        for name in names:
            out += before.get(name, [])
            out.append(name)
        out += before[None]
        return "".join(line + "\n" for line in out)


def parse(content: bytes, where: str) -> Series:
    """Parse a ``series`` file; ``where`` names it in messages.

    Raises :class:`UserError` for a patch named twice, a name that leaves the folder, an option
    that is neither ``-pN`` nor ``-R``, or what is no text.
    """
    for found, what in (
        (content.startswith(b"\xef\xbb\xbf"), "begins with a byte order mark"),
        (b"\0" in content, "holds NUL bytes"),
    ):
        if found:
            raise UserError(
                f"series {what}",
                where=where,
                why="quilt would take it for a part of a name",
                fix="save the file as plain text, in UTF-8 without a byte order mark",
            )
    lines: list[SeriesLine] = []
    seen: dict[str, int] = {}
    for number, raw in enumerate(content.decode("utf-8", "surrogateescape").split("\n"), 1):
        text = raw.rstrip("\r")
        if text.startswith("#") or not text.strip(" \t"):
            lines.append(SeriesLine(text.rstrip()))
            continue
        line = _patch_line(text, f"{where}:{number}")
        if line.name in seen:
            raise UserError(
                f"series names {line.name} twice",
                where=f"{where}:{number}",
                why=f"it stands in line {seen[line.name]} already",
                fix="remove one of the two lines",
            )
        if line.name is not None:
            seen[line.name] = number
        lines.append(line)
    while lines and not lines[-1].text:
        lines.pop()
    return Series(tuple(lines))


def _patch_line(text: str, where: str) -> SeriesLine:
    stripped = text.strip(" \t")
    words, _, comment = re.sub(r"[ \t]+#", "\0", stripped, count=1).partition("\0")
    name, *options = re.split(r"[ \t]+", words)
    if name.startswith(("/", "-")) or ".." in name.split("/"):
        raise UserError(
            f"series names a file outside of its folder: {name}",
            where=where,
            fix="remove the line, or move the patch into patches/",
        )
    name = posixpath.normpath(name)
    strip, reverse = 1, False
    operands: list[str] = []
    for option in options:
        match = _OPTION_P.fullmatch(option)
        if match is not None:
            strip = 1 if match[1] == "ab" else int(match[1])
        elif option in ("-R", "--reverse"):
            reverse = True
        elif option.startswith("-"):
            raise UserError(
                f"series gives {name} an option that porttool does not take: {option}",
                where=where,
                why="quilt puts a -p1 behind it, which then holds"
                if option.startswith("--strip")
                else "only -pN and -R say what the patch is; the rest loosens how it applies",
                fix=f"remove {option} from the line",
            )
        elif option:
            operands.append(option)
    return SeriesLine(text, name, strip, reverse, comment.strip(), tuple(operands))

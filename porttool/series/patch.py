"""One patch: a mail-like header and a diff, parsed from bytes.

The diff syntax is that of ``git diff`` (git-diff(1), "Generating patch text with -p", and the
``GIT binary patch`` blocks) and of plain unified diffs as quilt and GNU diff write them. Where the
message ends follows ``git mailinfo``; header lines are RFC 2822 with RFC 2047 words.
"""

import email.errors
import email.header
import email.policy
import email.utils
import re
import zlib
from base64 import b85decode
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, timezone

from porttool.errors import UserError
from porttool.git import Signature


class PatchError(UserError):
    """A patch file that cannot be read, or that names a path it must not touch."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """One hunk. ``lines`` hold their sign (space, ``-``, ``+``) and their line end, if any.

    ``old_start`` and ``new_start`` count from 1, as in the ``@@`` line; ``number`` counts the
    hunks of the file from 1.
    """

    number: int
    old_start: int
    new_start: int
    section: bytes
    lines: tuple[bytes, ...]

    @property
    def old(self) -> list[bytes]:
        """The lines that must be there, without sign."""
        return [line[1:] for line in self.lines if line[:1] != b"+"]

    @property
    def new(self) -> list[bytes]:
        """The lines that stand there afterwards, without sign."""
        return [line[1:] for line in self.lines if line[:1] != b"-"]

    @property
    def trailing_context(self) -> int:
        """How many lines of context end the hunk."""
        count = 0
        for line in reversed(self.lines):
            if line[:1] != b" ":
                break
            count += 1
        return count

    def reversed(self) -> "Hunk":
        """The hunk that undoes this one. Removals come before additions, as git writes them."""
        swap = {b"+": b"-", b"-": b"+", b" ": b" "}
        lines: list[bytes] = []
        added: list[bytes] = []
        for line in (swap[line[:1]] + line[1:] for line in self.lines):
            if line[:1] == b"+":
                added.append(line)
            elif line[:1] == b"-":
                lines.append(line)
            else:
                lines += [*added, line]
                added = []
        return replace(
            self, old_start=self.new_start, new_start=self.old_start, lines=(*lines, *added)
        )


@dataclass(frozen=True, slots=True)
class BinaryHunk:
    """One half of a ``GIT binary patch``: a whole content, or a delta against the other side."""

    method: str
    size: int
    data: bytes

    @property
    def unpacked(self) -> bytes:
        """The content or the delta itself; ValueError when the data is damaged."""
        unpacker = zlib.decompressobj()
        try:
            content = unpacker.decompress(self.data, self.size + 1)
        except zlib.error as error:
            raise ValueError(f"the binary data is damaged: {error}") from None
        if len(content) != self.size or not unpacker.eof:
            raise ValueError("the binary data has another length than it says")
        return content

    def apply(self, old: bytes) -> bytes:
        """The content that this half describes; ValueError when it does not fit ``old``."""
        content = self.unpacked
        try:
            return content if self.method == "literal" else _apply_delta(old, content)
        except IndexError:
            raise ValueError("the binary delta ends early") from None


@dataclass(frozen=True, slots=True)
class FileDiff:
    """What a patch does to one file.

    ``old`` is None for a file that is created, ``new`` for one that is deleted. Modes are as git
    writes them (``100644``), None where the patch does not say. ``old_oid`` and ``new_oid`` are
    the (possibly shortened) blob ids of the ``index`` line.
    """

    old: bytes | None
    new: bytes | None
    old_mode: bytes | None = None
    new_mode: bytes | None = None
    old_oid: str | None = None
    new_oid: str | None = None
    copy: bool = False
    hunks: tuple[Hunk, ...] = ()
    binary: tuple[BinaryHunk, BinaryHunk | None] | None = None

    @property
    def path(self) -> bytes:
        """The path to name this file by: the new one, for a deletion the old one."""
        path = self.new if self.new is not None else self.old
        if path is None:
            raise AssertionError("a file diff without a path")
        return path

    @property
    def is_transfer(self) -> bool:
        """Whether the file is renamed or copied."""
        return self.old is not None and self.new is not None and self.old != self.new

    def reversed(self) -> "FileDiff":
        """The diff that undoes this one."""
        if self.copy:
            return FileDiff(self.new, None, self.new_mode, None, self.new_oid, None)
        binary = self.binary
        if binary is not None:
            if binary[1] is None:
                raise PatchError(
                    f"{self.path.decode('utf-8', 'replace')}: the binary patch has no reverse half"
                )
            binary = (binary[1], binary[0])
        return FileDiff(
            self.new,
            self.old,
            self.new_mode,
            self.old_mode,
            self.new_oid,
            self.old_oid,
            False,
            tuple(hunk.reversed() for hunk in self.hunks),
            binary,
        )


@dataclass(frozen=True, slots=True)
class Message:
    """The commit that a patch header describes. ``author`` is None where it does not say."""

    subject: bytes
    body: bytes
    name: bytes | None = None
    email: bytes | None = None
    date: bytes | None = None

    @property
    def text(self) -> bytes:
        """The commit message, as ``git am --keep-non-patch`` would make it."""
        body = self.body.strip(b"\n")
        text = self.subject + (b"\n\n" + body if body else b"") + b"\n"
        return b"\n".join(line.rstrip() for line in text.split(b"\n"))

    def signature(self, fallback: Signature) -> Signature:
        """The author; what the header does not say comes from ``fallback``."""
        if self.name is None or self.email is None:
            return Signature(fallback.name, fallback.email, self.date or fallback.date)
        return Signature(self.name, self.email, self.date or fallback.date)


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch file: its ``header`` bytes as they stand, what they say, and the files it changes.

    ``operands`` are words of its line in ``series`` that quilt has ``patch`` change the file of.
    """

    name: str
    header: bytes
    diff: bytes
    message: Message
    files: tuple[FileDiff, ...] = field(default=())
    operands: tuple[bytes, ...] = ()

    def reversed(self) -> "Patch":
        """The patch that undoes this one (``-R`` in a series)."""
        return replace(self, files=tuple(file.reversed() for file in reversed(self.files)))


def parse(name: str, content: bytes, strip: int = 1) -> Patch:
    """Parse the patch file ``name``; ``strip`` is the number of leading folders to drop (``-p``).

    Raises :class:`PatchError` for anything that is not a patch, or that leaves the tree.
    """
    header, diff = split_header(content)
    if b"\0" in header:
        raise PatchError(
            f"{name}: not a patch that can be applied",
            where=f"{name}:{header[: header.index(0)].count(10) + 1}",
            why="the text before the diff holds a NUL byte, which no commit message can",
            fix="is this a text file, in UTF-8?",
        )
    _require_prose(name, header, 1)
    reader = _DiffReader(name, diff, strip, header.count(b"\n"))
    return Patch(name, header, diff, _parse_message(name, header), tuple(reader.files()))


#: What ``patch`` takes for a change and git does not, since ``patch`` sees through indentation: a
#: context diff, the header of a git diff, and a hunk behind a file name.
_ONLY_PATCH_READS = re.compile(
    rb"^[ \tX]*(?:\*{15}.*\n[ \tX]*\*\*\* \d"
    rb"|(?<=[ \tX])diff --git "
    rb"|(?:---|\+\+\+) \S.*\n(?:.*\n)*?[ \tX]*@@ -\d)",
    re.MULTILINE,
)


def _require_prose(name: str, text: bytes, line: int) -> None:
    """Raise :class:`PatchError` when the text between diffs (from ``line``) holds one to quilt."""
    match = _ONLY_PATCH_READS.search(text)
    if match is None:
        return
    context = b"***************" in match[0]
    raise PatchError(
        f"{name}: its readers disagree about what it changes",
        where=f"{name}:{line + text.count(10, 0, match.start())}",
        why="this is a context diff, which git does not read"
        if context
        else "quilt and patch apply a diff that a message quotes, indented or not; git does not",
        fix="make it again as a unified diff (diff -u)"
        if context
        else 'put "> " before each line that is quoted',
    )


_DIFF_START = re.compile(rb"^(?:diff -|Index: |--- \S)", re.MULTILINE)


def split_header(content: bytes) -> tuple[bytes, bytes]:
    """Split a patch file where its diff begins: ``diff -…``, ``Index: …`` or ``--- file``.

    A line that merely looks so inside the message is skipped: after ``--- file`` the next line
    must be ``+++ ``.
    """
    for match in _DIFF_START.finditer(content):
        if match[0].startswith(b"---"):
            following = content[match.start() :].split(b"\n", 2)[1:2]
            if not following or not following[0].startswith(b"+++ "):
                continue
        return content[: match.start()], content[match.start() :]
    return content, b""


_HEADER_LINE = re.compile(rb"^([A-Za-z][A-Za-z0-9-]*):[ \t]*(.*)$")
_BRACKETED = re.compile(rb"^\s*(?:\[[^]]*PATCH[^]]*\]\s*)+", re.IGNORECASE)
_MBOX_FROM = re.compile(rb"^From [0-9a-f]{40,64} ")


def _parse_message(name: str, header: bytes) -> Message:
    lines = header.split(b"\n")
    if lines and _MBOX_FROM.match(lines[0]):
        lines = lines[1:]
    fields: dict[str, bytes] = {}
    order: list[bytes] = []
    position = 0
    last = ""
    for position, line in enumerate(lines):  # noqa: B007 - needed after the loop
        match = _HEADER_LINE.match(line.rstrip(b"\r"))
        if match is not None:
            last = match[1].decode().lower()
            fields.setdefault(last, match[2])
            order.append(line)
        elif line[:1] in b" \t" and line.strip() and last:
            fields[last] += b"\n" + line
            order.append(line)
        else:
            break
    mail_like = "subject" in fields or "from" in fields
    if mail_like:
        body = lines[position:]
    elif "description" in fields:  # DEP-3 without a mail header
        body = lines
        first = fields["description"].split(b"\n")[0]
        fields["subject"] = first
        if "author" in fields:
            fields["from"] = fields["author"]
    else:
        body = lines
    text_body = _cut_at_separator(body)
    subject = _decode(_unfold(fields.get("subject", b"")))
    subject = _BRACKETED.sub(b"", subject).strip()
    if not subject:
        text = [line for line in text_body if line.strip()]
        subject = text[0].strip() if text and not mail_like else _subject_from_name(name)
        if text and not mail_like:
            text_body = text_body[text_body.index(text[0]) + 1 :]
    author, address = _parse_from(fields.get("from", b""))
    return Message(
        subject, b"\n".join(text_body).strip(b"\n"), author, address, parse_date(fields.get("date"))
    )


def _subject_from_name(name: str) -> bytes:
    stem = re.sub(r"^\d+[-_]", "", name.rsplit("/", 1)[-1])
    return re.sub(r"\.(patch|diff)$", "", stem).replace("-", " ").encode()


def _cut_at_separator(lines: list[bytes]) -> list[bytes]:
    """The message ends at ``---``; what follows (diffstat, notes) is not part of the commit."""
    for position, line in enumerate(lines):
        if line.startswith(b"---") and not line[3:].strip():
            return lines[:position]
    return lines


def _unfold(value: bytes) -> bytes:
    return re.sub(rb"\r?\n[ \t]+", b" ", value)


def _decode(value: bytes) -> bytes:
    if b"=?" not in value:
        return value
    try:
        parts = email.header.decode_header(value.decode("ascii", "surrogateescape"))
        text = email.header.make_header(parts)
        decoded = str(text).encode("utf-8", "surrogateescape")
    except (email.errors.HeaderParseError, LookupError, ValueError):
        return value  # not an encoded word after all: keep it as it stands, as git does
    return value if b"\0" in decoded else decoded


def _parse_from(value: bytes) -> tuple[bytes | None, bytes | None]:
    if not value.strip():
        return None, None
    raw = _unfold(value).strip()
    match = re.fullmatch(rb"(.*?)\s*<([^<>]*)>\s*", raw)
    if match is None:
        return (None, None) if b"@" not in raw or re.search(rb"[<>]", raw) else (raw, raw)
    name = match[1].strip()
    if name.startswith(b'"') and name.endswith(b'"') and len(name) > 1:
        name = re.sub(rb"\\(.)", rb"\1", name[1:-1])
    name = re.sub(rb"[<>\r\n]", b"", _decode(name)).strip()
    return name or match[2].strip(), match[2].strip()


def parse_date(value: bytes | None) -> bytes | None:
    """An RFC 2822 or ISO 8601 date as git's raw date (``1700000000 +0100``); None if it is none.

    Git has no date before 1970 and no time zone beyond 14 hours: they are none either.
    """
    if value is None or not value.strip():
        return None
    text = value.decode("ascii", "replace").strip()
    try:
        when = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError):
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    offset = when.utcoffset() or timedelta()
    minutes = int(offset.total_seconds() // 60)
    sign = "-" if minutes < 0 else "+"
    stamp = int((when - datetime(1970, 1, 1, tzinfo=timezone.utc)).total_seconds())  # noqa: UP017
    if stamp < 0 or abs(minutes) > 14 * 60:
        return None
    return f"{stamp} {sign}{abs(minutes) // 60:02}{abs(minutes) % 60:02}".encode()


_HUNK = re.compile(rb"^@@ -(\d{1,18})(?:,(\d{1,18}))? \+(\d{1,18})(?:,(\d{1,18}))? @@(.*)$")
#: How diff -N dates a file that is not there: near 1970, in whatever zone and format.
_EPOCH = re.compile(
    rb"\t.*(?:1970-01-0[12]|1969-12-31|Jan +[12] .*1970|\b0?[12] Jan 1970|Dec +31 .*1969"
    rb"|31 Dec 1969)"
)
_INDEX = re.compile(rb"^index ([0-9a-f]{4,64})\.\.([0-9a-f]{4,64})(?: (\d{6}))?$")
_MODES = (b"100644", b"100755", b"120000")


class _DiffReader:
    """Reads the diff part of a patch file, line by line."""

    def __init__(self, name: str, diff: bytes, strip: int, offset: int) -> None:
        self._name = name
        self._lines = diff.split(b"\n")
        if self._lines and not self._lines[-1]:
            self._lines.pop()
        self._at = 0
        self._strip = strip
        self._offset = offset

    def _error(self, why: str, fix: str | None = None) -> PatchError:
        return PatchError(
            f"{self._name}: not a patch that can be applied",
            where=f"{self._name}:{self._offset + self._at + 1}",
            why=why,
            fix=fix,
        )

    def _peek(self) -> bytes | None:
        return self._lines[self._at] if self._at < len(self._lines) else None

    def files(self) -> list[FileDiff]:
        found: list[FileDiff] = []
        prose = self._at
        while (line := self._peek()) is not None:
            if line.startswith(b"diff --git "):
                self._end_prose(prose)
                found.append(self._git_file())
                prose = self._at
            elif line.startswith(b"--- ") and self._next_is(b"+++ "):
                self._end_prose(prose)
                found.append(self._plain_file())
                prose = self._at
            elif line.startswith(b"@@ -"):
                raise self._error("a hunk that belongs to no file, or whose @@ line is not one")
            elif line.startswith((b"diff --cc ", b"diff --combined ")):
                raise self._error("a combined diff of a merge cannot be applied")
            else:
                self._at += 1  # prose, "Index:", "diff -Nru": no reader takes it for a change
        self._end_prose(prose)
        return found

    def _end_prose(self, start: int) -> None:
        text = b"\n".join(self._lines[start : self._at])
        _require_prose(self._name, text, self._offset + start + 1)

    def _next_is(self, prefix: bytes) -> bool:
        return self._at + 1 < len(self._lines) and self._lines[self._at + 1].startswith(prefix)

    def _git_file(self) -> FileDiff:
        start = self._at
        both = self._lines[self._at][len(b"diff --git ") :].rstrip(b"\r")
        self._at += 1
        renamed: dict[str, bytes] = {}
        modes: dict[str, bytes] = {}
        created = deleted = copied = False
        oids: tuple[str | None, str | None] = (None, None)
        while (line := self._peek()) is not None:
            line = line.rstrip(b"\r")
            if match := re.match(rb"^(old|new) mode (\d{6})$", line):
                modes[match[1].decode()] = match[2]
            elif match := re.match(rb"^(new|deleted) file mode (\d{6})$", line):
                created, deleted = match[1] == b"new", match[1] == b"deleted"
                modes["new" if created else "old"] = match[2]
            elif match := re.match(rb"^(rename|copy) (from|to) (.+)$", line):
                copied = match[1] == b"copy"
                renamed[match[2].decode()] = _unquote(match[3])
            elif match := _INDEX.match(line):
                oids = (match[1].decode(), match[2].decode())
                if match[3]:
                    modes.setdefault("old", match[3])
                    modes.setdefault("new", match[3])
            elif not line.startswith((b"similarity index ", b"dissimilarity index ")):
                break
            self._at += 1
        for mode in modes.values():
            if mode == b"160000":
                raise self._error("a submodule cannot be changed by a patch")
            if mode not in _MODES:
                raise self._error(f"unknown file mode {mode.decode()}")
        if "from" in renamed and "to" in renamed:
            # "rename from" carries no a/ prefix; the strip level counts the one it would have.
            old = self._inside(renamed["from"], self._strip - 1)
            new = self._inside(renamed["to"], self._strip - 1)
        else:
            here = self._at
            self._at = start
            old, new = self._both_paths(both)
            self._at = here
        hunks: tuple[Hunk, ...] = ()
        binary = None
        line = self._peek()
        if line is not None and line.startswith(b"--- ") and self._next_is(b"+++ "):
            if "from" in renamed and "to" in renamed:
                if self._name_lines() != (old, new):
                    raise self._error("the changed file is not the one that is moved or copied")
            else:
                old_name, new_name = self._name_lines()
                old, new = old_name or old, new_name or new
                created = created or old_name is None
                deleted = deleted or new_name is None
            hunks = self._hunks()
        elif line is not None and line.rstrip(b"\r") == b"GIT binary patch":
            self._at += 1
            binary = self._binary()
        elif line is not None and line.startswith(b"Binary files "):
            raise self._error(
                "the patch says that a binary file differs, but not how",
                fix="make it again with git diff --binary",
            )
        return FileDiff(
            None if created else old,
            None if deleted else new,
            modes.get("old"),
            modes.get("new"),
            oids[0],
            oids[1],
            copied,
            hunks,
            binary,
        )

    def _plain_file(self) -> FileDiff:
        epochs = [_EPOCH.search(line) is not None for line in self._lines[self._at : self._at + 2]]
        old, new = self._name_lines()
        hunks = self._hunks()
        if old is not None and epochs[1] and hunks and not any(hunk.new for hunk in hunks):
            return FileDiff(old, None, hunks=hunks)  # diff -N dates a file that is gone so
        if old is not None and new is not None:
            if hunks and hunks[0].old_start == 0 and not hunks[0].old and len(hunks) == 1:
                return FileDiff(None, new, hunks=hunks)
            # Two names, one file: GNU patch and git take the shorter of "f" and "f.orig".
            path = old if new.startswith(old) else new
            return FileDiff(path, path, hunks=hunks)
        return FileDiff(old, new, hunks=hunks)

    def _name_lines(self) -> tuple[bytes | None, bytes | None]:
        names: list[bytes | None] = []
        for _ in range(2):
            raw = self._lines[self._at][4:].rstrip(b"\r")
            # Behind the name, git puts a tab if it holds a space, GNU diff a tab and a date.
            quoted = re.match(rb'"(?:[^"\\]|\\.)*"', raw)
            bare, tab, _ = raw.partition(b"\t")
            path = _unquote(quoted[0] if quoted is not None else bare if tab else bare.rstrip())
            names.append(None if path == b"/dev/null" else self._inside(path, self._strip))
            self._at += 1
        if names == [None, None]:
            raise self._error("both names are /dev/null")
        return names[0], names[1]

    def _both_paths(self, both: bytes) -> tuple[bytes, bytes]:
        """The paths of ``diff --git a/X b/X``: equal names, so the middle tells where to cut."""
        if both.startswith(b'"'):
            match = re.match(rb'^("(?:[^"\\]|\\.)*") (.+)$', both)
            if match is None:
                raise self._error("the file names of the diff cannot be told apart")
            halves = _unquote(match[1]), _unquote(match[2])
        elif both.endswith(b'"'):
            first, _, second = both.partition(b' "')
            halves = first, _unquote(b'"' + second)
        else:
            middle = len(both) // 2
            halves = both[:middle], both[middle + 1 :]
            if both[middle : middle + 1] != b" ":
                first, _, second = both.partition(b" ")
                halves = first, second
        old, new = (self._inside(half, self._strip) for half in halves)
        return old, new

    def _inside(self, path: bytes, strip: int) -> bytes:
        """Strip leading folders, and refuse every path that is not plainly inside the tree."""
        shown = path.decode("utf-8", "replace")
        outside = PatchError(
            f"{self._name}: names a path outside the tree: {shown}",
            where=f"{self._name}:{self._offset + self._at + 1}",
            fix="remove the patch, or make it again with a/ and b/ before each path",
        )
        if path.startswith(b"/") or b"\0" in path:
            raise outside
        parts = path.split(b"/")
        if b".." in parts:
            raise outside
        parts = parts[max(strip, 0) :]
        if b"." in parts:
            raise outside
        if not parts or not all(parts):
            raise self._error(f"-p{strip} leaves nothing of the path {shown!r}")
        if any(part.lower() == b".git" for part in parts):
            raise outside
        return b"/".join(parts)

    def _hunks(self) -> tuple[Hunk, ...]:
        hunks: list[Hunk] = []
        # As patch does: whoever gave the line of the name a CR gave every line one.
        mangled = self._lines[self._at - 1].endswith(b"\r")
        while (line := self._peek()) is not None and (match := _HUNK.match(line.rstrip(b"\r"))):
            self._at += 1
            old_count, new_count = (int(n) if n is not None else 1 for n in (match[2], match[4]))
            body: list[bytes] = []
            seen_old = seen_new = 0
            while seen_old < old_count or seen_new < new_count:
                text = self._peek()
                if text is None:
                    raise self._error("the hunk ends before all of its lines are there")
                text = text.removesuffix(b"\r") if mangled else text
                sign = text[:1]
                if sign in (b"", b"\r"):  # an empty context line whose blank was trimmed away
                    text, sign = b" " + text, b" "
                if sign == b"\\" and body:
                    body[-1] = body[-1][:-1]
                elif sign in (b" ", b"-", b"+"):
                    body.append(text + b"\n")
                    seen_old += sign != b"+"
                    seen_new += sign != b"-"
                else:
                    raise self._error("the hunk ends before all of its lines are there")
                self._at += 1
            if seen_old != old_count or seen_new != new_count:
                raise self._error("the hunk has another number of lines than it says")
            text = self._peek()
            if body and text is not None and text.startswith(b"\\"):
                body[-1] = body[-1][:-1]
                self._at += 1
            number = len(hunks) + 1
            section = match[5].strip()
            hunks.append(Hunk(number, int(match[1]), int(match[3]), section, tuple(body)))
        return tuple(hunks)

    def _binary(self) -> tuple[BinaryHunk, BinaryHunk | None]:
        first = self._binary_half()
        if first is None:
            raise self._error("the binary patch has no data")
        return first, self._binary_half()

    def _binary_half(self) -> BinaryHunk | None:
        line = self._peek()
        match = re.match(rb"^(literal|delta) (\d{1,18})$", line or b"")
        if match is None:
            return None
        self._at += 1
        data = bytearray()
        while line := self._peek():
            length = line[0] - 64 if line[:1].isupper() else line[0] - 70
            try:
                data += b85decode(line[1:])[:length]
            except ValueError as error:
                raise self._error(f"binary data cannot be decoded: {error}") from None
            self._at += 1
        self._at += 1
        return BinaryHunk(match[1].decode(), int(match[2]), bytes(data))


_ESCAPES = {
    b"a": b"\a",
    b"b": b"\b",
    b"t": b"\t",
    b"n": b"\n",
    b"v": b"\v",
    b"f": b"\f",
    b"r": b"\r",
}


def _unquote(path: bytes) -> bytes:
    """Undo git's C-style quoting of a path; a path without quotes is returned as it is."""
    if not (path.startswith(b'"') and path.endswith(b'"') and len(path) > 1):
        return path

    def one(match: re.Match[bytes]) -> bytes:
        code: bytes = match[1]
        return bytes([int(code, 8) & 255]) if code.isdigit() else _ESCAPES.get(code, code)

    return re.sub(rb"\\([0-7]{3}|.)", one, path[1:-1])


def _apply_delta(old: bytes, delta: bytes) -> bytes:
    """Apply a git delta (gitformat-pack(5), "Deltified representation")."""
    position = 0

    def varint() -> int:
        nonlocal position
        value = shift = 0
        while True:
            byte = delta[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    if varint() != len(old):
        raise ValueError("the binary delta was made against another content")
    size = varint()
    out = bytearray()
    while position < len(delta):
        code = delta[position]
        position += 1
        if code & 0x80:
            offset = length = 0
            for bit in range(4):
                if code & (1 << bit):
                    offset |= delta[position] << (8 * bit)
                    position += 1
            for bit in range(3):
                if code & (0x10 << bit):
                    length |= delta[position] << (8 * bit)
                    position += 1
            length = length or 0x10000
            out += old[offset : offset + length]
        elif code:
            out += delta[position : position + code]
            position += code
        else:
            raise ValueError("the binary delta holds a reserved command")
    if len(out) != size:
        raise ValueError("the binary delta gives another length than it says")
    return bytes(out)

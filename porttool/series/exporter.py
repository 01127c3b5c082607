"""Commits to patches: the export of the series, in the format of ``git format-patch``.

The export is computed each time. A patch file is kept to the byte when its commit says the same
and its diff changes the same lines: then only blob ids and line numbers could differ, and rewriting
them would bury real changes in noise.
"""

import re
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from porttool.errors import UserError
from porttool.git import Repository, Signature
from porttool.series.folder import PatchFile
from porttool.series.patch import Patch, parse, split_header

#: From how many percent of likeness on git makes a rename of a file that goes and one that comes.
_RENAMES_FROM = 50

#: What a diff must look like whatever git's version and configuration. The names are those of
#: git-diff(1); the format is described in docs/porting.md.
DIFF_FORMAT = (
    "--full-index",
    "--binary",
    f"--find-renames={_RENAMES_FROM}%",
    "-l2000",
    "--unified=3",
    "--inter-hunk-context=0",
    "--diff-algorithm=myers",
    "--indent-heuristic",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--no-ext-diff",
    "--no-textconv",
    "--no-color",
    "--no-relative",
    "-O/dev/null",
)

#: The same for an export, in the terms of git-format-patch(1).
_FORMAT = (
    "--no-numbered",
    "--keep-subject",
    "--no-stat",
    "--no-signature",
    "--zero-commit",
    *DIFF_FORMAT,
    "--no-attach",
    "--no-thread",
    "--no-cover-letter",
    "--no-base",
    "--no-notes",
    "--no-signoff",
    "--encoding=UTF-8",
)


class Fate(StrEnum):
    """What the export did with a patch file."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class ExportedPatch:
    """A patch file as the export writes it, the commit it stands for, and what happened to it.

    ``computed`` is what git makes of the commit alone, with nothing kept of an older file.
    """

    name: str
    content: bytes
    computed: bytes
    commit: str
    fate: Fate


@dataclass(frozen=True, slots=True)
class _Commit:
    """A commit of the series, as far as it tells patches apart."""

    oid: str
    parents: tuple[str, ...]
    author: Signature
    message: bytes

    @property
    def subject(self) -> bytes:
        return self.message.split(b"\n\n", 1)[0].replace(b"\n", b" ").strip()


def read_commits(repository: Repository, base: str, head: str) -> list[_Commit]:
    """The commits of ``base..head``, oldest first. :class:`UserError` for a merge."""
    form = "%H%x00%P%x00%an%x00%ae%x00%ad%x00%B%x00%x00"
    args = ("log", "--reverse", "--topo-order", "--date=raw", f"--format={form}")
    out = repository.run(*args, "--end-of-options", f"{base}..{head}")
    commits = []
    for record in out.split(b"\0\0\n")[:-1]:
        oid, parents, name, address, date, message = record.split(b"\0", 5)
        commit = _Commit(
            oid.decode(),
            tuple(parents.decode().split()),
            Signature(name, address, date),
            message.strip(b"\n") + b"\n",
        )
        if len(commit.parents) != 1:
            raise UserError(
                f"the worktree holds a merge: {commit.subject.decode('utf-8', 'replace')}",
                where=commit.oid,
                why="a patch series is a straight line of commits",
                fix="rebase it away (git rebase) and try again",
            )
        commits.append(commit)
    return commits


def export_series(
    repository: Repository,
    base: str,
    head: str,
    known: Sequence[tuple[PatchFile, str | None]],
    reserved: Collection[str] = (),
) -> list[ExportedPatch]:
    """The patch files of ``base..head``.

    ``reserved`` are names that a new patch must not get, such as those of parked ones.

    ``known`` are the patch files there are, each with the commit that was made of it (if any). A
    commit takes over the file it was made of; an amended or moved one that of its subject or of
    its author's date. Raises :class:`UserError` for a commit that changes nothing.
    """
    commits = read_commits(repository, base, head)
    if not commits:
        return []
    computed = _format_patches(repository, base, head)
    if len(computed) != len(commits):
        raise _changes_nothing()
    owners = _match(commits, known)
    taken = {file.name for file in owners.values()} | set(reserved)
    exported = []
    for commit, content in zip(commits, computed, strict=True):
        file = owners.get(commit.oid)
        if file is None:
            name = new_name(commit.subject, taken)
            taken.add(name)
            exported.append(ExportedPatch(name, content, content, commit.oid, Fate.NEW))
        else:
            content = _in_its_terms(repository, commit.oid, file.patch, content)
            merged = _merge(file, commit, content)
            fate = Fate.UNCHANGED if merged == file.content else Fate.CHANGED
            exported.append(ExportedPatch(file.name, merged, content, commit.oid, fate))
        _require_readable(exported[-1], commit)
    return exported


def _require_readable(patch: ExportedPatch, commit: _Commit) -> None:
    """Raise :class:`UserError` when a reader finds no change, or another message than there is."""
    parsed = parse(patch.name, patch.content)
    if not parsed.files:
        raise _changes_nothing(commit, None if patch.fate is Fate.NEW else patch.name)
    if parsed.message.text == _tidy(commit.message):
        return
    subject = commit.subject.decode("utf-8", "replace")
    raise UserError(
        f"the message of a commit cannot be written as a patch: {subject}",
        where=commit.oid,
        why="a line of it reads like the beginning of a diff, a --- separator or a mail header",
        fix="indent that line of the message (git rebase -i, reword)",
    )


def _changes_nothing(commit: _Commit | None = None, name: str | None = None) -> UserError:
    subject = f": {commit.subject.decode('utf-8', 'replace')}" if commit is not None else ""
    return UserError(
        f"{name} changes nothing" if name else f"a commit of the series changes nothing{subject}",
        where=commit.oid if commit is not None else None,
        why="an empty patch cannot stay in a series",
        fix="remove the patch and its line in series, or its commit in the worktree"
        if name
        else "drop the commit from the worktree (git rebase -i)",
    )


def _tidy(message: bytes) -> bytes:
    """A message as it comes back from a patch: no blanks at line ends."""
    return b"\n".join(line.rstrip() for line in message.split(b"\n"))


def _format_patches(repository: Repository, base: str, head: str) -> list[bytes]:
    with tempfile.TemporaryDirectory(prefix="porttool-") as folder:
        args = ("format-patch", "--quiet", "--numbered-files", "--topo-order", "-o", folder)
        repository.run(*args, *_FORMAT, f"{base}..{head}")
        numbered = sorted(Path(folder).iterdir(), key=lambda path: int(path.name))
        return [_trimmed(path.read_bytes()) for path in numbered]


def _in_its_terms(repository: Repository, commit: str, old: Patch, content: bytes) -> bytes:
    """``content``, made again for a patch that tells of copies or of renames less alike."""
    scores = [int(score) for score in _SIMILARITY.findall(old.diff)]
    copies = any(diff.copy for diff in old.files)
    lowest = max(1, min([_RENAMES_FROM, *scores]))
    if (not copies and lowest == _RENAMES_FROM) or _content(old.diff) == _content(
        split_header(content)[1]
    ):
        return content
    args = [*_FORMAT, f"--find-renames={lowest}%"]
    if copies:
        args += [f"--find-copies={lowest}%", "--find-copies-harder"]
    return _trimmed(repository.run("format-patch", "--quiet", "--stdout", *args, "-1", commit))


def _trimmed(content: bytes) -> bytes:
    """Without the blank line that format-patch puts behind the diff, unless it ends binary data."""
    last = content[content.rfind(b"\ndiff --git ") :]
    return content.rstrip(b"\n") + (b"\n\n" if b"\nGIT binary patch\n" in last else b"\n")


def _match(
    commits: Sequence[_Commit], known: Sequence[tuple[PatchFile, str | None]]
) -> dict[str, PatchFile]:
    """Which commit stands for which file: by id, then subject and date, then either alone."""
    owners: dict[str, PatchFile] = {}
    free = list(known)

    def take(key_of_commit: object, key_of_file: object) -> None:
        nonlocal free
        waiting: dict[object, list[PatchFile]] = {}
        for file, commit in free:
            waiting.setdefault(key_of_file(file, commit), []).append(file)  # type: ignore[operator]
        wanted: dict[object, list[str]] = {}
        for commit_ in commits:
            if commit_.oid not in owners:
                wanted.setdefault(key_of_commit(commit_), []).append(commit_.oid)  # type: ignore[operator]
        for key, oids in wanted.items():
            files = waiting.get(key, [])
            if len(files) == 1 and len(oids) == 1 and key is not None:
                owners[oids[0]] = files[0]
        owned = {file.name for file in owners.values()}
        free = [(file, commit) for file, commit in free if file.name not in owned]

    def date(file: PatchFile) -> bytes | None:
        return file.patch.message.date

    take(lambda c: c.oid, lambda _, commit: commit)
    take(lambda c: (c.subject, c.author.date), lambda f, _: (f.patch.message.subject, date(f)))
    take(lambda c: c.subject, lambda f, _: f.patch.message.subject)
    take(lambda c: c.author.date, lambda f, _: date(f))
    return owners


def _merge(file: PatchFile, commit: _Commit, computed: bytes) -> bytes:
    """The bytes for a commit that stands for ``file``: the old ones as far as they still hold."""
    new_header, new_diff = split_header(computed)
    old_header, old_diff = split_header(file.content)
    message = file.patch.message
    # What the header does not say, the commit has from elsewhere.
    same_message = message.text == commit.message and (
        message.signature(commit.author) == commit.author
    )
    header = new_header
    if same_message and old_header.strip():
        header = old_header
    elif notes := _notes(old_header):
        header = new_header.rstrip(b"\n") + b"\n" + notes
    keeps = _same(old_diff, new_diff) and not _is_tied_to_the_start(old_diff, new_diff)
    diff = old_diff if keeps else new_diff
    if diff is old_diff and header is old_header:
        return file.content
    return header + diff


def _notes(header: bytes) -> bytes:
    """What stands between ``---`` and the diff, but for the diffstat, which would be stale."""
    _, found, notes = header.partition(b"\n---\n")
    if not found:
        return b""
    stat = re.compile(
        rb"^ (?:.* \| +(?:\d+|Bin).*|\d+ files? changed.*|(?:create|delete) mode .*)$"
    )
    lines = [line for line in notes.split(b"\n") if not stat.match(line)]
    text = b"\n".join(lines).strip(b"\n")
    return b"---\n" + text + b"\n\n" if text else b""


_NOISE = re.compile(
    rb"^(?:index [0-9a-f]+\.\.[0-9a-f]+|(?:dis)?similarity index \d+%)", re.MULTILINE
)
_SIMILARITY = re.compile(rb"^similarity index (\d+)%", re.MULTILINE)
_HUNK_NUMBERS = re.compile(rb"^@@ -\d+(,\d+)? \+\d+(,\d+)? @@.*$", re.MULTILINE)


def _content(diff: bytes) -> bytes:
    """A diff without what changes whenever a file changes below it: blob ids and line numbers.

    The line counts of a hunk stay: they follow from its lines.
    """
    return _HUNK_NUMBERS.sub(rb"@@ \1 \2 @@", _NOISE.sub(b"index", diff)).rstrip(b"\n")


def _same(old: bytes, new: bytes) -> bool:
    """Whether two diffs change the same lines and bytes.

    Binary data counts as it is unpacked: how it is packed depends on the zlib that git is built on.
    """
    if _content(old) == _content(new):
        return True
    if b"\nGIT binary patch\n" not in old:
        return False
    bare = [_content(_BINARY_DATA.sub(rb"\1", diff)) for diff in (old, new)]
    return bare[0] == bare[1] and _unpacked(old) == _unpacked(new)


def _is_tied_to_the_start(old: bytes, new: bytes) -> bool:
    """Whether a hunk of ``old`` claims the first line, but has moved: git apply moves none such."""
    starts = ([int(start) for start in _HUNK_START.findall(diff)] for diff in (old, new))
    return any(was <= 1 < now for was, now in zip(*starts, strict=True))


_HUNK_START = re.compile(rb"^@@ -(\d+)", re.MULTILINE)
_BINARY_DATA = re.compile(rb"^((?:literal|delta) \d+\n)(?:[A-Za-z].*\n)+", re.MULTILINE)


def _unpacked(diff: bytes) -> list[bytes]:
    """The binary data of a diff, unpacked: contents and deltas."""
    halves = [file.binary for file in parse("", diff).files if file.binary is not None]
    return [half.unpacked for pair in halves for half in pair if half is not None]


def new_name(subject: bytes, taken: Collection[str]) -> str:
    """``NNNN-kebab-subject.patch`` with the next number that is free."""
    words = re.sub(r"[^a-z0-9]+", "-", subject.decode("utf-8", "ignore").lower()).strip("-")
    numbers = [int(match[0]) for name in taken if (match := re.match(r"\d{1,4}", name))]
    number = max(numbers, default=0) + 1
    return f"{number:04}-{words[:52].strip('-') or 'patch'}.patch"

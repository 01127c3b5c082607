"""Patch files to commits and back: no byte of a file and none of a patch is lost on the way."""

import re
import zlib
from base64 import b85encode
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from porttool.git import Repository
from porttool.series.exporter import ExportedPatch, Fate, export_series
from porttool.series.folder import PatchFile
from porttool.series.importer import ImportedSeries, import_series
from porttool.series.patch import parse
from tests.support import Files, Upstream, git

CODE = "".join(f"line {n}\n" for n in range(60))
OTHER = "".join(f"other {n}\n" for n in range(60))
BINARY = bytes(range(256)) * 8

LATIN_NAME = b"l\xe4tin".decode("utf-8", "surrogateescape")

TREE: Files = {
    "a.c": CODE,
    "b.c": OTHER,
    "crlf.txt": "one\r\ntwo\r\nthree\r\n",
    "latin.txt": "caf\xe9\none\n".encode("latin-1"),
    "blob.bin": BINARY,
    "gone.bin": BINARY[::-1],
    "tail": "no\nnewline",
    "run.sh": "#!/bin/sh\n",
    'q"uo\\te.c': "1\n2\n3\n",
    "t\tab.c": "1\n2\n3\n",
    "line\nfeed.c": "1\n2\n3\n",
    "ünï côdé.c": "1\n2\n3\n",
    " lead": "1\n2\n3\n",
    "trail ": "1\n2\n3\n",
    LATIN_NAME: "1\n2\n3\n",
}


def edit(path: str, old: str | bytes, new: str | bytes) -> Files:
    content = TREE[path]
    if isinstance(old, str) and isinstance(new, str) and isinstance(content, str):
        assert old in content
        return {path: content.replace(old, new)}
    assert isinstance(old, bytes) and isinstance(new, bytes) and isinstance(content, bytes)
    assert old in content
    return {path: content.replace(old, new)}


Step = Callable[[Upstream], None]


def moved(*pairs: tuple[str, str]) -> Step:
    def step(upstream: Upstream) -> None:
        for old, new in pairs:
            (upstream.path / new).parent.mkdir(exist_ok=True)
            git(upstream.path, "mv", old, new)

    return step


def executable(path: str) -> Step:
    return lambda upstream: (upstream.path / path).chmod(0o755)


def linked(path: str, target: str) -> Step:
    def step(upstream: Upstream) -> None:
        (upstream.path / path).unlink(missing_ok=True)
        (upstream.path / path).symlink_to(target)

    return step


@dataclass(frozen=True)
class Kind:
    """A commit: what it writes, what is done before that, and how format-patch is asked."""

    files: Files
    steps: tuple[Step, ...] = ()
    options: tuple[str, ...] = ()


LOW = CODE[: len(CODE) * 2 // 5] + "".join(f"new {n}\n" for n in range(30))
COPIES = ("--find-copies-harder", "--find-copies=50%")

KINDS: dict[str, Kind] = {
    "text": Kind(edit("a.c", "line 7\n", "LINE 7\n")),
    "several hunks": Kind({"a.c": CODE.replace("line 7\n", "LINE 7\n").replace("line 47\n", "")}),
    "crlf": Kind(edit("crlf.txt", "two", "TWO")),
    "crlf is gone": Kind(edit("crlf.txt", "\r\n", "\n")),
    "a lone carriage return": Kind(edit("a.c", "line 7\n", "line\r7\n")),
    "latin-1": Kind(edit("latin.txt", b"one", "\xfc\xdf".encode("latin-1"))),
    "no newline stays": Kind(edit("tail", "no", "NO")),
    "no newline is mended": Kind(edit("tail", "newline", "newline\n")),
    "newline is taken": Kind(edit("a.c", "line 59\n", "line 59")),
    "binary": Kind(edit("blob.bin", b"\1\2\3", b"\3\2\1")),
    "binary anew": Kind({"new.bin": BINARY[7:99] + BINARY}),
    "binary is gone": Kind({"gone.bin": None}),
    "binary and text": Kind({**edit("blob.bin", b"\1", b"\2"), "z": "z\n"}),
    "empty file": Kind({"new": ""}),
    "mode": Kind({}, (executable("run.sh"),)),
    "mode and text": Kind(edit("run.sh", "sh", "bash"), (executable("run.sh"),)),
    "link": Kind({}, (linked("link", "dir/with blank"),)),
    "link for a file": Kind({}, (linked("run.sh", "a.c"),)),
    "folder for a file": Kind({"tail/deep": "x\n"}, (lambda up: (up.path / "tail").unlink(),)),
    "rename": Kind({}, (moved(("a.c", "src/z.c")),)),
    "rename and edit": Kind(
        {"src/z.c": CODE.replace("line 7\n", "")}, (moved(("a.c", "src/z.c")),)
    ),
    "rename and mode": Kind({}, (moved(("run.sh", "go.sh")), executable("go.sh"))),
    "rename, less alike": Kind({"z.c": LOW}, (moved(("a.c", "z.c")),), ("--find-renames=30%",)),
    "copy": Kind({"z.c": CODE}, (), COPIES),
    "copy and edit": Kind({"z.c": CODE.replace("line 7\n", "LINE 7\n")}, (), COPIES),
    "copy and rename": Kind(
        {"z.c": OTHER.replace("other 7\n", ""), "y.c": CODE, "x.c": CODE},
        (moved(("b.c", "z.c")),),
        COPIES,
    ),
    "copy of a binary": Kind({"new.bin": BINARY + b"\0"}, (), COPIES),
    "quotes in a name": Kind(edit('q"uo\\te.c', "2", "B")),
    "tab in a name": Kind(edit("t\tab.c", "2", "B")),
    "line feed in a name": Kind(edit("line\nfeed.c", "2", "B")),
    "no ASCII in a name": Kind(edit("ünï côdé.c", "2", "B")),
    "no UTF-8 in a name": Kind(edit(LATIN_NAME, "2", "B")),
    "blanks around a name": Kind({**edit(" lead", "2", "B"), **edit("trail ", "2", "B")}),
    "odd names are moved": Kind(
        {},
        (moved(('q"uo\\te.c', "new\t\"name'.c"), ("trail ", " 2"), ("ünï côdé.c", "ö/ß.c")),),
    ),
    "lines that look like a patch": Kind(
        {"p": "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-- \n2.39\nFrom me\n\n\n"}
    ),
}


def made(upstream: Upstream, name: str, tag: str | None = None) -> PatchFile:
    """Commit what KINDS says, and the patch that git alone makes of it."""
    for step in KINDS[name].steps:
        step(upstream)
    upstream.commit(name, KINDS[name].files, tag)
    return exported_by_git(upstream, *KINDS[name].options)


def exported_by_git(upstream: Upstream, *options: str) -> PatchFile:
    """HEAD as git alone writes it, but for the blank line that ends the mail."""
    fixed = ("--keep-subject", "--full-index", "--binary", "--no-signature", "--zero-commit")
    out = git(upstream.path, "format-patch", "--stdout", "--no-stat", *fixed, *options, "-1")
    content = out.rstrip("\n").encode("utf-8", "surrogateescape")
    last = content[content.rfind(b"\ndiff --git ") :]
    return loaded("1.patch", content + (b"\n\n" if b"\nGIT binary patch\n" in last else b"\n"))


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    return Upstream.make(tmp_path / "up", TREE, "base")


def store_of(upstream: Upstream, tmp_path: Path) -> tuple[Repository, str]:
    store = Repository.init_bare(tmp_path / "store.git")
    store.run("fetch", "--quiet", str(upstream.path), "refs/tags/*:refs/tags/*")
    base = store.resolve("refs/tags/base^{commit}")
    assert base is not None
    return store, base


def loaded(name: str, content: bytes) -> PatchFile:
    return PatchFile(name, content, parse(name, content))


def there_and_back(
    store: Repository, base: str, files: list[PatchFile]
) -> tuple[ImportedSeries, list[ExportedPatch]]:
    imported = import_series(store, base, [file.patch for file in files])
    commits = [patch.commit for patch in imported.patches]
    exported = export_series(store, base, imported.head, list(zip(files, commits, strict=True)))
    return imported, exported


def tree(store: Repository, commit: str) -> str | None:
    return store.resolve(f"{commit}^{{tree}}")


def test_every_kind_of_change_survives(upstream: Upstream, tmp_path: Path) -> None:
    wanted: dict[str, tuple[str, PatchFile]] = {}
    for number, name in enumerate(KINDS):
        git(upstream.path, "checkout", "--quiet", "--detach", "base")
        file = made(upstream, name, f"kind-{number}")
        wanted[name] = git(upstream.path, "rev-parse", "HEAD^{tree}"), file
    store, base = store_of(upstream, tmp_path)
    for name, (wanted_tree, file) in wanted.items():
        imported, (kept,) = there_and_back(store, base, [file])
        assert tree(store, imported.head) == wanted_tree, name
        assert (kept.fate, kept.content) == (Fate.UNCHANGED, file.content), name
        # Without the file there was, git's own form; it comes back as it is, too.
        (fresh,) = export_series(store, base, imported.head, [])
        again, (kept,) = there_and_back(store, base, [loaded(fresh.name, fresh.content)])
        assert tree(store, again.head) == wanted_tree, name
        assert (kept.fate, kept.content) == (Fate.UNCHANGED, fresh.content), name


@pytest.mark.parametrize("kind", ["copy and edit", "copy and rename", "rename, less alike"])
def test_copies_and_renames_stay_what_they_are_when_other_lines_change(
    upstream: Upstream, tmp_path: Path, kind: str
) -> None:
    file = made(upstream, kind)
    git(upstream.path, "checkout", "--quiet", "--detach", "base")
    upstream.commit("Above", {"a.c": "top\n" + CODE, "b.c": "top\n" + OTHER}, "above")
    store, _ = store_of(upstream, tmp_path)
    above = store.resolve("refs/tags/above^{commit}")
    assert above is not None
    _, (kept,) = there_and_back(store, above, [file])
    assert (kept.fate, kept.content) == (Fate.UNCHANGED, file.content)
    # An edit of the patch is written in the same terms.
    edited = file.content.replace(b"Subject: ", b"Subject: Not ").replace(b"+LINE 7", b"+7")
    imported = import_series(store, above, [parse("1.patch", edited)])
    (written,) = export_series(store, above, imported.head, [(file, imported.head)])
    assert written.fate is Fate.CHANGED
    verbs = re.compile(rb"^(?:copy|rename) (?:from|to) .*$", re.MULTILINE)
    assert verbs.findall(written.content) == verbs.findall(file.content)


def repacked(content: bytes, level: int) -> bytes:
    """A patch with its binary data packed by another zlib."""

    def block(match: re.Match[bytes]) -> bytes:
        patch = b"diff --git a/x b/x\nGIT binary patch\n" + match[0] + b"\n"
        binary = parse("x", patch).files[0].binary
        assert binary is not None
        data = zlib.compress(binary[0].unpacked, level)
        lines = []
        for at in range(0, len(data), 52):
            part = data[at : at + 52]
            size = len(part) + 64 if len(part) <= 26 else len(part) + 70
            lines.append(bytes([size]) + b85encode(part, pad=True) + b"\n")
        return match[1] + b"".join(lines)

    return re.sub(rb"^((?:literal|delta) \d+\n)(?:.+\n)+", block, content, flags=re.MULTILINE)


def test_binary_data_that_another_zlib_packed_is_no_change(
    upstream: Upstream, tmp_path: Path
) -> None:
    upstream.commit("Binary", {"blob.bin": BINARY * 3 + BINARY[::-1], "new": BINARY[:1000] * 2})
    content = exported_by_git(upstream).content
    store, base = store_of(upstream, tmp_path)
    for level in (0, 9):
        other = repacked(content, level)
        assert level or other != content
        _, (kept,) = there_and_back(store, base, [loaded("1.patch", other)])
        assert (kept.fate, kept.content) == (Fate.UNCHANGED, other)


def test_binary_data_that_differs_is_written(upstream: Upstream, tmp_path: Path) -> None:
    upstream.commit("Binary", {"new": b"\0one"}, "one")
    file = exported_by_git(upstream)
    git(upstream.path, "checkout", "--quiet", "--detach", "base")
    upstream.commit("Binary", {"new": b"\0two"}, "two")
    store, base = store_of(upstream, tmp_path)
    head = store.resolve("refs/tags/two^{commit}")
    assert head is not None
    (written,) = export_series(store, base, head, [(file, head)])
    assert written.fate is Fate.CHANGED
    again = import_series(store, base, [parse("1.patch", written.content)])
    assert tree(store, again.head) == tree(store, head)


def test_a_hunk_at_the_first_line_is_written_anew_when_it_moves(
    upstream: Upstream, tmp_path: Path
) -> None:
    """git apply finds such a hunk nowhere but at the first line."""
    upstream.commit("Fourth line", edit("a.c", "line 3\n", "LINE 3\n"))
    first = exported_by_git(upstream)
    git(upstream.path, "checkout", "--quiet", "--detach", "base")
    upstream.commit("Tenth line", edit("a.c", "line 9\n", "LINE 9\n"))
    tenth = exported_by_git(upstream)
    git(upstream.path, "checkout", "--quiet", "--detach", "base")
    upstream.commit("Above", {"a.c": "top\n" + CODE}, "above")
    store, _ = store_of(upstream, tmp_path)
    above = store.resolve("refs/tags/above^{commit}")
    assert above is not None
    _, exported = there_and_back(store, above, [first, loaded("2.patch", tenth.content)])
    assert [patch.fate for patch in exported] == [Fate.CHANGED, Fate.UNCHANGED]
    git(upstream.path, "am", "--quiet", stdin=b"".join(patch.content for patch in exported))

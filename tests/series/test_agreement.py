"""Random series: porttool, git am and quilt make one tree of them, and an export is stable.

The number of examples is small here; PORTTOOL_EXAMPLES raises it.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from porttool.git import Change, Repository, Signature
from porttool.series.exporter import export_series
from porttool.series.folder import PatchFile
from porttool.series.importer import DoesNotApply, import_series
from porttool.series.patch import parse
from tests.support import git

SERIES = "refs/heads/series"
AUTHOR = Signature(b"Ada Author", b"ada@example.org", b"1700000000 +0100")

#: None of them is in the way of another.
NAMES = [
    *(b"a.c", b"b.h", b"c.c", b"dir/d e.txt", b"dir/sub/f.c", b"g/h/i.c", b'q"u\\o.c', b"%s #.c"),
    "ünï/côdé.c".encode(),
]
#: Lines that stand in many places, so that some hunks have no single one.
COMMON = [b"", b"}", b"\treturn 0;"]

Files = dict[bytes, bytes]


@dataclass(frozen=True)
class History:
    """A tree, the trees that a series makes of it one by one, and the tree with other lines."""

    base: Files
    steps: tuple[Files, ...]
    shifted: Files


@dataclass
class Writer:
    """Draws contents; no two of the lines that it makes up are alike."""

    draw: st.DrawFn
    number: int = 0

    def lines(self, least: int, most: int) -> list[bytes]:
        out = []
        for _ in range(self.draw(st.integers(least, most))):
            self.number += 1
            common = self.draw(st.sampled_from([b"own"] * 9 + COMMON))
            own = b"line %d \xe4\xc3" % self.number if self.number % 7 == 0 else None
            out.append(common if common != b"own" else own or b"line %d" % self.number)
        return out

    def content(self) -> bytes:
        end = self.draw(st.sampled_from([b"\n", b"\n", b"\n", b"\r\n"]))
        last = self.draw(st.sampled_from([b"", b"", b"", b"no newline"]))
        return b"".join(line + end for line in self.lines(0, 40)) + last

    def edited(self, content: bytes) -> bytes:
        lines = content.splitlines(keepends=True)
        end = b"\r\n" if lines and lines[0].endswith(b"\r\n") else b"\n"
        at = self.draw(st.integers(0, len(lines)))
        lines[at : at + self.draw(st.integers(0, 3))] = [line + end for line in self.lines(0, 3)]
        joined = b"".join(lines[:-1]).count(b"\n") == len(lines[:-1])
        return b"".join(lines) if joined else content


@st.composite
def histories(draw: st.DrawFn) -> History:
    writer = Writer(draw)
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    base = {name: writer.content() for name in names}
    steps: list[Files] = []
    files = base
    for _ in range(draw(st.integers(1, 4))):
        after = dict(files)
        for _ in range(draw(st.integers(1, 3))):
            _change(draw, writer, after)
        if after != files:
            steps.append(after)
            files = after
    shifted = dict(base)
    for name in draw(st.lists(st.sampled_from(names), max_size=3)):
        lines = shifted[name].splitlines(keepends=True)
        at = draw(st.integers(0, len(lines)))
        lines[at:at] = [line + b"\n" for line in writer.lines(1, 12)]
        if all(line.endswith(b"\n") for line in lines[:-1]):
            shifted[name] = b"".join(lines)
    return History(base, tuple(steps), shifted)


def _change(draw: st.DrawFn, writer: Writer, files: Files) -> None:
    free = sorted(set(NAMES) - set(files))
    kinds = (["create"] if free else []) + (["edit"] * 5 + ["remove"] if files else [])
    kind = draw(st.sampled_from(kinds + (["rename"] * 2 if files and free else [])))
    if kind == "create":
        files[draw(st.sampled_from(free))] = writer.content()
        return
    name = draw(st.sampled_from(sorted(files)))
    if kind == "edit":
        files[name] = writer.edited(files[name])
        return
    content = files.pop(name)
    if kind == "rename":
        content = writer.edited(content) if draw(st.booleans()) else content
        files[draw(st.sampled_from(free))] = content


def patch_can(file: PatchFile) -> bool:
    """Whether GNU patch can: in a header without hunks it takes no name with a blank."""
    names = [name for diff in file.patch.files if not diff.hunks for name in (diff.old, diff.new)]
    return not any(b" " in name for name in names if name is not None)


@dataclass(frozen=True)
class Bench:
    """A repository for git am, whose store porttool uses, and a place for quilt."""

    work: Path
    store: Repository
    quilt: Path

    def write(self, trees: Sequence[Files]) -> list[str]:
        """Commit trees one upon another; gives the commits."""
        commits: list[str] = []
        before: Files = {}
        with self.store.fast_import() as writer:
            for number, tree in enumerate(trees):
                changes: list[Change] = [(name, None) for name in before if name not in tree]
                changes += [(name, (b"100644", content)) for name, content in tree.items()]
                parent = commits[-1] if commits else None
                message = b"Step %d\n" % number
                commits.append(writer.commit(SERIES, AUTHOR, message, changes, parent))
                before = tree
        return commits

    def tree(self, commit: str) -> str:
        return self.store.run("rev-parse", f"{commit}^{{tree}}").decode().strip()

    def with_git_am(self, base: str, patches: Sequence[PatchFile]) -> str | None:
        """The tree that git am makes, or None when it refuses."""
        git(self.work, "checkout", "--quiet", "--force", "--detach", base)
        mails = b"".join(file.content for file in patches)
        # In one go: every patch begins with its "From " line.
        done = subprocess.run(
            ["git", "am", "--quiet", "--keep-cr", "--keep-non-patch"],
            cwd=self.work,
            input=mails,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            git(self.work, "am", "--abort")
            return None
        return git(self.work, "rev-parse", "HEAD^{tree}")

    def with_quilt(self, base: str, patches: Sequence[PatchFile]) -> str | None:
        """The tree that quilt makes, or None when it refuses."""
        shutil.rmtree(self.quilt, ignore_errors=True)
        self.store.export(base, self.quilt)
        folder = self.quilt / "patches"
        folder.mkdir()
        for file in patches:
            (folder / file.name).write_bytes(file.content)
        (folder / "series").write_text("".join(f"{file.name}\n" for file in patches))
        done = subprocess.run(
            ["quilt", "--quiltrc", "-", "push", "-a", "--fuzz=0"],
            cwd=self.quilt,
            env=os.environ | {"QUILT_PATCHES": "patches"},
            capture_output=True,
            check=False,
        )
        if done.returncode:
            return None
        shutil.rmtree(folder)
        shutil.rmtree(self.quilt / ".pc", ignore_errors=True)
        place = ("--git-dir", str(self.store.git_dir), "--work-tree", str(self.quilt))
        index = {"GIT_INDEX_FILE": str(self.quilt.with_suffix(".index"))}
        for args in (("read-tree", "--empty"), ("add", "--all", "--force"), ("write-tree",)):
            out = subprocess.run(
                ["git", *place, *args], env=os.environ | index, capture_output=True, check=True
            )
        return out.stdout.decode().strip()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    work = tmp_path / "work"
    work.mkdir()
    git(work, "init", "--quiet", "--initial-branch=none")
    git(work, "config", "core.autocrlf", "false")
    return Bench(work, Repository(work / ".git"), tmp_path / "quilt")


def loaded(contents: Sequence[bytes]) -> list[PatchFile]:
    names = [f"{number}.patch" for number in range(1, len(contents) + 1)]
    return [PatchFile(n, c, parse(n, c)) for n, c in zip(names, contents, strict=True)]


def exported(bench: Bench, base: str, head: str, known: Sequence[PatchFile]) -> list[PatchFile]:
    """What porttool writes for ``base..head``, where ``known`` are the files there are."""
    commits = bench.store.run("rev-list", "--reverse", f"{base}..{head}").decode().split()
    pairs = list(zip(known, commits, strict=True)) if known else []
    out = export_series(bench.store, base, head, pairs)
    return [PatchFile(p.name, p.content, parse(p.name, p.content)) for p in out]


def plainly(file: PatchFile) -> bytes:
    """The same patch as diff -u writes it: no git header, no blob ids."""
    return re.sub(
        rb"^(?:diff --git .*|index [0-9a-f].*|(?:new|deleted) file mode .*)\n",
        b"",
        file.content,
        flags=re.MULTILINE,
    )


def require_all(bench: Bench, base: str, files: Sequence[PatchFile], wanted: str) -> None:
    """Assert that everybody makes the tree ``wanted`` of the patches."""
    imported = import_series(bench.store, base, [file.patch for file in files])
    assert bench.tree(imported.head) == wanted
    assert bench.with_git_am(base, files) == wanted
    if all(patch_can(file) for file in files):
        assert bench.with_quilt(base, files) == wanted


def require_stable(bench: Bench, base: str, files: Sequence[PatchFile]) -> None:
    """Assert that an export of what the files say gives the files."""
    imported = import_series(bench.store, base, [file.patch for file in files])
    again = exported(bench, base, imported.head, files)
    assert [file.content for file in again] == [file.content for file in files]


def only_text(file: PatchFile) -> bool:
    """Whether a plain diff can say it: every file has hunks, none is moved."""
    return all(diff.hunks and not diff.is_transfer for diff in file.patch.files)


EXAMPLES = settings(
    max_examples=int(os.environ.get("PORTTOOL_EXAMPLES", "12")),
    derandomize="PORTTOOL_EXAMPLES" not in os.environ,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@EXAMPLES
@given(history=histories())
def test_three_tools_make_one_tree_of_a_series(bench: Bench, history: History) -> None:
    base, *commits = bench.write([history.base, *history.steps])
    files = exported(bench, base, commits[-1] if commits else base, [])
    if not files:
        return
    wanted = bench.tree(commits[-1])
    require_all(bench, base, files, wanted)
    require_stable(bench, base, files)
    if all(only_text(file) for file in files):
        event("also as plain diffs")
        plain = loaded([plainly(file) for file in files])
        try:
            head = import_series(bench.store, base, [file.patch for file in plain]).head
        except DoesNotApply as error:
            assert error.ambiguous, error
        else:
            assert bench.tree(head) == wanted
            assert bench.with_quilt(base, plain) == wanted


@EXAMPLES
@given(history=histories())
def test_on_a_tree_with_other_lines_nobody_finds_another_place(
    bench: Bench, history: History
) -> None:
    base, *commits = bench.write([history.base, *history.steps])
    files = exported(bench, base, commits[-1] if commits else base, [])
    (other,) = bench.write([history.shifted])
    if not files:
        return
    others = {bench.with_git_am(other, files), bench.with_quilt(other, files)}
    try:
        head = import_series(bench.store, other, [file.patch for file in files]).head
    except DoesNotApply as error:
        event("ambiguous" if error.ambiguous else "refused")
        assert error.ambiguous or others == {None}, error
        return
    event("applied")
    wanted = bench.tree(head)
    assert others <= {wanted, None}
    # The export is for everybody, whatever the line numbers were before; and it is stable.
    written = exported(bench, other, head, files)
    require_all(bench, other, written, wanted)
    require_stable(bench, other, written)

"""The interdiff against ``git range-diff``, and on what range-diff does not tell apart."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from porttool.git import Repository
from porttool.series.folder import PatchFile
from porttool.series.interdiff import Inner, Kind, Outer, PatchInterdiff, State, interdiff
from porttool.series.patch import parse
from tests.support import Files, Upstream, git

GOLDEN = Path(__file__).parent / "golden" / "interdiff.txt"

CODE = "".join(
    f"int f{n}(void)\n{{\n"
    + "".join(f"\tint v{n}{m};\n" for m in range(9))
    + f"\treturn {n};\n}}\n\n"
    for n in range(6)
)
TEXT = "".join(f"line {n}\n" for n in range(40))
UPSTREAM: Files = {"a.c": CODE, "b.txt": TEXT, "script": "#!/bin/sh\n", "end.txt": "one\nno end"}


class Bench:
    """One upstream with two series, of commits named as the patches are."""

    def __init__(self, root: Path) -> None:
        self.upstream = Upstream.make(root / "up", UPSTREAM, "base")
        self.root = root
        self.git = Repository(self.upstream.path / ".git")

    def series(self, name: str, base: str, *changes: tuple[str, Files]) -> list[PatchFile]:
        """A series on ``base``, with the tag ``name`` on its last commit."""
        git(self.upstream.path, "checkout", "--quiet", "--detach", base)
        for message, files in changes:
            self.upstream.commit(message, files)
        git(self.upstream.path, "tag", name)
        paths = self.upstream.format_patches(self.root / name, base)
        named = {path.name[5:]: path.read_bytes() for path in paths}  # numbers may change
        return [PatchFile(n, content, parse(n, content)) for n, content in named.items()]

    def compare(self, old: list[PatchFile], new: list[PatchFile]) -> dict[str, PatchInterdiff]:
        return {each.name: each for each in interdiff(self.git, old, new)}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def range_diff(bench: Bench, old: str, new: str) -> dict[str, tuple[str, list[str]]]:
    """What ``git range-diff`` says: subject to sign and lines, hunks without the file's name."""
    found: dict[str, tuple[str, list[str]]] = {}
    options = ("--no-color", "--creation-factor=90", "--diff-algorithm=myers")
    lines: list[str] = []
    for line in git(bench.upstream.path, "range-diff", *options, old, new).split("\n"):
        if heading := re.fullmatch(r" *[\d-]+: +\S+ ([=!<>]) +[\d-]+: +\S+ (.*)", line):
            lines = []
            found[heading[2]] = heading[1], lines
        else:
            lines.append(re.sub(r"^(    [ +-]@@) [^ ]+: ", r"\1 ", line).removeprefix("    "))
    return found


def rebased(bench: Bench) -> tuple[list[PatchFile], list[PatchFile]]:
    """A series of every kind of change, before and after a rebase."""
    up = bench.upstream
    up.commit("Above", {"a.c": "/* new */\n" + CODE}, "near")
    moved = CODE.replace("int v38;", "long v38;").replace("int f5(", "long f5(")
    up.commit("Around", {"a.c": "/* new */\n" + moved, "b.txt": TEXT.replace("line 8\n", "")})
    git(up.path, "tag", "far")

    def say(code: str, n: int, what: str) -> str:
        return code.replace(f"return {n};", f"return {what};")

    old = [CODE]
    for n, what in ((0, "10"), (3, "13"), (2, "12")):
        old.append(say(old[-1], n, what))
    new = ["/* new */\n" + moved]
    for n, what in ((0, "10"), (3, "13"), (2, "1200")):
        new.append(say(new[-1], n, what))
    new.append(say(new[-1], 4, "14"))
    series = bench.series(
        "old",
        "base",
        ("Numbers only", {"a.c": old[1]}),
        ("Context", {"a.c": old[2]}),
        ("Gone", {"b.txt": TEXT.replace("line 8\n", "")}),
        ("Other line\n\nWhy.", {"a.c": old[3]}),
        ("Other words\n\nWhy.\n\nSigned-off-by: A <a@b>", {"b.txt": TEXT + "end\n"}),
        ("Add a file", {"new.txt": "new\n" * 5}),
        ("No end", {"end.txt": "two\nno end"}),
        ("Remove", {"script": None}),
    )
    text = TEXT.replace("line 8\n", "")
    return series, bench.series(
        "new",
        "far",
        ("Numbers only", {"a.c": new[1]}),
        ("Context", {"a.c": new[2]}),
        ("Other line\n\nWhy.", {"a.c": new[3]}),
        ("Other words\n\nBecause.\n\nSigned-off-by: A <a@b>", {"b.txt": text + "end\n"}),
        ("Add a file", {"new.txt": "new\n" * 4 + "newer\n"}),
        ("Come", {"a.c": new[4]}),
        ("No end", {"end.txt": "two\nno end\n"}),
        ("Remove", {"script": None}),
    )


def test_it_says_what_range_diff_says(bench: Bench) -> None:
    old, new = rebased(bench)
    mine = {each.subject: each for each in interdiff(bench.git, old, new)}
    peer = range_diff(bench, "base..old", "far..new")
    assert {subject: each.state.sign for subject, each in mine.items()} == {
        subject: sign for subject, (sign, _) in peer.items()
    }
    assert {sign for sign, _ in peer.values()} == set("=!<>")
    for subject, (_, lines) in peer.items():
        # The heading of a hunk is git's to choose; everything else is the same, line by line.
        ours = [str(line) for line in mine[subject].lines if line.outer is not Outer.HUNK]
        assert ours == [line for line in lines if not line.startswith("@@")], subject
        assert len(mine[subject].lines) == len(lines)
    numbers = [(each.old_number, each.new_number) for each in mine.values()]
    assert numbers[:4] == [(1, 1), (2, 2), (3, None), (4, 3)]
    assert not any(each.reordered for each in mine.values())


def test_content_is_told_from_noise(bench: Bench) -> None:
    old, new = rebased(bench)
    kinds = {each.subject: each.kind for each in interdiff(bench.git, old, new)}
    assert kinds == {
        "Numbers only": None,
        "Context": Kind.NOISE,
        "Gone": None,
        "Other line": Kind.CONTENT,
        "Other words": Kind.CONTENT,
        "Add a file": Kind.CONTENT,
        "Come": None,
        "No end": Kind.CONTENT,
        "Remove": None,
    }


def test_what_a_person_reads(bench: Bench) -> None:
    old, new = rebased(bench)
    text = ""
    for each in interdiff(bench.git, old, new):
        text += f"{each.old_number or '-'} {each.state.sign} {each.new_number or '-'} {each.name}\n"
        text += "".join(f"    {line}".rstrip() + "\n" for line in each.lines)
    assert text == GOLDEN.read_text("utf-8")


def test_a_renamed_file_is_a_matter_of_paths(bench: Bench) -> None:
    """Also where git sorts the files of the patch in another order then."""
    change: Files = {"a.c": CODE.replace("return 0;", "return 10;"), "b.txt": "first\n" + TEXT}
    old = bench.series("old", "base", ("Both", change))
    git(bench.upstream.path, "checkout", "--quiet", "main")
    up = bench.upstream
    up.commit("Move", {"src/z.c": CODE.replace("int v08;", "long v08;"), "a.c": None}, "moved")
    moved: Files = {
        "src/z.c": str(change["a.c"]).replace("int v08", "long v08"),
        "b.txt": change["b.txt"],
    }
    new = bench.series("new", "moved", ("Both", moved))
    assert [f.path for f in new[0].patch.files] == [b"b.txt", b"src/z.c"]
    each = bench.compare(old, new)["Both.patch"]
    assert each.kind is Kind.PATHS
    assert [(r.old, r.new) for r in each.renamed] == [("a.c", "src/z.c")]
    changed = [
        (line.outer, line.inner) for line in each.lines if line.outer in (Outer.OLD, Outer.NEW)
    ]
    both = [(Outer.OLD, Inner.HEADER), (Outer.NEW, Inner.HEADER)]
    assert changed == [*both, (Outer.OLD, Inner.CONTEXT), (Outer.NEW, Inner.CONTEXT)]
    more = bench.series("more", "moved", ("Both", {**moved, "b.txt": "1st\n" + TEXT}))
    assert bench.compare(old, more)["Both.patch"].kind is Kind.CONTENT


def test_a_name_keeps_a_patch_that_range_diff_would_lose(bench: Bench) -> None:
    old = bench.series("old", "base", ("One", {"a.c": CODE.replace("return 0;", "return 1;")}))
    new = bench.series("new", "base", ("One", {"b.txt": "other\n", "script": None}))
    (each,) = interdiff(bench.git, old, new)
    assert (each.state, each.kind) == (State.CHANGED, Kind.CONTENT)


def test_reorders_are_told_from_numbers_that_shift(bench: Bench) -> None:
    changes = [(name, {f"{name}.txt": f"{name}\n"}) for name in "ABCDE"]
    old = bench.series("old", "base", *changes)
    without = bench.compare(old, old[1:])
    assert [each.state.sign for each in without.values()] == list("<====")
    assert not any(each.reordered for each in without.values())
    assert (without["B.patch"].old_number, without["B.patch"].new_number) == (2, 1)
    moved = bench.compare(old, [*old[1:], old[0]])
    assert [name for name, each in moved.items() if each.reordered] == ["A.patch"]
    assert list(moved) == ["B.patch", "C.patch", "D.patch", "E.patch", "A.patch"]
    assert {each.state for each in moved.values()} == {State.UNCHANGED}


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("old mode 100644\nnew mode 100755\n", "old mode 100755\nnew mode 100644\n", 2),
        ("new file mode 100644\n", "new file mode 100755\n", 2),
        ("new file mode 100644\n", "deleted file mode 100644\n", 2),
        (
            "GIT binary patch\nliteral 1\nIcmZQz00IC2\n\n",
            "GIT binary patch\nliteral 2\nJcmZQ$00aO4\n\n",
            2,
        ),
    ],
)
def test_modes_and_binary_data_are_content(bench: Bench, old: str, new: str, lines: int) -> None:
    both = []
    for said in (old, new):
        content = f"Subject: S\n\n---\ndiff --git a/x b/x\n{said}".encode()
        both.append([PatchFile("x.patch", content, parse("x.patch", content))])
    (each,) = interdiff(bench.git, *both)
    assert each.kind is Kind.CONTENT
    assert len([line for line in each.lines if line.outer in (Outer.OLD, Outer.NEW)]) == lines


def test_bytes_that_are_no_text(bench: Bench) -> None:
    old = bench.series("old", "base", ("Bytes", {"b.txt": b"caf\xe9\r\nand \x1b[31m\n"}))
    assert b"caf\xe9" in old[0].content
    content = old[0].content.replace(b"caf\xe9", b"th\0\xe9")
    new = [replace(old[0], content=content, patch=parse("Bytes.patch", content))]
    (each,) = interdiff(bench.git, old, new)
    assert [str(line) for line in each.lines if line.outer is Outer.NEW] == ["++th\0�\r"]


def test_nothing_runs_for_a_series_that_stayed(tmp_path: Path, bench: Bench) -> None:
    old = bench.series("old", "base", ("One", {"new.txt": "new\n"}))
    nowhere = Repository(tmp_path / "nowhere.git")
    assert [each.state for each in interdiff(nowhere, old, old)] == [State.UNCHANGED]
    assert interdiff(nowhere, (), ()) == ()

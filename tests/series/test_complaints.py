"""What users of other patch tools complain about, numbered as in the project's list."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from porttool.git import Repository
from porttool.series.exporter import Fate, export_series
from porttool.series.folder import PatchFile
from porttool.series.importer import DoesNotApply, import_series
from porttool.series.outcome import Verdict
from porttool.series.patch import parse
from porttool.series.rebase import Rebased, picks, rebase
from tests.audit.catalogues import write_catalogue
from tests.commands.ports import FILES, MAIN_C, Port, new_file
from tests.commands.ports import port_fixture as port_fixture
from tests.support import Files, Upstream, git, write_files

CODE = "".join(f"line {n}\n" for n in range(60))
TWINS = "".join("{\n\tint a;\n\n\treturn a;\n}\n\n" for _ in range(12))


class Bench:
    """An upstream at the tag ``base``, and a store."""

    def __init__(self, root: Path, files: Files) -> None:
        self.upstream = Upstream.make(root / "up", files, "base")
        self.store = Repository.init_bare(root / "store.git")

    def patch(self, name: str, files: Files) -> PatchFile:
        """Commit ``files``, and the patch of that; upstream is as before."""
        self.upstream.commit(f"{name}\n\nBecause.", files)
        content = git(self.upstream.path, "format-patch", "--stdout", "-1").encode()
        git(self.upstream.path, "reset", "--quiet", "--hard", "HEAD~1")
        return PatchFile(name, content, parse(name, content))

    def commit(self, revision: str = "HEAD") -> str:
        """An upstream commit, in the store."""
        commit = git(self.upstream.path, "rev-parse", f"{revision}^{{commit}}")
        self.store.run("fetch", "--quiet", str(self.upstream.path), f"+{commit}:refs/up/x")
        return commit

    def export(self, base: str, *files: PatchFile) -> list[bytes]:
        """The series through commits and back."""
        applied = import_series(self.store, base, [file.patch for file in files])
        commits = [patch.commit for patch in applied.patches]
        known = list(zip(files, commits, strict=True))
        return [patch.content for patch in export_series(self.store, base, applied.head, known)]

    def onto(self, *files: PatchFile) -> Rebased:
        """The series moved from ``base`` to upstream's newest commit."""
        base, tip = self.commit("base"), self.commit()
        patches = [file.patch for file in files]
        applied = import_series(self.store, base, patches).patches
        return rebase(self.store, base, tip, picks(base, patches, applied))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, {"a.c": CODE, "b.c": CODE, "twins.c": TWINS})


def edit(number: int, text: str) -> str:
    return CODE.replace(f"line {number}\n", f"{text}\n")


def test_complaint_1_index_width_and_version_footer(bench: Bench) -> None:
    file = bench.patch("one.patch", {"a.c": edit(30, "mine")})
    assert re.search(rb"^index [0-9a-f]{7}\.\..*^-- \n\d", file.content, re.DOTALL | re.MULTILINE)
    base = bench.commit("base")
    (head,) = (p.commit for p in import_series(bench.store, base, [file.patch]).patches)
    for setting in ("core.abbrev=9", "format.signature=mine", "diff.context=7", "diff.noprefix=1"):
        bench.store.run("config", *setting.split("="))
        (fresh,) = export_series(bench.store, base, head, [])
        assert re.search(rb"^index [0-9a-f]{40}\.\.[0-9a-f]{40} ", fresh.content, re.MULTILINE)
        assert fresh.content.endswith(b"\n line 33\n")
    # What differs by ids and line numbers alone is not written anew.
    bench.upstream.commit("Above", {"a.c": "top\n" + CODE})
    kept = PatchFile("one.patch", fresh.content, parse("one.patch", fresh.content))
    assert bench.export(bench.commit(), kept) == [fresh.content]


def test_complaint_2_header_text_and_file_names_stay(bench: Bench) -> None:
    made = bench.patch("x", {"a.c": edit(30, "mine")}).patch.diff.partition(b"-- \n")[0]
    (full,) = bench.export(bench.commit("base"), PatchFile("x", made, parse("x", made)))
    diff = parse("x", full).diff
    header = (
        b"X-Custom: kept\nFrom: A <a@example.org>\nSubject: [tag] One\nUpstream-Status: Pending\n"
        b"\nWhy.\n\nFixes: 1234\n---\nA note to the reader.\n\n"
    )
    file = PatchFile("My own.name", header + diff, parse("My own.name", header + diff))
    bench.upstream.commit("Above", {"a.c": "top\n" + CODE})
    moved = bench.onto(file)
    known = [(file, moved.outcomes[0].commit)]
    (written,) = export_series(bench.store, bench.commit(), moved.head, known)
    assert (written.name, written.content) == (file.name, file.content)
    # The note and the name survive an edit of the diff, too.
    bench.upstream.commit("Edit", {"a.c": "top\n" + edit(30, "theirs")})
    edited = bench.commit()
    applied = import_series(bench.store, edited, [parse("x", diff.replace(b"line 30", b"theirs"))])
    (written,) = export_series(bench.store, edited, applied.head, [(file, applied.head)])
    assert (written.name, written.fate) == (file.name, Fate.CHANGED)
    assert b"---\nA note to the reader.\n" in written.content


def test_complaint_3_no_fuzzy_or_ambiguous_place_is_baked_in(bench: Bench) -> None:
    fuzzy = bench.patch("fuzzy.patch", {"a.c": edit(30, "mine")})
    lines = TWINS.split("\n")
    lines[5 * 6 + 1] = "\tint b;"
    sixth = bench.patch("sixth.patch", {"twins.c": "\n".join(lines)})
    bench.upstream.commit("Above and near", {"a.c": edit(28, "x"), "twins.c": "//\n" * 8 + TWINS})
    tip = bench.commit()
    # patch and git am take either, and edit another function than was meant.
    git(bench.upstream.path, "am", "--quiet", stdin=sixth.content)
    wrong = (bench.upstream.path / "twins.c").read_text().split("\n")
    assert "\tint b;" in wrong
    assert wrong[8 + 5 * 6 + 1] != "\tint b;"
    for file, ambiguous in ((fuzzy, False), (sixth, True)):
        with pytest.raises(DoesNotApply) as caught:
            import_series(bench.store, tip, [file.patch])
        assert caught.value.ambiguous is ambiguous
    git(bench.upstream.path, "reset", "--quiet", "--hard", "HEAD~1")
    result = bench.onto(fuzzy, sixth)
    assert [o.verdict for o in result.outcomes] == [Verdict.MERGED, Verdict.AMBIGUOUS]


def test_complaint_4_upstreamed_patches_are_noticed_and_no_others(bench: Bench) -> None:
    taken = bench.patch("taken.patch", {"a.c": edit(30, "mine")})
    undone = bench.patch("undone.patch", {"a.c": edit(10, "mine too")})
    good = bench.patch("good.patch", {"b.c": edit(30, "mine")})
    bench.upstream.commit("Take two", {"a.c": edit(10, "mine too")})
    bench.upstream.commit("Undo one", {"a.c": CODE})
    took = bench.upstream.commit("Take one", {"a.c": edit(30, "mine")})
    bench.upstream.commit("Elsewhere", {"b.c": edit(50, "theirs")})
    found = {o.name: (o.verdict, o.upstream) for o in bench.onto(taken, undone, good).outcomes}
    assert found == {
        "taken.patch": (Verdict.ABSORBED, took),
        "undone.patch": (Verdict.CLEAN, None),
        "good.patch": (Verdict.CLEAN, None),
    }


#: How a worktree gets into the middle of something.
BUSY = {
    "rebase": ("rebase", "--quiet", "--onto", "HEAD~2", "HEAD~1"),
    "cherry-pick": ("cherry-pick", "v1.1"),
    "revert": ("revert", "HEAD~1"),
    "merge": ("merge", "v1.1"),
}


def test_complaint_5_nothing_is_exported_in_the_middle_of_something(port: Port) -> None:
    assert port.run("apply").code == 0
    tree = port.root / ".porttool" / "tree"
    for text in ("the last\n", "the very last\n"):
        (tree / "notes.txt").write_text(text)
        git(tree, "commit", "--quiet", "--all", "--message", text)
    assert port.run("refresh").code == 0
    before = port.kept()
    for how, command in BUSY.items():
        stopped = subprocess.run(["git", "-C", tree, *command], capture_output=True, check=False)
        assert stopped.returncode != 0, f"{how} was to stop in a conflict"
        port.refuses("refresh").says("in the middle of something", how)
        git(tree, how, "--abort")
    assert port.run("refresh").code == 0
    assert port.kept() == before


def test_complaint_6_blob_ids_that_nobody_has_do_not_matter(bench: Bench) -> None:
    file = bench.patch("one.patch", {"a.c": edit(30, "mine")})
    faked = re.sub(rb"^index \w+\.\.\w+", b"index 1234567..89abcde", file.content, flags=re.M)
    assert faked != file.content
    bench.upstream.commit("Near", {"a.c": edit(28, "theirs")})
    am = ("git", "-C", str(bench.upstream.path), "am", "--quiet", "--3way")
    done = subprocess.run(am, input=faked, capture_output=True, check=False)
    assert b"could not build fake ancestor" in done.stderr
    git(bench.upstream.path, "am", "--abort")
    result = bench.onto(PatchFile("one.patch", faked, parse("one.patch", faked)))
    assert [o.verdict for o in result.outcomes] == [Verdict.MERGED]
    merged = bench.store.run("cat-file", "blob", f"{result.head}:a.c").decode()
    assert merged == edit(28, "theirs").replace("line 30\n", "mine\n")


def test_complaint_7_within_another_repository_patches_are_applied(
    port: Port, tmp_path: Path
) -> None:
    outer = port.root.parent
    git(outer, "init", "--quiet")
    (outer / ".gitignore").write_text("*\n")
    patch = next(port.patches.glob("0001-*"))
    inner = outer / "sub"
    write_files(inner, {"main.c": MAIN_C})
    git(inner, "apply", str(patch))
    assert (inner / "main.c").read_text() == MAIN_C, "git apply is known to skip in silence"
    for args, tree in (((), port.root / ".porttool/tree"), (("--to", inner / "t"), inner / "t")):
        assert port.run("apply", *args).code == 0
        assert "small_serve" in (tree / "main.c").read_text()
        assert (tree / "src" / "extra.c").exists()
    # And a patch that would change nothing is an error, not a success.
    port.add("0003-nothing.patch", "Subject: Nothing\n\nNo diff.\n")
    port.refuses("refresh").says("0003-nothing.patch changes nothing")


def test_complaint_8_the_order_is_that_of_series_and_is_kept(port: Port) -> None:
    """Every line on which readers disagree is in test_quilt_states."""
    text = FILES["notes.txt"]
    second = text.replace("line 9\n", "nine\n")
    for name, old, new in (("z.patch", text, second), ("a.patch", second, text + "end\n")):
        bench = Upstream.make(port.root.parent / name, {"notes.txt": old}, None)
        bench.commit(name, {"notes.txt": new})
        port.add(name, git(bench.path, "format-patch", "--stdout", "-1"))
    names = port.series.read_text().split()
    assert names[-2:] == ["z.patch", "a.patch"]
    assert port.run("refresh").code == 0
    assert port.series.read_text().split() == names
    assert port.run("apply").code == 0
    assert (port.root / ".porttool/tree/notes.txt").read_text() == text + "end\n"


def test_complaint_9_a_conflict_says_which_patch_and_why_and_how(port: Port) -> None:
    theirs = MAIN_C.replace("int main(void)", "int main(int argc, char **argv)")
    culprit = port.upstream.commit("Take arguments", {"main.c": theirs}, "v2")
    port.upstream.commit("Later", {"notes.txt": "later\n"}, "v3")
    outcome = port.refuses("refresh", "--onto", "v3", code=3)
    outcome.says("0001-Serve.patch", "main.c, hunk", "- int main(void)", "+ int main(int argc")
    assert "fix: " in outcome.err
    assert "porttool" in outcome.err.split("fix: ")[1]
    assert culprit[:12] in outcome.out + outcome.err
    assert "Take arguments" in outcome.out + outcome.err


def test_complaint_10_a_conflict_can_be_solved_and_gone_on_from(port: Port) -> None:
    """All the ways out of a conflict are in tests/commands/test_resume."""
    theirs = MAIN_C.replace("int main(void)", "int main(int argc, char **argv)")
    port.upstream.commit("Take arguments", {"main.c": theirs}, "v2")
    assert port.run("refresh", "--onto", "v2").code == 3
    path = port.root / ".porttool" / "work" / "main.c"
    before, _, rest = path.read_text().partition("<<<<<<<")
    solved = "int small_serve(const struct ukm_config *config)\n"
    path.write_text(before + solved + rest[rest.index(">>>>>>>") :].partition("\n")[2])
    assert port.run("refresh", "--continue").code == 0
    assert port.series.read_text().split() == ["0001-Serve.patch", "0002-Add-a-file.patch"]
    assert b"+int small_serve" in (port.patches / "0001-Serve.patch").read_bytes()
    assert port.run("check").code == 0


def test_complaint_11_what_the_target_lacks_is_known_before_anything_is_built(
    port: Port, tmp_path: Path
) -> None:
    """All the statuses are in tests/audit/test_status."""
    made = (
        "#include <unistd.h>\n#include <sys/inotify.h>\n"
        "int watch(void) { return inotify_init(); }\n"
        "int stay(void)\n{\n\tfork();\n\treturn setsid();\n}\n"
    )
    port.add("0003-Watch.patch", new_file("watch.c", made))
    sources = port.config.read_text()
    port.config.write_text(sources.replace('"main.c"', '"main.c", "watch.c"'))
    assert port.run("refresh").code == 0
    shutil.rmtree(port.root / "build")
    target = ("--catalogue", write_catalogue(tmp_path / "release.json"))
    told = port.run("audit-deps", *target)
    assert told.code == 0
    for words in (
        ("declared-only", "setsid", "<unistd.h> declares it, and nothing defines it", "watch.c:7"),
        ("runtime", "inotify_init", "links, but nothing provides", "ENOSYS at run time", ":3"),
        ("stubbed", "fork", "links, but is a stub: ENOSYS at run time", "watch.c:6"),
    ):
        (line,) = (line for line in told.out.splitlines() if line.startswith(words[0]))
        assert all(word in line for word in words), line
    lacking = ("--fail-on", "absent,declared-only,runtime,stubbed")
    refused = port.refuses("audit-deps", *target, *lacking, code=4)
    refused.says(
        "watch.c:7: setsid is declared-only: <unistd.h> declares it",
        "watch.c:3: inotify_init is runtime: links, but nothing provides syscalls inotify_init",
        "watch.c:6: fork is stubbed: links, but is a stub: ENOSYS at run time",
    )
    assert not (port.root / "build").exists()
    # A patch that does without them is all it takes.
    (port.patches / "0003-Watch.patch").write_text(new_file("watch.c", "int stay;\n"))
    assert port.run("refresh").code == 0
    assert port.run("audit-deps", *target, *lacking[:1], "declared-only,runtime,stubbed").code == 0

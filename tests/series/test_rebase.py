import shutil
from pathlib import Path

import pytest

from porttool.git import Repository
from porttool.series.forecast import forecast
from porttool.series.importer import AppliedPatch, import_series
from porttool.series.outcome import HunkState, Verdict
from porttool.series.patch import Patch, parse
from porttool.series.rebase import Rebased, picks, rebase
from porttool.upstream.lock import Pin
from tests.support import Files, Upstream, git

CODE = "".join(f"line {n}\n" for n in range(60))


class Bench:
    """An upstream with a series of the test's own, and what a rebase makes of it."""

    def __init__(self, root: Path, files: Files) -> None:
        self.upstream = Upstream.make(root / "up", files, "base")
        self.root = root

    def series(self, *changes: Files) -> None:
        for number, files in enumerate(changes, 1):
            self.upstream.commit(f"Patch {number}", files)
        self.patches = self.upstream.format_patches(self.root / "out", "base")
        git(self.upstream.path, "reset", "--quiet", "--hard", "base")

    def fetch(self) -> None:
        self.store = Repository.init_bare(self.root / "store.git")
        self.store.run("fetch", "--quiet", str(self.upstream.path), "refs/*:refs/up/*")

    def imported(self) -> tuple[str, str, list[Patch], tuple[AppliedPatch, ...]]:
        """The pin, upstream's newest commit, and the series on the pin."""
        base, tip = (self.store.resolve(f"refs/up/{ref}") for ref in ("tags/base", "heads/main"))
        assert base is not None
        assert tip is not None
        patches = [parse(path.name, path.read_bytes()) for path in self.patches]
        return base, tip, patches, import_series(self.store, base, patches).patches

    def onto(self) -> Rebased:
        self.fetch()
        base, tip, patches, applied = self.imported()
        return rebase(self.store, base, tip, picks(base, patches, applied))

    def file(self, commit: str, path: str) -> str:
        return self.store.run("cat-file", "blob", f"{commit}:{path}").decode()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, {"a.c": CODE, "b.c": "int b;\n"})


def edit(number: int, text: str, code: str = CODE) -> str:
    return code.replace(f"line {number}\n", f"{text}\n")


def test_clean_and_offset(bench: Bench) -> None:
    bench.series({"a.c": edit(30, "mine")}, {"b.c": "int c;\n"})
    bench.upstream.commit("Above", {"a.c": "new\n" * 3 + CODE})
    result = bench.onto()
    assert [o.verdict for o in result.outcomes] == [Verdict.OFFSET, Verdict.CLEAN]
    assert result.outcomes[0].hunks[0].offset == 3
    assert "mine\n" in bench.file(result.head, "a.c")


def test_moved(bench: Bench) -> None:
    bench.series({"a.c": edit(30, "mine")})
    git(bench.upstream.path, "mv", "a.c", "renamed.c")
    bench.upstream.commit("Move", {"renamed.c": edit(3, "theirs")})
    (outcome,) = (result := bench.onto()).outcomes
    assert outcome.verdict is Verdict.MOVED
    (move,) = outcome.moves
    assert (move.old, move.new) == ("a.c", "renamed.c")
    assert 80 < move.similarity < 100
    assert "mine\n" in bench.file(result.head, "renamed.c")


def test_merged_where_the_context_changed(bench: Bench) -> None:
    bench.series({"a.c": edit(30, "mine")})
    bench.upstream.commit("Near", {"a.c": edit(28, "theirs")})
    (outcome,) = (result := bench.onto()).outcomes
    assert outcome.verdict is Verdict.MERGED
    assert outcome.hunks[0].state is HunkState.MISSING
    assert "theirs\nline 29\nmine\n" in bench.file(result.head, "a.c")


def test_absorbed_by_patch_id_names_the_commit(bench: Bench) -> None:
    bench.series({"a.c": edit(30, "mine")}, {"b.c": "int c;\n"})
    taken = bench.upstream.commit("Thanks", {"a.c": edit(30, "mine")})
    bench.upstream.commit("More", {"a.c": edit(2, "x", edit(30, "mine"))})
    result = bench.onto()
    assert [o.verdict for o in result.outcomes] == [Verdict.ABSORBED, Verdict.CLEAN]
    assert result.outcomes[0].upstream == taken
    assert result.outcomes[0].commit is None


def test_absorbed_among_other_changes(bench: Bench) -> None:
    """Upstream took it in a commit that does more: no patch id tells that."""
    bench.series({"a.c": edit(30, "mine")})
    bench.upstream.commit("Big", {"a.c": edit(30, "mine", edit(3, "x")), "b.c": "int z;\n"})
    (outcome,) = bench.onto().outcomes
    assert outcome.verdict is Verdict.ABSORBED
    assert outcome.upstream is None


def test_partly_absorbed_says_which_hunks(bench: Bench) -> None:
    bench.series({"a.c": edit(10, "one", edit(50, "two"))})
    bench.upstream.commit("Half", {"a.c": edit(50, "two")})
    (outcome,) = (result := bench.onto()).outcomes
    assert outcome.verdict is Verdict.PARTLY_ABSORBED
    assert [(hunk.file, hunk.number) for hunk in outcome.absorbed_hunks] == [("a.c", 2)]
    assert "one\n" in bench.file(result.head, "a.c")


def test_ambiguous_although_a_merge_is_sure(tmp_path: Path) -> None:
    body = "".join("{\n\tint a;\n\n\treturn a;\n}\n\n" for _ in range(12))
    bench = Bench(tmp_path, {"f.c": body})
    lines = body.split("\n")
    lines[5 * 6 + 1] = "\tint b;"
    bench.series({"f.c": "\n".join(lines)})
    bench.upstream.commit("Above", {"f.c": "// new\n" * 8 + body})
    (outcome,) = bench.onto().outcomes
    assert outcome.verdict is Verdict.AMBIGUOUS
    assert len(outcome.hunks[0].lines) == 11


def test_a_conflict_stops_and_says_what_was_wanted_and_found(bench: Bench) -> None:
    bench.series(
        {"b.c": "int c;\n"}, {"a.c": edit(30, "mine")}, {"a.c": edit(5, "x", edit(30, "mine"))}
    )
    bench.upstream.commit("Same line", {"a.c": edit(30, "theirs")})
    result = bench.onto()
    assert [o.verdict for o in result.outcomes] == [Verdict.CLEAN, Verdict.CONFLICT]
    assert result.stopped is not None
    assert [(s.path, s.number) for s in result.stopped.stages] == [(b"a.c", n) for n in (1, 2, 3)]
    conflict = result.outcomes[1]
    assert conflict.conflicts == ("a.c",)
    assert "line 30" in conflict.hunks[0].wanted
    assert "theirs" in conflict.hunks[0].found
    merged = bench.store.run("cat-file", "blob", f"{result.stopped.tree}:a.c")
    assert b"<<<<<<<" in merged
    assert b"|||||||" in merged


def test_a_deleted_file_conflicts(bench: Bench) -> None:
    bench.series({"b.c": "int c;\n"})
    bench.upstream.commit("Gone", {"b.c": None})
    (outcome,) = bench.onto().outcomes
    assert outcome.verdict is Verdict.CONFLICT


def test_new_files_and_odd_names(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"sp ace ü.c": CODE, "a.c": "1\n"})
    bench.series({"sp ace ü.c": edit(30, "mine"), "new dir/n.c": "n\n"})
    bench.upstream.commit("Above", {"sp ace ü.c": "x\n" + CODE})
    (outcome,) = (result := bench.onto()).outcomes
    assert outcome.verdict is Verdict.OFFSET
    assert bench.file(result.head, "new dir/n.c") == "n\n"


def test_the_same_rebase_gives_the_same_commits(bench: Bench) -> None:
    bench.series({"a.c": edit(30, "mine")})
    bench.upstream.commit("Above", {"a.c": "new\n" * 3 + CODE})
    first = bench.onto().head
    assert (
        bench.store.run("log", "-1", "--format=%an %cn %s", first)
        == b"Ada Author Ada Author Patch 1\n"
    )
    base, tip, patches, applied = bench.imported()
    assert rebase(bench.store, base, tip, picks(base, patches, applied)).head == first


def test_what_upstream_took_and_reverted_is_not_absorbed(bench: Bench) -> None:
    bench.series({"a.c": edit(30, "mine")})
    bench.upstream.commit("Thanks", {"a.c": edit(30, "mine")})
    bench.upstream.commit("No, thanks", {"a.c": CODE})
    (outcome,) = (result := bench.onto()).outcomes
    assert outcome.verdict is Verdict.CLEAN
    assert "mine\n" in bench.file(result.head, "a.c")


def test_white_space_is_a_difference(bench: Bench) -> None:
    bench.series({"a.c": edit(30, "a b")})
    bench.upstream.commit("Almost", {"a.c": edit(30, "ab")})
    (outcome,) = bench.onto().outcomes
    assert outcome.verdict is Verdict.CONFLICT


def test_a_mode_that_upstream_did_not_take_stays_in_the_patch(bench: Bench) -> None:
    (bench.upstream.path / "a.c").chmod(0o755)
    bench.series({"a.c": edit(30, "mine")})
    bench.upstream.commit("The edit alone", {"a.c": edit(30, "mine")})
    (outcome,) = (result := bench.onto()).outcomes
    assert outcome.verdict is Verdict.PARTLY_ABSORBED
    assert bench.store.tree(result.head)[b"a.c"].mode == b"100755"


def test_a_patch_that_renames_is_clean_where_nothing_changed(bench: Bench) -> None:
    git(bench.upstream.path, "mv", "a.c", "z.c")
    bench.series({"z.c": edit(30, "mine")})
    bench.upstream.commit("Elsewhere", {"b.c": "int c;\n"})
    (outcome,) = bench.onto().outcomes
    assert outcome.verdict is Verdict.CLEAN


def blocks(*changed: int) -> str:
    """Four functions that are the same, but for those that were changed and for their names."""
    same = "{\n\tint w;\n\tint x;\n\tint %s;\n\tint y;\n\tint z;\n\treturn a;\n}\n"
    return "".join(
        f"void {name}(void)\n" + same.replace("%s", "b" if n in changed else "a")
        for n, name in enumerate(("one", "two", "three", "four"))
    )


def test_ambiguous_is_stronger_than_absorbed(tmp_path: Path) -> None:
    """Upstream changed two of the functions: nobody can say that one of them is the patch's."""
    bench = Bench(tmp_path, {"f.c": blocks()})
    bench.series({"f.c": blocks(1)})
    bench.upstream.commit("Two", {"f.c": blocks(1, 3)})
    assert verdict(bench) is Verdict.AMBIGUOUS


def test_absorbed_where_it_can_be_undone_in_one_place(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"f.c": blocks()})
    bench.series({"f.c": blocks(1)})
    bench.upstream.commit("One", {"f.c": blocks(1)})
    assert verdict(bench) is Verdict.ABSORBED


def verdict(bench: Bench) -> Verdict:
    """The verdict of the only patch of a series."""
    (outcome,) = bench.onto().outcomes
    return outcome.verdict


#: Upstream has the patched line with all around it, but at the end of the file.
ELSEWHERE = "".join(f"line {n}\n" for n in range(60) if not 25 <= n <= 35) + "".join(
    f"line {n}\n" if n != 30 else "mine\n" for n in range(25, 36)
)


def test_absorbed_in_reverse_although_the_merge_conflicts(bench: Bench) -> None:
    bench.series({"a.c": edit(30, "mine")})
    bench.upstream.commit("Taken and moved", {"a.c": ELSEWHERE})
    (outcome,) = bench.onto().outcomes
    assert outcome.verdict is Verdict.ABSORBED
    assert outcome.conflicts == ()


def test_a_conflict_where_only_the_lines_are_there(bench: Bench) -> None:
    bench.series({"a.c": edit(30, "mine"), "empty.h": ""})
    bench.upstream.commit("Taken and moved", {"a.c": ELSEWHERE})
    assert verdict(bench) is Verdict.CONFLICT


def test_added_lines_alone(bench: Bench) -> None:
    bench.series({"a.c": edit(30, "line 30\nmine")}, {"a.c": edit(30, "line 30\nmine") + "end\n"})
    bench.upstream.commit("Above", {"a.c": "new\n" + edit(30, "line 30\nmine") + "more\n"})
    first, second = bench.onto().outcomes
    assert first.verdict is Verdict.ABSORBED
    assert second.verdict is Verdict.CONFLICT


BINARY: Files = {"bin": bytes(range(256)), "b.c": "int b;\n"}


def test_a_binary_file_is_absorbed_beside_lines_that_are_not(tmp_path: Path) -> None:
    bench = Bench(tmp_path, BINARY)
    bench.series({"bin": bytes(range(255)), "b.c": "int c;\n"})
    bench.upstream.commit("Taken", {"bin": bytes(range(255))})
    (outcome,) = (result := bench.onto()).outcomes
    assert outcome.verdict is Verdict.PARTLY_ABSORBED
    assert [(hunk.file, hunk.number) for hunk in outcome.absorbed_hunks] == [("bin", 0)]
    assert bench.file(result.head, "b.c") == "int c;\n"


def test_binary_files_are_clean_or_in_conflict(tmp_path: Path) -> None:
    bench = Bench(tmp_path, BINARY)
    bench.series({"bin": bytes(range(255))})
    bench.upstream.commit("Elsewhere", {"b.c": "int z;\n"})
    assert verdict(bench) is Verdict.CLEAN
    bench.upstream.commit("Another", {"bin": bytes(range(254))})
    shutil.rmtree(bench.root / "store.git")
    assert verdict(bench) is Verdict.CONFLICT


def test_a_mode_alone(bench: Bench) -> None:
    (bench.upstream.path / "a.c").chmod(0o755)
    bench.series({})
    bench.upstream.commit("Content", {"a.c": edit(3, "theirs")})
    (outcome,) = (result := bench.onto()).outcomes
    assert outcome.verdict is Verdict.CLEAN
    assert bench.store.tree(result.head)[b"a.c"].mode == b"100755"
    assert "theirs\n" in bench.file(result.head, "a.c")


def test_a_mode_that_upstream_took_while_the_lines_are_not_there(bench: Bench) -> None:
    (bench.upstream.path / "a.c").chmod(0o755)
    bench.series({"a.c": edit(30, "mine")})
    (bench.upstream.path / "a.c").chmod(0o755)
    bench.upstream.commit("The mode alone", {"b.c": "int z;\n"})
    (outcome,) = bench.onto().outcomes
    assert outcome.verdict is Verdict.PARTLY_ABSORBED
    assert [(hunk.file, hunk.number) for hunk in outcome.absorbed_hunks] == [("a.c", 0)]


def test_a_file_that_upstream_deleted_too(bench: Bench) -> None:
    bench.series({"a.c": None, "b.c": "int c;\n"})
    bench.upstream.commit("Gone", {"a.c": None})
    (outcome,) = (result := bench.onto()).outcomes
    assert outcome.verdict is Verdict.PARTLY_ABSORBED
    assert list(bench.store.tree(result.head)) == [b"b.c"]


def test_a_rename_that_upstream_made_too(bench: Bench) -> None:
    git(bench.upstream.path, "mv", "a.c", "z.c")
    bench.series({"z.c": edit(30, "mine")})
    git(bench.upstream.path, "mv", "a.c", "z.c")
    bench.upstream.commit("The name alone", {"z.c": edit(3, "theirs")})
    (outcome,) = (result := bench.onto()).outcomes
    assert outcome.verdict is Verdict.PARTLY_ABSORBED
    assert [(hunk.file, hunk.number) for hunk in outcome.absorbed_hunks] == [("z.c", 0)]
    assert bench.file(result.head, "z.c") == edit(30, "mine", edit(3, "theirs"))


@pytest.mark.parametrize(
    ("target", "wanted"),
    [("old", Verdict.CLEAN), ("mine", Verdict.ABSORBED), ("theirs", Verdict.CONFLICT)],
)
def test_a_symbolic_link(tmp_path: Path, target: str, wanted: Verdict) -> None:
    bench = Bench(tmp_path, {"b.c": "int b;\n"})
    link = bench.upstream.path / "link"
    link.symlink_to("old")
    bench.upstream.commit("Link", {})
    git(bench.upstream.path, "tag", "-f", "base")
    link.unlink()
    link.symlink_to("mine")
    bench.series({})
    link.unlink()
    link.symlink_to(target)
    bench.upstream.commit("Elsewhere", {"b.c": "int z;\n"})
    assert verdict(bench) is wanted


def test_a_line_end_in_a_name(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"a\nb.c": CODE})
    bench.series({"a\nb.c": edit(30, "mine")})
    bench.upstream.commit("Above", {"a\nb.c": "new\n" + CODE})
    (outcome,) = bench.onto().outcomes
    assert outcome.verdict is Verdict.OFFSET
    assert outcome.hunks[0].file == "a\nb.c"


def test_a_file_in_whose_place_upstream_has_a_folder(bench: Bench) -> None:
    bench.series({"b.c": "int c;\n"}, {"new": "n\n"})
    bench.upstream.commit("Folders", {"b.c": None, "new/file": "f\n"})
    bench.upstream.commit("Folders", {"b.c/file": "f\n"})
    (outcome,) = bench.onto().outcomes
    assert outcome.verdict is Verdict.CONFLICT
    assert {hunk.state for hunk in outcome.hunks} == {HunkState.MISSING}


def test_a_file_that_a_patch_adds_follows_a_folder_only_by_decision(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"src/a.c": CODE, "src/b.c": CODE + "b\n", "c.c": "c\n"})
    bench.series({"src/new.c": "n\n"})
    git(bench.upstream.path, "mv", "src", "lib")
    bench.upstream.commit("Move", {})
    (outcome,) = bench.onto().outcomes
    assert outcome.verdict is Verdict.CONFLICT


def test_a_folder_that_a_patch_moves_takes_upstreams_new_files_only_by_decision(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path, {"src/a.c": CODE, "src/b.c": CODE + "b\n", "c.c": "c\n"})
    git(bench.upstream.path, "mv", "src", "lib")
    bench.series({})
    bench.upstream.commit("Add", {"src/new.c": "n\n"})
    assert verdict(bench) is Verdict.CONFLICT


def test_a_file_that_a_patch_deletes_and_upstream_changed(bench: Bench) -> None:
    bench.series({"b.c": None})
    bench.upstream.commit("Change", {"b.c": "int z;\n"})
    assert verdict(bench) is Verdict.CONFLICT


def test_a_forecast_leaves_nothing_in_the_store(bench: Bench) -> None:
    bench.series({"a.c": edit(30, "mine")}, {"a.c": edit(30, "mine", edit(40, "more"))})
    bench.upstream.commit("Above", {"a.c": "new\n" * 3 + CODE})
    assert [o.verdict for o in bench.onto().outcomes] == [Verdict.OFFSET, Verdict.OFFSET]
    shutil.rmtree(bench.store.git_dir)
    bench.fetch()
    base, tip, patches, applied = bench.imported()
    before = bench.store.run("count-objects", "--verbose")
    pin = Pin("u", "main", tip, "0" * 40, "2024-01-01")
    (found,) = forecast(bench.store, base, [pin], patches, applied)
    assert [o.verdict for o in found.outcomes] == [Verdict.OFFSET, Verdict.OFFSET]
    assert bench.store.run("count-objects", "--verbose") == before

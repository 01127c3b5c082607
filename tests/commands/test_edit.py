"""edit, new, drop, move, fold, split: each changes all or nothing, and later patches follow."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.commands.stopping import Stopping, spoken, stopping_fixture
from tests.support import git, snapshot

__all__ = ["stopping_fixture"]

ONE, MORE, THREE = "0001-Say-1.patch", "0002-More.patch", "0003-Say-3.patch"


@pytest.fixture
def settled(port: Stopping) -> Stopping:
    assert port.run("refresh").code == 0
    return port


def tree_id(port: Stopping) -> str:
    lock = (port.root / "upstream.lock").read_text()
    return lock.rsplit('tree = "', 1)[1].split('"')[0]


def text(port: Stopping, name: str) -> str:
    return (port.root / "patches" / name).read_text()


def test_edit_changes_one_patch_and_the_later_ones_follow(settled: Stopping) -> None:
    port = settled
    before = snapshot(port.root)
    begun = port.run("edit", "0001")
    assert begun.code == 0
    assert begun.out.strip() == str(port.work)
    assert "refresh --continue" in begun.err
    assert snapshot(port.root) == before
    assert git(port.work, "log", "-1", "--format=%s") == "Say 1"
    port.solve("I", "two", "three")
    assert port.run("refresh", "--continue").code == 0
    assert port.series() == [ONE, MORE, THREE]
    assert '+\tprintf("I' in text(port, ONE)
    after = snapshot(port.root)
    assert after[f"patches/{MORE}"] == before[f"patches/{MORE}"]
    assert after[f"patches/{THREE}"] == before[f"patches/{THREE}"]
    assert port.run("check").code == 0


def test_edit_of_the_message_alone(settled: Stopping) -> None:
    port = settled
    old = text(port, THREE).split("\ndiff ", 1)
    assert port.run("edit", THREE).code == 0
    git(port.work, "commit", "--quiet", "--amend", "--message", "Say drei\n\nReally.")
    assert port.run("refresh", "--continue").code == 0
    assert port.series() == [ONE, MORE, THREE]
    new = text(port, THREE).split("\ndiff ", 1)
    assert new[1] == old[1]
    assert "Subject: Say drei\n\nReally.\n" in new[0]


def test_edit_with_nothing_changed_changes_nothing(settled: Stopping) -> None:
    port = settled
    before = snapshot(port.root)
    assert port.run("edit", MORE).code == 0
    assert json.loads(port.run("refresh", "--continue", "--json").out)["changed"] is False
    assert snapshot(port.root) == before


def test_edit_into_a_conflict_and_back(settled: Stopping) -> None:
    port = settled
    before = snapshot(port.root)
    assert port.run("edit", ONE).code == 0
    port.solve("1", "two", "drei")
    stopped = port.run("refresh", "--continue")
    assert stopped.code == 3
    assert f"{THREE} does not apply" in stopped.err
    assert snapshot(port.root) == before
    assert port.run("refresh", "--abort").code == 0
    assert snapshot(port.root) == before
    assert port.run("check").code == 0


def test_edit_can_make_two_patches_of_one(settled: Stopping) -> None:
    port = settled
    assert port.run("edit", ONE).code == 0
    git(port.work, "reset", "--quiet", "HEAD^")
    (port.work / "note.txt").write_text("first\n")
    git(port.work, "add", "note.txt")
    git(port.work, "commit", "--quiet", "--message", "A note")
    git(port.work, "commit", "--quiet", "--all", "--message", "Say 1")
    assert port.run("refresh", "--continue").code == 0
    assert port.series() == ["0004-a-note.patch", ONE, MORE, THREE]
    assert port.run("check").code == 0


def test_a_commit_that_was_taken_back_is_made_again(settled: Stopping) -> None:
    port = settled
    assert port.run("edit", MORE).code == 0
    git(port.work, "reset", "--quiet", "HEAD^")
    (port.work / "more.h").write_text("int more = 4;\n")
    assert port.run("refresh", "--continue").code == 0
    assert port.series() == [ONE, MORE, THREE]
    assert "+int more = 4;" in text(port, MORE)


def test_with_the_commit_goes_all_of_the_patch(settled: Stopping) -> None:
    assert settled.run("edit", MORE).code == 0
    git(settled.work, "reset", "--quiet", "--hard", "HEAD^")
    settled.run("refresh", "--continue").says(f"nothing is left of {MORE}")


@pytest.mark.parametrize("amend", [True, False])
def test_the_patches_before_an_edited_one_are_not_lost(settled: Stopping, *, amend: bool) -> None:
    port = settled
    before = snapshot(port.root)
    assert port.run("edit", MORE).code == 0
    git(port.work, "reset", "--quiet", "HEAD^" if amend else "HEAD^^")
    git(port.work, "commit", "--quiet", "--all", *(("--amend",) if amend else ()), "-m", "Mine")
    port.run("refresh", "--continue").says(f"does not stand on the patches before {MORE}")
    assert port.run("refresh", "--abort").code == 0
    assert snapshot(port.root) == before


def test_what_git_has_not_finished_is_not_taken_up(settled: Stopping) -> None:
    port = settled
    assert port.run("edit", THREE).code == 0
    port.solve("1", "zwei", "3")
    git(port.work, "stash", "--quiet")
    git(port.work, "bisect", "start")
    port.run("refresh", "--continue").says("in the middle of something", "a bisect")
    git(port.work, "bisect", "reset")
    port.solve("1", "deux", "3")
    git(port.work, "commit", "--quiet", "--all", "--amend", "--no-edit")
    conflict = ["git", "-C", str(port.work), "stash", "pop"]
    assert subprocess.run(conflict, capture_output=True, check=False).returncode == 1
    port.run("refresh", "--continue").says("conflict markers left", "main.c:")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--allow-empty", "-m", "Nothing"), "changes nothing"),
        (("--all", "-m", "Say 2\n\n---\n\nAll of it"), "cannot be written as a patch"),
    ],
)
def test_a_commit_that_is_no_patch_can_be_mended(
    settled: Stopping, args: tuple[str, ...], says: str
) -> None:
    port = settled
    assert port.run("edit", THREE).code == 0
    port.solve("1", "zwei", "3")
    git(port.work, "commit", "--quiet", *args)
    if "--all" not in args:
        git(port.work, "checkout", "--quiet", "--", ".")
    port.run("refresh", "--continue").says(says)
    git(port.work, "reset", "--quiet", "--soft", "HEAD^")
    assert port.run("refresh", "--continue").code == 0
    assert port.run("check").code == 0


def test_new_makes_a_patch_where_it_is_wanted(settled: Stopping) -> None:
    port = settled
    begun = port.run("new", "Say 2", "--after", "0001", "--status", "Inappropriate [ours]")
    assert begun.code == 0, begun
    assert git(port.work, "log", "-1", "--format=%s") == "Say 1"
    port.solve("1", "2", "three")
    assert port.run("refresh", "--continue").code == 0
    assert port.series() == [ONE, "0004-say-2.patch", MORE, THREE]
    made = text(port, "0004-say-2.patch")
    assert "From: Ada Author <ada@example.org>\n" in made
    assert "Subject: Say 2\n\nUpstream-Status: Inappropriate [ours]\n" in made
    assert port.run("check").code == 0


def test_new_with_nothing_in_it_is_no_patch(settled: Stopping) -> None:
    port = settled
    assert port.run("new", "Nothing").code == 0
    port.run("refresh", "--continue").says("nothing is left of 0004-nothing.patch", "--abort")
    assert port.run("refresh", "--abort").code == 0


def test_new_needs_to_know_the_author(settled: Stopping, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GIT_AUTHOR_NAME")
    monkeypatch.delenv("GIT_AUTHOR_EMAIL")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.useConfigOnly")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "true")
    settled.run("new", "Say 2").says("git does not know who you are", "--author")
    assert settled.run("new", "Say 2", "--author", "Me <me@example.org>").code == 0
    (settled.work / "note.txt").write_text("x\n")
    git(settled.work, "add", "note.txt")
    assert settled.run("refresh", "--continue").code == 0
    assert "From: Me <me@example.org>" in text(settled, "0004-say-2.patch")


def test_drop(settled: Stopping) -> None:
    port = settled
    done = port.run("drop", "0002", "--json")
    assert json.loads(done.out)["dropped"] == [MORE]
    assert port.series() == [ONE, THREE]
    assert not (port.root / "patches" / MORE).exists()
    assert port.run("check").code == 0


def test_move_keeps_names_and_the_tree(settled: Stopping) -> None:
    port = settled
    before = tree_id(port)
    assert port.run("move", MORE, "--before", ONE).code == 0
    assert port.series() == [MORE, ONE, THREE]
    assert port.run("move", MORE).code == 0
    assert port.series() == [ONE, THREE, MORE]
    assert port.run("move", THREE, MORE, "--before", ONE).code == 0
    assert port.series() == [THREE, MORE, ONE]
    assert tree_id(port) == before
    assert port.run("check").code == 0


def test_fold_joins_the_changes_and_the_messages(settled: Stopping) -> None:
    port = settled
    before = tree_id(port)
    assert port.run("fold", THREE, "--into", ONE).code == 0
    assert port.series() == [ONE, MORE]
    made = text(port, ONE)
    assert "Subject: Say 1\n\nSay 3\n\nBecause.\n\nUpstream-Status: Inappropriate [mine]\n" in made
    assert '+\tprintf("1' in made
    assert '+\tprintf("3' in made
    assert not (port.root / "patches" / THREE).exists()
    assert tree_id(port) == before
    assert port.run("check").code == 0
    port.run("fold", ONE).says("is the first patch", "--into")


def test_fold_of_a_patch_that_conflicts_there(settled: Stopping) -> None:
    port = settled
    before = tree_id(port)
    assert port.run("new", "Most", "--author", "Ada Author <ada@example.org>").code == 0
    (port.work / "more.h").write_text("int more = 3;\n")
    assert port.run("refresh", "--continue").code == 0
    after = tree_id(port)
    assert after != before
    assert "0004-most.patch does not apply" in port.run("fold", "0004", "--into", ONE).err
    (port.work / "more.h").write_text("int most = 3;\n")
    assert f"{MORE} does not apply" in port.run("refresh", "--continue").err
    (port.work / "more.h").write_text("int more = 3;\n")
    assert port.run("refresh", "--continue").code == 0
    assert port.series() == [ONE, MORE, THREE]
    assert "+int most = 3;" in text(port, ONE)
    assert "Subject: Say 1\n\nMost\n" in text(port, ONE)
    assert tree_id(port) == after
    assert port.run("check").code == 0


def test_a_fold_of_what_takes_it_back_leaves_nothing(settled: Stopping) -> None:
    port = settled
    assert port.run("new", "Back", "--author", "Ada Author <ada@example.org>").code == 0
    (port.work / "more.h").write_text("int more;\n")
    assert port.run("refresh", "--continue").code == 0
    before = snapshot(port.root)
    both = f"porttool drop {MORE} 0004-back.patch"
    port.run("fold", "0004", "--into", MORE).says(f"nothing is left of {MORE}", both)
    assert snapshot(port.root) == before


def test_split_by_hunk_keeps_the_tree(settled: Stopping) -> None:
    port = settled
    assert port.run("fold", THREE, "--into", ONE).code == 0
    before = tree_id(port)
    parts = json.loads(port.run("split", ONE, "--json").out)["parts"]
    assert [(p["path"], [h["number"] for h in p["hunks"]]) for p in parts] == [("main.c", [1, 2])]
    assert "main.c:2  +1 -1" in port.run("split", ONE).out
    done = port.run("split", ONE, "main.c:2", "--subject", "Say 3 again")
    assert done.code == 0, done
    assert port.series() == ["0003-say-3-again.patch", ONE, MORE]
    assert 'printf("1' not in text(port, "0003-say-3-again.patch")
    assert '+\tprintf("3' not in text(port, ONE)
    assert "Upstream-Status: Inappropriate [mine]" in text(port, "0003-say-3-again.patch")
    assert tree_id(port) == before
    assert port.run("check").code == 0
    before_files = snapshot(port.root)
    port.run("split", ONE, "main.c", "--subject", "All").says(f"that is all of {ONE}")
    port.run("split", ONE, "none.c", "--subject", "X").says(f"{ONE} does not change none.c")
    port.run("split", ONE, "main.c:7", "--subject", "X").says("no hunk 7")
    assert port.run("split", ONE, "main.c:1").code == 2
    assert port.run("split", ONE, "--subject", "x").code == 2
    assert snapshot(port.root) == before_files


@pytest.mark.parametrize(
    "args",
    [
        ("edit", "0009"),
        ("drop", "000"),
        ("move", ONE, "--after", "nothing"),
        ("fold", "x"),
        ("split", "0009", "main.c", "--subject", "x"),
        ("new", "x", "--before", "0009"),
    ],
)
def test_an_unknown_patch(settled: Stopping, args: tuple[str, ...]) -> None:
    before = snapshot(settled.root)
    outcome = settled.run(*args)
    assert outcome.code == 1
    outcome.says("patches/series lists them")
    assert snapshot(settled.root) == before


@pytest.mark.parametrize(
    "args",
    [
        ("edit", "caf\udce9"),
        ("new", "caf\udce9"),
        ("new", ""),
        ("new", "two\nlines"),
        ("new", "x", "--status", "caf\udce9"),
        ("new", "x", "--author", "caf\udce9 <a@example.org>"),
        ("split", MORE, "more.h", "--subject", "caf\udce9"),
        ("send", "caf\udce9"),
    ],
)
def test_what_is_typed_and_is_no_text(settled: Stopping, args: tuple[str, ...]) -> None:
    outcome = settled.run(*args)
    outcome.says()
    assert outcome.code == 1
    assert not settled.work.exists()


def test_edits_that_wait_for_a_refresh_come_first(settled: Stopping, tmp_path: Path) -> None:
    port = settled
    assert port.run("apply").code == 0
    tree = port.root / ".porttool/tree"
    (tree / "main.c").write_text(spoken("1", "2", "3", code=port.code))
    git(tree, "commit", "--quiet", "--all", "--message", "Say 2")
    port.run("drop", MORE).says("commits that are not in patches/", "porttool refresh")
    git(tree, "reset", "--quiet", "--hard", "HEAD^")
    assert port.run("drop", MORE).code == 0
    assert git(tree, "log", "--format=%s").split("\n")[:2] == ["Say 3", "Say 1"]
    patch = port.root / "patches" / ONE
    patch.write_text(patch.read_text().replace('printf("1', 'printf("I'))
    port.run("drop", THREE).says("the series was edited")


def test_what_an_edit_says_is_about_the_series_not_about_upstream(settled: Stopping) -> None:
    port = settled
    assert port.run("edit", ONE).code == 0
    code = spoken("1", "two", "three", code=port.code)
    (port.work / "main.c").write_text(f"// One\n// Two\n{code}// The end\n")
    longer = port.run("refresh", "--continue")
    assert longer.code == 0
    assert not re.search("^offset", longer.out, re.MULTILINE)
    split = port.run("split", ONE, "main.c:1", "--subject", "Begin")
    assert split.code == 0
    assert "a patch before it has main.c hunk 1" in split.out
    assert "upstream has" not in split.out


def test_a_patch_of_which_an_edit_leaves_nothing(settled: Stopping) -> None:
    port = settled
    assert port.run("apply").code == 0
    tree = port.root / ".porttool/tree"
    for value, subject in ((2, "Less"), (1, "Lesser"), (2, "Less again")):
        (tree / "more.h").write_text(f"int more = {value}{value};\n")
        git(tree, "commit", "--quiet", "--all", "--message", subject)
    assert port.run("refresh").code == 0
    before = snapshot(port.root)
    stopped = port.run("drop", "0005")
    assert stopped.code == 3
    stopped.says("the patches before have this already: 0006-less-again.patch")
    assert "upstream" not in stopped.err
    assert "fix: porttool drop 0006-less-again.patch" in stopped.err
    assert snapshot(port.root) == before
    assert port.run("drop", "0006").code == 0
    assert port.run("drop", "0005").code == 0
    assert port.run("check").code == 0

"""A refresh that stops: --continue, --skip, --abort, --step, and what is remembered."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.ports import invoke, state
from tests.commands.stopping import Stopping, spoken, stopping_fixture
from tests.support import SMALL_C, Upstream, add_patches, git, make_workspace, porttool, snapshot

__all__ = ["stopping_fixture"]


def test_a_conflict_is_solved_and_the_rest_follows(port: Stopping) -> None:
    before = snapshot(port.root)
    stopped = port.run("refresh", "--onto", "v2")
    assert stopped.code == 3
    assert "0001-Say-1.patch does not apply: main.c, hunk 1" in stopped.err
    assert "porttool refresh --continue" in stopped.err
    assert f"breaks at {port.uno[:12]} of " in stopped.out
    assert snapshot(port.root) == before
    text = (port.work / "main.c").read_text()
    for mark in ("<<<<<<< upstream", "||||||| what 0001", "=======\n", ">>>>>>> 0001-Say-1.patch"):
        assert mark in text
    assert git(port.work, "diff", "--name-only", "--diff-filter=U") == "main.c"

    again = port.run("refresh", "--continue")
    again.says("conflict markers left", "main.c:")
    assert again.code == 1
    port.solve("uno (1)", "two", "three")
    assert port.report("--continue") == {
        "0001-Say-1.patch": ("conflict", "solved by hand"),
        "0002-More.patch": ("clean", None),
        "0003-Say-3.patch": ("clean", None),
    }
    assert not port.work.exists()
    assert port.run("check").code == 0
    assert 'printf("uno (1)' in (port.root / "patches/0001-Say-1.patch").read_text()
    port.run("refresh", "--continue").says("no refresh is unfinished")


def test_git_commit_in_the_worktree_does_as_well(port: Stopping) -> None:
    assert port.run("refresh", "--onto", "v2").code == 3
    port.solve("uno (1)", "two", "three")
    (port.work / "extra.h").write_text("int extra;\n")
    git(port.work, "add", "--all")
    git(port.work, "commit", "--quiet", "--no-edit")
    said = git(port.work, "log", "-1", "--format=%s, %an, %cn")
    assert said == "Say 1, Ada Author, Carl Committer"
    assert port.run("refresh", "--continue").code == 0
    assert port.series() == ["0001-Say-1.patch", "0002-More.patch", "0003-Say-3.patch"]
    assert "+++ b/extra.h" in (port.root / "patches/0001-Say-1.patch").read_text()


def test_a_commit_of_ones_own_becomes_a_patch_of_its_own(port: Stopping) -> None:
    assert port.run("refresh", "--onto", "v2").code == 3
    port.solve("uno (1)", "two", "three")
    git(port.work, "commit", "--quiet", "--all", "--no-edit")
    (port.work / "more.h").write_text("int more;\nint most;\n")
    loose = port.run("refresh", "--continue")
    loose.says("commits and uncommitted changes")
    git(port.work, "commit", "--quiet", "--all", "--message", "Most")
    git(port.work, "checkout", "--quiet", "HEAD", "--", ".")
    stopped = port.run("refresh", "--continue")
    assert "0002-More.patch does not apply" in stopped.err
    (port.work / "more.h").write_text("int more = 2;\nint most;\n")
    assert port.run("refresh", "--continue").code == 0
    names = ["0001-Say-1.patch", "0004-most.patch", "0002-More.patch", "0003-Say-3.patch"]
    assert port.series() == names
    assert port.run("check").code == 0


def test_a_solution_that_leaves_nothing_is_no_patch(port: Stopping) -> None:
    assert port.run("refresh", "--onto", "v2").code == 3
    port.solve("uno", "two", "three")
    empty = port.run("refresh", "--continue")
    empty.says("nothing is left of 0001-Say-1.patch", "--skip")
    assert port.report("--skip")["0001-Say-1.patch"] == ("conflict", "left out")


def test_skip_leaves_the_patch_out_and_its_file_in_place(port: Stopping) -> None:
    patch = (port.root / "patches/0001-Say-1.patch").read_bytes()
    assert port.run("refresh", "--onto", "v2").code == 3
    skipped = port.run("refresh", "--skip")
    assert skipped.code == 0
    assert re.search("left out +0001-Say-1.patch", skipped.out)
    comment, *rest = port.series()
    assert comment.startswith("# 0001-Say-1.patch: left out on the way to v2")
    assert rest == ["0002-More.patch", "0003-Say-3.patch"]
    assert (port.root / "patches/0001-Say-1.patch").read_bytes() == patch
    assert port.run("check").code == 0
    assert port.run("refresh").code == 0
    assert port.series() == [comment, *rest]


def test_what_is_left_out_of_a_worktree_is_kept_as_a_file(port: Stopping) -> None:
    assert port.run("apply").code == 0
    tree = port.root / ".porttool/tree"
    text = (tree / "main.c").read_text()
    (tree / "main.c").write_text(text.replace('"3', '"III'))
    git(tree, "commit", "--quiet", "--all", "--amend", "--no-edit")
    (tree / "main.c").write_text(text.replace('"3', '"III').replace('"two', '"2'))
    git(tree, "commit", "--quiet", "--all", "--message", "Say 2")
    assert port.run("refresh", "--onto", "v3").code == 3
    for _ in range(2):
        assert port.run("refresh", "--skip").code == 3
    assert port.run("refresh", "--skip").code == 0
    comments = [line.partition(": ")[0] for line in port.series()]
    names = ["# 0001-Say-1.patch", "0002-More.patch", "# 0003-Say-3.patch", "# 0004-say-2.patch"]
    assert comments == names
    assert '+\tprintf("III' in (port.root / "patches/0003-Say-3.patch").read_text()
    assert '+\tprintf("2' in (port.root / "patches/0004-say-2.patch").read_text()
    assert port.run("check").code == 0


def test_abort_brings_every_byte_back(port: Stopping) -> None:
    assert port.run("apply").code == 0
    (port.root / ".porttool/tree/mine.txt").write_text("not added\n")
    before = state(port.root, without=("store.git",)) | {".porttool/lock": None}
    assert port.run("refresh", "--onto", "v2").code == 3
    assert port.run("refresh", "--abort").code == 0
    assert state(port.root, without=("store.git",)) | {".porttool/lock": None} == before
    assert port.run("refresh", "--abort").code == 1
    assert port.run("check").code == 0


def test_what_was_solved_is_solved_again_also_after_an_abort(port: Stopping) -> None:
    assert port.run("refresh", "--onto", "v2").code == 3
    port.solve("uno (1)", "two", "three")
    (port.work / "more.h").write_text("int more;\nint beside;\n")
    assert port.run("refresh", "--abort").code == 0
    with_it = port.run("refresh", "--onto", "v2", "--json")
    # The edit beside the conflict came back as well, and meets the patch on that file.
    assert json.loads(with_it.out)["stopped"]["patch"] == "0002-More.patch"
    solved = json.loads(with_it.out)["outcomes"][0]
    assert (solved["verdict"], solved["solution"]) == ("conflict", "solved as before")
    (port.work / "more.h").write_text("int more = 2;\nint beside;\n")
    assert port.run("refresh", "--continue").code == 0
    assert "int beside" in (port.root / "patches/0001-Say-1.patch").read_text()


def test_no_reuse_asks_again_and_the_new_solution_counts(port: Stopping) -> None:
    assert port.run("refresh", "--onto", "v2").code == 3
    port.solve("wrong", "two", "three")
    assert port.run("refresh", "--abort").code == 0
    assert port.run("refresh", "--onto", "v2", "--no-reuse").code == 3
    port.solve("right", "two", "three")
    assert port.run("refresh", "--abort").code == 0
    assert port.report("--onto", "v2")["0001-Say-1.patch"] == ("conflict", "solved as before")
    assert 'printf("right' in (port.root / "patches/0001-Say-1.patch").read_text()


def test_solutions_can_be_kept_in_the_repository(port: Stopping) -> None:
    config = port.root / "porttool.toml"
    config.write_text(config.read_text() + "\n[series]\nkeep_resolutions = true\n")
    before = snapshot(port.root)
    assert port.run("refresh", "--onto", "v2").code == 3
    port.solve("uno (1)", "two", "three")
    assert port.run("refresh", "--continue").code == 0
    (kept,) = (port.root / "resolutions").iterdir()
    assert kept.read_text().startswith("Subject: Solve the conflict of 0001-Say-1.patch on v2\n")
    kept_text = kept.read_bytes()
    # Somebody else's clone: the versioned files as they were, and the folder of solutions.
    shutil.rmtree(port.root)
    for name, content in (before | {f"resolutions/{kept.name}": kept_text}).items():
        path = port.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert port.report("--onto", "v2")["0001-Say-1.patch"] == ("conflict", "solved as before")


def test_a_solution_is_not_used_where_the_conflict_is_another(port: Stopping) -> None:
    assert port.run("refresh", "--onto", "v2").code == 3
    port.solve("uno (1)", "two", "three")
    assert port.run("refresh", "--abort").code == 0
    text = spoken("eins", "two", "three", code=port.code)
    port.upstream.commit("German", {"main.c": text}, "v4")
    stopped = port.run("refresh", "--onto", "v4")
    assert stopped.code == 3
    assert "<<<<<<<" in (port.work / "main.c").read_text()


def test_a_solution_of_one_file_does_not_solve_another(tmp_path: Path) -> None:
    upstream, root = make_workspace(tmp_path, SMALL_C | {"a.h": "int a;\n", "b.h": "int b;\n"})
    upstream.commit("Both", {"a.h": "int a = 1;\n", "b.h": "int b = 1;\n"})
    add_patches(upstream, root)
    upstream.commit("A", {"a.h": "long a;\n"}, "v2")
    upstream.commit("B", {"b.h": "long b;\n"}, "v3")
    assert invoke("-C", root, "refresh").code == 0
    assert invoke("-C", root, "refresh", "--onto", "v2").code == 3
    (root / ".porttool/work/a.h").write_text("long a = 1;\n")
    assert invoke("-C", root, "refresh", "--abort").code == 0
    assert invoke("-C", root, "refresh", "--onto", "v3").code == 3
    for name in ("a.h", "b.h"):
        assert "<<<<<<<" in (root / ".porttool/work" / name).read_text()


def test_a_solution_of_one_place_does_not_solve_another_in_the_file(port: Stopping) -> None:
    before = spoken("1", "two", "3", code=port.code)
    assert port.run("refresh").code == 0
    assert port.run("drop", *port.series()[1:]).code == 0
    assert port.run("edit", "0001").code == 0
    (port.work / "main.c").write_text(before)
    assert port.run("refresh", "--continue").code == 0
    assert port.run("refresh", "--onto", "v2").code == 3
    port.solve("uno (1)", "two", "3")
    assert port.run("refresh", "--abort").code == 0
    assert port.run("refresh", "--onto", "v3").code == 3
    assert (port.work / "main.c").read_text().count("<<<<<<<") == 2


def test_a_deletion_is_not_repeated_where_the_file_is_no_conflict(tmp_path: Path) -> None:
    upstream, root = make_workspace(tmp_path, SMALL_C | {"a.h": "int a;\n", "b.h": "int b;\n"})
    upstream.commit("Both", {"a.h": "int a = 1;\n", "b.h": "int b = 1;\n"})
    add_patches(upstream, root)
    upstream.commit("A", {"a.h": "long a;\n"}, "v2")
    upstream.commit("B", {"b.h": None}, "v3")
    assert invoke("-C", root, "refresh").code == 0
    assert invoke("-C", root, "refresh", "--onto", "v3").code == 3
    (root / ".porttool/work/a.h").write_text("long a = 1;\n")
    git(root / ".porttool/work", "rm", "--quiet", "b.h")
    assert invoke("-C", root, "refresh", "--abort").code == 0
    assert invoke("-C", root, "refresh", "--onto", "v2").code == 3
    assert (root / ".porttool/work/b.h").exists()
    assert invoke("-C", root, "refresh", "--abort").code == 0
    again = invoke("-C", root, "refresh", "--onto", "v3", "--json")
    assert json.loads(again.out)["outcomes"][0]["solution"] == "solved as before"


def test_a_deleted_file_waits_for_a_word(port: Stopping) -> None:
    git(port.upstream.path, "checkout", "--quiet", "-B", "side", "v1.0")
    port.upstream.commit("Less", {"more.h": None}, "v5")
    stopped = port.run("refresh", "--onto", "v5")
    assert "0002-More.patch" in stopped.err
    port.run("refresh", "--continue").says("nobody has decided what becomes of more.h")
    git(port.work, "add", "more.h")
    assert port.run("refresh", "--continue").code == 0
    assert "new file mode" in (port.root / "patches/0002-More.patch").read_text()


def test_a_binary_file_waits_for_a_word(tmp_path: Path) -> None:
    files: dict[str, str | bytes | None] = {"icon.bin": b"\0one", "more.h": "int more;\n"}
    upstream, root = make_workspace(tmp_path, files | SMALL_C)
    upstream.commit("Both", {"icon.bin": b"\0two", "more.h": "int more = 2;\n"})
    add_patches(upstream, root)
    upstream.commit("Other", {"icon.bin": b"\0three"}, "v2")
    assert invoke("-C", root, "refresh").code == 0
    stopped = invoke("-C", root, "refresh", "--onto", "v2")
    assert stopped.code == 3
    stopped.says("0001-Both.patch does not apply: icon.bin", "both sides changed it")
    waits = invoke("-C", root, "refresh", "--continue")
    waits.says("nobody has decided what becomes of icon.bin", "checkout --theirs FILE")
    work = root / ".porttool/work"
    git(work, "checkout", "--quiet", "--theirs", "icon.bin")
    git(work, "add", "icon.bin")
    assert invoke("-C", root, "refresh", "--continue").code == 0
    assert "GIT binary patch" in (root / "patches/0001-Both.patch").read_text()


def test_markers_that_git_writes_anew_are_markers(port: Stopping) -> None:
    assert port.run("refresh", "--onto", "v2").code == 3
    git(port.work, "checkout", "--quiet", "--merge", "--", "main.c")
    assert "<<<<<<< ours" in (port.work / "main.c").read_text()
    left = port.run("refresh", "--continue")
    left.says("conflict markers left", "main.c:", "add FILE, if they belong there")


def test_a_file_that_git_was_not_told_of_is_not_thrown_away(port: Stopping) -> None:
    assert port.run("refresh", "--onto", "v2").code == 3
    port.solve("uno (1)", "two", "three")
    (port.work / "new.h").write_text("int x;\n")
    port.run("refresh", "--continue").says("git add was never run for new.h", "clean -fd drops")
    git(port.work, "add", "new.h")
    assert port.run("refresh", "--continue").code == 0
    assert "+++ b/new.h" in (port.root / "patches/0001-Say-1.patch").read_text()


def test_after_git_gave_the_conflict_up_nothing_is_left_of_the_patch(port: Stopping) -> None:
    assert port.run("refresh", "--onto", "v2").code == 3
    git(port.work, "cherry-pick", "--abort")
    port.run("refresh", "--continue").says("nothing is left of 0001-Say-1.patch")
    shutil.rmtree(port.work)
    assert port.run("refresh", "--continue").code == 3
    assert "<<<<<<<" in (port.work / "main.c").read_text()


def test_an_ambiguous_placement_waits_to_be_confirmed(tmp_path: Path) -> None:
    body = "".join("{\n\tint a;\n\n\treturn a;\n}\n\n" for _ in range(12))
    upstream, root = make_workspace(tmp_path, SMALL_C | {"f.h": body})
    lines = body.split("\n")
    lines[5 * 6 + 1] = "\tint b;"
    upstream.commit("Sixth", {"f.h": "\n".join(lines)})
    add_patches(upstream, root)
    upstream.commit("Above", {"f.h": "// new\n" * 8 + body}, "v2")
    assert invoke("-C", root, "refresh").code == 0
    stopped = invoke("-C", root, "refresh", "--onto", "v2")
    assert stopped.code == 3
    assert "fits in more than one place" in stopped.err
    work = root / ".porttool/work"
    assert git(work, "diff", "--cached", "--name-only") == "f.h"
    done = invoke("-C", root, "refresh", "--continue", "--json")
    assert json.loads(done.out)["outcomes"][0]["solution"] == "placement confirmed"
    assert invoke("-C", root, "check").code == 0
    assert "@@ -37,7 +37,7 @@" in (root / "patches/0001-Sixth.patch").read_text()


def test_absorbed_patches_are_asked_about_at_the_end(port: Stopping) -> None:
    text = spoken("uno", "dos", "3", code=port.code)
    port.upstream.commit("Thanks", {"main.c": text}, "v6")
    assert port.run("refresh", "--onto", "v6").code == 3
    port.solve("uno (1)", "dos", "3")
    asked = port.run("refresh", "--continue")
    assert asked.code == 3
    assert "refresh --continue --drop-absorbed" in asked.err
    assert "waits for --drop-absorbed: 000" in port.run("status").out
    port.run("drop", "0001").says("it waits for --drop-absorbed: 000")
    done = port.report("--continue", "--drop-absorbed")
    assert done["0003-Say-3.patch"] == ("absorbed", None)
    assert port.series()[-1].startswith("# 0003-Say-3.patch: upstream took it in ")
    assert port.run("check").code == 0


def test_steps_stop_at_one_upstream_commit_after_the_other(port: Stopping) -> None:
    whole = port.run("refresh", "--onto", "v3")
    assert whole.code == 3
    assert port.run("refresh", "--abort").code == 0
    first = port.run("refresh", "--onto", "v3", "--step", "--json")
    assert json.loads(first.out)["culprit"]["commit"] == port.uno
    assert json.loads(first.out)["stopped"]["patch"] == "0001-Say-1.patch"
    assert "tres" not in (port.work / "main.c").read_text()
    port.solve("uno (1)", "two", "three")
    second = port.run("refresh", "--continue", "--json")
    assert second.code == 3
    found = json.loads(second.out)
    assert found["culprit"]["commit"] == port.tres
    assert found["stopped"]["patch"] == "0003-Say-3.patch"
    diff = found["culprit"]["diff"]
    assert '+\tprintf("tres' in diff
    assert "dos" not in diff
    port.solve("uno (1)", "dos", "tres (3)")
    done = json.loads(port.run("refresh", "--continue", "--json").out)
    assert [(each["verdict"], each["solution"]) for each in done["outcomes"]] == [
        ("conflict", "solved by hand"),
        ("clean", None),
        ("conflict", "solved by hand"),
    ]
    # Compared with the files as they were, not with those of the step before.
    assert [each["fate"] for each in done["patches"]] == ["changed", "unchanged", "changed"]
    assert port.run("check").code == 0
    lock = (port.root / "upstream.lock").read_text()
    assert 'ref = "v3"' in lock


def test_steps_pass_over_what_upstream_took_and_gave_back(port: Stopping) -> None:
    git(port.upstream.path, "checkout", "--quiet", "-B", "side", "v1.0")
    port.upstream.commit("Take", {"more.h": "int more = 2;\n"})
    port.upstream.commit("Revert", {"more.h": "int more;\n"}, "v7")
    done = port.report("--onto", "v7", "--step")
    assert done["0002-More.patch"] == ("clean", None)
    assert port.series() == ["0001-Say-1.patch", "0002-More.patch", "0003-Say-3.patch"]


def test_what_was_edited_meanwhile_is_not_lost(port: Stopping) -> None:
    assert port.run("apply").code == 0
    assert port.run("refresh", "--onto", "v2").code == 3
    port.solve("uno (1)", "two", "three")
    patch = port.root / "patches/0002-More.patch"
    text = patch.read_bytes()
    patch.write_bytes(text.replace(b"= 2", b"= 3"))
    edited = port.run("refresh", "--continue")
    edited.says("patches/ was changed since porttool refresh --onto v2 began", "--abort")
    patch.write_bytes(text)
    tree = port.root / ".porttool/tree"
    (tree / "more.h").write_text("int other;\n")
    git(tree, "commit", "--quiet", "--all", "--message", "Meanwhile")
    port.run("refresh", "--continue").says("the worktree was changed")
    git(tree, "reset", "--quiet", "--hard", "HEAD^")
    assert port.run("refresh", "--continue").code == 0
    assert git(tree, "log", "-1", "--format=%s") == "Say 3"


def test_a_worktree_that_was_removed_is_made_anew(port: Stopping) -> None:
    assert port.run("refresh", "--onto", "v2").code == 3
    shutil.rmtree(port.work)
    assert port.run("refresh", "--continue").code == 3
    port.solve("uno (1)", "two", "three")
    assert port.run("refresh", "--continue").code == 0


def test_who_solves_a_conflict_may_stay_in_its_worktree(port: Stopping) -> None:
    assert port.run("refresh", "--onto", "v2").code == 3
    port.solve("uno (1)", "two", "three")
    porttool("-C", "../..", "refresh", "--continue", "--html", "../../said.html", cwd=port.work)
    assert not port.work.exists()
    assert 'printf("uno (1)' in (port.root / "patches/0001-Say-1.patch").read_text()
    assert (port.root / "said.html").exists()


def test_a_shell_in_a_folder_that_is_gone_is_told_so(port: Stopping) -> None:
    script = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"'
    run = [sys.executable, "-m", "porttool", "-C", str(port.root), "status"]
    done = subprocess.run(
        ["sh", "-c", script, "sh", *run],
        cwd=port.root.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "the folder that the shell is in is gone" in done.stderr


def test_a_workspace_that_was_copied_or_moved_goes_on_by_itself(port: Stopping) -> None:
    assert port.run("refresh", "--onto", "v2").code == 3
    for change in (shutil.copytree, shutil.move):
        place = port.root.with_name(change.__name__)
        change(port.root, place)
        main = place / ".porttool/work/main.c"
        main.write_text(spoken("uno (1)", "two", "three", code=port.code))
        assert invoke("-C", place, "refresh", "--continue").code == 0
        assert "uno (1)" in (place / "patches/0001-Say-1.patch").read_text()


def test_files_of_a_worktree_without_its_repository_stay(port: Stopping) -> None:
    assert port.run("refresh", "--onto", "v2").code == 3
    port.solve("uno (1)", "two", "three")
    (port.work / ".git").unlink()
    port.run("refresh", "--continue").says("belongs to no repository any more", "move it away")
    assert "uno (1)" in (port.work / "main.c").read_text()
    port.work.rename(port.work.with_name("mine"))
    assert port.run("refresh", "--continue").code == 3


def test_other_commands_say_what_is_unfinished(port: Stopping) -> None:
    assert port.run("refresh", "--onto", "v2").code == 3
    port.run("refresh").says("porttool refresh --onto v2 is unfinished", "0001-Say-1.patch")
    facts = json.loads(port.run("status", "--json").out)
    assert facts["unfinished"]["command"] == "refresh --onto v2"
    assert facts["unfinished"]["patch"] == "0001-Say-1.patch"
    assert "refresh --onto v2" in port.run("status").out
    checked = port.run("check", "--json")
    assert checked.code == 4
    assert [each["what"] for each in json.loads(checked.out)["drift"]] == ["unfinished"]


def test_a_damaged_state_can_be_given_up(port: Stopping) -> None:
    assert port.run("refresh", "--onto", "v2").code == 3
    (port.root / ".porttool/refresh/state.json").write_text('{"schema": 1}')
    port.run("refresh", "--continue").says("the unfinished refresh cannot be read", "--abort")
    assert port.run("refresh", "--abort").code == 0
    assert port.run("check").code == 0


def test_options_that_do_not_go_together(port: Stopping) -> None:
    for args in (
        ("--continue", "--abort"),
        ("--skip", "--onto", "v2"),
        ("--step",),
        ("--abort", "--drop-absorbed"),
        ("--continue", "--no-reuse"),
    ):
        assert port.run("refresh", *args).code == 2


def test_names_and_text_that_are_not_utf8_survive_a_stop(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.txt")
    upstream = Upstream.make(tmp_path / "up", SMALL_C | {name: b"un caf\xe9\n"})
    root = tmp_path / "port"
    assert invoke("init", upstream.path, root, "--name", "small").code == 0
    upstream.commit("Two", {name: b"deux caf\xe9s\n"})
    add_patches(upstream, root)
    upstream.commit("Three", {name: b"trois caf\xe9s\n"}, "v2")
    assert invoke("-C", root, "refresh").code == 0
    stopped = porttool("refresh", "--onto", "v2", cwd=root, check=3)
    assert "caf" in stopped.stdout
    (root / ".porttool/work" / name).write_bytes(b"deux ou trois caf\xe9s\n")
    porttool("refresh", "--continue", cwd=root)
    porttool("check", cwd=root)


def notes(who: str, *numbers: int) -> dict[str, str]:
    """A file of sixty lines, some of them somebody's."""
    lines = (f"{who if n in numbers else 'line'} {n}\n" for n in range(1, 61))
    return {"notes.txt": "".join(lines)}


def test_a_conflict_names_the_places_that_wait_not_what_was_merged(tmp_path: Path) -> None:
    """The first hunk has no place by itself, but the merge knows what to do with it."""
    upstream, root = make_workspace(tmp_path, SMALL_C | notes("nobody"))
    upstream.commit("Mine", notes("mine", 3, 30, 50))
    add_patches(upstream, root)
    upstream.commit("Theirs", notes("theirs", 5, 30, 50), "v2")
    stopped = invoke("-C", root, "refresh", "--onto", "v2")
    assert "0001-Mine.patch does not apply: notes.txt, hunks 2, 3\n" in stopped.err
    assert "why: notes.txt:30, the lines it wants (-) and those found (+):" in stopped.err
    shown = [line.strip() for line in stopped.err.splitlines()]
    at = shown.index("line 29")
    assert shown[at : at + 4] == ["line 29", "- line 30", "+ theirs 30", "line 31"]
    assert "and so at notes.txt:56" in stopped.err
    again = invoke("-C", root, "refresh", "--continue")
    again.says("conflict markers left", "notes.txt:30", "notes.txt:56")


@pytest.mark.parametrize("step", [(), ("--step",)])
def test_what_was_solved_before_is_no_change_of_upstream_s(
    tmp_path: Path, step: tuple[str, ...]
) -> None:
    upstream, root = make_workspace(tmp_path, SMALL_C | notes("nobody"))
    upstream.commit("First", notes("mine", 30))
    upstream.commit("Second", notes("mine", 30, 32))
    add_patches(upstream, root)
    upstream.commit("Theirs", notes("theirs", 30, 32), "v2")
    assert invoke("-C", root, "refresh", "--onto", "v2", *step).code == 3
    file = root / ".porttool/work/notes.txt"
    file.write_text(notes("theirs", 30, 32)["notes.txt"].replace("theirs 30", "mine 30"))
    stopped = json.loads(invoke("-C", root, "refresh", "--continue", "--json").out)
    assert stopped["stopped"]["patch"] == "0002-Second.patch"
    diff = stopped["culprit"]["diff"]
    assert "-line 32\n+theirs 32\n" in diff
    assert "mine" not in diff


def test_a_solution_that_is_versioned_from_now_on_takes_the_place_of_the_other(
    port: Stopping,
) -> None:
    assert port.run("refresh", "--onto", "v2").code == 3
    port.solve("old", "two", "three")
    assert port.run("refresh", "--abort").code == 0
    config = port.root / "porttool.toml"
    config.write_text(config.read_text() + "\n[series]\nkeep_resolutions = true\n")
    assert port.run("refresh", "--onto", "v2", "--no-reuse").code == 3
    port.solve("new", "two", "three")
    assert port.run("refresh", "--abort").code == 0
    assert port.report("--onto", "v2")["0001-Say-1.patch"] == ("conflict", "solved as before")
    assert 'printf("new' in (port.root / "patches/0001-Say-1.patch").read_text()

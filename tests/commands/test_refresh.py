import json
import os
from pathlib import Path

import pytest

from tests.support import SMALL_C, Upstream, add_patches, git, make_workspace, porttool, snapshot


@pytest.fixture
def port(tmp_path: Path) -> tuple[Upstream, Path]:
    """An upstream and a workspace with a settled series of three patches."""
    upstream, workspace = make_workspace(tmp_path)
    main = SMALL_C["main.c"]
    upstream.commit("Say 1\n\nBecause.", {"main.c": main.replace("one", "1")})
    upstream.commit("Add a file", {"extra.h": "#define EXTRA 1\n"})
    upstream.commit("Say 3", {"main.c": main.replace("one", "1").replace("three", "3")})
    add_patches(upstream, workspace)
    porttool("refresh", cwd=workspace)
    return upstream, workspace


def tree(workspace: Path) -> Path:
    porttool("apply", cwd=workspace)
    return workspace / ".porttool" / "tree"


def commit(worktree: Path, message: str, *args: str) -> None:
    git(worktree, "commit", "--quiet", "--all", "--message", message, *args)


def names(workspace: Path) -> list[str]:
    return (workspace / "patches" / "series").read_text().split()


def test_the_second_run_changes_no_byte_and_no_time(port: tuple[Upstream, Path]) -> None:
    _, workspace = port
    files = [p for p in workspace.rglob("*") if p.is_file() and ".porttool" not in p.parts]
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
    result = porttool("refresh", "--json", cwd=workspace)
    report = json.loads(result.stdout)
    assert report["changed"] is False
    assert {patch["fate"] for patch in report["patches"]} == {"unchanged"}
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files} == before


def test_the_export_is_computed_each_time(port: tuple[Upstream, Path]) -> None:
    """A patch that says less than the format wants is written anew although it applies."""
    _, workspace = port
    path = workspace / "patches" / names(workspace)[1]
    content = path.read_bytes()
    path.write_bytes(content + b"-- \n2.39.5\n\n")
    result = json.loads(porttool("refresh", "--json", cwd=workspace).stdout)
    assert [patch["fate"] for patch in result["patches"]] == ["unchanged", "changed", "unchanged"]
    assert path.read_bytes() == content


def test_header_text_and_names_are_kept(port: tuple[Upstream, Path]) -> None:
    _, workspace = port
    old = workspace / "patches" / names(workspace)[0]
    new = old.with_name("0042-my.Own_name.patch")
    header = b"X-Seen: yes\n" + old.read_bytes().replace(b"Because.", b"Because.\n\nMore.")
    header = header.replace(b"---\n main", b"---\nA note to the reader\n main")
    new.write_bytes(header)
    old.unlink()
    series = workspace / "patches" / "series"
    series.write_text("# why\n" + series.read_text().replace(old.name, new.name))
    porttool("refresh", cwd=workspace)
    assert new.read_bytes() == header
    assert series.read_text().startswith(f"# why\n{new.name}\n")


def test_only_numbers_and_ids_differing_is_no_change(port: tuple[Upstream, Path]) -> None:
    """The churn that other exports make: lines above moved, blob ids changed."""
    upstream, workspace = port
    before = snapshot(workspace / "patches")
    upstream.commit("Insert above", {"main.c": "/* new */\n" * 4 + SMALL_C["main.c"]}, "v1.1")
    result = json.loads(porttool("refresh", "--onto", "v1.1", "--json", cwd=workspace).stdout)
    assert snapshot(workspace / "patches") == before
    assert [patch["offsets"] for patch in result["patches"]] == [[4], [0], [4]]
    assert result["pin"]["ref"] == "v1.1"
    assert 'ref = "v1.1"' in (workspace / "upstream.lock").read_text()
    porttool("check", cwd=workspace)
    porttool("apply", cwd=workspace)


def test_a_new_commit_becomes_a_patch(port: tuple[Upstream, Path]) -> None:
    _, workspace = port
    worktree = tree(workspace)
    (worktree / "extra.h").write_text("#define EXTRA 2\n")
    commit(worktree, "Raise EXTRA to 2\n\nBecause two is more.")
    before = snapshot(workspace / "patches")
    result = json.loads(porttool("refresh", "--json", cwd=workspace).stdout)
    assert [patch["fate"] for patch in result["patches"]] == ["unchanged"] * 3 + ["new"]
    assert names(workspace)[3] == "0004-raise-extra-to-2.patch"
    added = (workspace / "patches" / names(workspace)[3]).read_text()
    assert "From: Ada Author <ada@example.org>" in added
    assert "Because two is more." in added
    after = snapshot(workspace / "patches")
    assert {name: after[name] for name in before if name != "series"} == {
        name: content for name, content in before.items() if name != "series"
    }
    porttool("check", cwd=workspace)
    assert json.loads(porttool("refresh", "--json", cwd=workspace).stdout)["changed"] is False


def test_an_amended_commit_changes_its_patch_alone(port: tuple[Upstream, Path]) -> None:
    _, workspace = port
    worktree = tree(workspace)
    text = (worktree / "main.c").read_text()
    (worktree / "main.c").write_text(text.replace('"3\\n"', '"drei\\n"'))
    commit(worktree, "Say drei instead", "--amend")
    result = json.loads(porttool("refresh", "--json", cwd=workspace).stdout)
    assert [patch["fate"] for patch in result["patches"]] == ["unchanged", "unchanged", "changed"]
    assert names(workspace)[2] == "0003-Say-3.patch"
    assert "drei" in (workspace / "patches" / "0003-Say-3.patch").read_text()


def test_a_dropped_and_reordered_commit(port: tuple[Upstream, Path]) -> None:
    _, workspace = port
    worktree = tree(workspace)
    one, _, three = git(worktree, "rev-list", "--reverse", "HEAD~3..HEAD").split()
    git(worktree, "reset", "--quiet", "--hard", "HEAD~3")
    for each in (three, one):
        git(worktree, "cherry-pick", each)
    result = json.loads(porttool("refresh", "--json", cwd=workspace).stdout)
    assert result["dropped"] == ["0002-Add-a-file.patch"]
    assert names(workspace) == ["0003-Say-3.patch", "0001-Say-1.patch"]
    assert not (workspace / "patches" / "0002-Add-a-file.patch").exists()
    porttool("check", cwd=workspace)


def test_a_rebase_in_progress_is_not_exported(port: tuple[Upstream, Path]) -> None:
    """An export then would drop the patches that are not picked yet."""
    _, workspace = port
    worktree = tree(workspace)
    os.environ["GIT_SEQUENCE_EDITOR"] = "sed -i 2s/^pick/edit/"
    git(worktree, "rebase", "--quiet", "-i", "HEAD~3")
    before = snapshot(workspace)
    result = porttool("refresh", cwd=workspace, check=1)
    assert "in the middle of something" in result.stderr
    assert snapshot(workspace) == before
    git(worktree, "rebase", "--continue")
    porttool("refresh", cwd=workspace)
    assert snapshot(workspace) == before


def test_both_sides_edited_needs_a_decision(port: tuple[Upstream, Path]) -> None:
    _, workspace = port
    worktree = tree(workspace)
    (worktree / "extra.h").write_text("#define EXTRA 2\n")
    commit(worktree, "Raise EXTRA")
    path = workspace / "patches" / "0001-Say-1.patch"
    path.write_bytes(path.read_bytes().replace(b'"1', b'"I'))
    three = workspace / "patches" / "0003-Say-3.patch"
    three.write_bytes(three.read_bytes().replace(b'"1', b'"I'))
    before = snapshot(workspace)
    result = porttool("refresh", cwd=workspace, check=3)
    assert "--take" in result.stderr
    assert snapshot(workspace) == before
    porttool("refresh", "--take", "worktree", cwd=workspace)
    assert len(names(workspace)) == 4
    assert b'"1' in path.read_bytes()


def test_loose_edits_are_named_and_survive(port: tuple[Upstream, Path]) -> None:
    _, workspace = port
    worktree = tree(workspace)
    (worktree / "extra.h").write_text("#define EXTRA 9\n")
    result = porttool("refresh", cwd=workspace)
    assert "uncommitted changes" in result.stderr
    assert (worktree / "extra.h").read_text() == "#define EXTRA 9\n"


def test_a_patch_dropped_into_the_folder_is_taken_up(port: tuple[Upstream, Path]) -> None:
    _, workspace = port
    dropped = workspace / "patches" / "fix-two.patch"
    dropped.write_text(
        '--- a/main.c\n+++ b/main.c\n@@ -6 +6 @@\n-\tprintf("two\\n");\n+\tputs("2");\n'
    )
    result = porttool("refresh", cwd=workspace, check=3)
    assert "fix-two.patch does not apply: main.c, hunk 1" in result.stderr
    dropped.write_text(
        "--- a/main.c\n+++ b/main.c\n@@ -5,3 +5,3 @@\n"
        ' \tprintf("1\\n");\n-\tprintf("two\\n");\n+\tputs("2");\n \tprintf("3\\n");\n'
    )
    result = porttool("refresh", cwd=workspace)
    assert "fix-two.patch: not in series, taken up" in result.stderr
    assert names(workspace)[-1] == "fix-two.patch"
    assert dropped.read_text().startswith("From 000000")
    porttool("check", cwd=workspace)


def test_a_commented_out_patch_stays_out(port: tuple[Upstream, Path]) -> None:
    _, workspace = port
    series = workspace / "patches" / "series"
    series.write_text(series.read_text().replace("0003-Say", "# not now: 0003-Say"))
    porttool("refresh", cwd=workspace)
    assert "# not now: 0003-Say-3.patch" in series.read_text()
    assert (workspace / "patches" / "0003-Say-3.patch").exists()
    porttool("check", cwd=workspace)


def test_a_conflict_names_patch_file_and_hunk_and_changes_nothing(
    port: tuple[Upstream, Path],
) -> None:
    upstream, workspace = port
    upstream.commit("Other words", {"main.c": SMALL_C["main.c"].replace("three", "tres")}, "v2")
    before = snapshot(workspace, without=(".porttool",))
    result = porttool("refresh", "--onto", "v2", cwd=workspace, check=3)
    assert "0003-Say-3.patch does not apply: main.c, hunk 1" in result.stderr
    assert snapshot(workspace, without=(".porttool",)) == before


def test_an_ambiguous_hunk_is_never_guessed(tmp_path: Path) -> None:
    body = "".join("{\n\tint a;\n\n\treturn a;\n}\n\n" for _ in range(12))
    upstream, workspace = make_workspace(tmp_path, {**SMALL_C, "f.txt": body})
    lines = body.split("\n")
    lines[5 * 6 + 1] = "\tint b;"
    upstream.commit("Sixth", {"f.txt": "\n".join(lines)})
    add_patches(upstream, workspace)
    porttool("refresh", cwd=workspace)
    upstream.commit("Eight lines above", {"f.txt": "// new\n" * 8 + body}, "v2")
    before = snapshot(workspace, without=(".porttool",))
    result = porttool("refresh", "--onto", "v2", cwd=workspace, check=3)
    assert "0001-Sixth.patch fits in more than one place: f.txt, hunk 1" in result.stderr
    assert snapshot(workspace, without=(".porttool",)) == before


def test_the_output_fits_80_columns_and_says_what_happened(port: tuple[Upstream, Path]) -> None:
    _, workspace = port
    text = porttool("refresh", cwd=workspace).stdout
    assert "\x1b" not in text
    lines = [line for line in text.splitlines() if "emitted" not in line]
    assert all(len(line) <= 80 for line in lines)
    assert [line.split()[:2] for line in lines if ".patch" in line] == [
        ["unchanged", "0001-Say-1.patch"],
        ["unchanged", "0002-Add-a-file.patch"],
        ["unchanged", "0003-Say-3.patch"],
    ]


def test_a_series_that_was_rebased_in_the_worktree_is_taken_up(port: tuple[Upstream, Path]) -> None:
    upstream, workspace = port
    words = SMALL_C["main.c"].replace("three", "tres")
    upstream.commit("Other words", {"main.c": words, "extra.h": "#define EXTRA 1\n"}, "v2")
    porttool("fetch", cwd=workspace)
    worktree = tree(workspace)
    git(worktree, "reset", "--quiet", "--hard", "v2")
    (worktree / "main.c").write_text(words.replace("one", "1").replace("tres", "3"))
    git(worktree, "commit", "--quiet", "--all", "--message", "Say 3")
    result = json.loads(porttool("refresh", "--onto", "v2", "--json", cwd=workspace).stdout)
    assert [(patch["name"], patch["fate"]) for patch in result["patches"]] == [
        ("0003-Say-3.patch", "changed")
    ]
    assert result["dropped"] == ["0001-Say-1.patch", "0002-Add-a-file.patch"]
    assert result["pin"]["ref"] == "v2"
    porttool("check", cwd=workspace)
    back = porttool("refresh", "--onto", "v1.0", cwd=workspace, check=3)
    assert "does not apply" in back.stderr


def test_loose_edits_are_never_overwritten(port: tuple[Upstream, Path]) -> None:
    upstream, workspace = port
    upstream.commit("More", {"more.h": "int m;\n"}, "v1.1")
    worktree = tree(workspace)
    (worktree / "extra.h").write_text("#define EXTRA 9\n")
    before = snapshot(workspace)
    result = porttool("refresh", "--onto", "v1.1", cwd=workspace, check=1)
    assert "uncommitted changes" in result.stderr
    assert snapshot(workspace) == before
    assert (worktree / "extra.h").read_text() == "#define EXTRA 9\n"


@pytest.mark.parametrize("others", [3, 40])
def test_a_conflict_names_the_upstream_commit_that_made_it(
    port: tuple[Upstream, Path], others: int
) -> None:
    upstream, workspace = port
    for number in range(others):
        upstream.commit(f"Before {number}", {"other.h": f"int o{number};\n"})
    words = SMALL_C["main.c"].replace("three", "tres")
    culprit = upstream.commit("Speak Spanish", {"main.c": words, "other.h": "int hola;\n"})
    for number in range(others):
        upstream.commit(f"After {number}", {"other.h": f"int p{number};\n"})
    git(upstream.path, "tag", "v2")
    stopped = porttool("refresh", "--onto", "v2", "--json", cwd=workspace, check=3)
    found = json.loads(stopped.stdout)["culprit"]
    assert (found["commit"], found["subject"]) == (culprit, "Speak Spanish")
    assert '+\tprintf("tres' in found["diff"]
    assert "hola" not in found["diff"]
    porttool("refresh", "--abort", cwd=workspace)
    text = porttool("refresh", "--onto", "v2", cwd=workspace, check=3).stdout
    assert f"breaks at {culprit[:12]} of " in text


@pytest.mark.parametrize(
    "detach", [("checkout", "--quiet", "HEAD~2"), ("bisect", "start", "HEAD", "v1.0")]
)
def test_looking_at_an_old_commit_drops_no_patch(
    port: tuple[Upstream, Path], detach: tuple[str, ...]
) -> None:
    _, workspace = port
    worktree = tree(workspace)
    before = snapshot(workspace)
    git(worktree, *detach)
    result = porttool("refresh", cwd=workspace, check=1)
    assert "not on its branch" in result.stderr or "in the middle" in result.stderr
    assert snapshot(workspace) == before


def test_a_parked_patch_keeps_its_name_and_its_number(port: tuple[Upstream, Path]) -> None:
    _, workspace = port
    parked = workspace / "patches" / "0004-raise-extra.patch"
    parked.write_text("parked\n")
    series = workspace / "patches" / "series"
    series.write_text(series.read_text() + "# 0004-raise-extra.patch: waits\n")
    porttool("refresh", cwd=workspace)
    worktree = tree(workspace)
    (worktree / "extra.h").write_text("#define EXTRA 2\n")
    commit(worktree, "Raise EXTRA")
    porttool("refresh", cwd=workspace)
    assert parked.read_text() == "parked\n"
    assert "0005-raise-extra.patch" in names(workspace)


def test_a_header_without_a_date_survives_a_move(tmp_path: Path) -> None:
    upstream, workspace = make_workspace(tmp_path)
    patch = (
        "Subject: Say 1\nUpstream-Status: Pending\nBug: 12\n\n"
        "--- a/main.c\n+++ b/main.c\n@@ -4,3 +4,3 @@\n"
        ' {\n-\tprintf("one\\n");\n+\tprintf("1\\n");\n \tprintf("two\\n");\n'
    )
    (workspace / "patches" / "0001-say.patch").write_text(patch)
    (workspace / "patches" / "series").write_text("0001-say.patch\n")
    porttool("refresh", cwd=workspace)
    upstream.commit("More", {"more.h": "int m;\n"}, "v1.1")
    porttool("refresh", "--onto", "v1.1", cwd=workspace)
    header = (workspace / "patches" / "0001-say.patch").read_text().split("diff --git")[0]
    assert header == patch.split("---")[0]


def test_a_binary_change_is_exported_for_git_am(port: tuple[Upstream, Path]) -> None:
    upstream, workspace = port
    worktree = tree(workspace)
    (worktree / "logo.bin").write_bytes(bytes(range(256)) * 4)
    git(worktree, "add", "--all")
    commit(worktree, "Add a logo")
    porttool("refresh", cwd=workspace)
    porttool("check", cwd=workspace)
    paths = [str(workspace / "patches" / name) for name in names(workspace)]
    git(upstream.path, "am", "--quiet", *paths)
    assert git(upstream.path, "rev-parse", "HEAD^{tree}") == git(
        worktree, "rev-parse", "HEAD^{tree}"
    )


def test_an_unlisted_patch_that_upstream_has_leaves_with_an_epitaph(
    port: tuple[Upstream, Path],
) -> None:
    upstream, workspace = port
    dropped = workspace / "patches" / "0007-more.patch"
    dropped.write_text(
        "From: A <a@b.c>\nDate: Tue, 14 Nov 2023 23:14:20 +0100\nSubject: More\n\n"
        "--- /dev/null\n+++ b/more.h\n@@ -0,0 +1 @@\n+int m;\n"
    )
    upstream.commit("More", {"more.h": "int m;\n"}, "v1.1")
    porttool("refresh", "--onto", "v1.1", "--drop-absorbed", cwd=workspace)
    assert not dropped.exists()
    assert "# 0007-more.patch: upstream" in (workspace / "patches" / "series").read_text()
    porttool("check", cwd=workspace)


def test_commits_of_upstream_do_not_become_patches(port: tuple[Upstream, Path]) -> None:
    upstream, workspace = port
    upstream.commit("More", {"more.h": "int m;\n"}, "v1.1")
    worktree = tree(workspace)
    porttool("fetch", cwd=workspace)
    porttool("apply", cwd=workspace)
    git(worktree, "rebase", "--quiet", "--onto", "v1.1", "v1.0")
    before = snapshot(workspace)
    result = porttool("refresh", cwd=workspace, check=1)
    assert "porttool refresh --onto" in result.stderr
    assert snapshot(workspace) == before
    porttool("refresh", "--onto", "v1.1", cwd=workspace)
    assert len(names(workspace)) == 3


def test_the_maintainers_own_tags_stay(port: tuple[Upstream, Path]) -> None:
    _, workspace = port
    worktree = tree(workspace)
    git(worktree, "tag", "backup")
    porttool("refresh", cwd=workspace)
    assert "backup" in git(worktree, "tag")


@pytest.mark.parametrize(
    "line", ["diff -r a b", "---", "--- a/main.c\n+++ b/main.c\n@@ -1 +1 @@\n-a\n+b"]
)
def test_a_message_that_reads_like_a_diff_is_refused(
    port: tuple[Upstream, Path], line: str
) -> None:
    _, workspace = port
    worktree = tree(workspace)
    (worktree / "extra.h").write_text("#define EXTRA 2\n")
    commit(worktree, f"Raise EXTRA\n\nLike this:\n\n{line}\n\nSigned-off-by: A <a@b.c>")
    before = snapshot(workspace)
    result = porttool("refresh", cwd=workspace, check=1)
    assert "indent that line" in result.stderr
    assert snapshot(workspace) == before


def test_settings_of_the_worktree_change_no_byte(port: tuple[Upstream, Path]) -> None:
    _, workspace = port
    before = snapshot(workspace)
    worktree = tree(workspace)
    (workspace / "order").write_text("main.c\n")
    for name, value in {
        "format.signOff": "true",
        "diff.suppressBlankEmpty": "true",
        "diff.orderFile": str(workspace / "order"),
        "i18n.logOutputEncoding": "latin1",
        "diff.noprefix": "true",
    }.items():
        git(worktree, "config", name, value)
    (workspace / "order").unlink()
    porttool("refresh", cwd=workspace)
    assert snapshot(workspace) == before


def test_the_settings_follow_renames_when_a_conflict_was_solved_by_hand(
    port: tuple[Upstream, Path],
) -> None:
    upstream, workspace = port
    git(upstream.path, "rm", "--quiet", "main.c")
    words = SMALL_C["main.c"].replace("three", "tres")
    upstream.commit("Move and speak Spanish", {"src/main.c": words}, "v2")
    porttool("fetch", cwd=workspace)
    worktree = tree(workspace)
    git(worktree, "reset", "--quiet", "--hard", "v2")
    (worktree / "src" / "main.c").write_text(words.replace("tres", "3"))
    commit(worktree, "Say 3")
    result = porttool("refresh", "--onto", "v2", cwd=workspace)
    assert "sources and includes in porttool.toml follow" in result.stderr
    assert 'sources = ["src/main.c"]' in (workspace / "porttool.toml").read_text()
    porttool("check", cwd=workspace)


@pytest.mark.parametrize(
    ("moved", "sources"),
    [
        ({"lib/a.c": "code/a.c", "lib/b.c": "code/b.c"}, '"main.c", "code/*.c"'),
        ({"lib/a.c": "one/a.c", "lib/b.c": "two/b.c"}, '"main.c", "one/a.c", "two/b.c"'),
        ({"lib/a.c": "lib/z.c"}, '"main.c", "lib/*.c"'),
    ],
)
def test_globs_in_the_settings_follow_too(
    tmp_path: Path, moved: dict[str, str], sources: str
) -> None:
    files = {f"lib/{name}.c": f"int {name}(void)\n{{\n\treturn 1;\n}}\n" for name in "ab"}
    upstream, workspace = make_workspace(tmp_path, {**SMALL_C, **files})
    config = workspace / "porttool.toml"
    text = config.read_text()
    listed = text[text.index("sources = [") : text.index("]", text.index("sources = [")) + 1]
    config.write_text(text.replace(listed, 'sources = ["main.c", "lib/*.c"]'))
    for old, new in moved.items():
        (upstream.path / new).parent.mkdir(exist_ok=True)
        git(upstream.path, "mv", old, new)
    upstream.commit("Move", None, "v2")
    porttool("refresh", "--onto", "v2", cwd=workspace)
    found = " ".join(config.read_text().split("[port]")[1].split())
    assert f"sources = [{sources}]" in found


def test_a_header_that_is_gone_is_the_patch_s_or_the_settings_matter(
    port: tuple[Upstream, Path],
) -> None:
    _, workspace = port
    tree = workspace / ".porttool" / "tree"
    porttool("apply", cwd=workspace)
    (tree / "main.c").write_text('#include "gone.h"\n')
    git(tree, "commit", "--quiet", "--all", "--message", "Include")
    result = porttool("refresh", cwd=workspace, check=4)
    assert "why: main.c:1: header 'gone.h' not found\n" in result.stderr
    assert "fix: mend the patch, or add the header's folder to includes in porttool.toml" in (
        result.stderr
    )
    audit = porttool("audit-deps", ".porttool/tree", cwd=workspace, check=4)
    assert "fix: porttool audit-deps --include DIR" in audit.stderr

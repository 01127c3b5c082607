import json
import shutil
from pathlib import Path

import pytest

from tests.support import SMALL_C, add_patches, git, make_workspace, porttool, snapshot


@pytest.fixture
def port(tmp_path: Path) -> Path:
    upstream, workspace = make_workspace(tmp_path)
    upstream.commit("Say 1", {"main.c": SMALL_C["main.c"].replace("one", "1")})
    add_patches(upstream, workspace)
    porttool("refresh", cwd=workspace)
    return workspace


def drift(workspace: Path) -> list[tuple[str, str]]:
    report = json.loads(porttool("check", "--json", cwd=workspace, check=None).stdout)
    assert report["ok"] is (report["drift"] == [])
    return [(each["what"], each["detail"]) for each in report["drift"]]


def test_all_is_well(port: Path) -> None:
    assert drift(port) == []
    state = json.loads(porttool("status", "--json", cwd=port).stdout)
    assert state["series"] == {"patches": ["0001-Say-1.patch"], "unlisted": [], "edited": False}
    assert state["worktree"] is None
    assert state["emitted"]["current"] is True


def test_a_clone_that_never_emitted_has_not_drifted(port: Path) -> None:
    for path in sorted((port / "build").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (port / "build").rmdir()
    assert drift(port) == []


def test_each_drift_is_named_and_gives_4(port: Path) -> None:
    patch = port / "patches" / "0001-Say-1.patch"
    good = patch.read_bytes()
    patch.write_bytes(good.replace(b'"1', b'"I'))
    before = snapshot(port, without=(".porttool",))
    assert [what for what, _ in drift(port)] == ["series"]
    assert porttool("check", cwd=port, check=4).stdout.startswith("series")
    assert snapshot(port, without=(".porttool",)) == before
    patch.write_bytes(good)

    (port / "build" / "lib-small" / "Makefile.uk").write_text("edited\n")
    assert drift(port) == [("emitted", "lib-small/Makefile.uk is not what it would be now")]


def test_an_export_that_would_differ_is_drift(port: Path) -> None:
    """The lock can agree with a series that porttool would write in another way."""
    patch = port / "patches" / "0001-Say-1.patch"
    patch.write_bytes(patch.read_bytes() + b"-- \n2.39.5\n")
    lock = port / "upstream.lock"
    state = json.loads(porttool("status", "--json", cwd=port).stdout)
    assert state["series"]["edited"] is True
    from porttool.series import folder

    now = folder.read(port / "patches").digest
    lines = lock.read_text().splitlines()
    old = next(line for line in lines if line.startswith("digest"))
    lock.write_text(lock.read_text().replace(old, f'digest = "{now}"'))
    assert ("export", "0001-Say-1.patch would be written anew") in drift(port)


def test_worktree_edits_show(port: Path) -> None:
    porttool("apply", cwd=port)
    tree = port / ".porttool" / "tree"
    (tree / "main.c").write_text("int x;\n")
    state = json.loads(porttool("status", "--json", cwd=port).stdout)["worktree"]
    assert (state["dirty"], state["edited"]) == (True, False)
    assert drift(port) == []
    git(tree, "commit", "--quiet", "--all", "--message", "Edit")
    state = json.loads(porttool("status", "--json", cwd=port).stdout)["worktree"]
    assert (state["dirty"], state["edited"]) == (False, True)
    assert [what for what, _ in drift(port)] == ["worktree"]
    assert "commits not in patches/" in porttool("status", cwd=port).stdout


def test_apply_never_loses_work(port: Path) -> None:
    porttool("apply", cwd=port)
    tree = port / ".porttool" / "tree"
    (tree / "main.c").write_text("int x;\n")
    result = porttool("apply", cwd=port, check=1)
    assert "uncommitted changes" in result.stderr
    assert (tree / "main.c").read_text() == "int x;\n"
    porttool("apply", "--force", cwd=port)
    assert '"1' in (tree / "main.c").read_text()


def test_apply_to_a_folder_of_choice(port: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "else where"
    before = snapshot(port)
    report = json.loads(porttool("apply", "--to", elsewhere, "--json", cwd=port).stdout)
    assert git(elsewhere, "rev-parse", "HEAD^{tree}") == report["tree"]
    assert git(elsewhere, "log", "--format=%s", "-1") == "Say 1"
    assert snapshot(port) == before
    porttool("apply", "--to", elsewhere, cwd=port)
    (elsewhere / "main.c").write_text("mine\n")
    porttool("apply", "--to", elsewhere, cwd=port, check=1)
    assert (elsewhere / "main.c").read_text() == "mine\n"


def test_a_moved_workspace_keeps_its_worktree_and_a_copy_gets_its_own(
    port: Path, tmp_path: Path
) -> None:
    porttool("apply", cwd=port)
    tree = port / ".porttool" / "tree"
    (tree / "main.c").write_text("int x;\n")
    git(tree, "commit", "--quiet", "--all", "--message", "Edit")
    head = git(tree, "rev-parse", "HEAD")
    shutil.copytree(port, tmp_path / "copy", symlinks=True)
    port.rename(tmp_path / "moved")
    for name in ("copy", "moved"):
        state = json.loads(porttool("status", "--json", cwd=tmp_path / name).stdout)["worktree"]
        assert (state["head"], state["edited"], state["dirty"]) == (head, True, False)
    copied = tmp_path / "copy" / ".porttool" / "tree"
    git(copied, "commit", "--quiet", "--allow-empty", "--message", "In the copy")
    moved = tmp_path / "moved" / ".porttool" / "tree"
    assert git(moved, "rev-parse", "HEAD") == head
    assert git(moved, "status", "--porcelain") == ""


def test_files_that_were_not_added_are_named(port: Path) -> None:
    porttool("apply", cwd=port)
    (port / ".porttool" / "tree" / "collector.c").write_text("int x;\n")
    assert "git add was never run in the worktree for collector.c" in (
        porttool("refresh", cwd=port).stderr
    )
    assert "1 file not added to git" in porttool("status", cwd=port).stdout
    assert drift(port) == []


def test_check_says_when_nothing_was_emitted(port: Path) -> None:
    shutil.rmtree(port / "build")
    assert "nothing was emitted yet" in porttool("check", cwd=port).stdout


def test_the_libraries_that_are_not_current_in_one_line(port: Path) -> None:
    for path in sorted((port / "build/lib-small").iterdir()):
        if path.is_file() and not path.name.startswith("."):
            path.write_text("edited\n")
    emitted = json.loads(porttool("status", "--json", cwd=port).stdout)["emitted"]
    assert "lib-small/Makefile.uk" in emitted["differing"]
    more = len(emitted["differing"]) - 3
    assert more > 0
    assert emitted["why"].endswith(f" and {more} more (porttool check)")
    shutil.rmtree(port / "build")
    assert "nothing yet (porttool emit)" in porttool("status", cwd=port).stdout

"""kill -9 at any instant: the next command finds the old state or the new one, and says so."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.commands.ports import Outcome, Port, edit, invoke, port_fixture
from tests.support import git

__all__ = ["port_fixture"]

#: Audit events of Python that change a file system; ``open`` counts where it writes.
CHANGES = {
    "os.rename",
    "os.mkdir",
    "os.remove",
    "os.rmdir",
    "os.symlink",
    "os.link",
    "shutil.copystat",
}
CHANGES |= {"subprocess.Popen", "ctypes.dlsym"}


def killed_at(port: Port, instant: int, args: tuple[str, ...]) -> bool:
    """Run porttool in a child that kills itself before its ``instant``-th change.

    Gives whether it came to that. The child is a fork, which is quicker than a new Python.
    """
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        left = instant

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal left
            writes = (
                event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_ACCMODE
            )
            if event in CHANGES or writes:
                left -= 1
                if left <= 0:
                    os.killpg(0, signal.SIGKILL)

        sys.addaudithook(hook)
        try:
            invoke("-C", port.root, *args)
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status)


def prepare(port: Port) -> None:
    """A refresh that changes patches and lock, drops a patch, and moves the worktree."""
    assert port.run("refresh").code == 0
    assert port.run("apply").code == 0
    port.add("0003-more.patch", edit("notes.txt", "line 5\n", "x\n"))
    tree = port.root / ".porttool/tree"
    assert port.run("refresh").code == 0
    (tree / "notes.txt").write_text("all new\n")
    git(tree, "commit", "--quiet", "--all", "--amend", "-m", "Other notes")
    (tree / "another.c").write_text("int another;\n")
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "-m", "Another file")


def recovers(
    port: Port, old: dict[str, tuple[str, bytes]], new: dict[str, tuple[str, bytes]]
) -> str:
    """The next command finds the old state or the new; gives which. A refresh then completes it."""
    said = port.run("status", "--json")
    assert said.code == 0, said
    now = port.kept()
    assert now in (old, new)
    name = "old" if now == old else "new"
    if "interrupted command" in said.err:
        assert f"the {name} state" in said.err
    facts = json.loads(said.out)
    assert facts["series"]["edited"] is False
    assert len(facts["series"]["patches"]) == (3 if now == old else 4)
    assert facts["worktree"]["edited"] is (now == old)
    drift = {each["what"] for each in json.loads(port.run("check", "--json").out)["drift"]}
    assert drift <= ({"worktree"} if now == old else {"emitted"})
    assert not (port.root / ".porttool/transaction").exists()
    return name


def mended(port: Port, *args: str) -> Outcome:
    """Run porttool; if git died with a lock in its hand, do what the error says and run it again.

    Only a person can tell a lock that a killed git left from one of a git at work.
    """
    outcome = port.run(*args)
    if "File exists" in outcome.err:
        outcome.says("remove that lock file")
        Path(outcome.err.split("Unable to create '")[1].split("'")[0]).unlink()
        outcome = port.run(*args)
    return outcome


def test_killed_at_many_instants_of_a_refresh(port: Port) -> None:
    prepare(port)
    old = port.kept()
    saved = port.root.parent / "saved"
    shutil.copytree(port.root, saved, symlinks=True)

    def again() -> None:
        shutil.rmtree(port.root)
        shutil.copytree(saved, port.root, symlinks=True)

    assert port.run("refresh").code == 0
    assert port.run("check").code == 0
    new = port.kept()
    assert new != old
    again()
    found = set()
    for instant in range(2, 1000, 7):  # until it comes to its end before the signal does
        again()
        if not killed_at(port, instant, ("refresh",)):
            break
        found.add(recovers(port, old, new))
    else:
        pytest.fail("the refresh never came to its end")
    assert found == {"old", "new"}
    assert port.run("refresh").code == 0
    assert port.run("check").code == 0
    assert port.kept() == new


@pytest.mark.parametrize("args", [("apply",), ("apply", "--force")])
def test_killed_at_many_instants_of_apply(port: Port, args: tuple[str, ...]) -> None:
    assert port.run("refresh").code == 0
    old = port.kept()
    for instant in range(1, 60, 5):
        killed = killed_at(port, instant, args)
        assert port.kept() == old
        if instant % 2:
            assert port.run("apply").code == 0
        if not killed:
            break
    assert port.run("apply").code == 0
    assert port.run("check").code == 0


def test_killed_from_outside(port: Port) -> None:
    """The same in real life: the whole process group at once, git in the middle of its work."""
    prepare(port)
    old = port.kept()
    command = [sys.executable, "-m", "porttool", "-C", str(port.root), "refresh"]
    start = time.monotonic()
    saved = port.root.parent / "saved"
    shutil.copytree(port.root, saved, symlinks=True)
    subprocess.run(command, check=True, capture_output=True)
    whole = time.monotonic() - start
    new = port.kept()
    for part in range(1, 8, 2):
        shutil.rmtree(port.root)
        shutil.copytree(saved, port.root, symlinks=True)
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep(whole * (0.3 + part / 10))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        recovers(port, old, new)
        if mended(port, "refresh").code:  # the worktree was half-way
            assert port.run("apply", "--force").code == 0
            assert port.run("refresh").code == 0
        assert port.kept() == new


def test_killed_while_git_makes_the_worktree(port: Port) -> None:
    assert port.run("refresh").code == 0
    folder = port.root.parent / "bin"
    folder.mkdir()
    marker = folder / "marker"
    # It runs the real git beside itself, so that it is still at work when all are killed.
    script = f"""#!/bin/sh
case " $* " in
*" worktree add "*) /usr/bin/env git "$@" & sleep 0.01; echo > {marker}; exec sleep 60;;
esac
PATH={os.environ["PATH"]} exec git "$@"
"""
    (folder / "git").write_text(
        script.replace("/usr/bin/env git", f"PATH={os.environ['PATH']} git")
    )
    (folder / "git").chmod(0o755)
    for pause in (0.0, 0.002, 0.005):
        shutil.rmtree(port.root / ".porttool/tree", ignore_errors=True)
        marker.unlink(missing_ok=True)
        process = subprocess.Popen(
            [sys.executable, "-m", "porttool", "-C", str(port.root), "apply"],
            env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
            start_new_session=True,
        )
        while not marker.exists():
            assert process.poll() is None
            time.sleep(0.001)
        time.sleep(pause)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert mended(port, "apply", "--force").code == 0
        assert port.run("check").code == 0


def test_a_worktree_that_was_begun_only(port: Port) -> None:
    """What git leaves when it is killed in the middle of a checkout."""
    assert port.run("refresh").code == 0
    assert port.run("apply").code == 0
    tree = port.root / ".porttool/tree"
    git_dir = Path((tree / ".git").read_text().removeprefix("gitdir: ").strip())
    (git_dir / "locked").write_text("initializing\n")
    (git_dir / "index").unlink()
    (tree / "main.c").unlink()
    assert json.loads(port.run("status", "--json").out)["worktree"] is None
    assert port.run("check").code == 0
    assert port.run("refresh").code == 0
    assert port.run("apply").code == 0
    assert (tree / "main.c").is_file()
    # Killed before the folder was made, or after it was removed.
    (git_dir / "locked").write_text("initializing\n")
    shutil.rmtree(tree)
    assert port.run("apply").code == 0
    assert port.run("check").code == 0


def test_a_lock_that_a_killed_git_left(port: Port) -> None:
    assert port.run("refresh").code == 0
    assert port.run("apply").code == 0
    git_dir = (port.root / ".porttool/tree/.git").read_text().removeprefix("gitdir: ").strip()
    Path(git_dir, "index.lock").write_text("")
    port.add("0003-more.patch", edit("notes.txt", "line 5\n", "x\n"))
    outcome = port.refuses("refresh")
    outcome.says("index.lock")
    Path(git_dir, "index.lock").unlink()
    assert port.run("refresh").code == 0


def test_a_store_that_was_begun_only(port: Port) -> None:
    store = port.root / ".porttool/store.git"
    store.mkdir(parents=True)
    (store / "config").write_text("")
    assert port.run("apply").code == 0
    assert "-filter" in (store / "info/attributes").read_text()

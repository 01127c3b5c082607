"""kill -9 at any instant: the next command finds the old state or the new one, and says so."""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from tests.commands.kills import Bench, Victim
from tests.commands.ports import FILES, MAIN_C, SERVE_C, Port, edit, port_fixture
from tests.support import git, write_files

__all__ = ["port_fixture"]


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


#: At how many points a test kills; those of a refresh are 56 different ones in all. With
#: PORTTOOL_KILL_EVERYWHERE=1 in the environment it is all there are, and --log-cli-level=INFO says
#: how they ended.
POINTS = 14
EVERYWHERE = bool(os.environ.get("PORTTOOL_KILL_EVERYWHERE"))


def prepare_all(port: Port) -> tuple[str, ...]:
    """A refresh that does all a refresh can do; gives its arguments.

    It takes an edited, a dropped and a new commit up from the worktree, moves to a newer upstream
    and so writes, removes and renames files in patches/, in the worktree and in the libraries.
    """
    assert port.run("refresh").code == 0
    assert port.run("apply").code == 0
    tree = port.root / ".porttool/tree"
    git(tree, "reset", "--quiet", "--hard", "HEAD~1")
    write_files(tree, {"another.c": "int another;\n"})
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "-m", "Another file")
    changed = {"notes.txt": None, "notes.txt/one": "1\n", "bulk.txt": "line\n" * 20000}
    changed |= {"src/util.c": FILES["src/util.c"].replace("n + n", "2 * n"), "src/new.h": "\n"}
    port.upstream.commit("Third", changed, "v1.2")
    return ("refresh", "--onto", "v1.2")


def recovered(port: Port, new: dict[str, tuple[str, bytes]], args: tuple[str, ...]) -> None:
    """Nobody has to do anything but to run the command again, and then all is as it should be."""
    outcome = port.run(*args)
    assert outcome.code == 0, outcome
    assert port.kept() == new
    outcome = port.run("check")
    assert outcome.code == 0, outcome
    tree = port.root / ".porttool/tree"
    assert git(tree, "status", "--porcelain") == ""
    assert f'"{git(tree, "rev-parse", "HEAD^{tree}")}"' in port.lock.read_text()
    assert git(tree, "symbolic-ref", "HEAD") == "refs/heads/series"
    assert {path.name for path in tree.parent.iterdir()} == {"lock", "store.git", "tree"}
    left = [path for path in tree.parent.rglob("*") if path.name.endswith(".lock")]
    assert not left
    assert not list((tree.parent / "store.git").rglob("porttool-*"))


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("victim", Victim)
@pytest.mark.parametrize("gits", [False, True], ids=["porttool", "git"])
def test_killed_at_a_change_of_a_refresh(port: Port, victim: Victim, gits: bool) -> None:
    """At a write, rename, unlink, fsync and so on of porttool, or of one of its gits."""
    args = prepare_all(port)
    old = port.kept()
    bench = Bench(port, args)
    points = [point for point in bench.points() if bool(point.process) == gits]
    new = port.kept()
    assert new != old
    assert port.run("check").code == 0
    found, missed = Counter[str](), []
    # Each victim has points of its own, so that there are twice as many of them.
    turn = list(Victim).index(victim)
    for point in points if EVERYWHERE else spread(points, 2 * POINTS)[turn::2]:
        bench.again()
        if not bench.kill(point, victim):
            missed.append(point)  # a folder of objects that it did not need this time
            continue
        said = port.run("status", "--json")
        assert said.code == 0, (point, said)
        now = port.kept()
        assert now in (old, new), point
        facts = json.loads(said.out)
        assert facts["series"]["edited"] is False, point
        assert facts["worktree"]["edited"] is (now == old), (point, said)
        assert facts["worktree"]["dirty"] is False, (point, said)
        found["old" if now == old else "new"] += 1
        recovered(port, new, args)
    logging.info("%d points: %s; not reached: %s", len(points), dict(found), missed)
    assert set(found) == {"old", "new"}
    assert len(missed) <= found.total() // 10


CONFLICT = ("refresh", "--onto", "v2.0")


def conflicting(port: Port) -> None:
    """A refresh onto v2.0 stops at the first patch."""
    assert port.run("refresh").code == 0
    assert port.run("apply").code == 0
    changed = {"main.c": MAIN_C.replace("main(void)", "main(int c)"), "notes.txt": None}
    port.upstream.commit("Third", changed, "v2.0")


def solve(port: Port) -> None:
    serve = SERVE_C.replace("three", "four")
    (port.root / ".porttool/work/main.c").write_text(serve)


def finish(port: Port) -> None:
    """Bring the refresh onto v2.0 to its end, wherever it is now."""
    for _ in range(4):
        facts = json.loads(port.run("status", "--json").out)
        if facts["unfinished"] is not None:
            if (port.root / ".porttool/work/main.c").is_file():
                solve(port)
            outcome = port.run("refresh", "--continue")
        elif facts["pin"]["ref"] != "v2.0":
            outcome = port.run(*CONFLICT)
        else:
            outcome = port.run("refresh")  # what it emits may still be the old
            assert outcome.code == 0, outcome
            return
        assert outcome.code in (0, 3), outcome
    pytest.fail("it came to no end")


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize(
    ("args", "code"),
    [(CONFLICT, 3), (("refresh", "--continue"), 0), (("refresh", "--abort"), 0)],
    ids=["stop", "continue", "abort"],
)
def test_killed_at_a_change_of_an_operation(port: Port, args: tuple[str, ...], code: int) -> None:
    """While it stops, goes on to its end, or is given up: nothing is lost, nothing half-way."""
    conflicting(port)
    old = port.kept()
    if args != CONFLICT:
        assert port.run(*CONFLICT).code == 3
        solve(port)
    bench = Bench(port, args, code)
    kills = [(point, victim) for point in bench.points() for victim in Victim]
    new = port.kept()
    assert (new != old) is ("--continue" in args)
    finish(port)
    end = port.kept()
    reached = 0
    for point, victim in kills if EVERYWHERE else spread(kills, 7):
        bench.again()
        reached += bench.kill(point, victim)
        said = port.run("status", "--json")
        assert said.code == 0, (point, said)
        assert port.kept() in (old, new), point
        facts = json.loads(said.out)
        assert facts["worktree"]["edited"] is False, (point, said)
        if port.kept() == new != old:
            assert facts["unfinished"] is None, (point, said)
        finish(port)
        assert port.kept() == end, point
        outcome = port.run("check")
        assert outcome.code == 0, (point, outcome)
        folders = {path.name for path in (port.root / ".porttool").iterdir()}
        assert folders - {"solutions"} == {"lock", "store.git", "tree"}, point
    logging.info("%d kills, %d reached", len(kills), reached)
    assert reached


T = TypeVar("T")


def spread(points: Sequence[T], number: int) -> list[T]:
    """So many of the points, evenly spread."""
    return [points[at * len(points) // number] for at in range(min(number, len(points)))]


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize("args", [("apply",), ("apply", "--force")])
def test_killed_at_a_change_of_apply(port: Port, args: tuple[str, ...]) -> None:
    """While it makes the worktree, or makes it anew."""
    assert port.run("refresh").code == 0
    if "--force" in args:
        assert port.run("apply").code == 0
        write_files(port.root / ".porttool/tree", {"main.c": None, "notes.txt": "mine\n"})
    kept = port.kept()
    bench = Bench(port, args)
    kills = [(point, victim) for point in bench.points() for victim in Victim]
    reached = 0
    for point, victim in kills if EVERYWHERE else spread(kills, 7):
        bench.again()
        reached += bench.kill(point, victim)
        said = port.run("status", "--json")
        assert said.code == 0, (point, said)
        recovered(port, kept, args)
    logging.info("%d kills, %d reached", len(kills), reached)
    assert reached


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
        assert port.run("refresh").code == 0
        assert port.run("check").code == 0
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
        assert port.run("apply", "--force").code == 0
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
    # Killed over the very first file that it writes.
    begun = git_dir.with_name("begun")
    begun.mkdir()
    (begun / "locked").write_text("")
    assert port.run("refresh").code == 0
    assert not begun.exists()
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

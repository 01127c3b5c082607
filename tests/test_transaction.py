import ctypes
import json
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from porttool import git, transaction
from porttool.errors import UserError
from porttool.git import GitError, GitKilled
from porttool.transaction import BusyError, Change, commit, held, recover
from porttool.workspace import Workspace, parse_config

CONFIG = '[upstream]\nname = "x"\nurl = "/x"\n[target]\nunikraft = "0.16.3"\n'
OLD = {"patches/series": b"a.patch\n", "patches/a.patch": b"old\n", "upstream.lock": b"old lock\n"}
NEW = Change(
    {"series": b"b.patch\n", "b.patch": b"new\n"}, frozenset({"a.patch"}), None, b"new lock\n"
)
NEW_STATE = {
    "patches/series": b"b.patch\n",
    "patches/b.patch": b"new\n",
    "patches/notes/README": b"mine\n",
    "upstream.lock": b"new lock\n",
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    for name, content in {**OLD, "patches/notes/README": b"mine\n"}.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / ".porttool").mkdir()
    return Workspace(tmp_path, parse_config(CONFIG, tmp_path / "porttool.toml"))


def state(workspace: Workspace) -> dict[str, bytes]:
    return {
        path.relative_to(workspace.root).as_posix(): path.read_bytes()
        for path in sorted(workspace.root.rglob("*"))
        if path.is_file() and ".porttool" not in path.parts
    }


def test_a_change_is_made_whole_and_leaves_what_is_not_ours(workspace: Workspace) -> None:
    assert commit(workspace, NEW)
    assert state(workspace) == NEW_STATE
    assert not (workspace.state / "transaction").exists()
    assert not commit(workspace, NEW)


@pytest.mark.parametrize("exchange", [True, False])
def test_stopped_after_each_step_it_is_old_or_new(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, exchange: bool
) -> None:
    """Stop before every rename in turn, as a crash would, and recover."""
    if not exchange:
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    old = state(workspace)
    rename = Path.rename
    seen: list[str | None] = []
    for stop in range(20):
        calls = 0

        def crashing(self: Path, target: Path, last: int = stop) -> Path:
            nonlocal calls
            calls += 1
            if calls > last:
                raise Crash
            return rename(self, target)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "rename", crashing)
            patched.setattr(transaction, "_roll_back", lambda *_: None)
            try:
                commit(workspace, NEW)
            except Crash:
                finished = False
            else:
                finished = True
        said = recover(workspace)
        seen.append(said)
        now = state(workspace)
        if finished:
            assert now == NEW_STATE
            break
        assert now == old, (stop, said)
        assert recover(workspace) is None
    else:
        pytest.fail("the commit never finished")
    assert any(said and "old state is back" in said for said in seen)


class Crash(BaseException):
    """Stands for the end of the process."""


def test_after_the_commit_point_the_new_state_stays(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove = shutil.rmtree
    calls = 0

    def crashing(path: Path, ignore_errors: bool = False) -> None:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise Crash
        remove(path, ignore_errors=ignore_errors)

    monkeypatch.setattr(shutil, "rmtree", crashing)
    with pytest.raises(Crash):
        commit(workspace, NEW)
    monkeypatch.undo()
    said = recover(workspace)
    assert said is not None
    assert "new state stays" in said
    assert state(workspace) == NEW_STATE


def test_what_was_edited_after_a_crash_is_not_touched(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(transaction, "_forward", crash)
        patched.setattr(transaction, "_roll_back", lambda *_: None)
        with pytest.raises(Crash):
            commit(workspace, NEW)
    (workspace.patches / "a.patch").write_bytes(b"edited by hand\n")
    said = recover(workspace)
    assert said is not None
    assert "nothing was touched" in said
    assert state(workspace)["patches/a.patch"] == b"edited by hand\n"


def test_an_error_in_the_middle_is_undone(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward: Callable[..., None] = transaction._forward

    def failing(held_: Workspace, folder: Path, name: str) -> None:
        if name == "upstream.lock":
            raise OSError(28, "No space left on device")
        forward(held_, folder, name)

    old = state(workspace)
    monkeypatch.setattr(transaction, "_forward", failing)
    with pytest.raises(OSError, match="No space"):
        commit(workspace, NEW)
    assert state(workspace) == old
    assert not (workspace.state / "transaction").exists()


def test_the_second_says_who_holds_it(workspace: Workspace) -> None:
    with held(workspace, "refresh"), pytest.raises(BusyError) as caught, held(workspace, "check"):
        pytest.fail("two porttools in one workspace")
    assert f"porttool refresh, process {os.getpid()}" in str(caught.value.why)


def killed_with_a_child(workspace: Workspace, seconds: float) -> None:
    """A porttool that is killed while a child works for ``seconds`` on."""
    pid = os.fork()
    if pid == 0:
        with held(workspace, "refresh"), git.child(["sleep", str(seconds)], writes=False):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)


def test_the_children_of_a_killed_porttool_are_waited_for(workspace: Workspace) -> None:
    start = time.monotonic()
    killed_with_a_child(workspace, 0.5)
    with held(workspace, "check"):
        assert time.monotonic() - start > 0.4


def test_children_that_do_not_end_are_named(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction, "_PATIENCE", 0.1)
    killed_with_a_child(workspace, 2)
    with pytest.raises(BusyError) as caught, held(workspace, "check"):
        pytest.fail("the child still works")
    why, fix = str(caught.value.why), str(caught.value.fix)
    assert "it was porttool refresh, process" in why
    assert ": sleep 2" in why
    os.kill(int(fix.rpartition(" ")[2]), signal.SIGKILL)
    with held(workspace, "check"):
        pass


def stale(workspace: Workspace, name: str, age: float) -> Path:
    path = workspace.store / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    os.utime(path, (time.time() - age,) * 2)
    return path


def begun(workspace: Workspace, age: float) -> None:
    """What a porttool that was killed leaves: who held the workspace, and since when."""
    holder = workspace.state / "lock"
    holder.write_text("porttool refresh, process 4194305\n")
    os.utime(holder, (time.time() - age,) * 2)


def test_what_a_killed_git_left_is_cleared(workspace: Workspace) -> None:
    names = (
        "refs/heads/series.lock",
        "refs/tags/v1.lock",
        "packed-refs.lock",
        "worktrees/tree/HEAD.lock",
    )
    begun(workspace, 60)
    locks = [stale(workspace, name, 30) for name in names]
    users = [stale(workspace, "worktrees/tree/index.lock", 30), stale(workspace, "HEAD.lock", 90)]
    with held(workspace, "refresh") as said:
        assert said is not None
        assert all(name in said for name in names)
    assert not any(path.exists() for path in locks)
    assert all(path.exists() for path in users)
    with held(workspace, "refresh") as said:
        assert said is None


def test_the_lock_of_a_git_at_work_is_waited_for(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(workspace, 60)
    lock = stale(workspace, "refs/heads/topic.lock", 0)

    def sleep(_: float) -> None:  # meanwhile it ends, and another begins
        os.utime(lock)

    monkeypatch.setattr(time, "sleep", sleep)
    with held(workspace, "refresh") as said:
        assert said is None
    assert lock.exists()


def test_after_a_clean_end_no_lock_is_touched(workspace: Workspace) -> None:
    lock = stale(workspace, "refs/heads/series.lock", -1)
    with pytest.raises(UserError), held(workspace, "refresh"):
        raise UserError("something in the workspace")
    for _ in range(2):
        with held(workspace, "refresh") as said:
            assert said is None
    assert lock.exists()


@pytest.mark.parametrize(
    "error",
    [KeyboardInterrupt(), GitKilled(["worktree"], 9), GitError(["worktree"], 255, b"child died")],
)
def test_after_another_end_one_looks(workspace: Workspace, error: BaseException) -> None:
    with pytest.raises(type(error)), held(workspace, "refresh"):
        stale(workspace, "refs/heads/series.lock", -0.01)
        raise error
    with held(workspace, "refresh") as said:
        assert said is not None


def test_the_journal_names_every_step(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def look(held_: Workspace, folder: Path, name: str) -> None:
        journal = json.loads((folder / "journal").read_bytes())
        seen.extend(step["name"] for step in journal["steps"])
        raise Crash

    monkeypatch.setattr(transaction, "_forward", look)
    with pytest.raises(Crash):
        commit(workspace, NEW)
    assert seen == ["patches", "upstream.lock"]

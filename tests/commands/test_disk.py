"""A full disk and a read-only folder: exit 1, a clear error, nothing half-changed."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.commands.ports import COMMANDS, Outcome, Port, edit, invoke, port_fixture

__all__ = ["port_fixture"]

#: Free bytes that are left, from nothing to nearly enough.
LEFT = [0, 4096, 16384, 49152, 131072]


def can_mount() -> bool:
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "porttool-test", folder], capture_output=True, check=False
        )
        if done.returncode == 0:
            subprocess.run(["umount", folder], check=True)
        return done.returncode == 0


pytestmark = pytest.mark.skipif(
    not can_mount(), reason="only root can mount a small disk, and not in every container"
)


@contextmanager
def disk(folder: Path, size: int = 8 << 20) -> Iterator[Path]:
    """A small disk at ``folder``, with what lay there."""
    saved = folder.with_name(f"{folder.name}.saved")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(folder, saved, symlinks=True)
    options = f"size={size},mode=755"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "porttool-test", folder], check=True)
    try:
        shutil.copytree(saved, folder, symlinks=True, dirs_exist_ok=True)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path, left: int) -> None:
    """Fill the disk but for ``left`` bytes."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as handle, suppress(OSError):
        while True:
            handle.write(b"\0" * 65536)
    os.truncate(filler, max(0, filler.stat().st_size - left))


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A read-only view of ``folder``: root is not held up by permissions."""
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def assert_clear(outcome: Outcome, *, must_fail: bool, text: str) -> None:
    assert outcome.code == 1 or (outcome.code == 0 and not must_fail), outcome
    if outcome.code:
        outcome.says(text)


@pytest.fixture
def busy(port: Port) -> Port:
    """A port with a worktree, and an edit of the series that a refresh has to take up."""
    assert port.run("refresh").code == 0
    assert port.run("apply").code == 0
    return port


def more(port: Port) -> None:
    port.add("0003-more.patch", edit("notes.txt", "line 5\n", "x\n" + "long line\n" * 2000))


@pytest.mark.parametrize("left", LEFT)
def test_the_workspaces_disk_is_full(busy: Port, left: int) -> None:
    with disk(busy.root):
        sound = busy.kept()
        fill(busy.root, left)
        for name, args in COMMANDS.items():
            shutil.rmtree(busy.root.parent / "elsewhere", ignore_errors=True)
            outcome = busy.run(*args)
            assert_clear(outcome, must_fail=False, text="No space left on device")
            assert {n: v for n, v in busy.kept().items() if n != "filler"} == sound, name
        (busy.root / "filler").unlink()
        more(busy)
        old = busy.kept()
        fill(busy.root, left)
        outcome = busy.run("refresh")
        assert_clear(outcome, must_fail=left < 65536, text="No space left on device")
        now = {n: v for n, v in busy.kept().items() if n != "filler"}
        (busy.root / "filler").unlink()
        assert busy.run("refresh").code == 0
        assert busy.run("check").code == 0
        assert now in (old, busy.kept()), "a third state"


@pytest.mark.parametrize("left", LEFT[:4])
def test_the_caches_disk_is_full(port: Port, sealed_environment: Path, left: int) -> None:
    with disk(sealed_environment / ".cache"):
        fill(sealed_environment / ".cache", left)
        for args in (("fetch",), ("refresh",), ("init", port.upstream.path, "fresh")):
            old = port.kept()
            outcome = port.run(*args)
            assert_clear(outcome, must_fail=left < 16384, text="space")
            assert port.kept() == old
            assert (port.root.parent / "fresh").exists() == (args[0] == "init" and not outcome.code)
        (sealed_environment / ".cache/filler").unlink()
        assert port.run("fetch").code == 0


@pytest.mark.parametrize("left", LEFT[:3])
def test_the_disk_for_temporary_files_is_full(
    busy: Port, tmp_path: Path, left: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with disk(tmp_path / "scratch") as scratch:
        monkeypatch.setattr(tempfile, "tempdir", str(scratch))
        fill(scratch, left)
        for name in ("emit", "audit-deps", "refresh"):
            args = COMMANDS[name]
            if name == "refresh":
                more(busy)
            assert_clear(busy.refuses(*args), must_fail=True, text="No space left on device")
        (scratch / "filler").unlink()
        assert busy.run("refresh").code == 0
        assert not list(scratch.iterdir())


def test_a_full_disk_for_a_new_workspace(port: Port) -> None:
    with disk(port.root.parent / "small") as small:
        fill(small, 0)
        fresh = small / "fresh"
        outcome = invoke("init", port.upstream.path, fresh, "--name=x")
        assert_clear(outcome, must_fail=True, text="No space left on device")
        assert not fresh.exists()
        assert [path.name for path in small.iterdir()] == ["filler"]


def test_a_read_only_workspace(busy: Port) -> None:
    more(busy)
    old = busy.kept()
    with read_only(busy.root):
        for args in COMMANDS.values():
            outcome = busy.run(*args)
            assert_clear(outcome, must_fail=True, text="ead-only file system")
            assert busy.kept() == old
    assert busy.run("refresh").code == 0
    assert busy.run("check").code == 0


def test_read_only_places_around_the_workspace(
    port: Port, sealed_environment: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cache = sealed_environment / ".cache"
    shutil.rmtree(cache)
    cache.mkdir()
    with read_only(cache):
        for args in (("fetch",), ("refresh",), ("apply",), ("init", port.upstream.path, "fresh")):
            assert_clear(port.refuses(*args), must_fail=True, text="ead-only file system")
    fresh = port.root.parent / "new"
    fresh.mkdir()
    with read_only(fresh):
        for target in (fresh, fresh / "below"):
            outcome = invoke("init", port.upstream.path, target, "--name=x")
            assert_clear(outcome, must_fail=True, text="ead-only file system")
        outcome = port.run("apply", "--to", fresh / "tree")
        assert_clear(outcome, must_fail=True, text="ead-only file system")
        outcome = port.run("emit", "-o", fresh / "out")
        assert_clear(outcome, must_fail=True, text="ead-only file system")
    assert port.run("refresh").code == 0
    with read_only(cache):  # what is in the cache can be used
        assert port.run("apply").code == 0
        assert port.run("check").code == 0
    patches = port.patches
    more(port)
    old = port.kept()
    with read_only(patches):  # a mount point cannot be exchanged
        outcome = port.run("refresh")
        assert outcome.code == 1, outcome
        outcome.says(str(patches))
        assert port.kept() == old
    assert port.run("refresh").code == 0

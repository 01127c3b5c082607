"""Changing ``patches/``, ``porttool.toml`` and ``upstream.lock`` all or nothing.

The new ``patches/`` is prepared beside the old and exchanged with it in one system call
(renameat2(2) with RENAME_EXCHANGE; where a file system cannot, two renames). The lock is renamed
last: it is the commit point. A journal, written and synced before the first change, lets the next
command finish or undo what a crash interrupted, and say which.
"""

import ctypes
import errno
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from porttool import git
from porttool.errors import PorttoolError, UserError
from porttool.git import GitError, GitKilled
from porttool.workspace import Workspace

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2

#: Seconds that the children of a killed porttool get to end, and between looks at them.
_PATIENCE = 5.0
_PAUSE = 0.02

#: Seconds for which a git that lives may hold the lock of a ref.
_INSTANT = 1.0


@dataclass(frozen=True, slots=True)
class Change:
    """The new state of a workspace. None leaves that part as it is.

    ``patches`` maps names in the patches folder to their content, ``series`` among them;
    ``dropped`` are names there that go. What else lies in the folder stays.
    """

    patches: Mapping[str, bytes] | None = None
    dropped: frozenset[str] = frozenset()
    config: bytes | None = None
    lock: bytes | None = None


class BusyError(UserError):
    """Another porttool holds the workspace."""


@contextmanager
def held(workspace: Workspace, command: str) -> Iterator[str | None]:
    """Hold the workspace against other porttools, and recover what a crash left.

    Every git that is started meanwhile holds it too: one that outlives a killed porttool is
    waited for. Gives a sentence about the recovery, or None. Raises :class:`BusyError` that says
    who holds it.
    """
    workspace.state.mkdir(exist_ok=True)
    path = workspace.state / "lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _take(descriptor, path, workspace)
        said = [recover(workspace)]
        if _holder(descriptor):  # who held it last did not come to an end
            said.append(_clear_locks(workspace, os.fstat(descriptor).st_mtime))
        holder = f"porttool {command}, process {os.getpid()}\n".encode("utf-8", "replace")
        os.ftruncate(descriptor, os.pwrite(descriptor, holder, 0))
        with git.handing_down(descriptor):
            try:
                yield "; ".join(filter(None, said)) or None
            except (GitError, GitKilled):  # it, or a child of its, may have left its locks
                raise
            except PorttoolError:
                os.ftruncate(descriptor, 0)
                raise
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path, workspace: Workspace) -> None:
    """Lock the workspace. If the porttool that holds it was killed, wait for its children."""
    give_up = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            holder = _holder(descriptor)
        if holder and _lives(holder):
            raise BusyError(
                "another porttool is at work in this workspace",
                where=str(workspace.root),
                why=holder,
                fix="wait for it to end",
            )
        if time.monotonic() > give_up:
            left = _processes_with(path)
            lines = [f"it was {holder}", *(f"process {pid}: {line}" for pid, line in left)]
            raise BusyError(
                "what a killed porttool had started is still at work in this workspace",
                where=str(workspace.root),
                why="\n".join(lines),
                fix="wait for it to end"
                + (f", or end it: kill {' '.join(pid for pid, _ in left)}" if left else ""),
            )
        time.sleep(_PAUSE)


def _holder(descriptor: int) -> str:
    """Who holds the workspace, or who did when it was killed; empty after a clean end."""
    return os.pread(descriptor, 4096, 0).decode("utf-8", "replace").strip()


def _lives(holder: str) -> bool:
    """Whether the process that ``holder`` names is there, and no zombie (see proc(5))."""
    try:
        facts = Path("/proc", holder.rpartition(" ")[2], "stat").read_text("utf-8", "replace")
    except OSError:
        return False
    return facts.rpartition(")")[2].split()[0] not in ("Z", "X")


def _processes_with(path: Path) -> list[tuple[str, str]]:
    """The processes that hold ``path`` open, each with its command line, as far as one may look."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            opened = any(each.readlink() == path for each in (process / "fd").iterdir())
            if opened and int(process.name) != os.getpid():
                words = (process / "cmdline").read_bytes().split(b"\0")
                found.append((process.name, b" ".join(words).decode("utf-8", "replace").strip()))
    return found


def _clear_locks(workspace: Workspace, since: float) -> str | None:
    """Remove the locks at refs that a git of a killed porttool left; says which, or None.

    Nothing of the killed porttool lives any more, but the user's own git may be at work in the
    worktree. It holds such a lock for an instant only: what was there before the killed porttool
    began, or is not yet a moment old, is not touched.
    """
    store = git.Repository(workspace.store)
    for crash_report in workspace.store.glob("fast_import_crash_*"):
        crash_report.unlink()
    cleared = []
    for lock in store.ref_locks():
        with suppress(FileNotFoundError):
            made = lock.stat().st_mtime
            if made < since:
                continue
            time.sleep(max(0.0, min(_INSTANT, made + _INSTANT - time.time())))
            if lock.stat().st_mtime == made:
                lock.unlink()
                cleared.append(str(lock.relative_to(workspace.store)))
    if not cleared:
        return None
    return f"removed what a killed git had left in the store: {', '.join(cleared)}"


def commit(workspace: Workspace, change: Change) -> bool:
    """Make ``change``; gives False, touching nothing, when it is what is there already."""
    patches = change.patches
    if patches is not None and not _differs(workspace.patches, patches, change.dropped):
        patches = None
    files = {
        path: content
        for path, content in (
            (workspace.config_path, change.config),
            (workspace.lock_path, change.lock),
        )
        if content is not None and (not path.is_file() or path.read_bytes() != content)
    }
    if patches is None and not files:
        return False
    folder = _transaction_folder(workspace)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    journal: dict[str, object] = {"steps": []}
    steps: list[dict[str, str]] = []
    try:
        if patches is not None:
            new = folder / "patches"
            _copy_synced(workspace.patches, new)
            for name, content in patches.items():
                if not (new / name).is_file() or (new / name).read_bytes() != content:
                    write_synced(new / name, content)
            for name in change.dropped:
                (new / name).unlink(missing_ok=True)
            _sync_folder(new)
            steps.append(_step("patches", _digest(workspace.patches), _digest(new)))
        for path, content in files.items():
            write_synced(folder / path.name, content)
            if path.exists():
                write_synced(folder / f"{path.name}.old", path.read_bytes())
            steps.append(_step(path.name, _digest(path), _digest(folder / path.name)))
        journal["steps"] = steps
        write_synced(folder / "journal.tmp", json.dumps(journal, indent=1).encode())
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    (folder / "journal.tmp").rename(folder / "journal")
    _sync_folder(folder)
    try:
        for step in steps:
            _forward(workspace, folder, step["name"])
    except BaseException:
        _roll_back(workspace, folder, steps)
        raise
    _sync_folder(workspace.root)
    shutil.rmtree(folder)
    return True


def recover(workspace: Workspace) -> str | None:
    """Bring the workspace to the old or the new state after a crash; says which, or None.

    The last step is the commit point: once it is done, the new state stays.
    """
    folder = _transaction_folder(workspace)
    if not folder.exists():
        return None
    journal = folder / "journal"
    if not journal.is_file():
        shutil.rmtree(folder)
        return None
    steps: list[dict[str, str]] = json.loads(journal.read_bytes())["steps"]
    targets = {step["name"]: _digest(workspace.root / step["name"]) for step in steps}
    foreign = [s["name"] for s in steps if targets[s["name"]] not in (s["old"], s["new"], "absent")]
    if foreign:
        kept = folder.with_name("transaction-kept")
        shutil.rmtree(kept, ignore_errors=True)
        folder.rename(kept)
        return (
            f"an interrupted command left {', '.join(foreign)} half-way and it was edited since: "
            f"nothing was touched, what the command had prepared is in {kept}"
        )
    if steps and targets[steps[-1]["name"]] == steps[-1]["new"]:
        for step in steps:
            if targets[step["name"]] != step["new"]:
                _forward(workspace, folder, step["name"])
        shutil.rmtree(folder)
        return "an interrupted command had made its changes: the new state stays"
    _roll_back(workspace, folder, steps)
    return "an interrupted command was undone: the old state is back"


def _transaction_folder(workspace: Workspace) -> Path:
    return workspace.state / "transaction"


def _step(name: str, old: str, new: str) -> dict[str, str]:
    return {"name": name, "old": old, "new": new}


def _forward(workspace: Workspace, folder: Path, name: str) -> None:
    target = workspace.root / name
    if (folder / name).is_dir():
        _exchange(folder / name, target)
    else:
        (folder / name).rename(target)
    _sync_folder(workspace.root)


def _roll_back(workspace: Workspace, folder: Path, steps: list[dict[str, str]]) -> None:
    """Undo the steps that were done; for ones that were not there is nothing to do."""
    for step in reversed(steps):
        name, target = step["name"], workspace.root / step["name"]
        if _digest(target) == step["old"]:
            continue
        if name == "patches":
            aside = folder / "patches.aside"
            if aside.exists():  # the fallback of _exchange was interrupted between its renames
                if target.exists():
                    target.rename(folder / "patches.undone")
                aside.rename(target)
            else:
                _exchange(folder / name, target)
        elif (folder / f"{name}.old").exists():
            (folder / f"{name}.old").rename(target)
        else:
            target.unlink(missing_ok=True)
    _sync_folder(workspace.root)
    shutil.rmtree(folder)


def _exchange(one: Path, other: Path) -> None:
    """Exchange two folders in one step, or in two renames where the file system cannot."""
    libc = ctypes.CDLL(None, use_errno=True)
    renameat2 = getattr(libc, "renameat2", None)
    if renameat2 is not None:
        done = renameat2(
            _AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE
        )
        if done == 0:
            return
        code = ctypes.get_errno()
        if code not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
            raise OSError(code, os.strerror(code), str(other))
    aside = one.with_name(f"{one.name}.aside")
    other.rename(aside)
    one.rename(other)
    aside.rename(one)


def _differs(folder: Path, patches: Mapping[str, bytes], dropped: frozenset[str]) -> bool:
    if any((folder / name).exists() for name in dropped):
        return True
    return any(
        not (folder / name).is_file() or (folder / name).read_bytes() != content
        for name, content in patches.items()
    )


def _digest(path: Path) -> str:
    """A digest of a file or of all files below a folder; ``absent`` when there is none."""
    if path.is_dir():
        sha = hashlib.sha256()
        for each in sorted(path.rglob("*")):
            if each.is_file() or each.is_symlink():
                name = os.fsencode(each.relative_to(path))
                content = os.fsencode(each.readlink()) if each.is_symlink() else each.read_bytes()
                sha.update(b"%d %s %d\n%s" % (len(name), name, len(content), content))
        return sha.hexdigest()
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return "absent"


def write_synced(path: Path, content: bytes) -> None:
    """Write a file, and the folders that it needs; it is on the disk when this is back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())


def replace_whole(path: Path, content: bytes) -> None:
    """Write a file in the place of the one there: whoever looks finds the old or the new."""
    part = path.with_name(f".{path.name}.new")
    write_synced(part, content)
    part.rename(path)


def _copy_synced(old: Path, new: Path) -> None:
    """Copy a folder, links as links. Unlike shutil.copytree it fails as the system does."""
    new.mkdir()
    for path in sorted(old.rglob("*")):  # a folder comes before what is in it
        target = new / path.relative_to(old)
        if path.is_symlink():
            target.symlink_to(path.readlink())
        elif path.is_dir():
            target.mkdir()
        elif path.is_file():
            write_synced(target, path.read_bytes())
        else:
            raise UserError(
                "there is something in patches that is neither a file nor a folder",
                where=str(path),
                fix="move it away",
            )
        if not path.is_symlink():
            shutil.copystat(path, target)
    shutil.copystat(old, new)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

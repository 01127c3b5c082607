"""^C and SIGTERM in the middle of every command: 130, no traceback, no child, old state or new."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.commands.ports import COMMANDS, Port, edit, port_fixture

__all__ = ["port_fixture"]

#: A git (or a compiler) that stops for a minute where it is told to, and says that it did.
SLOW = """\
#!/bin/sh
case " $* " in
*" {word} "*) echo $$ > {marker}; {how} sleep 60;;
esac
exec {real} "$@"
"""


def slow(folder: Path, program: str, word: str, how: str = "exec") -> dict[str, str]:
    """Put a slow ``program`` first on the PATH. ``how`` "exec" leaves no shell around it."""
    real = shutil.which(program)
    assert real is not None
    folder.mkdir(exist_ok=True)
    script = SLOW.format(word=word, marker=folder / "marker", how=how, real=real)
    (folder / program).write_text(script)
    (folder / program).chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def members(session: int) -> list[str]:
    """The processes of a session that are still there, as ``pid command``."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        name, rest = text.rsplit(")", 1)
        fields = rest.split()
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(name)
    return found


def handles_sigterm(pid: int) -> bool:
    """Whether porttool has begun: Python itself leaves SIGTERM alone."""
    caught = Path(f"/proc/{pid}/status").read_text().split("SigCgt:")[1].split()[0]
    return bool(int(caught, 16) & 1 << (signal.SIGTERM - 1))


def wait_for(condition: object, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"it never happened: {condition()}"  # type: ignore[operator]
        time.sleep(0.01)


@contextmanager
def running(
    port: Port, args: tuple[str, ...], env: dict[str, str]
) -> Iterator[subprocess.Popen[str]]:
    """Porttool at work, in a session of its own, as in a terminal."""
    process = subprocess.Popen(
        [sys.executable, "-m", "porttool", "-C", str(port.root), *args],
        cwd=port.root.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **env},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def interrupt(
    port: Port, args: tuple[str, ...], env: dict[str, str], marker: Path, number: int
) -> str:
    """Start, wait until it is where it is slow, send the signal; gives what it said."""
    marker.unlink(missing_ok=True)
    with running(port, args, env) as process:
        wait_for(lambda: marker.exists() or process.poll() is not None)
        assert process.poll() is None, process.communicate()
        if number == signal.SIGINT:  # a terminal sends it to every process in the foreground
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 130, (args, out, err)
        assert "Traceback" not in out + err
        assert "interrupted" in err
        assert "fatal" not in err
        wait_for(lambda: not members(process.pid), 5)
    return str(err)


def init(port: Port) -> tuple[str, ...]:
    return ("init", str(port.upstream.path), "fresh")


#: Which git command is slow, in which command of porttool.
PLACES = [
    ("init", "fetch"),
    ("init", "cat-file"),
    ("init", "checkout-index"),
    ("fetch", "fetch"),
    ("apply", "fast-import"),
    ("apply", "worktree"),
    ("apply-to", "worktree"),
    ("refresh", "fetch"),
    ("refresh", "cat-file"),
    ("refresh", "fast-import"),
    ("refresh", "format-patch"),
    ("refresh", "update-ref"),
    ("refresh", "read-tree"),
    ("refresh", "read-tree -m"),
    ("refresh", "checkout-index"),
    ("status", "rev-parse"),
    ("check", "format-patch"),
    ("audit-deps", "checkout-index"),
    ("emit", "checkout-index"),
]


@pytest.mark.parametrize(("name", "word"), PLACES)
def test_interrupted_in_the_middle(port: Port, name: str, word: str) -> None:
    if name == "refresh":
        assert port.run("refresh").code == 0
        assert port.run("apply").code == 0
        port.add("0003-more.patch", edit("notes.txt", "line 5\n", "x\n"))
    old = port.kept()
    folder = port.root.parent / "bin"
    env = slow(folder, "git", word)
    args = init(port) if name == "init" else COMMANDS[name]
    settled = name == "refresh" and word in ("read-tree -m", "checkout-index")
    for number in (signal.SIGINT,) if settled else (signal.SIGINT, signal.SIGTERM):
        interrupt(port, args, env, folder / "marker", number)
        if settled:  # only the worktree and the libraries have yet to follow
            drift = json.loads(port.run("check", "--json").out)["drift"]
            assert {each["what"] for each in drift} == {"emitted"}
        else:
            assert port.kept() == old
        assert not (port.root.parent / "fresh").exists()
        assert not list(port.root.parent.glob(".porttool-*"))
    assert port.run(*args).code == 0
    if name == "refresh":
        assert port.kept() != old
        assert port.run("check").code == 0


def test_a_git_that_does_not_end_by_itself(port: Port) -> None:
    """SIGTERM reaches porttool alone: it has to end a git whose own child holds the pipes."""
    folder = port.root.parent / "bin"
    env = slow(folder, "git", "fetch", how="")
    with running(port, ("fetch",), env) as process:
        wait_for((folder / "marker").exists)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 130


def test_interrupted_while_it_compiles(port: Port) -> None:
    assert port.run("refresh").code == 0
    old = port.kept()
    folder = port.root.parent / "bin"
    env = slow(folder, "cc", "-c") | {"CC": str(folder / "cc")}
    for number in (signal.SIGINT, signal.SIGTERM):
        interrupt(port, ("run", "--build-only"), env, folder / "marker", number)
        assert port.kept() == old


def test_interrupted_while_a_server_does_not_answer(port: Port) -> None:
    """A real fetch has children of its own: git-remote-http here."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x.git"
        for number in (signal.SIGINT, signal.SIGTERM):
            with running(port, ("init", url, "fresh"), {}) as process:
                connection, _ = server.accept()
                assert len(members(process.pid)) > 2
                if number == signal.SIGINT:
                    os.killpg(process.pid, number)
                else:
                    process.send_signal(number)
                _, err = process.communicate(timeout=20)
                assert process.returncode == 130
                assert "Traceback" not in err
                connection.close()
                wait_for(lambda pid=process.pid: not members(pid), 5)
    assert not (port.root.parent / "fresh").exists()


def test_interrupted_at_any_moment(port: Port) -> None:
    """From porttool's first line to its last flush: never a traceback, only 0 or 130."""
    old = port.kept()
    codes = set()
    for tenth in range(10):
        with running(port, ("status",), {}) as process:
            wait_for(lambda pid=process.pid: handles_sigterm(pid))
            time.sleep(tenth * 0.06)
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
            out, err = process.communicate(timeout=20)
            codes.add(process.returncode)
            # While Python itself ends, the signal kills it: 130 to a shell, too.
            assert process.returncode in (0, 130, -signal.SIGINT), (tenth, out, err)
            assert "Traceback" not in out + err, (tenth, err)
    assert 130 in codes
    assert port.kept() == old


def test_an_interrupt_that_is_ignored_stays_so(port: Port) -> None:
    folder = port.root.parent / "bin"
    env = slow(folder, "git", "fetch").copy()
    script = (folder / "git").read_text().replace("exec sleep 60", "sleep 1")
    (folder / "git").write_text(script)
    command = f"trap '' INT; exec {sys.executable} -m porttool -C {port.root} fetch"
    process = subprocess.Popen(
        ["sh", "-c", command], env={**os.environ, **env}, start_new_session=True
    )
    wait_for((folder / "marker").exists)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(20) == 0


def test_the_second_says_who_holds_the_workspace(port: Port) -> None:
    folder = port.root.parent / "bin"
    env = slow(folder, "git", "fetch")
    with running(port, ("refresh",), env) as process:
        wait_for((folder / "marker").exists)
        for args in COMMANDS.values():
            outcome = port.refuses(*args)
            outcome.says("another porttool", "porttool refresh", f"process {process.pid}")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert port.run("status").code == 0

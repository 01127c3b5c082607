import os
import pickle
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from porttool.commands.run import run
from porttool.errors import UserError
from tests.support import make_workspace, porttool
from tests.unikraft.test_twin import broken, is_alive
from tests.unikraft.toyport import toy_port

SCRIPT = """
import pickle, sys
from pathlib import Path
from porttool import ui
from porttool.commands.run import run
from porttool.errors import PorttoolError
source = pickle.loads(Path(sys.argv[1]).read_bytes())
try:
    sys.exit(run(source, Path(sys.argv[2]), port=int(sys.argv[3])))
except KeyboardInterrupt:
    sys.exit(130)
except PorttoolError as error:
    ui.show_error(error)
    sys.exit(error.exit_code)
"""


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(tmp_path: Path, port: int, cc: str | None = None) -> Iterator[subprocess.Popen[str]]:
    source = tmp_path / "source.pickle"
    source.write_bytes(pickle.dumps(toy_port(tmp_path)))
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, source, tmp_path / "out", str(port)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | ({"CC": cc} if cc else {}),
        # A shell's background job ignores SIGINT, and so would what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serves_until_it_is_told_to_end(tmp_path: Path, port: int, number: int) -> None:
    with started(tmp_path, port) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url == f"http://127.0.0.1:{port}/metrics"
        with urllib.request.urlopen(url, timeout=5) as response:
            assert b"toy_up 1" in response.read()
        (twin,) = children(process.pid)
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
    assert process.returncode == 0, err
    assert out == ""
    assert "Traceback" not in err
    assert not is_alive(twin)


def test_interrupted_while_it_builds(tmp_path: Path, port: int) -> None:
    slow = tmp_path / "slow-cc"
    slow.write_text(f"#!/bin/sh\necho > {tmp_path}/compiling\nexec sleep 60\n")
    slow.chmod(0o755)
    with started(tmp_path, port, cc=str(slow)) as process:
        while not (tmp_path / "compiling").exists():
            assert process.poll() is None
        (make,) = children(process.pid)
        compilers = children(make)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert process.returncode == 130, err
    assert not any(is_alive(pid) for pid in [make, *compilers])


def test_a_twin_that_dies_is_an_error(tmp_path: Path, port: int) -> None:
    with started(tmp_path, port) as process:
        assert process.stdout is not None
        process.stdout.readline()
        (twin,) = children(process.pid)
        os.kill(twin, signal.SIGKILL)
        _, err = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "killed by SIGKILL" in err


def test_a_taken_port_is_found_before_anything_is_built(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        with pytest.raises(UserError, match=f"port {number} cannot be served on"):
            run(toy_port(tmp_path), tmp_path / "out", port=number)
    assert not (tmp_path / "out").exists()


def test_build_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(toy_port(tmp_path), tmp_path / "out", build_only=True) == 0
    program = Path(capsys.readouterr().out.strip())
    assert program == tmp_path / "out" / "twin" / "twin"
    assert os.access(program, os.X_OK)


def test_a_compile_error(tmp_path: Path, port: int) -> None:
    with pytest.raises(UserError, match="do not compile"):
        run(broken(tmp_path), tmp_path / "out", port=port)


@pytest.mark.parametrize("parameter", ["nonsense", "ukmetrics.port=9", "ukmetrics.address=0.0.0.0"])
def test_parameters_that_make_no_sense_are_refused(tmp_path: Path, parameter: str) -> None:
    with pytest.raises(UserError) as caught:
        run(toy_port(tmp_path), tmp_path / "out", parameters=[parameter])
    assert parameter in caught.value.what


def test_a_series_without_its_entry_function_is_told_so(tmp_path: Path) -> None:
    _, workspace = make_workspace(tmp_path)
    result = porttool("run", "--build-only", cwd=workspace, check=1)
    assert "the series does not define small_serve() yet" in result.stderr
    assert "section 3" in result.stderr

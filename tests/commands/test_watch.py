import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import porttool
from tests.watch.serving import PAGE, Answer, serving


def test_off_a_terminal_one_plain_page(tmp_path: Path) -> None:
    with serving(Answer()) as url:
        done = porttool("watch", url, cwd=tmp_path)
    assert "\x1b" not in done.stdout
    assert re.search(r"(?m)^  node_memory_MemFree_bytes +59\.7 MiB$", done.stdout)
    assert re.search(
        r'(?m)^  node_network_receive_bytes_total\{device="netdev0"\} +1\.0 MiB$', done.stdout
    )
    assert "site=lab" in done.stdout.splitlines()[0]
    assert "receive_errs" not in done.stdout
    assert "not shown: 1 (--all)" in done.stdout


def test_all_and_json(tmp_path: Path) -> None:
    answer = Answer()
    with serving(answer) as url:
        assert "receive_errs" in porttool("watch", url, "--all", cwd=tmp_path).stdout
        short = url.removeprefix("http://").removesuffix("/metrics")
        document = json.loads(porttool("watch", short, "--json", cwd=tmp_path).stdout)
    assert answer.asked == ["/metrics", "/metrics"]
    assert document["samples"][1] == {
        "name": "node_network_receive_bytes_total",
        "labels": {"device": "netdev0", "site": "lab"},
        "group": "network",
        "counter": True,
        "value": 1048576.0,
    }


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(status=500), "it answers 500"),
        (Answer(body=b"garbage in\n"), "format of Prometheus"),
    ],
)
def test_one_page_that_cannot_be_had(tmp_path: Path, answer: Answer, why: str) -> None:
    with serving(answer) as url:
        done = porttool("watch", url, "--once", cwd=tmp_path, check=1)
    assert why in done.stderr
    assert done.stdout == ""


def test_an_address_that_is_none(tmp_path: Path) -> None:
    assert "no address of an exporter" in porttool("watch", "ftp://x", cwd=tmp_path, check=1).stderr


@dataclass
class Terminal:
    """A porttool watch on a terminal of its own."""

    process: subprocess.Popen[bytes]
    master: int
    text: str = ""

    def wait_for(self, word: str) -> None:
        """Read until the terminal has shown ``word``, and forget what came before its end."""
        deadline = time.monotonic() + 30
        while word not in self.text:
            assert time.monotonic() < deadline, (word, self.text[-3000:])
            with contextlib.suppress(BlockingIOError):
                self.text += os.read(self.master, 65536).decode("utf-8", "replace")
            time.sleep(0.02)
        self.text = self.text.partition(word)[2]

    def rest(self) -> str:
        time.sleep(0.1)
        with contextlib.suppress(OSError):
            while more := os.read(self.master, 65536):
                self.text += more.decode("utf-8", "replace")
        return self.text


@contextlib.contextmanager
def on_terminal(url: str, *, width: int = 80) -> Iterator[Terminal]:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    os.set_blocking(master, False)
    process = subprocess.Popen(
        [sys.executable, "-m", "porttool", "watch", url, "--interval", "0.1"],
        stdin=slave, stdout=slave, stderr=slave, env=os.environ | {"TERM": "xterm-256color"},
        start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    try:
        yield Terminal(process, master)
    finally:
        process.kill()
        process.wait()
        os.close(master)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_live_until_a_signal_leaves_the_terminal_as_it_was(number: int) -> None:
    with serving(Answer()) as url, on_terminal(url) as terminal:
        terminal.wait_for("\x1b[?1049h")
        terminal.wait_for("59.7 MiB")
        terminal.process.send_signal(number)
        assert terminal.process.wait(timeout=20) == 0
        rest = terminal.rest()
    assert "\x1b[?1049l" in rest
    assert "\x1b[?25h" in rest
    assert "ended" in rest
    assert "Traceback" not in rest


def test_live_it_goes_and_comes_back() -> None:
    answer = Answer()
    with serving(answer) as url, on_terminal(url) as terminal:
        terminal.wait_for("59.7 MiB")
        answer.status = 503
        terminal.wait_for("gone: it answers 503")
        answer.status, answer.body = 200, b"nonsense here\n"
        terminal.wait_for("not in the format")
        answer.body = PAGE.replace("62607360", "31303680").encode()
        terminal.wait_for("29.9 MiB")


def test_live_before_anybody_is_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with on_terminal(f"http://127.0.0.1:{taken.getsockname()[1]}/metrics") as terminal:
            terminal.wait_for("gone: connection refused")
            terminal.wait_for("waiting for it")
            terminal.process.send_signal(signal.SIGINT)
            assert terminal.process.wait(timeout=20) == 0

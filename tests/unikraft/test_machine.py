"""How porttool treats QEMU; the guest is a script. tests/unikraft_real has the real ones."""

import io
import os
import sys
import time
from pathlib import Path

import pytest

from porttool.errors import UserError
from porttool.unikraft import machine
from porttool.unikraft.machine import Machine, Settings
from tests.e2e.served import free_port
from tests.unikraft.test_twin import is_alive

#: QEMU's stand-in. The image says what the guest does.
QEMU = """\
import http.server, re, sys, time
args = " ".join(sys.argv)
port = int(re.search(r"hostfwd=tcp:127.0.0.1:(\\d+)-:9100", args)[1])
image = open(sys.argv[sys.argv.index("-kernel") + 1], encoding="latin-1").read()
if "no kvm" in image and "-accel kvm" in args:
    print("qemu: error: failed to set MSR; kvm_buf_set_msrs", file=sys.stderr)
    sys.exit(134)
if "broken" in image:
    print("qemu: -netdev: Could not set up host forwarding rule", file=sys.stderr)
    sys.exit(1)
print("Powered by\\r", flush=True)
if "halt" in image:
    sys.exit(0)
if "crash" in image:
    print("[ 1.0] CRIT: [libkvmplat] <traps.c @ 84> Unhandled Trap 6 (invalid opcode)")
    for n in range(30):
        print(f"[ 1.1] CRIT: register {n}")
    print("[ 1.2] CRIT: [libkvmplat] <traps.c @ 90> Crashing", flush=True)
    if "hang" in image:
        time.sleep(60)
    sys.exit(0)
if "silent" in image:
    time.sleep(60)
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(500 if "error" in image else 200)
        self.end_headers()
        self.wfile.write(f"up 1\\n# {args}\\n".encode())
    def log_message(self, *args):
        pass
http.server.HTTPServer(("127.0.0.1", port), Page).serve_forever()
"""


@pytest.fixture(autouse=True)
def qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "bin" / machine.QEMU
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\n{QEMU}")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


def settings(tmp_path: Path, guest: str, release: str = "0.16.3") -> Settings:
    image = tmp_path / "image"
    image.write_text(guest)
    return Settings(image, release, free_port(), parameters=("ukmetrics.labels=site=lab",))


def failed(tmp_path: Path, guest: str, within: float = 20) -> UserError:
    with Machine(settings(tmp_path, guest)) as running, pytest.raises(UserError) as caught:
        running.first_scrape(within)
    assert not is_alive(running.pid)
    return caught.value


def test_the_first_scrape_and_nobody_left_behind(tmp_path: Path) -> None:
    lines: list[str] = []
    with Machine(settings(tmp_path, "serve"), log=lines.append) as running:
        scrape = running.first_scrape(20)
        assert is_alive(running.pid)
    assert not is_alive(running.pid)
    assert scrape.text.startswith("up 1\n")
    assert 0 < scrape.seconds < 20
    assert lines == ["Powered by"]
    assert "-machine q35 " in scrape.text
    assert "-device virtio-net-pci,netdev=n0,event_idx=off " in scrape.text
    assert "-append netdev.ip=10.0.2.15/24:10.0.2.2 ukmetrics.labels=site=lab --" in scrape.text


def test_an_older_release_gets_its_address_its_own_way(tmp_path: Path) -> None:
    with Machine(settings(tmp_path, "serve", "0.13.1")) as running:
        text = running.first_scrape(20).text
    assert "netdev.ipv4_addr=10.0.2.15 netdev.ipv4_subnet_mask=255.255.255.0" in text
    assert "-machine pc " in text, "it sees no network device on a q35"


def test_without_kvm_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: True)
    with Machine(settings(tmp_path, "serve, no kvm")) as running:
        running.first_scrape(20)
        assert running.accelerator == "tcg"


def test_a_crash_is_shown_by_its_beginning_and_its_end(tmp_path: Path) -> None:
    error = failed(tmp_path, "crash")
    assert error.what == "the unikernel crashed"
    lines = (error.why or "").splitlines()
    assert "Unhandled Trap 6" in lines[0]
    assert lines[-1].endswith("Crashing")
    assert "register 2" not in lines


def test_a_crashed_guest_that_does_not_end_is_ended(tmp_path: Path) -> None:
    began = time.monotonic()
    assert failed(tmp_path, "crash, hang").what == "the unikernel crashed"
    assert time.monotonic() - began < 15


def test_a_crash_after_the_first_scrape(tmp_path: Path) -> None:
    with Machine(settings(tmp_path, "serve")) as running:
        running.first_scrape(20)
        running._hear(io.BytesIO(b"CRIT: Crashing\n"))
        with pytest.raises(UserError, match="the unikernel crashed"):
            running.wait()


def test_a_guest_that_halts(tmp_path: Path) -> None:
    error = failed(tmp_path, "halt")
    assert error.what == "the unikernel halted"
    assert error.why == "Powered by"


def test_qemu_that_does_not_start_says_why(tmp_path: Path) -> None:
    error = failed(tmp_path, "broken")
    assert error.what == "QEMU ended by itself"
    assert "Could not set up host forwarding rule" in (error.why or "")
    assert "--port" in (error.fix or "")


@pytest.mark.parametrize(("guest", "why"), [("silent", ""), ("error", "the exporter answered 500")])
def test_no_metrics_in_time(tmp_path: Path, guest: str, why: str) -> None:
    error = failed(tmp_path, guest, within=1.5)
    assert error.what == "no metrics within 1.5 s"
    assert why in (error.why or "")
    assert "--timeout" in (error.fix or "")


def test_qemu_is_named_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="not installed") as caught:
        Machine(settings(tmp_path, "serve"))
    assert "apt install qemu-system-x86" in (caught.value.fix or "")

"""``porttool build`` and ``porttool boot`` on a tree and a QEMU that hold next to nothing."""

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from porttool.unikraft import building
from tests.commands.ports import Port, port_fixture  # noqa: F401
from tests.e2e.served import free_port
from tests.support import snapshot, write_files
from tests.unikraft.faketree import make_tree
from tests.unikraft.test_machine import qemu  # noqa: F401
from tests.unikraft.test_twin import is_alive

IMAGE = "build/unikraft-0.16.3/app-small_qemu-x86_64"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(building, "require_programs", lambda: None)
    return make_tree(tmp_path / "trees" / "0.16.3")


def test_the_result_is_the_image(port: Port, tree: Path) -> None:
    before = snapshot(tree.parent)
    done = port.run("build", "--unikraft", tree)
    assert done.code == 0, done
    assert done.out == f"{port.root / IMAGE}\n"
    assert "Unikraft 0.16.3: 3 files made in" in done.err
    assert (port.root / "build" / "app-small" / "main.c").exists()
    assert snapshot(tree.parent) == before
    lines = (port.root / "build" / "unikraft-0.16.3" / "defconfig").read_text()
    assert "CONFIG_LIBSMALL=y\n" in lines


def test_trees_named_by_the_environment_and_json(
    port: Port, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTTOOL_UNIKRAFT", str(tree.parent.parent))
    document = json.loads(port.run("build", "--json", "--set", "CONFIG_LIBUKDEBUG=y").out)
    assert document["image"] == str(port.root / IMAGE)
    assert document["size"] == (port.root / IMAGE).stat().st_size
    assert (document["steps"], document["warnings"]) == (3, [])
    lines = (port.root / "build" / "unikraft-0.16.3" / "defconfig").read_text()
    assert lines.endswith("CONFIG_LIBUKDEBUG=y\n")


def test_an_application_of_ones_own(port: Port, tree: Path, tmp_path: Path) -> None:
    own = tmp_path / "mine"
    write_files(own, {"Makefile.uk": "", "defconfig": "CONFIG_MINE=y\n"})
    port.run("build", "--unikraft", tree, "--app", own)
    assert not (port.root / "build" / "app-small").exists()
    write_files(own, {"main.c": "int main(void) { return 0; }\n"})
    assert port.run("build", "--unikraft", tree, "--app", own).out.endswith("/mine_qemu-x86_64\n")


@pytest.mark.parametrize(
    ("args", "texts"),
    [
        (("build",), ("no tree of Unikraft is given", "PORTTOOL_UNIKRAFT")),
        (("build", "--unikraft", "nowhere"), ("no such folder", "RELEASE-0.16.3")),
        (("build", "--unikraft", "TREE", "--libs", "nowhere"), ("is not a library", "--libs")),
        (("build", "--unikraft", "TREE", "--archives", "nowhere"), ("no such folder",)),
        (("build", "--unikraft", "TREE", "--set", "LIBX=y"), ("no setting of Kconfig",)),
        (("build", "--unikraft", "TREE", "--app", "."), ("this is no application",)),
        (("boot",), ("no image to boot", "porttool build")),
        (("boot", "nowhere"), ("no image to boot",)),
        (("boot", "--param", "ip"), ("no parameter", "library.name=value")),
        (("boot", "--param", "ukmetrics.port=1"), ("the port is given with --port",)),
        (("boot", "--memory", "lots"), ("no size of memory", "64M")),
        (("boot", "--forward", "8080"), ("no pair of ports", "8080:80")),
        (("boot", "--forward", "8080:65536"), ("no pair of ports",)),
    ],
)
@pytest.mark.usefixtures("qemu")
def test_what_cannot_be_built_or_booted(
    port: Port, tree: Path, args: tuple[str, ...], texts: tuple[str, ...]
) -> None:
    outcome = port.run(*(str(tree) if arg == "TREE" else arg for arg in args))
    assert outcome.code == 1
    outcome.says(*texts)


def test_options_of_the_build_without_a_build(port: Port) -> None:
    assert port.run("boot", "--unikraft", "x").code == 2
    assert port.run("boot", "--build", "image").code == 2


@pytest.mark.usefixtures("qemu")
def test_built_and_booted_by_one_command(port: Port, tree: Path) -> None:
    number = str(free_port())
    done = port.run("boot", "--build", "--unikraft", tree, "--once", "--port", number)
    assert done.code == 0, done
    assert done.out.startswith("up 1\n")
    again = port.run("boot", "--once", "--json", "--port", number)
    document = json.loads(again.out)
    assert document["url"] == f"http://127.0.0.1:{number}/metrics"
    assert document["samples"] == 1
    assert Path(document["console"]).read_text() == "Powered by\n"
    assert "Powered by" in port.run("boot", "--once", "-v", "--port", number).err


@pytest.mark.usefixtures("qemu")
def test_ports_of_the_application_and_arguments_for_qemu(port: Port, tmp_path: Path) -> None:
    (tmp_path / "image").write_text("serve")
    number, application = free_port(), free_port()
    boot = ("boot", tmp_path / "image", "--once", "--port", str(number))
    done = port.run(*boot, "--forward", f"{application}:80", "--qemu-arg=-s", "--qemu-arg", "x y")
    assert done.code == 0, done
    ports = f"hostfwd=tcp:127.0.0.1:{number}-:9100,hostfwd=tcp:127.0.0.1:{application}-:80 "
    assert ports in done.out
    assert done.out.endswith(" -- -s x y\n"), "behind its own"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", application))
        taken.listen(1)
        refused = port.run(*boot, "--forward", f"{application}:80")
    assert refused.code == 1
    refused.says(f"port {application} cannot be served on", "--forward")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.usefixtures("qemu")
def test_a_signal_ends_the_machine(tmp_path: Path, number: int) -> None:
    image = tmp_path / "image"
    image.write_text("serve")
    with subprocess.Popen(
        [sys.executable, "-m", "porttool", "boot", image, "--port", str(free_port()), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == "}\n":
                break
        (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.send_signal(number)
        assert process.wait(timeout=20) == (-9 if number == signal.SIGKILL else 0)
        deadline = time.monotonic() + 10
        while is_alive(int(child)):
            assert time.monotonic() < deadline, "QEMU was left behind"
            time.sleep(0.02)

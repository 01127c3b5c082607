import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from porttool.errors import UserError
from porttool.unikraft import twin
from porttool.unikraft.archive import write_archive
from porttool.unikraft.buildfolder import locked
from porttool.unikraft.emit import Archive, EmitInput, Written, emit, libraries
from porttool.unikraft.processes import require_free
from porttool.unikraft.tree import read_tree
from porttool.workspace import EmitConfig
from tests.unikraft.toyport import SERVE, UPSTREAM, fetched, make_port, toy_port


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def toolchain() -> twin.Toolchain:
    return twin.find_toolchain()


@pytest.fixture(scope="module")
def emitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Written, ...]:
    with pytest.MonkeyPatch.context() as patch:
        for role in ("AUTHOR", "COMMITTER"):
            patch.setenv(f"GIT_{role}_NAME", "Ada")
            patch.setenv(f"GIT_{role}_EMAIL", "ada@example.org")
        root = tmp_path_factory.mktemp("toy")
        return emit(toy_port(root), root / "out").libraries


@pytest.fixture(scope="module")
def program(emitted: tuple[Written, ...]) -> Path:
    return twin.build(emitted, emitted[0].path.parent / "twin", twin.find_toolchain())


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as response:
        return str(response.read(), "utf-8")


def test_serves_the_emitted_libraries(program: Path, port: int) -> None:
    lines: list[str] = []
    with twin.Twin(program, port, log=lines.append) as running:
        running.wait_ready()
        assert get(running.url).startswith("toy_up 1\ntoy_samples ")
        pid = running.pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert any("libuknetdev" in line for line in lines)


def test_only_the_entry_function_is_global(program: Path) -> None:
    symbols = subprocess.run(
        ["nm", "--defined-only", "--extern-only", "--format=posix",
         program.parent / "libtoy_exporter.o"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert [line.split()[0] for line in symbols.splitlines()] == ["toy_exporter_serve"]


def test_what_is_built_in_may_be_a_list_of_macros(
    tmp_path: Path, port: int, toolchain: twin.Toolchain
) -> None:
    listed = (
        '#include <toy/page.h>\n#define X(name) "toy_" #name PAIR(1, HOME)\n'
        '#define PAIR(a, b) " " #a b\nconst char *page(void)\n{\n\treturn COLLECTORS;\n}\n'
    )
    source = make_port(tmp_path, UPSTREAM, [{"src/main.c": SERVE, "src/page.c": listed}])
    defines = ("COLLECTORS=X(cpu) X(disk)", 'HOME="/srv (a, b): "')
    source = replace(source, config=replace(source.config, defines=defines))
    program = twin.build(emit(source, tmp_path / "out").libraries, tmp_path / "twin", toolchain)
    with twin.Twin(program, port) as running:
        running.wait_ready()
        assert get(running.url).startswith("toy_cpu 1/srv (a, b): toy_disk 1/srv (a, b): ")


def test_the_second_build_compiles_nothing(
    program: Path, emitted: tuple[Written, ...], toolchain: twin.Toolchain
) -> None:
    steps: list[str] = []
    before = program.stat().st_mtime_ns
    twin.build(
        emitted, program.parent, toolchain, progress=lambda done, total, step: steps.append(step)
    )
    assert steps == []
    assert program.stat().st_mtime_ns == before


def test_progress_counts_up_to_the_end(tmp_path: Path, toolchain: twin.Toolchain) -> None:
    steps: list[tuple[int, int, str]] = []
    libraries = emit(toy_port(tmp_path), tmp_path / "out").libraries
    twin.build(libraries, tmp_path / "twin", toolchain, progress=lambda *step: steps.append(step))
    assert [done for done, _, _ in steps] == list(range(len(steps)))
    assert {total for _, total, _ in steps} == {len(steps)}
    assert steps[-1][2] == "LINK twin"


@pytest.mark.parametrize("url", [None, "https://example.org/toy-exporter.tar.gz"])
def test_the_fetch_mode_builds_the_same(
    tmp_path: Path, port: int, toolchain: twin.Toolchain, url: str | None
) -> None:
    source = toy_port(tmp_path, **fetched())
    if url is not None:
        archive = tmp_path / "archive"
        archive.write_bytes(write_archive(read_tree(source.pinned_tree), "toy", 0))
        sha256 = Archive(url, "", "", archive.read_bytes()).sha256
        config = replace(source.config, emit=EmitConfig("fetch", url, sha256))
        source = replace(source, config=config, archive=archive)
    libraries = emit(source, tmp_path / "out").libraries
    program = twin.build(libraries, tmp_path / "twin", toolchain)
    with twin.Twin(program, port) as running:
        running.wait_ready()
        assert "toy_up 1" in get(running.url)


def test_a_changed_patch_is_applied(tmp_path: Path, port: int, toolchain: twin.Toolchain) -> None:
    for number in ("1", "2"):
        text = {"src/text.inc": f'#define TEXT "toy_up {number}{number}\\n"\n'}
        source = make_port(tmp_path / number, UPSTREAM, [{"src/main.c": SERVE}, text], **fetched())
        libraries = emit(source, tmp_path / "out").libraries
        program = twin.build(libraries, tmp_path / "twin", toolchain)
        with twin.Twin(program, port) as running:
            running.wait_ready()
            assert f"toy_up {number}{number}" in get(running.url)


def test_a_source_that_a_patch_adds(tmp_path: Path, toolchain: twin.Toolchain) -> None:
    change = {"src/main.c": None, "src/serve.c": SERVE}
    source = make_port(tmp_path, UPSTREAM, [change], **fetched())
    libraries = emit(source, tmp_path / "out").libraries
    assert twin.build(libraries, tmp_path / "twin", toolchain).exists()


def test_the_mode_can_be_changed_in_place(tmp_path: Path, toolchain: twin.Toolchain) -> None:
    source = toy_port(tmp_path)
    for mode in ("vendored", "fetch", "vendored"):
        config = replace(source.config, emit=EmitConfig(mode))
        libraries = emit(replace(source, config=config), tmp_path / "out").libraries
        twin.build(libraries, tmp_path / "twin", toolchain)


def test_a_header_that_went_does_not_stop_the_build(
    tmp_path: Path, toolchain: twin.Toolchain
) -> None:
    gone: dict[str, str | bytes | None] = {
        "include/toy/page.h": None,
        "src/page.h": UPSTREAM["include/toy/page.h"],
        "src/page.c": UPSTREAM["src/page.c"].replace("<toy/page.h>", '"page.h"'),
        "src/main.c": SERVE.replace("<toy/page.h>", '"page.h"'),
        "include/none.h": "",
    }
    for number, more in enumerate([{}, gone]):
        source = make_port(tmp_path / str(number), UPSTREAM, [{"src/main.c": SERVE}, more])
        libraries = emit(source, tmp_path / "out").libraries
        twin.build(libraries, tmp_path / "twin", toolchain)


def broken(root: Path) -> EmitInput:
    return make_port(root, UPSTREAM, [{"src/main.c": "int toy_exporter_serve = nothing;\n"}])


def test_a_compile_error_is_shown_as_the_compiler_gave_it(
    tmp_path: Path, toolchain: twin.Toolchain
) -> None:
    libraries = emit(broken(tmp_path), tmp_path / "out").libraries
    with pytest.raises(UserError, match="do not compile") as caught:
        twin.build(libraries, tmp_path / "twin", toolchain)
    why = str(caught.value.why)
    assert "upstream/src/main.c:1:26: error:" in why
    assert "int toy_exporter_serve = nothing;" in why
    assert "porttool apply" in str(caught.value.fix)


def test_the_compiler_that_is_asked_for_is_used(
    tmp_path: Path, emitted: tuple[Written, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrapper = tmp_path / "my-cc"
    wrapper.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/calls\nshift\nexec gcc "$@"\n')
    wrapper.chmod(wrapper.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("CC", f"{wrapper} from-the-environment")
    monkeypatch.setenv("MAKEFLAGS", "--no-such-flag")
    twin.build(emitted, tmp_path / "twin", twin.find_toolchain())
    assert set((tmp_path / "calls").read_text().split()) == {"from-the-environment"}
    assert twin.find_toolchain(f"{wrapper} option").cc == f"{wrapper} option"


def test_programs_that_are_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'no-such-cc -O3' is not installed") as caught:
        twin.find_toolchain("no-such-cc -O3")
    assert "--cc" in str(caught.value.why)
    monkeypatch.setenv("CC", "no-such-cc")
    with pytest.raises(UserError) as caught:
        twin.find_toolchain()
    assert "CC" in str(caught.value.why)
    monkeypatch.delenv("CC")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="make is not installed"):
        twin.find_toolchain()
    (tmp_path / "make").touch(0o755)
    with pytest.raises(UserError, match="no C compiler"):
        twin.find_toolchain()


@pytest.mark.parametrize("name", ["a b", "a$b", "a#b", "a:b", "a'b"])
def test_a_path_that_make_cannot_take(
    tmp_path: Path, emitted: tuple[Written, ...], toolchain: twin.Toolchain, name: str
) -> None:
    with pytest.raises(UserError, match="make cannot build in a folder of this name"):
        twin.build(emitted, tmp_path / name, toolchain)


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        number = server.getsockname()[1]
        with pytest.raises(UserError, match=f"port {number} cannot be served on") as caught:
            require_free(number)
    assert caught.value.why == "Address already in use"
    require_free(number)


@pytest.mark.parametrize(
    ("number", "how"),
    [(signal.SIGSEGV, "killed by SIGSEGV"), (signal.SIGTERM, "exited with status 0")],
)
def test_says_how_it_died(program: Path, port: int, number: int, how: str) -> None:
    with twin.Twin(program, port) as running:
        running.wait_ready()
        os.kill(running.pid, number)
        with pytest.raises(UserError, match="ended by itself") as caught:
            running.wait()
    assert how in str(caught.value.why)
    assert "libuknetdev" in str(caught.value.why)


def test_says_that_it_does_not_listen(
    program: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twin, "_READY_WITHIN", 0.3)
    with (
        twin.Twin(program, port, parameters=["toy_exporter.enabled=0"]) as running,
        pytest.raises(UserError, match=f"does not listen on port {port}") as caught,
    ):
        running.wait_ready()
    assert "toy-exporter is switched off" in str(caught.value.why)


def test_what_ends_in_the_thread_is_reported(
    program: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twin, "_READY_WITHIN", 0.3)
    with (
        twin.Twin(program, port, parameters=["ukmetrics.address=192.0.2.1"]) as running,
        pytest.raises(UserError) as caught,
    ):
        running.wait_ready()
    assert "toy-exporter ended: Cannot assign requested address" in str(caught.value.why)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def parent(program: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    script = (
        "import sys; from pathlib import Path; from porttool.unikraft.twin import Twin\n"
        "running = Twin(Path(sys.argv[1]), int(sys.argv[2])); running.wait_ready()\n"
        "print(running.pid, flush=True); running.wait()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, program, str(port)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_killed_parent_leaves_no_orphan(parent: subprocess.Popen[str]) -> None:
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    os.kill(child, 0)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 5
    while is_alive(child):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_two_builds_in_one_folder_are_kept_apart(
    tmp_path: Path, emitted: tuple[Written, ...], toolchain: twin.Toolchain
) -> None:
    with (
        locked(tmp_path / "twin", "the host twin"),
        pytest.raises(UserError, match="another porttool builds"),
    ):
        twin.build(emitted, tmp_path / "twin", toolchain)


def test_libraries_are_given_in_link_order(tmp_path: Path) -> None:
    names = [library.name for library in libraries(toy_port(tmp_path))]
    assert names == ["libukmetrics", "libtoy_exporter"]

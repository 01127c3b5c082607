import json
import tomllib
from pathlib import Path

import pytest

from porttool.audit.build import guess_build
from porttool.commands.init import name_from_url
from porttool.workspace import Workspace
from tests.support import SMALL_C, Files, Upstream, make_workspace, porttool, snapshot, write_files

EXPORTER: Files = {
    "Makefile": (
        'CFLAGS = -O2 -D_GNU_SOURCE -DPORT=9100 -DNAME=\\"x\\" -DV=$(VERSION)\n'
        "evil:\n\ttouch executed\nX := $(shell touch executed)\n"
    ),
    "src/main.c": '#include "util/str.h"\nint main(void) { return str(); }\n',
    "src/net.c": "int net;\n",
    "lib/util/str.h": "int str(void);\n",
    "lib/util/str.c": '#include "str.h"\nint str(void) { return 0; }\n',
    "tests/test.c": "int main(void) { return 0; }\n",
    "src/net_test.c": "int main(void) { return 0; }\n",
    "examples/demo.c": "int main(void) { return 0; }\n",
}


def test_sources_includes_and_defines_are_guessed_without_running_anything(tmp_path: Path) -> None:
    write_files(tmp_path, EXPORTER)
    guess = guess_build(tmp_path)
    assert guess.sources == ("lib/util/str.c", "src/main.c", "src/net.c")
    assert guess.includes == ("lib",)
    assert guess.defines == ("_GNU_SOURCE", "PORT=9100")
    assert guess.aside == ("examples/demo.c", "src/net_test.c", "tests/test.c")
    assert not (tmp_path / "executed").exists()


def test_a_workspace_is_pinned_and_ready(tmp_path: Path) -> None:
    upstream = Upstream.make(tmp_path / "Some_Exporter.git", {**SMALL_C, **EXPORTER}, "v0.9")
    commit = upstream.commit("Second", {"src/net.c": "int net2;\n"}, "v0.10")
    port = tmp_path / "port"
    report = json.loads(porttool("init", upstream.path, port, "--json", cwd=tmp_path).stdout)
    assert report["name"] == "some-exporter"
    assert report["pin"]["ref"] == "v0.10"
    assert report["license"] == "MIT"
    lock = tomllib.loads((port / "upstream.lock").read_text())
    assert lock["upstream"]["commit"] == commit
    assert lock["upstream"]["url"] == str(upstream.path)
    config = Workspace.open(port).config
    assert "src/main.c" in config.sources
    assert (port / "patches" / "series").read_bytes() == b""
    before = snapshot(port)
    porttool("refresh", cwd=port)
    assert snapshot(port) == before
    porttool("check", cwd=port)


def test_a_relative_path_is_pinned_absolutely(tmp_path: Path) -> None:
    upstream = Upstream.make(tmp_path / "up", SMALL_C)
    porttool("init", "up", "port", cwd=tmp_path)
    lock = tomllib.loads((tmp_path / "port" / "upstream.lock").read_text())
    assert lock["upstream"]["url"] == str(upstream.path)


def test_the_bundled_upstream(tmp_path: Path) -> None:
    out = porttool("init", "bundled:slim-exporter", "port", "--ref", "v1.0.0", cwd=tmp_path)
    assert "lib-slim-exporter" in out.stdout
    assert "BSD-3-Clause" in out.stdout
    assert "correct it in" in out.stderr


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    upstream, port = make_workspace(tmp_path)
    before = snapshot(port)
    result = porttool("init", upstream.path, port, cwd=tmp_path, check=1)
    assert "in the way" in result.stderr
    assert snapshot(port) == before


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--ref", "v7"), "no tag, branch or commit v7"),
        (("--name", "No Spaces"), "cannot be the name of a library"),
        (("--unikraft", "latest"), "not a release such as"),
    ],
)
def test_bad_options_leave_nothing_behind(tmp_path: Path, args: tuple[str, ...], said: str) -> None:
    Upstream.make(tmp_path / "up", SMALL_C)
    result = porttool("init", "up", "port", *args, cwd=tmp_path, check=1)
    assert said in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["up"]


def test_an_upstream_without_c(tmp_path: Path) -> None:
    Upstream.make(tmp_path / "up", {"main.go": "package main\n"})
    result = porttool("init", "up", "port", cwd=tmp_path, check=1)
    assert "has no C sources" in result.stderr


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.org/a/nano_exporter.git", "nano-exporter"),
        ("git@example.org:a/B.git/", "b"),
        ("bundled:slim-exporter", "slim-exporter"),
        ("/srv/x--y", "x-y"),
    ],
)
def test_names(url: str, name: str) -> None:
    assert name_from_url(url) == name


def test_a_release_without_a_catalogue(tmp_path: Path) -> None:
    Upstream.make(tmp_path / "up", SMALL_C)
    result = porttool("init", "up", "port", "--unikraft", "0.99.0", cwd=tmp_path, check=1)
    assert "--unikraft with one of: 0.9.0, " in result.stderr

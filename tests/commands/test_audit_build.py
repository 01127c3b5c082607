"""``audit-deps`` with the flags of a build and under several configurations."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from porttool.audit import make
from porttool.commands.auditing import Build
from porttool.errors import UserError
from tests.audit.trees import build_tree
from tests.commands.asking import audit_deps
from tests.support import make_workspace, porttool

FILES = {
    "a.c": "#include <unistd.h>\n#ifdef A\nint f(void) { return getpid(); }\n#else\n"
    "int f(void) { return getuid(); }\n#endif\n",
    "unbuilt.c": "#include <unistd.h>\nint g(void) { return getgid(); }\n",
}
DATABASE = '[{"directory": ".", "file": "a.c", "command": "cc -DA -I/etc -c a.c"}]'


def document(capsys: pytest.CaptureFixture[str]) -> tuple[Any, str]:
    said = capsys.readouterr()
    return json.loads(said.out), said.err


def functions(found: Any) -> dict[str, list[str]]:
    return {
        need["name"]: need["conditions"] for need in found["needs"] if need["kind"] == "function"
    }


def test_compile_commands_in_the_folder_are_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = build_tree(tmp_path / "p", {**FILES, "compile_commands.json": DATABASE})
    audit_deps([root], as_json=True)
    found, err = document(capsys)
    assert functions(found) == {"getpid": []}
    assert [file["path"] for file in found["files"]] == ["a.c"]
    assert "flags from compile_commands.json: 1 of 2 files" in err
    assert "compile_commands.json: -I/etc: outside of the folder, left out" in err
    audit_deps([root / "unbuilt.c"], as_json=True)
    found, err = document(capsys)
    assert functions(found) == {"getgid": []}


def test_compile_commands_that_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = build_tree(tmp_path / "p", FILES)
    build_tree(tmp_path / "p", {"build/db.json": DATABASE.replace('"."', '".."')})
    audit_deps([root], as_json=True, build=Build(root / "build" / "db.json"))
    found, _ = document(capsys)
    assert functions(found) == {"getpid": []}
    (root / "other.json").write_text(DATABASE.replace("a.c", "none.c"))
    with pytest.raises(UserError, match="name no file here"):
        audit_deps([root], build=Build(root / "other.json"))
    (root / "compile_commands.json").write_text("[1]")
    with pytest.raises(UserError, match="not a file of compile commands"):
        audit_deps([root])


def test_unpatched_takes_the_pins_compile_commands_and_the_port_those_it_is_given(
    tmp_path: Path,
) -> None:
    upstream, port = make_workspace(tmp_path, {**FILES, "compile_commands.json": DATABASE})
    unpatched = porttool("audit-deps", "--json", "--unpatched", cwd=port)
    assert functions(json.loads(unpatched.stdout)) == {"getpid": []}
    patched = porttool("audit-deps", "--json", cwd=port)
    assert functions(json.loads(patched.stdout)) == {"getgid": [], "getuid": []}
    # Its paths are another checkout's, and stand for those of the port.
    build = upstream.path / "compile_commands.json"
    given = porttool("audit-deps", "--json", "--compile-commands", str(build), cwd=port)
    assert functions(json.loads(given.stdout)) == {"getgid": [], "getpid": []}


def test_configurations_from_the_command_line(tmp_path: Path) -> None:
    build_tree(tmp_path / "p", FILES)
    result = porttool("audit-deps", "p", "--config", "a=A", "--config", "none=", cwd=tmp_path)
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["a.c:3", "in", "f", "if", "a"] in [line[-5:] for line in lines]
    assert ["a.c:5", "in", "f", "if", "none"] in [line[-5:] for line in lines]
    assert ["a", "-DA"] in lines
    every = porttool("audit-deps", "p", "--all-configs", "--json", cwd=tmp_path)
    found = json.loads(every.stdout)
    assert functions(found) == {"getgid": [], "getpid": ["defined(A)"], "getuid": ["!defined(A)"]}
    assert found["configurations"] == [
        {"name": "", "macros": [], "failed": []},
        {"name": "defined(A)", "macros": ["-DA=1"], "failed": []},
    ]
    assert found["unseen"] == []
    markdown = porttool("audit-deps", "p", "--all-configs", "--markdown", cwd=tmp_path).stdout
    assert "## Configurations (2)\n" in markdown
    assert "| a.c:3 in f if defined(A) |" in markdown


def test_end_of_the_search_for_configurations_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    build_tree(tmp_path, FILES)
    audit_deps([tmp_path], as_json=True, build=Build(all_branches=True))
    assert "stopped" not in capsys.readouterr().err
    monkeypatch.setattr("porttool.commands.auditing.CONFIGURATION_LIMIT", 1)
    audit_deps([tmp_path], as_json=True, build=Build(all_branches=True))
    assert "stopped after 1 configurations" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("build", "message"),
    [
        ({"configurations": ("a",)}, "is not NAME=DEFINE"),
        ({"configurations": ("=A",)}, "is not NAME=DEFINE"),
        ({"configurations": ("a=1x",)}, "is not NAME or NAME=VALUE"),
        ({"configurations": ("a=", "a=B")}, "a name twice"),
        ({"configurations": ("a=",), "all_branches": True}, "exclude each other"),
        ({"compile_commands": Path("x"), "trust_make": True}, "exclude each other"),
    ],
)
def test_options_that_make_no_sense(build: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Build(**build)


MAKEFILE = """\
MADE := $(shell touch made ran.$$PPID; echo -DA)
OUT := $(shell touch $(CURDIR)/../outside 2>/dev/null; echo $$SECRET$$HOME)
all: a.o
	$(MAKE) -C sub
a.o: a.c
	$(CC) $(MADE) -Isub -c a.c
"""
SUB = {
    "sub/Makefile": "s.o: s.c\n\tcc -DDEPTH=1 -c s.c\n",
    "sub/s.c": "#include <unistd.h>\nint s(void) { return nice(DEPTH); }\n",
}


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_runs_only_when_it_is_trusted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = build_tree(tmp_path / "p", {**FILES, **SUB, "Makefile": MAKEFILE})
    before = sorted(path.name for path in root.rglob("*"))
    audit_deps([root], as_json=True, build=Build(all_branches=True))
    found, _ = document(capsys)
    assert sorted(path.name for path in root.rglob("*")) == before
    assert not (tmp_path / "outside").exists()
    audit_deps([root], as_json=True, build=Build(trust_make=True))
    found, err = document(capsys)
    assert functions(found) == {"getpid": [], "nice": []}
    assert [file["path"] for file in found["files"]] == ["a.c", "sub/s.c"]
    assert "flags from make -n: 2 of 3 files" in err
    # It ran in a copy.
    assert sorted(path.name for path in root.rglob("*")) == before


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_is_bounded_and_sees_no_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "s3cret")
    report = tmp_path / "report"
    root = build_tree(
        tmp_path / "p",
        {**FILES, "Makefile": f"X := $(shell env > {report})\na.o: a.c\n\tcc -c a.c\n"},
    )
    make.dry_run(root)
    environment = report.read_text()
    assert "SECRET" not in environment
    assert f"HOME={Path.home()}\n" not in environment
    build_tree(root, {"Makefile": "X := $(shell sleep 100)\n"})
    monkeypatch.setattr(make, "TIMEOUT_SECONDS", 0.3)
    with pytest.raises(UserError, match="took longer"):
        make.dry_run(root)
    monkeypatch.undo()
    build_tree(root, {"Makefile": "all:\n\techo cc\n"})
    with pytest.raises(UserError, match="compile nothing"):
        make.dry_run(root)

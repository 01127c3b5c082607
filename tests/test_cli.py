import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import porttool
from porttool.cli import app
from tests.commands.ports import COMMANDS, Port, port_fixture

__all__ = ["port_fixture"]

NAMES = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]

#: Every command with ``--json``.
REPORTING = [name for name in COMMANDS if name != "run"]


def ours(*args: str, columns: int = 80) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(args), env={"COLUMNS": str(columns)})
    return result.exit_code, result.stdout, result.stderr


def in_a_terminal(args: list[str], env: dict[str, str]) -> tuple[int, str]:
    """Run porttool with a terminal as its stdin, stdout and stderr."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "porttool", *args],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", **env},
    )
    os.close(slave)
    said = b""
    while True:
        try:
            chunk = os.read(master, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not chunk:
            break
        said += chunk
    os.close(master)
    return process.wait(), said.decode()


@pytest.mark.parametrize("columns", [80, 160])
@pytest.mark.parametrize("name", ["", *NAMES])
def test_help_fits_the_terminal(name: str, columns: int) -> None:
    code, out, _ = ours(*([name] if name else []), "--help", columns=columns)
    assert code == 0
    assert "Usage: porttool" in out
    assert max(map(len, out.splitlines())) <= columns
    assert "\x1b" not in out
    if not name:
        assert all(re.search(rf"│ {each} ", out) for each in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_option_says_what_it_does(name: str) -> None:
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    assert command.help
    for parameter in command.params:
        assert getattr(parameter, "help", ""), parameter.name


def test_what_a_new_user_types() -> None:
    code, out, err = ours()
    assert code == 2
    assert "Usage: porttool" in out + err
    assert ours("--version") == (0, f"porttool {porttool.__version__}\n", "")
    assert ours("-h")[0] == 0


@pytest.mark.parametrize(
    "args",
    [
        ["nonsense"],
        ["--nonsense"],
        ["init"],
        ["init", "url"],
        ["init", "-ux", "dir"],
        ["init", "--upload-pack=x", "dir"],
        ["fetch", "surplus"],
        ["refresh", "--onto"],
        ["refresh", "--take", "neither"],
        ["run", "--port", "0"],
        ["run", "--port", "65536"],
        ["run", "--port", "x"],
        ["apply", "--to"],
        ["-C"],
    ],
)
def test_a_command_line_that_is_none(args: list[str], tmp_path: Path) -> None:
    os.chdir(tmp_path)
    code, out, err = ours(*args)
    assert (code, out) == (2, "")
    assert "Error" in err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", REPORTING)
def test_json_stands_alone_on_stdout(port: Port, name: str) -> None:
    assert port.run("refresh").code == 0
    outcome = port.run(*COMMANDS[name], "--json")
    assert outcome.code == 0, outcome
    assert json.loads(outcome.out)["schema"] == (3 if name == "audit-deps" else 1)
    assert "\x1b" not in outcome.out + outcome.err
    port.lock.write_text("")
    if name != "check":
        outcome = port.run(*COMMANDS[name], "--json")
        assert (outcome.code, outcome.out) == (1, "")


@pytest.mark.parametrize("name", COMMANDS)
def test_no_colour_without_a_terminal(port: Port, name: str) -> None:
    for lock in (port.lock.read_text(), ""):
        port.lock.write_text(lock)
        outcome = port.run(*COMMANDS[name])
        assert "\x1b" not in outcome.out + outcome.err
        assert all(line == line.rstrip() for line in outcome.out.splitlines())


def test_colour_in_a_terminal_unless_it_is_not_wanted(port: Port) -> None:
    assert port.run("refresh").code == 0
    status = ["-C", str(port.root), "status"]
    code, said = in_a_terminal(status, {})
    assert code == 0
    assert "\x1b[1m" in said
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        code, said = in_a_terminal(status, env)
        assert code == 0
        assert not re.search(r"\x1b\[[\d;]*3[0-7]", said), said
    port.lock.write_text("")
    code, said = in_a_terminal(["-C", str(port.root), "fetch"], {})
    assert code == 1
    assert "\x1b[1;31merror: \x1b[0m" in said


def test_exit_codes(port: Port) -> None:
    assert port.run("refresh").code == 0
    assert port.run("check").code == 0
    assert port.run("refresh", "--onto", "nothing").code == 1
    assert port.run("refresh", "--nonsense").code == 2
    port.add("0003-x.patch", "X\n\n--- a/none\n+++ b/none\n@@ -1 +1 @@\n-a\n+b\n")
    assert port.run("refresh").code == 3
    assert port.run("check").code == 4


def test_an_internal_error_says_that_it_is_one(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("[bold]oops[/x]")

    monkeypatch.setattr("porttool.port.load", broken)
    outcome = port.run("status")
    assert (outcome.code, outcome.out) == (70, "")
    assert "ZeroDivisionError: [bold]oops[/x]" in outcome.err
    assert "this is a bug in porttool" in outcome.err

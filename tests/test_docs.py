"""The commands that README and docs/porting.md show really run, in order."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"<!-- run -->\n```sh\n(.*?)```", re.DOTALL)


def shell(script: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    bin_folder = Path(sys.executable).parent
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=cwd,
        capture_output=True,
        text=True,
        env=os.environ | {"PATH": f"{bin_folder}:{os.environ['PATH']}", "PORTTOOL": str(ROOT)},
        check=False,
    )


def test_the_guide_from_start_to_metrics(tmp_path: Path) -> None:
    """Every block marked to be run, in one shell, ends with a program that is there."""
    blocks = BLOCK.findall((ROOT / "docs" / "porting.md").read_text("utf-8"))
    assert len(blocks) >= 5
    lines = [line for block in blocks for line in block.splitlines()]
    assert all(line.startswith("$ ") for line in lines)
    done = shell("\n".join(line[2:] for line in lines), tmp_path)
    assert done.returncode == 0, done.stderr
    assert "fork" in done.stdout, "the audit of the pin shows what has to go"
    assert "lock, series, export and emitted libraries agree" in done.stdout
    program = Path(done.stdout.splitlines()[-1])
    assert os.access(program, os.X_OK)


def test_exit_codes_are_the_documented_ones() -> None:
    from porttool.errors import ExitCode

    text = (ROOT / "docs" / "porting.md").read_text("utf-8")
    table = text[text.index("## Exit codes") :]
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    assert documented == {int(code) for code in ExitCode}


def test_every_key_of_the_settings_is_documented() -> None:
    from dataclasses import fields

    from porttool.workspace import EmitConfig, PortConfig, SeriesConfig

    text = (ROOT / "docs" / "porting.md").read_text("utf-8")
    tables = (*fields(PortConfig), *fields(EmitConfig), *fields(SeriesConfig))
    names = {field.name for field in tables} - {"emit", "series"}
    for name in names:
        prefix = "archive_" if f"archive_{name}" in text else ""
        assert f"{prefix}{name}`" in text, name


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "CONTRIBUTING.md",
        "docs/porting.md",
        "docs/audit.md",
        "docs/metrics.md",
        "docs/operating.md",
    ],
)
def test_links_lead_somewhere(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in target:
            assert ((ROOT / name).parent / target).exists(), target


def test_every_command_is_in_the_readme() -> None:
    done = shell(f"{shlex.quote(sys.executable)} -m porttool --help", ROOT)
    commands = re.findall(r"^│ ([a-z][a-z-]*) ", done.stdout, re.MULTILINE)
    assert len(commands) >= 18
    readme = (ROOT / "README.md").read_text("utf-8")
    assert [command for command in commands if f"`{command}" not in readme] == []

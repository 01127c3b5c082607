import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from porttool.commands.forecast import _matrices
from porttool.series.forecast import Forecast
from porttool.series.rebase import Outcome, Verdict
from porttool.upstream.lock import Pin
from tests.support import SMALL_C, Upstream, add_patches, make_workspace, porttool, snapshot

MAIN = SMALL_C["main.c"]


@pytest.fixture
def port(tmp_path: Path) -> tuple[Upstream, Path]:
    """A settled series of two patches, and three releases after the pin."""
    upstream, workspace = make_workspace(tmp_path)
    upstream.commit("Say 1", {"main.c": MAIN.replace("one", "1")})
    upstream.commit("Add a file", {"extra.h": "#define EXTRA 1\n"})
    add_patches(upstream, workspace)
    porttool("refresh", cwd=workspace)
    upstream.commit("Above", {"main.c": "/* new */\n" + MAIN}, "v1.1")
    upstream.commit("Same line", {"main.c": MAIN.replace("one", "uno")}, "v1.2")
    upstream.commit("Taken", {"main.c": MAIN.replace("one", "1")}, "v1.10")
    upstream.commit("More", {"more.h": "int more;\n"})
    return upstream, workspace


def test_every_newer_tag_and_the_newest_commit(port: tuple[Upstream, Path]) -> None:
    _, workspace = port
    before = snapshot(workspace, without=(".porttool",))
    report = json.loads(porttool("forecast", "--json", cwd=workspace).stdout)
    found = {
        each["ref"]: [outcome["verdict"] for outcome in each["outcomes"]]
        for each in report["forecasts"]
    }
    assert found == {
        "v1.1": ["offset", "clean"],
        "v1.2": ["conflict", "clean"],
        "v1.10": ["absorbed", "clean"],
        "main": ["absorbed", "clean"],
    }
    assert [each["ref"] for each in report["forecasts"]] == ["v1.1", "v1.2", "v1.10", "main"]
    assert [each["worst"] for each in report["forecasts"]][:2] == ["offset", "conflict"]
    assert snapshot(workspace, without=(".porttool",)) == before


def test_the_matrix(port: tuple[Upstream, Path]) -> None:
    _, workspace = port
    lines = porttool("forecast", "v1.2", "v1.1", cwd=workspace).stdout.splitlines()
    assert [line.split() for line in lines] == [
        ["patch", "v1.2", "v1.1"],
        ["0001-Say-1.patch", "CONFLICT", "offset"],
        ["0002-Add-a-file.patch", "clean", "clean"],
    ]


def test_what_a_forecast_says_a_refresh_does(port: tuple[Upstream, Path]) -> None:
    _, workspace = port
    porttool("refresh", "--onto", "v1.2", cwd=workspace, check=3)
    porttool("refresh", "--abort", cwd=workspace)
    porttool("refresh", "--onto", "v1.10", cwd=workspace, check=3)
    porttool("refresh", "--onto", "v1.10", "--drop-absorbed", cwd=workspace)
    assert (workspace / "patches" / "series").read_text().splitlines()[1] == "0002-Add-a-file.patch"
    report = json.loads(porttool("forecast", "--json", cwd=workspace).stdout)
    assert [each["ref"] for each in report["forecasts"]] == ["main"]
    porttool("refresh", "--onto", "main", cwd=workspace)
    assert "nothing newer" in porttool("forecast", cwd=workspace).stdout


def test_an_unknown_ref(port: tuple[Upstream, Path]) -> None:
    _, workspace = port
    assert (
        "no tag, branch or commit v9" in porttool("forecast", "v9", cwd=workspace, check=1).stderr
    )


@pytest.mark.parametrize("width", [50, 80, 160])
def test_no_ref_is_lost_on_a_narrow_terminal(width: int) -> None:
    pins = [Pin("u", f"v1.{n}", "c" * 40, "t" * 40, "2024-01-01") for n in range(12)]
    outcomes = tuple(
        Outcome(f"000{n}-{'long-' * 14}.patch", Verdict.CONFLICT, None) for n in (1, 2)
    )
    found = [Forecast(pin, outcomes) for pin in pins]
    console = Console(width=width, file=io.StringIO(), color_system=None)
    for table in _matrices(found, width):
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for pin in pins:
        assert pin.ref in text.split()
    assert text.count("CONFLICT") == 2 * len(pins)
    assert max(map(len, text.splitlines())) <= width

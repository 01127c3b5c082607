import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from porttool.commands.forecast import heat_map
from porttool.series.forecast import Forecast, Way
from porttool.series.outcome import Outcome, Verdict
from porttool.upstream.lock import Pin
from tests.pages.html import text_of
from tests.support import SMALL_C, Upstream, add_patches, make_workspace, porttool, snapshot

MAIN = SMALL_C["main.c"]
GOLDEN = Path(__file__).parent / "golden"


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
    ways = ["moves by itself", "needs a decision", *["moves with --drop-absorbed"] * 2]
    assert [each["way"] for each in report["forecasts"]] == ways
    behind = [[o["behind"] for o in each["outcomes"]] for each in report["forecasts"]]
    assert behind == [[[], []], [[], ["0001-Say-1.patch"]], [[], []], [[], []]]
    assert snapshot(workspace, without=(".porttool",)) == before


def test_the_matrix_and_the_page(port: tuple[Upstream, Path], tmp_path: Path) -> None:
    _, workspace = port
    page = tmp_path / "page.html"
    lines = porttool("forecast", "v1.2", "v1.1", "--html", page, cwd=workspace).stdout.splitlines()
    assert [line.split() for line in lines] == [
        ["patch", "v1.2", "v1.1"],
        ["0001-Say-1.patch", "CONFLICT", "offset"],
        ["0002-Add-a-file.patch", "clean*", "clean"],
        ["*", "tried", "without", "a", "patch", "before", "it", "that", "is", "in", "conflict"],
    ]
    text = " ".join(text_of(page.read_bytes()).split())
    assert "0001-Say-1.patch conflict offset 0002-Add-a-file.patch clean* clean" in text
    assert "conflict in main.c" in text
    assert "tried without 0001-Say-1.patch, in conflict" in text
    assert '- printf("one\\n");' in text
    assert '+ printf("uno\\n");' in text
    assert "offset up to 1 line" in text


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


def _forecasts(many: int) -> list[Forecast]:
    """``many`` refs of a series of eight, one patch of each verdict; each ref has less left."""
    pins = [Pin("u", f"v1.{n}", "c" * 40, "t" * 40, "2024-01-01") for n in range(many)]
    verdicts = list(reversed(Verdict))
    found = []
    for at, pin in enumerate(pins):
        worst = 1 + at * 8 // many
        names = [f"{n:04}-{'long-' * n}name.patch" for n in range(1, 9)]
        outcomes = [
            Outcome(name, verdicts[min(n, worst - 1)], None) for n, name in enumerate(names)
        ]
        found.append(Forecast(pin, tuple(outcomes[4:] + outcomes[:4])))
    return found


def _printed(found: list[Forecast], width: int) -> str:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    for each in heat_map(found, width):
        console.print(each)
    assert isinstance(console.file, io.StringIO)
    return "".join(line.rstrip() + "\n" for line in console.file.getvalue().splitlines())


@pytest.mark.parametrize("many", [1, 3, 12, 50])
@pytest.mark.parametrize("width", [50, 80, 160])
def test_no_ref_is_lost_on_a_narrow_terminal(width: int, many: int) -> None:
    text = _printed(_forecasts(many), width)
    lines = text.splitlines()
    assert max(map(len, lines)) <= width
    if "patch  " in lines[0]:
        assert lines[0].split()[1:] == [f"v1.{n}" for n in range(many)]
        return
    refs = []
    for table in text.split("\n\n")[:-1]:
        head = table[: table.index("patch")].splitlines()
        last = table[table.index("patch") :].splitlines()[0]
        width_of_name = len(last) - len(last.removeprefix("patch").lstrip())
        columns = zip(*(line.ljust(width)[width_of_name::2] for line in [*head, last]), strict=True)
        refs += ["".join(column).strip() for column in columns]
    assert [ref for ref in refs if ref] == [f"v1.{n}" for n in range(many)]


def test_fifty_refs_at_80_columns() -> None:
    assert _printed(_forecasts(50), 80) == (GOLDEN / "forecast-80.txt").read_text("utf-8")


def test_every_cell_is_coloured_and_says_its_verdict() -> None:
    console = Console(width=160, file=io.StringIO(), force_terminal=True, color_system="standard")
    for each in heat_map(_forecasts(8), 160):
        console.print(each)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "\x1b[1;37;41mCONFLICT  \x1b[0m" in text
    assert "\x1b[32mclean*    \x1b[0m" in text


def test_what_it_takes_to_move() -> None:
    ways = [each.way for each in _forecasts(8)]
    assert ways == [*[Way.BY_ITSELF] * 5, Way.DROP_ABSORBED, *[Way.DECISION] * 2]


def test_an_empty_series_has_a_forecast_too() -> None:
    empty = [Forecast(each.pin, ()) for each in _forecasts(2)]
    assert _printed(empty, 80).split() == ["patch", "v1.0", "v1.1"]
    assert {each.way for each in empty} == {Way.BY_ITSELF}

"""What ``refresh`` says of the difference between the series before and after."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from porttool.commands import interdiffs
from porttool.series.interdiff import Inner, InterdiffLine, Kind, Outer, PatchInterdiff, State
from tests.commands.ports import MAIN_C, SERVE_C, Port, port_fixture  # noqa: F401 - a fixture
from tests.pages.html import text_of
from tests.support import git, write_files

GOLDEN = Path(__file__).parent / "golden"
HOSTILE = "</pre><script>alert(1)</script>&amp;\x1b[31m\u202e"


@pytest.fixture
def amended(port: Port) -> Port:
    """The second patch was amended in the worktree; v2 changes a line beside the first one's."""
    port.upstream.commit("Words", {"main.c": MAIN_C.replace("two", "zwei")}, "v2")
    port.run("apply")
    tree = port.root / ".porttool" / "tree"
    write_files(tree, {"src/extra.c": f"int extra; /* {HOSTILE} */\n"})
    git(tree, "commit", "--quiet", "--all", "--amend", "--message", "Add <a> file")
    return port


def test_a_refresh_shows_what_it_changed(amended: Port, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    told = amended.run("refresh", "--onto", "v2", "--html", page)
    assert told.code == 0, told
    lines = told.out.splitlines()
    assert "interdiff 1 content, 1 context only" in lines
    assert "2 ! 2  0002-Add-a-file.patch" in lines
    assert "    -    Add a file" in lines
    assert "    +    Add <a> file" in lines
    assert "    -+int extra;" in lines
    assert "    ++int extra; /* </pre><script>alert(1)</script>&amp;\\x1b[31m\u202e */" in lines
    assert "1 ! 1  context only  0001-Serve.patch" in lines
    assert "\x1b" not in told.out

    text = text_of(page.read_bytes())
    assert "small: v1.0 → v2" in text
    assert "++int extra; /* </pre><script>alert(1)</script>&amp;␛[31m\\u202e */" in text
    assert '- \tprintf("two\\n");' in text
    assert "<details open>" in page.read_text("utf-8")
    assert page.stat().st_mode & 0o044 == 0o044

    again = amended.run("refresh")
    assert "interdiff" not in again.out


def test_the_interdiff_as_json(amended: Port) -> None:
    report = json.loads(amended.run("refresh", "--json").out)
    first, second = report["interdiff"]
    assert (first["name"], first["state"], first["kind"]) == ("0001-Serve.patch", "unchanged", None)
    assert first["lines"] == []
    assert (second["state"], second["kind"]) == ("changed", "content")
    assert (second["old_number"], second["new_number"], second["reordered"]) == (2, 2, False)
    assert {"outer": "-", "inner": "added", "text": "+int extra;"} in second["lines"]


def test_a_page_that_cannot_be_written_stops_a_refresh_before_it_begins(port: Port) -> None:
    port.refuses("refresh", "--onto", "v1.1", "--html", port.root).says("take the place")
    port.refuses("refresh", "--onto", "v1.1", "--html", "no/page.html").says("no such folder")


def test_what_was_solved_is_shown_when_it_goes_on(port: Port, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    changed = MAIN_C.replace("int main(void)", "int main(int argc, char **argv)")
    port.upstream.commit("Another line", {"main.c": changed}, "v2")
    assert port.run("refresh", "--onto", "v2", "--html", page).code == 3
    assert not page.exists()
    work = next(path.parent for path in (port.root / ".porttool").rglob("main.c"))
    write_files(work, {"main.c": SERVE_C.replace("(void)config", "(void)*config")})
    git(work, "add", "main.c")
    told = port.run("refresh", "--continue", "--html", page)
    assert told.code == 0, told
    assert "    ++\t(void)*config;".expandtabs() in told.out.splitlines()
    assert "by hand" in text_of(page.read_bytes())
    assert port.run("refresh", "--abort", "--html", page).code == 2


def _patch(
    number: int, state: State, kind: Kind | None, lines: int = 0, *, reordered: bool = False
) -> PatchInterdiff:
    name = f"{number:04}-{'a-rather-long-name-of-a-patch-' * (number % 3)}end.patch"
    old = None if state is State.NEW else number
    new = None if state is State.DROPPED else number
    body = [InterdiffLine(Outer.HUNK, Inner.HEADER, "main.c: int main(void)")]
    body += [InterdiffLine(Outer.NEW, Inner.ADDED, f"+\tline {n};") for n in range(lines - 1)]
    return PatchInterdiff(name, name, state, kind, old, new, reordered, (), tuple(body[:lines]))


FOUND = (
    _patch(1, State.DROPPED, None),
    _patch(2, State.CHANGED, Kind.NOISE, 3),
    _patch(3, State.CHANGED, Kind.CONTENT, 9),
    _patch(4, State.CHANGED, Kind.PATHS, 3),
    _patch(5, State.UNCHANGED, None),
    _patch(6, State.UNCHANGED, None, reordered=True),
    _patch(7, State.CHANGED, Kind.CONTENT, 3, reordered=True),
    _patch(8, State.CHANGED, Kind.NOISE, 3, reordered=True),
    _patch(9, State.NEW, None),
)


def _printed(width: int, *, whole: bool, monkeypatch: pytest.MonkeyPatch) -> str:
    console = Console(width=width, file=io.StringIO(), color_system=None)
    monkeypatch.setattr("porttool.ui.stdout", lambda: console)
    for each in interdiffs.view(FOUND, whole=whole):
        console.print(each)
    assert isinstance(console.file, io.StringIO)
    return "".join(line.rstrip() + "\n" for line in console.file.getvalue().splitlines())


def test_what_a_person_reads_at_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interdiffs, "_LINES", 5)
    text = _printed(80, whole=False, monkeypatch=monkeypatch)
    assert max(map(len, text.splitlines())) <= 80
    assert text == (GOLDEN / "interdiff-80.txt").read_text("utf-8")


def test_verbose_cuts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interdiffs, "_LINES", 5)
    assert _printed(80, whole=False, monkeypatch=monkeypatch).count("++") == 4 + 2
    assert _printed(80, whole=True, monkeypatch=monkeypatch).count("++") == 8 + 2


def test_the_two_signs_are_coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(width=80, file=io.StringIO(), force_terminal=True, color_system="standard")
    monkeypatch.setattr("porttool.ui.stdout", lambda: console)
    console.print(interdiffs.view(FOUND, whole=False)[3])
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().startswith("    \x1b[7;32m+\x1b[0m\x1b[1;32m+")


def test_what_the_table_of_fates_says_already_is_not_said_twice() -> None:
    added = (_patch(1, State.NEW, None), _patch(2, State.UNCHANGED, None))
    assert interdiffs.view(added, whole=False) == []

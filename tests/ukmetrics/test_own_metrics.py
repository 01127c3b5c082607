"""A library of a user's own, from its sources to the page that Prometheus reads."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from porttool.unikraft import twin
from porttool.unikraft.emit import Library, Written
from porttool.unikraft.stamped import STAMP
from tests.commands.ports import invoke
from tests.e2e.served import Page, Served, copy_port, free_port, promtool
from tests.unikraft.required import EXPORTER

TOY = Path(__file__).parent / "toy"


def written(path: Path, library: str) -> Written:
    """A library as it lies on disk."""
    files = {
        each.relative_to(path).as_posix(): each.read_bytes()
        for each in path.rglob("*")
        if each.is_file()
    }
    return Written(Library(path.name, library, {STAMP: b"", **files}), path, ())


def emit(workspace: Path) -> list[Written]:
    outcome = invoke("-C", workspace, "emit")
    assert outcome.code == 0, outcome
    build = workspace / "build"
    return [
        written(build / "lib-ukmetrics", "libukmetrics"),
        written(build / "lib-slim-exporter", "libslim_exporter"),
    ]


@contextmanager
def served(libraries: list[Written], out: Path) -> Iterator[Page]:
    """The page of a twin with these libraries."""
    program = twin.build(libraries, out, twin.find_toolchain("gcc"))
    with twin.Twin(program, free_port()) as running:
        running.wait_ready()
        yield Served(None, running.url).page()  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_port(tmp_path_factory.mktemp("own") / "port")


def test_what_a_library_exports_is_on_the_page(workspace: Path, tmp_path: Path) -> None:
    out = tmp_path / "twin"
    toy = shutil.copytree(TOY, tmp_path / "lib-toy")
    with served([*emit(workspace), written(toy, "libtoy")], out) as page:
        assert page.value("ukmetrics_unknown_objects") == 1
        assert "unikraft_toy" not in page.text
        for name in EXPORTER:
            assert f"# TYPE {name} " in page.text

    assert invoke("-C", workspace, "metrics", "scan", toy).code == 0
    outcome = invoke("-C", workspace, "check")
    assert outcome.code == 4
    assert "lib-ukmetrics/metric_table.c is not what it would be now" in outcome.out

    libraries = emit(workspace)
    assert invoke("-C", workspace, "check").code == 0
    with served([*libraries, written(toy, "libtoy")], out) as page:
        assert page.value("ukmetrics_unknown_objects") == 0
        assert page.value("unikraft_toy_requests_total") == 41
        assert page.value("unikraft_toy_used_bytes", pool="pool0") == 4096
        assert page.value("unikraft_toy_flavour_info", flavour="sweet") == 1
        said = promtool("check", "metrics", text=page.text)
        assert not [line for line in said if "toy" in line]

    # Without the library, which has a header that the table includes, nothing breaks.
    with served(libraries, out) as page:
        assert page.value("ukmetrics_unknown_objects") == 0
        assert "unikraft_toy" not in page.text

"""``porttool metrics scan``, and what the other commands make of its file."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from porttool.commands.metrics import view
from porttool.unikraft import own_metrics
from porttool.unikraft.provides import Entry
from porttool.unikraft.scan.entries import Folder
from tests.commands.ports import Port, port_fixture
from tests.support import write_files

__all__ = ["port_fixture"]
GOLDEN = Path(__file__).parent / "golden"

LIBRARY = {
    "Makefile.uk": (
        "$(eval $(call addlib_s,libx,$(CONFIG_LIBX)))\nLIBX_SRCS-y += $(LIBX_BASE)/x.c\n"
    ),
    "Config.uk": "config LIBX\n\tbool\n",
    "x.c": "#include <uk/store.h>\nUK_STORE_STATIC_ENTRY(1, seen_total, u64, get, NULL);\n",
}


@pytest.fixture
def library(tmp_path: Path) -> Path:
    write_files(tmp_path / "lib-x", LIBRARY)
    return tmp_path / "lib-x"


def test_scan_and_what_follows(port: Port, library: Path) -> None:
    outcome = port.run("metrics", "scan", library, "--check", "--json")
    assert outcome.code == 4
    document = json.loads(outcome.out)
    assert (document["changed"], document["written"]) == (True, False)
    assert not (port.root / "metrics.toml").exists()

    document = json.loads(port.run("metrics", "scan", library, "--json").out)
    assert [each["name"] for each in document["added"]] == ["unikraft_x_seen_total"]
    assert document["entries"][0]["requires"] == ["LIBUKSTORE", "LIBX"]
    assert port.run("metrics", "scan", library, "--check").code == 0
    assert port.run("emit").code == 0
    table = port.root / "build" / "lib-ukmetrics" / "metric_table.c"
    assert "#if CONFIG_LIBX\nstatic const struct ukm_family family_unikraft_x_seen_total" in (
        table.read_text()
    )
    assert port.run("check").code == 0

    text = (port.root / "metrics.toml").read_text()
    (port.root / "metrics.toml").write_text(text.replace("unikraft_x_seen", "unikraft_x_met"))
    outcome = port.run("check")
    assert outcome.code == 4
    assert "emitted    lib-ukmetrics/metric_table.c is not what it would be now" in outcome.out
    assert port.run("emit").code == 0

    write_files(library, {"x.c": ""})
    outcome = port.run("metrics", "scan", library)
    assert outcome.code == 0
    assert "gone" in outcome.out and "dangling" in outcome.out
    outcome = port.run("check")
    assert outcome.code == 4
    assert "there is no entry 'libx/seen_total'" in outcome.out
    port.refuses("emit").says("metrics.toml", "libx/seen_total", "remove the family")


def test_another_file(port: Port, library: Path) -> None:
    text = port.config.read_text()
    port.config.write_text(text.replace("[port]\n", '[port]\nmetrics = "own/figures.toml"\n'))
    port.refuses("emit").says("figures.toml", "cannot be read")
    outcome = port.run("check")  # although nothing was emitted so far
    assert outcome.code == 4
    assert "metrics " in outcome.out and "figures.toml: cannot be read" in outcome.out
    (port.root / "own").mkdir()
    assert port.run("metrics", "scan", library).code == 0
    assert (port.root / "own" / "figures.toml").exists()
    assert port.run("metrics", "scan", library, "-o", "elsewhere.toml").code == 0
    assert (port.root.parent / "elsewhere.toml").exists()
    port.config.write_text(text.replace("[port]\n", '[port]\nmetrics = "../figures.toml"\n'))
    port.refuses("emit").says("plain path inside the workspace")


def test_a_folder_that_is_none(port: Port, tmp_path: Path) -> None:
    port.refuses("metrics", "scan", tmp_path / "nowhere").says("no such folder")
    port.refuses("metrics", "scan", port.root).says("Makefile.uk")
    port.refuses("metrics", "scan", port.root, "--unikraft", "nowhere").says("no such folder")


@pytest.mark.parametrize("width", [80, 160])
def test_what_a_terminal_shows(tmp_path: Path, width: int) -> None:
    path = tmp_path / "metrics.toml"

    def entry(name: str, type_: str = "u64", *more: str) -> Entry:
        return Entry("libqueue", name, None, 1, type_, None, ("LIBQUEUE", "LIBUKSTORE", *more))

    def scan(*entries: Entry) -> own_metrics.Update:
        update = own_metrics.update(path, Folder(("libqueue",), entries), "0.16.3")
        path.write_text(update.text)
        return update

    scan(entry("waiting"), entry("dropped"), entry("late"))
    path.write_text(path.read_text().replace("unikraft_queue_late", "unikraft_queue_tardy"))
    update = scan(
        entry("waiting", "u32"),
        entry("messages_handled_since_boot_total", "u64", "LIBQUEUE_STATISTICS"),
        entry("head", "uptr"),
    )
    stream = io.StringIO()
    console = Console(file=stream, width=width, markup=False, highlight=False)
    console.print(*view("metrics.toml", update, differs=True, check=False), sep="\n")
    shown = "".join(line.rstrip() + "\n" for line in stream.getvalue().splitlines())
    assert max(map(len, shown.splitlines())) <= width
    assert shown == (GOLDEN / f"metrics-scan-{width}.txt").read_text("utf-8")

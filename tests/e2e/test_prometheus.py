"""The main job's end: a real Prometheus scrapes the emitted libraries on this machine."""

import mmap
import re
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.load import hammer
from tests.e2e.prometheus import Prometheus, scraping
from tests.e2e.served import Served, copy_port, promtool, serve

#: node_exporter's own names, to whose upper-case letters promtool objects.
CAMEL_CASE = {"node_memory_MemFree_bytes"}

SCRAPED_FOR = 30.0
MIB = 1024 * 1024

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None or shutil.which("promtool") is None,
    reason="prometheus is not installed (Debian package prometheus)",
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_port(tmp_path_factory.mktemp("e2e") / "port")


@pytest.fixture(scope="module")
def served(workspace: Path, home: Path) -> Iterator[Served]:
    with serve(workspace, home) as running:
        yield running


@pytest.fixture(scope="module")
def prometheus(served: Served, home: Path) -> Iterator[Prometheus]:
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed (Debian package prometheus)")
    with scraping(served.port, home) as running:
        yield running


@needs_prometheus
@pytest.mark.usefixtures("prometheus")
def test_promtool_complains_of_nothing_but_node_exporters_names(served: Served) -> None:
    page = served.page()
    assert len(page.families) > 20
    capitals = {name for name in page.families if re.search("[a-z][A-Z]", name)}
    assert {"node_memory_MemFree_bytes", "node_netstat_Tcp_InSegs"} <= capitals
    assert all(name.startswith("node_") for name in capitals)
    assert set(promtool("check", "metrics", text=page.text)) == {
        f"{name} metric names should be written in 'snake_case' not 'camelCase'"
        for name in capitals
    }


def test_the_page_has_what_the_libraries_measure(served: Served) -> None:
    page = served.page()
    assert page.text.endswith("\n")
    assert {
        "node_memory_MemFree_bytes",
        "node_network_receive_bytes",
        "node_network_transmit_packets",
        "unikraft_alloc_allocations",
        "unikraft_mutex_locks",
        "node_scrape_collector_success",
        "slim_exporter_build_info",
    } <= page.families
    assert page.value("node_scrape_collector_success", collector="ukmetrics") == 1


def test_network_figures_move_by_what_is_sent(served: Served) -> None:
    device = served.device("lo")
    before = served.page()
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
        server.accept()[0] as peer,
    ):
        sent = received = 0
        client.settimeout(10)
        while received < 16 * MIB:
            sent += client.send(bytes(65536))
            received += len(peer.recv(MIB))
    after = served.page()
    for name in ("receive_bytes", "transmit_bytes"):
        name = f"node_network_{name}_total"
        moved = after.value(name, device=device) - before.value(name, device=device)
        # Headers, acknowledgements, and whoever else talks over lo meanwhile.
        assert received <= moved
    assert after.value("node_network_receive_packets_total", device=device) > before.value(
        "node_network_receive_packets_total", device=device
    )


def test_memory_figures_move_by_what_is_taken(served: Served) -> None:
    taken = 256 * MIB
    for _ in range(12):  # Others on this host take and free memory, too.
        before = served.page().value("node_memory_MemFree_bytes")
        with mmap.mmap(-1, taken) as memory:
            for offset in range(0, taken, mmap.PAGESIZE):
                memory[offset] = 1
            during = served.page().value("node_memory_MemFree_bytes")
        if abs(before - during - taken) < taken / 4:
            return
    pytest.fail(f"{taken} bytes were taken, and the figure went from {before} to {during}")


def test_mutex_figures_move_with_the_work(served: Served) -> None:
    names = ("unikraft_mutex_locks_total", "unikraft_mutex_unlocks_total")
    pages = [served.page() for _ in range(3)]
    for name in names:
        values = [page.value(name) for page in pages]
        assert values == sorted(set(values))


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--sanitize"], id="sanitizers"),
        pytest.param(
            ["--cc", "musl-gcc"],
            id="musl",
            marks=pytest.mark.skipif(
                shutil.which("musl-gcc") is None,
                reason="musl-gcc is not installed (Debian package musl-tools)",
            ),
        ),
    ],
)
def test_other_builds_stand_the_load(workspace: Path, home: Path, options: list[str]) -> None:
    with serve(workspace, home, *options) as running:
        hammer(running).check()


def test_two_hundred_busy_and_twenty_idle_connections(served: Served) -> None:
    hammer(served).check()


@needs_prometheus
def test_it_is_up_for_thirty_seconds(prometheus: Prometheus, served: Served) -> None:
    """The tests above put it under load meanwhile; this one comes last."""
    time.sleep(max(0.0, prometheus.began + SCRAPED_FOR + 1 - time.monotonic()))
    window = f"[{SCRAPED_FOR:.0f}s]"
    assert prometheus.value(f"min_over_time(up{window})") == 1
    assert prometheus.value(f"count_over_time(up{window})") >= SCRAPED_FOR - 2
    assert prometheus.value(f"max_over_time(scrape_duration_seconds{window})") < 1
    assert prometheus.value(f"changes(node_memory_MemFree_bytes{window})") > 0
    assert prometheus.value(f"increase(unikraft_mutex_locks_total{window})") > 0
    received = f'node_network_receive_bytes_total{{device="{served.device("lo")}"}}'
    assert prometheus.value(f"increase({received}{window})") > 0

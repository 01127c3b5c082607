"""What an application does beside the exporter shows in its metrics, and as much as it really did.

The application is the web server in ``webserver/``. What it says of itself, the frames that QEMU
wrote down and the bytes that the client got are the figures that the metrics are held against.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.served import Page
from tests.unikraft.required import REQUIRED
from tests.unikraft_real import webserver
from tests.unikraft_real.conftest import Unikernel
from tests.unikraft_real.webserver import Web

pytestmark = pytest.mark.unikraft

#: What virtio-net counts with each packet: of its header 16 bytes sent, 10 received.
SENT_HEADER, RECEIVED_HEADER = 16, 10

#: Bytes that serving a page, a connection and the allocator's own records may take or give back.
SLACK = 96 * 1024


@pytest.fixture(scope="module")
def image(unikernel: Unikernel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return webserver.build(unikernel, tmp_path_factory.mktemp(f"web-{unikernel.release}"))


@pytest.fixture
def web(unikernel: Unikernel, image: Path, tmp_path: Path) -> Iterator[Web]:
    with webserver.serving(unikernel, image, tmp_path) as running:
        yield running


def needs(web: Web, page: Page, *families: str) -> None:
    """Skip where the release need not have these families."""
    missing = sorted(set(families) - {name for name, _ in page.samples})
    if missing:
        assert REQUIRED[web.release].isdisjoint(missing)
        pytest.skip(f"{web.release} has no {', '.join(missing)}")


def grew(before: Page, after: Page, name: str, **labels: str) -> float:
    return after.value(name, **labels) - before.value(name, **labels)


def busy(before: Page, after: Page) -> float:
    """Seconds of the processor that were not idle."""
    name = "node_cpu_seconds_total"
    return grew(before, after, name) - grew(before, after, name, mode="idle")


def test_its_load_shows(web: Web) -> None:
    content = bytes(range(256)) * 256
    before = web.page()
    with web.connected() as connection:
        connection.put("page", content)
        for _ in range(50):
            assert connection.get("page") == content
        connection.ask("stat", 1000)
    after = web.page()
    served = 50 * len(content)
    assert grew(before, after, "node_netstat_Tcp_OutSegs") >= served / 1460
    assert grew(before, after, "node_netstat_Tcp_PassiveOpens") == 2  # the scrape is the other
    # lwip's locks and those of the file system are all that there is between the two pages.
    locks = grew(before, after, "unikraft_mutex_locks_total")
    assert locks > 1000
    assert locks == grew(before, after, "unikraft_mutex_unlocks_total")
    assert len(content) <= grew(before, after, "unikraft_alloc_used_bytes") < 4 * len(content)
    if web.release != "0.13.1":
        assert grew(before, after, "node_network_transmit_bytes_total") > served
        assert busy(before, after) > 0


def test_memory_is_what_it_allocated(web: Web) -> None:
    # The allocator hands out 2^n pages; its record of them takes some bytes of the first. What it
    # rounds up is in neither of the figures that MemTotal is the sum of: with 3 MiB it falls by 1.
    pages = 8 << 20
    size = pages - 1024
    before = web.page()
    assert web.ask("memory", size) == size
    held = web.page()
    assert web.ask("release") == 1
    after = web.page()
    assert size <= grew(before, held, "unikraft_alloc_used_bytes") <= size + SLACK
    assert abs(grew(before, after, "unikraft_alloc_used_bytes")) <= SLACK
    for name in ("node_memory_MemFree_bytes", "node_memory_MemAvailable_bytes"):
        assert -pages - SLACK <= grew(before, held, name) <= -pages + SLACK
        assert abs(grew(before, after, name)) <= SLACK
    assert grew(before, held, "node_memory_MemTotal_bytes") == 0


def test_network_is_what_qemu_saw(web: Web) -> None:
    content = b"x" * 100_000
    before = web.page()
    names = ("node_network_transmit_bytes_total", "node_network_receive_bytes_total")
    needs(web, before, *names)
    first = len(web.frames_until_page())
    with web.connected() as connection:
        connection.put("big", content)
        for _ in range(10):
            assert connection.get("big") == content
    after = web.page()
    frames = web.frames_until_page()[first:]
    sent = [frame.length for frame in frames if frame.sent]
    received = [frame.length for frame in frames if not frame.sent]
    assert grew(before, after, "node_network_transmit_packets_total") == len(sent)
    assert grew(before, after, "node_network_receive_packets_total") == len(received)
    assert grew(before, after, names[0]) == sum(sent) + SENT_HEADER * len(sent)
    assert grew(before, after, names[1]) == sum(received) + RECEIVED_HEADER * len(received)
    assert sum(sent) > 10 * len(content)
    assert sum(received) > len(content)


def test_files_and_threads_are_those_it_has(web: Web) -> None:
    before = web.page()
    needs(web, before, "node_filefd_allocated", "unikraft_sched_threads")
    assert web.ask("open", 7) == 7
    assert web.ask("threads", 3) == 3
    held = web.page()
    assert web.ask("release") == 10
    after = web.page()
    assert grew(before, held, "node_filefd_allocated") == 7
    assert grew(before, after, "node_filefd_allocated") == 0
    assert grew(before, held, "unikraft_sched_threads") == 3
    assert grew(before, after, "unikraft_sched_threads") == 0


def test_processor_time_is_what_it_spent(web: Web) -> None:
    before = web.page()
    needs(web, before, "node_cpu_seconds_total")
    began = time.monotonic()
    spent = web.ask("spin", 3000) / 1e9
    after = web.page()
    elapsed = time.monotonic() - began
    assert spent <= busy(before, after) <= spent + 0.25 * (elapsed - spent) + 0.2
    whole = grew(before, after, "unikraft_uptime_seconds")
    assert grew(before, after, "node_cpu_seconds_total") == pytest.approx(whole, abs=0.1)

"""The web server in ``webserver/``, built and booted with the exporter beside it."""

import http.client
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from porttool.unikraft.app import options
from porttool.unikraft.machine import NETDEV
from tests.e2e.served import Page, free_port, scrape
from tests.unikraft_real import pcap
from tests.unikraft_real.conftest import Unikernel, boot

SOURCES = Path(__file__).parent / "webserver"
PORT, EXPORTER = 8080, 9100

#: Without a file system at the root every path is unknown.
_ROOT = ("LIBVFSCORE_AUTOMOUNT_CI", "LIBVFSCORE_AUTOMOUNT_CI_RAMFS")
_OLDER_ROOT = ("LIBVFSCORE_AUTOMOUNT_ROOTFS", "LIBVFSCORE_ROOTFS_RAMFS")

#: Seconds without a packet after which none is under way: lwip acknowledges after 0.25.
_SETTLED = 0.6


@dataclass(frozen=True, slots=True)
class Web:
    """The running web server: its page of metrics, its packets, and itself."""

    release: str
    metrics: str
    port: int
    packets: Path

    @contextmanager
    def connected(self) -> Iterator["Connection"]:
        """A connection to the web server, kept until the block ends."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            yield Connection(client)
        finally:
            client.close()

    def ask(self, what: str, number: int = 0) -> int:
        """Make it use something; gives what it answers."""
        with self.connected() as connection:
            return connection.ask(what, number)

    def page(self) -> Page:
        """Its metrics, while nothing else is going on."""
        self.settle()
        return scrape(self.metrics)

    def settle(self) -> None:
        """Wait until no packet is under way."""
        deadline = time.monotonic() + 20
        size, since = -1, time.monotonic()
        while time.monotonic() - since < _SETTLED:
            assert time.monotonic() < deadline, "packets without an end"
            time.sleep(0.05)
            now = self.packets.stat().st_size
            if now != size:
                size, since = now, time.monotonic()

    def frames_until_page(self) -> Sequence[pcap.Frame]:
        """All frames since the start until the exporter began to send its latest page."""
        frames = pcap.frames(self.packets)
        for index in reversed(range(len(frames))):
            if frames[index].source == EXPORTER and frames[index].data.startswith(b"HTTP/1"):
                return frames[:index]
        raise AssertionError("the exporter sent no page")


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection to the web server, for one request after the other."""

    _client: http.client.HTTPConnection

    def _request(self, method: str, path: str, status: int, body: bytes | None = None) -> bytes:
        self._client.request(method, path, body)
        answer = self._client.getresponse()
        content = answer.read()
        assert answer.status == status, content
        return content

    def put(self, name: str, content: bytes) -> None:
        self._request("PUT", f"/files/{name}", 201, content)

    def get(self, name: str) -> bytes:
        return self._request("GET", f"/files/{name}", 200)

    def ask(self, what: str, number: int = 0) -> int:
        return int(self._request("GET", f"/{what}/{number}", 200))


def build(unikernel: Unikernel, folder: Path) -> Path:
    """Build it below ``folder``; gives the folder of the image."""
    application = shutil.copytree(SOURCES, folder / "webserver")
    root = _OLDER_ROOT if unikernel.release == "0.13.1" else _ROOT
    lines = (
        *options(unikernel.release, "LIBSLIM_EXPORTER"),
        *(f"CONFIG_{symbol}=y" for symbol in root),
    )
    (application / "defconfig").write_text("".join(f"{line}\n" for line in lines))
    built = unikernel.porttool(
        "build", "--unikraft", str(unikernel.trees / "unikraft"),
        "--archives", str(unikernel.trees.parent / "archives"),
        "--app", str(application), "--output", str(folder),
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    return folder / f"unikraft-{unikernel.release}"


@contextmanager
def serving(unikernel: Unikernel, image: Path, folder: Path) -> Iterator[Web]:
    """Boot it until the block ends; its packets are kept below ``folder``."""
    port = free_port()
    packets = folder / "packets.pcap"
    dump = f"filter-dump,id=packets,netdev={NETDEV},file={packets}"
    with boot(
        unikernel, str(image), "--forward", f"{port}:{PORT}",
        "--qemu-arg=-object", f"--qemu-arg={dump}",
    ) as running:  # fmt: skip
        web = Web(unikernel.release, running.url, port, packets)
        with web.connected() as connection:
            connection.put("kept", b"kept\n")
        yield web

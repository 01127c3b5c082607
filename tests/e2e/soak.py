"""What clients do to a server over a long time: each kind of it, and what it left behind."""

import asyncio
import os
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.e2e.served import Page, Served

#: How many connections of each kind; ``PORTTOOL_SOAK`` asks for more.
CONNECTIONS = int(os.environ.get("PORTTOOL_SOAK", "100"))

#: At once. The exporter serves 240 and refuses 8 more.
AT_ONCE = 40
FLOOD = 400

#: Seconds that the exporter reads on after it ended a connection, and some more.
LINGERS = 1.2
REQUESTS = 20
REQUEST = b"GET /metrics HTTP/1.1\r\nHost: twin\r\n\r\n"
HOST = "127.0.0.1"


async def _read_answer(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
    fields = dict(line.split(": ", 1) for line in head[1:] if line)
    await reader.readexactly(int(fields["content-length"]))
    return int(head[0].split()[1])


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close so that the peer gets RST."""
    writer.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
    )
    writer.transport.abort()


async def client_closes_first(port: int) -> None:
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(REQUEST)
    assert await _read_answer(reader) == 200
    writer.close()


async def keeps_alive(port: int) -> None:
    reader, writer = await asyncio.open_connection(HOST, port)
    for _ in range(REQUESTS):
        writer.write(REQUEST)
        assert await _read_answer(reader) == 200
    writer.close()


async def sends_half(port: int) -> None:
    """Ends its side amid a request: nothing is due to it."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(REQUEST[:20])
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()


async def resets_before_asking(port: int) -> None:
    _, writer = await asyncio.open_connection(HOST, port)
    _reset(writer)


async def resets_amid_a_request(port: int) -> None:
    _, writer = await asyncio.open_connection(HOST, port)
    writer.write(REQUEST[:20])
    await asyncio.sleep(0.001)
    _reset(writer)


async def resets_amid_an_answer(port: int) -> None:
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(REQUEST * 4)
    await reader.read(100)
    _reset(writer)


async def sends_nonsense(port: int) -> None:
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(b"\x16\x03\x01" + bytes(range(1, 200)) * 3 + b"\n\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    writer.close()


async def is_slow(port: int) -> None:
    """Sends byte by byte, and takes its answer in small pieces."""
    reader, writer = await asyncio.open_connection(HOST, port, limit=256)
    for byte in REQUEST:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.002)
    taken = 0
    while taken < 4000:
        taken += len(await reader.read(500))
        await asyncio.sleep(0.002)
    writer.close()


#: Each kind of client, with one of how many connections are made of it.
KINDS: tuple[tuple[Callable[[int], Awaitable[None]], int], ...] = (
    (client_closes_first, 1),
    (keeps_alive, REQUESTS),
    (sends_half, 1),
    (resets_before_asking, 1),
    (resets_amid_a_request, 1),
    (resets_amid_an_answer, 2),
    (sends_nonsense, 1),
    (is_slow, 10),
)


async def _all(kind: Callable[[int], Awaitable[None]], port: int, count: int) -> None:
    async def some(times: int) -> None:
        for _ in range(times):
            await asyncio.wait_for(kind(port), 60)

    share = -(-count // AT_ONCE)
    await asyncio.gather(*(some(share) for _ in range(AT_ONCE)))


async def _flood(port: int) -> None:
    """More connections at once than the exporter serves; they stay until the last has come."""
    writers: list[asyncio.StreamWriter] = []

    async def one() -> None:
        try:
            reader, writer = await asyncio.open_connection(HOST, port)
            writers.append(writer)
            writer.write(REQUEST)
            assert await _read_answer(reader) in {200, 503}
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # It may shed connections; what counts is what it answers.

    await asyncio.wait_for(asyncio.gather(*(one() for _ in range(FLOOD))), 60)
    for writer in writers:
        writer.close()


@dataclass(frozen=True, slots=True)
class Held:
    """What the exporter says that it holds: descriptors, allocations and their bytes."""

    descriptors: float
    live: float
    used: float


def held(page: Page) -> Held:
    return Held(
        page.value("node_filefd_allocated"),
        page.value("unikraft_alloc_live"),
        page.value("unikraft_alloc_used_bytes"),
    )


def _settled(served: Served, before: Held) -> Held:
    """What is held when the last connections are gone, or still after five seconds."""
    deadline = time.monotonic() + 5
    now = held(served.page())
    while now.descriptors > before.descriptors and time.monotonic() < deadline:
        time.sleep(0.2)
        now = held(served.page())
    return now


def soak(served: Served, connections: int = CONNECTIONS) -> tuple[Held, Held]:
    """Let each kind of client come, then a flood; gives what was held before and after.

    A flood comes first, too: memory follows the most connections that were ever open at once.
    """

    async def everybody() -> None:
        for kind, each in KINDS:
            await _all(kind, served.port, connections // each)
        await _flood(served.port)

    asyncio.run(_flood(served.port))
    time.sleep(LINGERS)
    before = held(served.page())
    asyncio.run(everybody())
    return before, _settled(served, before)

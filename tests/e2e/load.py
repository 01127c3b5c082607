"""Load on a served port: busy and idle connections, and a scraper that comes amid them."""

import asyncio
import time
from dataclasses import dataclass

from tests.e2e.served import Served

BUSY = 200
IDLE = 20
SECONDS = 3.0
REQUEST = b"GET /metrics HTTP/1.1\r\nHost: twin\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Outcome:
    """``answers`` by status of the busy connections; seconds that each scrape took."""

    answers: dict[int, int]
    scrapes: list[float]

    def check(self) -> None:
        """Hold the outcome to what the exporter promises."""
        assert set(self.answers) <= {200, 503}, self.answers
        assert self.answers[200] > BUSY
        assert len(self.scrapes) >= SECONDS
        assert max(self.scrapes) < 1, self.scrapes


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
    body = await reader.readexactly(int(fields["content-length"]))
    return int(lines[0].split()[1]), body


async def _busy(port: int, until: float, answers: dict[int, int]) -> None:
    while time.monotonic() < until:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                while time.monotonic() < until:
                    writer.write(REQUEST)
                    status, _ = await _answer(reader)
                    answers[status] = answers.get(status, 0) + 1
                    if status != 200:
                        break
            finally:
                writer.close()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # It may shed connections; what counts is what it answers.
        await asyncio.sleep(0.01)


async def _scrape(port: int) -> float:
    """A scrape as Prometheus makes it when it has no connection yet."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(REQUEST)
        status, body = await asyncio.wait_for(_answer(reader), 5)
    finally:
        writer.close()
    assert status == 200
    assert b"node_memory_MemFree_bytes" in body
    return time.monotonic() - began


async def _hammer(port: int) -> Outcome:
    answers: dict[int, int] = {}
    scrapes = []
    idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(IDLE)]
    for _, writer in idle[: IDLE // 2]:
        writer.write(REQUEST[:20])
    until = time.monotonic() + SECONDS
    busy = [asyncio.create_task(_busy(port, until, answers)) for _ in range(BUSY)]
    await asyncio.sleep(0.2)
    while time.monotonic() < until:
        scrapes.append(await _scrape(port))
        await asyncio.sleep(0.2)
    await asyncio.gather(*busy)
    for _, writer in idle:
        writer.close()
    return Outcome(answers, scrapes)


def hammer(served: Served) -> Outcome:
    """Put 200 busy and 20 idle connections on ``served`` for a few seconds."""
    return asyncio.run(_hammer(served.port))

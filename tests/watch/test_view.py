"""What a terminal shows, compared with what it is to show."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from porttool.watch import view
from porttool.watch.history import History
from porttool.watch.scrape import Page, parse
from tests.watch.serving import PAGE

URL = "http://127.0.0.1:9100/metrics"
GOLDEN = Path(__file__).parent / "golden"


def seen() -> History:
    """Thirty scrapes, of which two failed, with growing traffic and breathing memory."""
    history = History()
    for n in range(30):
        if n in (12, 13):
            history.lose("connection refused", float(n))
            continue
        text = PAGE.replace("62607360", str(62607360 - 4096 * (n % 7)))
        text = text.replace("1048576", str(1048576 + n * n * 100))
        text = text.replace('total{site="lab"} 16', f'total{{site="lab"}} {16 + 3 * n}')
        history.add(Page(parse(text), 0.012), float(n))
    return history


def drawn(history: History, look: view.Look, at: float = 30.0) -> str:
    console = Console(width=look.width, file=io.StringIO(), color_system=None)
    console.print(view.draw(history, URL, at, look))
    assert isinstance(console.file, io.StringIO)
    return "".join(line.rstrip() + "\n" for line in console.file.getvalue().splitlines())


@pytest.mark.parametrize("width", [80, 160])
def test_the_picture(width: int) -> None:
    text = drawn(seen(), view.Look(width))
    golden = GOLDEN / f"live-{width}.txt"
    assert text == golden.read_text("utf-8")
    assert max(map(len, text.splitlines())) <= width


def test_one_page_shows_counters_as_they_are() -> None:
    history = History()
    history.add(Page(parse(PAGE), 0.012), 0.0)
    text = drawn(history, view.Look(80, total=True))
    golden = GOLDEN / "once-80.txt"
    assert text == golden.read_text("utf-8")


def test_a_low_terminal_keeps_what_moves() -> None:
    text = drawn(seen(), view.Look(80, 11, everything=True))
    assert len(text.splitlines()) <= 11
    assert "receive_bytes" in text
    assert "mutex_locks" in text
    assert "do not fit" in text


def test_gone_and_not_yet_there() -> None:
    history = History()
    history.lose("connection refused", 1.0)
    text = drawn(history, view.Look(80), 4.0)
    assert "gone: connection refused, for 3 s\nwaiting for it\n" in text
    history = seen()
    history.lose("it answers 503", 40.0)
    text = drawn(history, view.Look(80), 42.0)
    assert "gone: it answers 503, for 2 s" in text
    assert "receive_bytes" in text, "what was seen stays"


def test_without_unicode_the_blocks_are_ascii() -> None:
    text = drawn(seen(), view.Look(80, blocks=view._ASCII))
    assert text.isascii()
    assert "#" in text


@pytest.mark.parametrize(
    ("points", "zero", "text"),
    [
        ([1, 2, 3], False, " ▁▅█"),
        ([1, 2, 3], True, " ▃▆█"),
        ([5, 5], False, "  ▁▁"),
        ([None, 1, None, 2, 3, 4], True, "▁▅▆█".replace("▁", " ")),
        ([], True, "    "),
        ([float("nan"), float("inf"), 1, 2], True, "  ▅█"),
    ],
)
def test_sparklines(points: list[float | None], zero: bool, text: str) -> None:
    assert view.spark(points, 4, zero=zero, blocks=view._BLOCKS) == text


@pytest.mark.parametrize(
    ("name", "value", "rate", "text"),
    [
        ("x_bytes", 62607360, False, "59.7 MiB"),
        ("x_bytes_total", 1536, True, "1.5 KiB/s"),
        ("x_bytes", 1048575, False, "1.0 MiB"),
        ("x_bytes", 0, False, "0 B"),
        ("node_cpu_seconds_total", 0.25, True, "25.0 %"),
        ("x_seconds", 0.0026, False, "2.6 ms"),
        ("x_seconds", 0.0000041, False, "4 µs"),
        ("node_time_seconds", 1795605201.0, False, "11:13:21Z"),
        ("x", 1234567, False, "1.2 M"),
        ("x_total", 0.5, True, "0.5/s"),
        ("x", 12345, False, "12,345"),
        ("x", -5, False, "-5"),
        ("x", float("nan"), False, "-"),
        ("x", float("inf"), False, "∞"),
        ("x", None, False, "-"),
    ],
)
def test_values_for_people(name: str, value: float | None, rate: bool, text: str) -> None:
    assert view.shown(name, value, rate=rate) == text

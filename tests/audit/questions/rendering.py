"""What a table of a report is on a terminal and in a pipe, and the golden files it is held to."""

import io
from pathlib import Path

from rich.console import Console, RenderableType

GOLDEN = Path(__file__).parent / "golden"


def on_terminal(table: RenderableType, width: int) -> str:
    """The lines of a terminal, none of them wider than it."""
    console = Console(width=width, color_system=None, file=io.StringIO())
    with console.capture() as captured:
        console.print(table)
    lines = [line.rstrip() for line in captured.get().splitlines()]
    assert all(len(line) <= width for line in lines)
    return "".join(f"{line}\n" for line in lines)


def golden(name: str) -> str:
    """The content of a golden file."""
    return (GOLDEN / name).read_text("utf-8")

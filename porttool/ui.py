"""The one door to the terminal.

Results go to stdout, progress and prose to stderr. Colour only on a terminal; rich honours
``NO_COLOR``. Nothing else in porttool prints.
"""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from porttool.errors import PorttoolError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress


#: So many seconds something takes before its progress is shown.
PROGRESS_DELAY = 1.0

#: What an upstream's file names and messages must not do to a terminal: control characters are
#: shown as they would be written in C.
_VISIBLE = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if code != 0x0A}


def stdout() -> "Console":
    """Console for results. Off a terminal it does not wrap, so that lines can be grepped."""
    return _console(stderr=False)


def stderr() -> "Console":
    """Console for progress, notes and errors."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> "Console":
    """A console on which strings are plain text, never markup, and cannot control the terminal."""
    from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
    from rich.segment import Segment

    class Tamed:
        def __init__(self, inner: ConsoleRenderable) -> None:
            self.inner = inner

        def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
            for text, style, control in console.render(self.inner, options):
                yield Segment(text if control else text.translate(_VISIBLE), style, control)

    class Tame(RenderHook):
        def process_renderables(
            self, renderables: list[ConsoleRenderable]
        ) -> list[ConsoleRenderable]:
            return [Tamed(each) for each in renderables]

    console = Console(stderr=stderr, highlight=False, soft_wrap=False, markup=False, emoji=False)
    console.push_render_hook(Tame())
    if not console.is_terminal:
        console.width = 10_000
    return console


def show(*renderables: "RenderableType") -> None:
    """Print results to stdout."""
    console = stdout()
    if console.is_terminal:
        for renderable in renderables:
            console.print(renderable)
        return
    with console.capture() as captured:
        for renderable in renderables:
            console.print(renderable)
    # Tables pad their cells; in a file or a pipe that is noise.
    sys.stdout.write("".join(line.rstrip() + "\n" for line in captured.get().splitlines()))
    # A command that goes on, such as run, is waited for by its reader.
    sys.stdout.flush()


def count(number: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun: ``1 patch``, ``2 patches``."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def note(text: str) -> None:
    """Tell the user something beside the result, on stderr. ``text`` is plain, not markup."""
    from rich.text import Text

    stderr().print(Text(text, style="dim"))


def show_json(document: Any) -> None:  # noqa: ANN401 - whatever json can write
    """Print a JSON document to stdout: stable key order as given, never coloured."""
    ascii_only = sys.stdout.encoding.lower().replace("_", "-") != "utf-8"
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=ascii_only) + "\n")
    # A command that goes on, such as boot, is waited for by its reader.
    sys.stdout.flush()


def write(text: str) -> None:
    """Print a document to stdout as it is, such as JSON that was laid out already."""
    sys.stdout.write(text)


def show_error(error: PorttoolError) -> None:
    """Print an error: what, where, why and how to mend it."""
    from rich.text import Text

    console = stderr()
    console.print(Text.assemble(("error: ", "bold red"), error.what))
    for label, text in (("where", error.where), ("why", error.why), ("fix", error.fix)):
        if text:
            body = text.replace("\n", "\n         ")
            console.print(Text.assemble((f"  {label:>5}: ", "bold"), body))


@contextmanager
def progress() -> Iterator["Progress"]:
    """A progress display on stderr that vanishes when done; silent off a terminal.

    It comes after :data:`PROGRESS_DELAY`, so that what is done at once leaves no trace.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    console = stderr()
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()]
    bar = Progress(*columns, TimeElapsedColumn(), console=console, transient=True, disable=True)
    if not console.is_terminal:
        yield bar
        return
    bar.disable = False
    timer = threading.Timer(PROGRESS_DELAY, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield bar
    finally:
        timer.cancel()
        timer.join()
        if bar.live.is_started:
            bar.stop()

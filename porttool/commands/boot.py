"""``porttool boot``: the unikernel in QEMU, until it was scraped or until ^C."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from porttool import ui
from porttool.commands import parameters
from porttool.commands.build import Wanted, folder_of, make, tell
from porttool.commands.emitting import workspace_input
from porttool.errors import ExitCode, UserError
from porttool.unikraft import DEFAULT_RELEASE, machine
from porttool.unikraft.building import Image, find_image
from porttool.unikraft.machine import Forward, Machine, Scrape, Settings
from porttool.unikraft.processes import require_free
from porttool.workspace import Workspace

CONSOLE = "console.log"

_PORTS = 65535


@dataclass(frozen=True, slots=True)
class Options:
    """How to boot. ``timeout`` in seconds; ``once`` ends it after the first page, on stdout.

    ``forwards`` are ports as the user writes them, ``8080:80``; ``arguments`` go to QEMU.
    """

    port: int
    memory: str
    parameters: tuple[str, ...]
    timeout: float
    forwards: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    once: bool = False
    verbose: bool = False
    as_json: bool = False


def _check(options: Options) -> None:
    parameters.check(options.parameters, own=("netdev.ip",))
    if not re.fullmatch(r"[1-9]\d*[MG]", options.memory):
        raise UserError(f"{options.memory!r} is no size of memory", fix="write it as 64M or 1G")
    machine.find_qemu()
    require_free(options.port)


def _forward(text: str) -> Forward:
    """A forwarded port; raises :class:`UserError` for what is none, or for one that is taken."""
    match = re.fullmatch(r"(\d{1,5}):(\d{1,5})", text)
    ports = [int(port) for port in match.groups()] if match else []
    if not ports or not all(1 <= port <= _PORTS for port in ports):
        raise UserError(
            f"{text!r} is no pair of ports",
            fix="write it as PORT:PORT, that of 127.0.0.1 and that of the application: 8080:80",
        )
    require_free(ports[0], option="--forward PORT:PORT")
    return Forward(*ports)


@contextmanager
def _console(image: Image) -> Iterator[tuple[Path, TextIO]]:
    """Where the console is kept: beside the image."""
    path = image.path.parent / CONSOLE
    with path.open("w", encoding="utf-8", buffering=1) as file:
        yield path, file


def _document(image: Image, running: Machine, scrape: Scrape, console: Path) -> dict[str, object]:
    return {
        "schema": 1,
        "url": running.url,
        "image": str(image.path),
        "unikraft": image.release,
        "accelerator": running.accelerator,
        "first_scrape_seconds": round(scrape.seconds, 2),
        "samples": _samples(scrape.text),
        "console": str(console),
    }


def _samples(text: str) -> int:
    return sum(1 for line in text.splitlines() if line and not line.startswith("#"))


def find(directory: Path, image: Path | None, out: Path | None, wanted: Wanted | None) -> Image:
    """The image to boot: what is built now, what the user named, or what the port built before.

    Raises :class:`UserError` when there is none, or it cannot be built.
    """
    if wanted is not None:
        with workspace_input(directory, "boot") as (source, default):
            built = make(source, out or default, wanted)
        tell(built)
        return Image(built.image, built.release)
    if image is not None:
        found = find_image(image)
        return Image(found.path, found.release or DEFAULT_RELEASE)
    workspace = Workspace.open(directory)
    return find_image(folder_of(out or workspace.build, workspace.config.unikraft))


def boot(
    directory: Path,
    image: Path | None,
    out: Path | None,
    wanted: Wanted | None,
    options: Options,
) -> ExitCode:
    """Boot an image, wait for the first scrape, then serve until ^C or, with ``once``, end.

    ``image`` and ``wanted`` are as for :func:`find`. Ending it after it served is its normal end
    and gives 0. Raises :class:`UserError` when it crashes, halts, or does not serve in time.
    """
    _check(options)
    forwards = tuple(_forward(text) for text in options.forwards)
    return _serve(find(directory, image, out, wanted), forwards, options)


def _serve(image: Image, forwards: tuple[Forward, ...], options: Options) -> ExitCode:
    from rich.text import Text

    settings = Settings(
        image.path.resolve(),
        image.release or DEFAULT_RELEASE,
        options.port,
        options.memory,
        options.parameters,
        forwards,
        options.arguments,
    )
    with _console(image) as (path, file):

        def keep(line: str) -> None:
            file.write(line + "\n")
            if options.verbose:
                ui.note(line)

        with Machine(settings, log=keep) as running:
            with ui.progress() as bar:
                bar.add_task("waiting for the first scrape", total=None)
                scrape = running.first_scrape(options.timeout)
            if options.once:
                if options.as_json:
                    ui.show_json(_document(image, running, scrape, path))
                else:
                    ui.write(scrape.text)
                return ExitCode.OK
            try:
                if options.as_json:
                    ui.show_json(_document(image, running, scrape, path))
                else:
                    ui.show(Text(running.url))
                ui.note(
                    f"first scrape after {scrape.seconds:.2f} s with "
                    f"{ui.count(_samples(scrape.text), 'sample')}, {running.accelerator}, "
                    f"console in {path}; serving until ^C"
                )
                running.wait()
            except KeyboardInterrupt:
                ui.note("ended")
    return ExitCode.OK

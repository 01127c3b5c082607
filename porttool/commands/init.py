"""``porttool init``: a new port workspace for any git upstream."""

import re
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import tomlkit
from rich.table import Table
from rich.text import Text

from porttool import ui
from porttool.audit.build import Guess, guess_build
from porttool.commands.session import fetching
from porttool.errors import ExitCode, UserError
from porttool.port import choose_pin
from porttool.series import folder
from porttool.unikraft.table import shipped_releases
from porttool.upstream.address import absolute
from porttool.upstream.licence import UNKNOWN, detect_license
from porttool.upstream.lock import Lock, Pin
from porttool.upstream.reference import SCHEME
from porttool.upstream.store import Mirror
from porttool.workspace import (
    CONFIG_NAME,
    LOCK_NAME,
    NAME_PATTERN,
    is_plain_path,
    parse_config,
)

_GITIGNORE = "/.porttool/\n/build/\n"


def init(
    url: str, directory: Path, *, ref: str | None, name: str | None, unikraft: str, as_json: bool
) -> ExitCode:
    """Pin ``url`` and write a workspace into ``directory``, which must not exist or be empty."""
    target = directory.absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UserError(
            "there is something in the way of the new workspace",
            where=str(target),
            fix="name a folder that does not exist yet",
        )
    if re.fullmatch(r"\d+\.\d+\.\d+", unikraft) and unikraft not in shipped_releases():
        raise UserError(
            f"there is no catalogue of Unikraft {unikraft}",
            fix=f"--unikraft with one of: {', '.join(shipped_releases())}",
        )
    address = absolute(url)
    mirror = Mirror.of(address)
    with fetching() as progress:
        mirror.fetch(progress)
    pin = choose_pin(mirror, ref)
    library = name_from_url(address) if name is None else name
    if not NAME_PATTERN.fullmatch(library):
        raise UserError(
            f"{library!r} cannot be the name of a library",
            why="it becomes a folder, a make variable, a Kconfig symbol and a C prefix",
            fix="choose one with --name: lower-case letters, digits and single dashes",
        )
    license_ = detect_license(mirror.repository, pin.commit)
    with tempfile.TemporaryDirectory(prefix="porttool-") as scratch:
        guess = guess_build(mirror.repository.export(pin.commit, Path(scratch) / "tree"))
    guess = _nameable(guess)
    if not guess.sources:
        raise UserError(
            f"{address} {pin.ref} has no C sources",
            why="no .c file outside of folders for tests, examples and tools",
            fix="is this the exporter's own repository?",
        )
    config = config_text(library, address, unikraft, guess)
    parse_config(config, target / CONFIG_NAME)
    lock = Lock(library, pin, license_, folder.digest(b"", []), pin.tree, unikraft)
    _write(target, config, lock)
    if as_json:
        ui.show_json(
            {
                "schema": 1,
                "workspace": str(target),
                "name": library,
                "pin": {"url": pin.url, "ref": pin.ref, "commit": pin.commit, "tree": pin.tree},
                "license": license_,
                "sources": list(guess.sources),
                "includes": list(guess.includes),
                "defines": list(guess.defines),
                "aside": list(guess.aside),
            }
        )
    else:
        _show(target, library, pin, license_, guess)
    return ExitCode.OK


def _nameable(guess: Guess) -> Guess:
    """Put sources aside whose names porttool.toml, and make after it, cannot hold."""
    return replace(
        guess,
        sources=tuple(name for name in guess.sources if is_plain_path(name)),
        includes=tuple(name for name in guess.includes if is_plain_path(name)),
        aside=(*guess.aside, *(name for name in guess.sources if not is_plain_path(name))),
    )


def name_from_url(url: str) -> str:
    """A library name from the end of a URL: ``nano-exporter`` for ``…/nano_exporter.git``."""
    last = re.split(r"[/:]", url.removeprefix(SCHEME).rstrip("/"))[-1].removesuffix(".git")
    return re.sub(r"[^a-z0-9]+", "-", last.lower()).strip("-")


def config_text(name: str, url: str, unikraft: str, guess: Guess) -> str:
    """The text of a new ``porttool.toml``."""
    document = tomlkit.document()
    for line in (
        "What this port is and how it is built. The pin is in upstream.lock, the",
        "series in patches/. See docs/porting.md for every key.",
    ):
        document.add(tomlkit.comment(line))
    document.add(tomlkit.nl())
    upstream = tomlkit.table()
    upstream.add("name", name)
    upstream.add("url", url)
    target = tomlkit.table()
    target.add("unikraft", unikraft)
    port = tomlkit.table()
    port.add(tomlkit.comment("Guessed from the tree: please correct. Paths are upstream's."))
    port.add("sources", _array(guess.sources))
    port.add("includes", _array(guess.includes))
    port.add("defines", _array(guess.defines))
    document.add("upstream", upstream)
    document.add("target", target)
    document.add("port", port)
    return tomlkit.dumps(document)


def _array(values: Sequence[str]) -> tomlkit.items.Array:
    array = tomlkit.array()
    array.extend(values)
    return array.multiline(len(values) > 4)


def _write(target: Path, config: str, lock: Lock) -> None:
    """Make the workspace beside its place and move it there whole.

    A folder that is there stays the same one, since a shell may stand in it; then the file that
    makes a workspace of it comes last.
    """
    beside = target if target.exists() else target.parent
    beside.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".porttool-", dir=beside) as scratch:
        made = Path(scratch) / "workspace"
        (made / "patches").mkdir(parents=True)
        (made / "patches" / folder.SERIES_NAME).write_bytes(b"")
        (made / CONFIG_NAME).write_text(config, "utf-8")
        (made / LOCK_NAME).write_text(lock.dumps(), "utf-8")
        (made / ".gitignore").write_text(_GITIGNORE, "utf-8")
        if beside is not target:
            made.rename(target)
            return
        names = (".gitignore", "patches", LOCK_NAME, CONFIG_NAME)
        try:
            for name in names:
                (made / name).rename(target / name)
        except BaseException:
            for name in names:
                if (target / name).exists():
                    (target / name).rename(made / name)
            raise


def _show(target: Path, library: str, pin: Pin, license_: str, guess: Guess) -> None:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("library", Text(f"lib-{library}"))
    table.add_row("pin", Text(f"{pin.url}  {pin.ref}  commit {pin.commit[:12]}"))
    unknown = "not found: set license in porttool.toml" if license_ == UNKNOWN else ""
    table.add_row("licence", Text(unknown or license_, "yellow" if unknown else ""))
    for label, values in (
        ("sources", guess.sources),
        ("includes", guess.includes),
        ("defines", guess.defines),
        ("left out", guess.aside),
    ):
        table.add_row(label, Text(" ".join(values) or "none", "" if values else "dim"))
    ui.show(table)
    ui.note(f"Guessed from the tree; correct it in {target / CONFIG_NAME}")
    ui.note(f"Next: porttool -C {target} apply, and see docs/porting.md")

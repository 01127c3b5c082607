"""The one door to an upstream's own build, run dry and only for who asks for it."""

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from porttool.audit.commands import Command, Commands, read_make_output
from porttool.errors import UserError

TIMEOUT_SECONDS = 60
OUTPUT_LIMIT = 64 * 1024 * 1024
_OPTIONS = ("--dry-run", "--always-make", "--print-directory", "--keep-going")


def dry_run(tree: Path) -> Commands:
    """The compiler commands that ``make`` would run in ``tree``, by running ``make -n``.

    That executes what the Makefile has make execute at once, ``$(shell ...)`` for one: in a copy
    that is thrown away, without the user's environment, for at most a minute. It is not confined
    otherwise. Raises :class:`UserError` when make is not there or compiles nothing.
    """
    tree = tree.resolve()
    make = shutil.which("make")
    if make is None:
        raise UserError("make is not installed", fix="apt-get install make")
    with tempfile.TemporaryDirectory(prefix="porttool-make-") as scratch:
        base = Path(scratch).resolve()
        copy = base / "tree"
        try:
            shutil.copytree(tree, copy, symlinks=True, ignore=shutil.ignore_patterns(".git"))
        except (OSError, shutil.Error) as error:
            raise UserError("cannot copy the tree", where=str(tree), why=str(error)) from None
        (base / "home").mkdir()
        said, errors = _run(make, copy, base / "home")
        found = read_make_output(said, copy, copy)
        if not found.commands:
            lines = [line for line in errors.splitlines() if line.strip()]
            raise UserError(
                "make would compile nothing",
                where=str(tree),
                why=lines[0] if lines else "no command of a C compiler is in what make -n says",
                fix="generate its Makefile first (./configure, cmake), or use --compile-commands",
            )
        return Commands(
            tuple(_moved(command, copy, tree) for command in found.commands), found.notes
        )


def _run(make: str, folder: Path, home: Path) -> tuple[str, str]:
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(home), "LC_ALL": "C"}
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            ["/bin/sh", "-c", f'ulimit -f {OUTPUT_LIMIT >> 9}; exec "$@"', "sh", make, *_OPTIONS],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env=environment,
            start_new_session=True,
        )
        try:
            process.wait(TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            raise UserError(f"make --dry-run took longer than {TIMEOUT_SECONDS} s") from None
        finally:
            with suppress(ProcessLookupError):  # also what it left running
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        errors.seek(0)
        return (
            output.read().decode("utf-8", "replace"),
            errors.read(65536).decode("utf-8", "replace"),
        )


def _moved(command: Command, copy: Path, tree: Path) -> Command:
    def move(path: Path) -> Path:
        return tree / path.relative_to(copy) if path.is_relative_to(copy) else path

    flags = replace(
        command.flags,
        includes=tuple(map(move, command.flags.includes)),
        forced=tuple(map(move, command.flags.forced)),
    )
    return Command(move(command.path), flags)

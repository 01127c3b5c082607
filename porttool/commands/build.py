"""``porttool build``: the emitted libraries and an application, built in a real Unikraft tree."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from porttool import ui
from porttool.errors import ExitCode, UserError
from porttool.unikraft import app as applications
from porttool.unikraft import building
from porttool.unikraft.building import Built
from porttool.unikraft.emit import EmitInput
from porttool.unikraft.emit import emit as emit_libraries

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user says of a build, as it was typed.

    ``unikraft`` is a tree, or None for the one below ``trees``, a folder with
    ``<release>/unikraft``; ``libraries`` and ``archives`` are looked for beside it when empty.
    ``application`` is a folder of the user's own, ``settings`` are lines for Kconfig.
    """

    unikraft: Path | None = None
    trees: Path | None = None
    libraries: tuple[Path, ...] = ()
    archives: tuple[Path, ...] = ()
    application: Path | None = None
    settings: tuple[str, ...] = ()
    jobs: int = 1


def folder_of(out: Path, release: str) -> Path:
    """Where the unikernel of a release is built, below the folder of what is emitted."""
    return out / f"unikraft-{release}"


def _tree(wanted: Wanted, release: str) -> Path:
    if wanted.unikraft is not None:
        return wanted.unikraft
    if wanted.trees is None:
        raise UserError(
            "no tree of Unikraft is given",
            fix=f"--unikraft DIR, a tree at RELEASE-{release} with lib-musl and lib-lwip beside;\n"
            "or set PORTTOOL_UNIKRAFT to a folder with RELEASE/unikraft",
        )
    return wanted.trees / release / "unikraft"


def make(source: EmitInput, out: Path, wanted: Wanted) -> Built:
    """Emit below ``out`` and build there; raises :class:`UserError` for what cannot be built."""
    config = source.config
    settings = [building.check_setting(text) for text in wanted.settings]
    sources = building.sources(
        _tree(wanted, config.unikraft), wanted.libraries, wanted.archives, config.unikraft
    )
    own = wanted.application
    if own is not None and not (own / "Makefile.uk").is_file():
        raise UserError("this is no application", where=str(own), why="it has no Makefile.uk")
    emitted = emit_libraries(source, out)
    application = own or applications.write(config, out).path
    lines = building.defconfig(application, applications.switch(config), settings)
    with ui.progress() as bar:
        task = bar.add_task(f"Unikraft {config.unikraft}", total=None)

        def show(done: int, total: int | None, step: str) -> None:
            bar.update(task, completed=done, total=total, description=step)

        try:
            return building.build(
                sources,
                application,
                lines,
                emitted.libraries,
                folder_of(out, config.unikraft),
                jobs=wanted.jobs,
                progress=show,
            )
        except UserError as error:
            raise _explained(error, config.entry_function) from None


def _explained(error: UserError, entry: str) -> UserError:
    if f"undefined reference to `{entry}'" not in (error.why or ""):
        return error
    return UserError(
        f"the series does not define {entry}() yet",
        why="the library's thread starts there; upstream's main() has to become it",
        fix="see docs/porting.md, section 3: porttool apply, commit it there, refresh",
    )


def document(built: Built) -> dict[str, object]:
    """A build as JSON; the size is in bytes."""
    return {
        "schema": 1,
        "image": str(built.image),
        "unikraft": built.release,
        "size": built.size,
        "seconds": round(built.seconds, 1),
        "steps": built.steps,
        "log": str(built.log),
        "warnings": [
            {"file": each.path, "line": each.line, "text": each.text} for each in built.warnings
        ],
    }


def tell(built: Built) -> None:
    """Say on stderr what a build did beside its image."""
    for each in built.warnings:
        ui.note(f"{each.path}:{each.line}: warning: {each.text}")
    made = ui.count(built.steps, "file")
    ui.note(
        f"Unikraft {built.release}: {made} made in {built.seconds:.0f} s, image of "
        f"{built.size / _MIB:.2f} MiB, log in {built.log}"
    )


def build(source: EmitInput, out: Path, wanted: Wanted, *, as_json: bool = False) -> int:
    """Build the unikernel and print the path of its image; gives the exit code."""
    from rich.text import Text

    built = make(source, out, wanted)
    if as_json:
        ui.show_json(document(built))
        return ExitCode.OK
    ui.show(Text(str(built.image)))
    tell(built)
    return ExitCode.OK


def paths(text: str | None) -> Sequence[Path]:
    """The folders of a colon-separated list, as Unikraft's own ``L=`` has them."""
    return [Path(part) for part in (text or "").split(":") if part]

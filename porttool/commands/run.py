"""``porttool run``: serve the emitted libraries on this machine, as the host twin."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from porttool import ui
from porttool.commands import parameters as checked
from porttool.errors import ExitCode, UserError
from porttool.unikraft import twin
from porttool.unikraft.emit import EmitInput
from porttool.unikraft.emit import emit as emit_libraries
from porttool.unikraft.processes import require_free

DEFAULT_PORT = 9100


@contextmanager
def _terminate_interrupts() -> Iterator[None]:
    """Make SIGTERM end the block as ^C does, so that no process is left behind."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _build(source: EmitInput, out: Path, toolchain: twin.Toolchain, *, sanitize: bool) -> Path:
    result = emit_libraries(source, out)
    folder = out / ("twin-sanitized" if sanitize else "twin")
    with ui.progress() as bar:
        task = bar.add_task("host twin", total=None)

        def show(done: int, total: int, step: str) -> None:
            bar.update(task, completed=done, total=total, description=step)

        return twin.build(result.libraries, folder, toolchain, sanitize=sanitize, progress=show)


def run(
    source: EmitInput,
    out: Path,
    *,
    port: int = DEFAULT_PORT,
    cc: str | None = None,
    sanitize: bool = False,
    build_only: bool = False,
    parameters: Sequence[str] = (),
) -> int:
    """Emit below ``out``, compile for this machine and serve on 127.0.0.1 until ^C or SIGTERM.

    ``cc`` is the compiler (else ``$CC``, else what is there); ``sanitize`` adds AddressSanitizer
    and UBSan; ``parameters`` go to the kernel command line. With ``build_only`` the program is
    compiled, its path printed, and nothing served. Ending it after it served is its normal end and
    gives 0; before that, ^C is an interruption (130), as everywhere.
    """
    from rich.text import Text

    checked.check(parameters)
    with _terminate_interrupts():
        toolchain = twin.find_toolchain(cc)
        if not build_only:
            require_free(port)
        try:
            program = _build(source, out, toolchain, sanitize=sanitize)
        except UserError as error:
            entry = source.config.entry_function
            if f"undefined reference to `{entry}'" not in (error.why or ""):
                raise
            raise UserError(
                f"the series does not define {entry}() yet",
                why="the library's thread starts there; upstream's main() has to become it",
                fix="see docs/porting.md, section 3: porttool apply, commit it there, refresh",
            ) from None
        if build_only:
            ui.show(Text(str(program)))
            return ExitCode.OK
        with twin.Twin(program, port, parameters=parameters, log=ui.note) as running:
            running.wait_ready()
            try:
                ui.show(Text(running.url))
                ui.note("serving until ^C")
                running.wait()
            except KeyboardInterrupt:
                ui.note("ended")
    return ExitCode.OK

"""From a port in its workspace to what the emitter takes."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

from porttool.commands.session import fetching, opened
from porttool.port import Port
from porttool.series.importer import ImportedSeries
from porttool.unikraft.emit import EmitInput, Upstream
from porttool.unikraft.own_metrics import OwnMetrics, load
from porttool.upstream import download
from porttool.upstream.licence import license_files
from porttool.workspace import EmitConfig, Workspace


@contextmanager
def emit_input(
    port: Port, imported: ImportedSeries, archive: Path | None = None
) -> Iterator[EmitInput]:
    """The emitter's input for a port whose series is ``imported``.

    The pinned and the patched tree lie in a temporary folder while the block runs. In the fetch
    mode, ``archive`` is a copy of the file behind the URL; it is remembered, and without it the
    file comes from the cache or from the network.
    """
    archive = _archive(port.workspace.config.emit, archive)
    lock, pin = port.lock, port.lock.pin
    license_file = next(iter(license_files(port.store, pin.commit)), None)
    upstream = Upstream(
        lock.name,
        pin.url,
        pin.ref,
        pin.commit,
        pin.tree,
        datetime.fromisoformat(pin.date),
        lock.license,
        license_file.decode("utf-8", "replace") if license_file is not None else None,
    )
    with tempfile.TemporaryDirectory(prefix="porttool-") as scratch:
        yield EmitInput(
            port.workspace.config,
            upstream,
            port.store.export(pin.commit, Path(scratch) / "pinned"),
            port.store.export(imported.head, Path(scratch) / "patched"),
            tuple((file.name, file.content) for file in port.series.files),
            lock.series_digest,
            lock.series_tree,
            archive,
            port.workspace.config.selects,
            own_metrics(port.workspace),
        )


def own_metrics(workspace: Workspace) -> OwnMetrics | None:
    """The metrics of a workspace's own libraries, None when it has no such file.

    Raises :class:`UserError` when the file does not hold, or the settings name one that is not
    there.
    """
    if workspace.config.metrics is None and not workspace.metrics.exists():
        return None
    return load(workspace.metrics)


def _archive(settings: EmitConfig, named: Path | None) -> Path | None:
    if settings.mode != "fetch" or settings.archive_url is None:
        return named
    if named is not None:
        return download.keep(named)
    with fetching() as progress:
        return download.obtain(settings.archive_url, settings.archive_sha256, progress)


@contextmanager
def workspace_input(
    directory: Path, command: str, archive: Path | None = None
) -> Iterator[tuple[EmitInput, Path]]:
    """The emitter's input for a workspace, and its build folder.

    The workspace is held only while the input is made, so that one can refresh while it serves.
    """
    with ExitStack() as stack:
        with opened(directory, command) as port:
            port.verify_settled()
            source = stack.enter_context(emit_input(port, port.apply(), archive))
        yield source, port.workspace.build

"""Write the two Unikraft libraries of a port: ``lib-ukmetrics`` and ``lib-<name>``.

How an external library looks follows Unikraft's build system (support/build/Makefile.rules of
0.16.3) and libraries such as lib-lwip: the folder is ``lib-x-y``, the library ``libx_y``, its
switch ``CONFIG_LIBX_Y``, its make variables ``LIBX_Y_...``.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import porttool
from porttool.audit.status import Judged
from porttool.errors import UserError
from porttool.unikraft import own_metrics, patchdir, provides, quoting, stamped, table
from porttool.unikraft.archive import UNPACKABLE, read_archive, write_archive
from porttool.unikraft.own_metrics import OwnMetrics
from porttool.unikraft.provides import Provides
from porttool.unikraft.render import render
from porttool.unikraft.requirements import UkmetricsLines, own_code, port_lines, ukmetrics_lines
from porttool.unikraft.sources import select
from porttool.unikraft.tree import Kind, Tree, differences, read_tree
from porttool.workspace import CONFIG_NAME, NAME_PATTERN, PortConfig

UKMETRICS = "lib-ukmetrics"

#: Where a change of an emitted library belongs.
_PATCH = "make the change a patch of the series"
_COPY = "set it in Kconfig or a file of metrics, or keep a copy of the library elsewhere"

_UKMETRICS_SOURCES = Path(porttool.__file__).parent / "ukmetrics"
_UKMETRICS_SUFFIXES = (".c", ".h", ".uk", ".md")

#: Libraries that are in every build beside ours; a port of that name would be two of them.
_TAKEN = ("ukmetrics", "lwip", "musl")


@dataclass(frozen=True, slots=True)
class Upstream:
    """What the lock says of the upstream. ``date`` is the commit's, with a time zone.

    ``license`` is an SPDX expression, None or ``NOASSERTION`` (SPDX for "nobody said");
    ``license_file`` its text, a path inside the pinned tree.
    """

    name: str
    url: str
    ref: str
    commit: str
    tree: str
    date: datetime
    license: str | None = None
    license_file: str | None = None


@dataclass(frozen=True, slots=True)
class EmitInput:
    """All that the emitted libraries follow from.

    ``pinned_tree`` and ``patched_tree`` are folders with the upstream before and after the series;
    ``patches`` are (name, bytes) in series order, ``series_digest`` and ``series_tree`` what the
    lock has of them. ``archive`` is a local copy of the file behind ``archive_url``; ``selects``
    are Kconfig symbols that the sources need beyond what an audit finds. ``own_metrics`` are those
    of the user's own libraries.
    """

    config: PortConfig
    upstream: Upstream
    pinned_tree: Path
    patched_tree: Path
    patches: tuple[tuple[str, bytes], ...]
    series_digest: str
    series_tree: str
    archive: Path | None = None
    selects: tuple[str, ...] = ()
    own_metrics: OwnMetrics | None = None


@dataclass(frozen=True, slots=True)
class Archive:
    """The source archive of a ``fetch`` library. ``folder`` is the one that it unpacks to.

    Without ``url`` it lies in the library itself.
    """

    url: str | None
    basename: str
    folder: str
    data: bytes

    @property
    def sha256(self) -> str:
        """Digest of the file, in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True, slots=True)
class Library:
    """A library as it is to be: path inside the folder -> bytes, stamp included.

    ``archive`` is what Unikraft's build will look for in its own folder, as ``build/<name>/`` and
    the basename; None when the library is all there is.
    """

    folder: str
    name: str
    files: Mapping[str, bytes]
    archive: Archive | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """A library on disk, and the paths in it that this run changed, added or removed."""

    library: Library
    path: Path
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EmitResult:
    """What :func:`emit` wrote, in the order in which Unikraft must be given the libraries.

    ``missing`` are needs of the port that the release does not have: it will not be linked.
    """

    libraries: tuple[Written, ...]
    missing: tuple[Judged, ...] = ()


def _stamped(files: Mapping[str, bytes], made_from: Mapping[str, Any]) -> dict[str, bytes]:
    return {**files, stamped.STAMP: stamped.stamp(made_from, files)}


#: Parameters of a library are declared as they are today since then.
OLDEST = "0.13.0"


@dataclass(frozen=True, slots=True)
class _Target:
    """What there is to know of the release that a port is for.

    ``mapping`` has only what ``catalogue`` has; ``header`` is ``target.h`` of lib-ukmetrics.
    """

    provides: Provides
    catalogue: table.Catalogue
    mapping: table.Mapping
    header: bytes


def _target(release: str) -> _Target:
    if table.version(release) < table.version(OLDEST):
        raise UserError(
            f"lib-ukmetrics does not run on Unikraft {release}",
            why=f"it needs uklibparam as it is since {OLDEST}",
            fix=f"set unikraft in {CONFIG_NAME} to {OLDEST} or later",
        )
    catalogue = table.shipped_catalogue(release)
    return _Target(
        provides.shipped(release),
        catalogue,
        table.available(table.shipped_mapping(), catalogue),
        render("target.h.j2", version=table.version(release)),
    )


def _ukmetrics(target: _Target, lines: UkmetricsLines, own: OwnMetrics | None) -> Library:
    files = {
        path.relative_to(_UKMETRICS_SOURCES).as_posix(): path.read_bytes()
        for path in sorted(_UKMETRICS_SOURCES.rglob("*"))
        if path.suffix in _UKMETRICS_SUFFIXES and path.is_file()
    }
    # What an application has of its own libraries is its choice: Config.uk does not follow them.
    catalogue, mapping = own_metrics.combined(target.provides.release, own)
    files["Config.uk"] = lines.config().encode()
    files["metric_table.c"] = table.metric_table(catalogue, mapping).encode()
    files["target.h"] = target.header
    files["Library.uk"] = render(
        "Library.uk.j2",
        name="ukmetrics",
        description="The figures that a unikernel keeps about itself, as metric samples",
        homepage=None,
        license="BSD-3-Clause",
        version=porttool.__version__,
        archive=None,
    )
    made_from = {"porttool": porttool.__version__, "unikraft": target.provides.release}
    return Library(UKMETRICS, "libukmetrics", _stamped(files, made_from))


def _find_archive(port: EmitInput, pinned: Tree) -> Archive:
    """The archive of the ``fetch`` mode, proven to hold the pinned tree.

    With no URL porttool packs the pinned tree itself.
    """
    settings = port.config.emit
    version = quoting.revision(port.upstream.ref).replace("/", "-")
    folder = settings.archive_prefix or f"{port.config.name}-{version}"
    quoting.path(folder, "archive_prefix")
    url = None if settings.archive_url is None else quoting.archive_url(settings.archive_url)
    basename = f"{folder}.tar.gz" if url is None else url.rpartition("/")[2]
    if not basename.endswith(UNPACKABLE):
        raise UserError(
            f"Unikraft's build cannot unpack {basename!r}",
            where=CONFIG_NAME,
            why=f"it knows {' '.join(UNPACKABLE)}",
            fix="set another archive_url",
        )
    if port.archive is None:
        own = write_archive(pinned, folder, int(port.upstream.date.timestamp()))
        archive = Archive(url, basename, folder, own)
    else:
        try:
            data = port.archive.read_bytes()
        except OSError as error:
            raise UserError(
                "the archive cannot be read", where=str(port.archive), why=error.strerror
            ) from None
        top, tree = read_archive(data, basename)
        if settings.archive_prefix not in (None, top):
            raise UserError(
                f"the archive unpacks to {top!r}, not to {folder!r}",
                where=str(port.archive),
                fix=f'set archive_prefix = "{top}" in {CONFIG_NAME}',
            )
        lines = differences(tree, pinned)
        if lines:
            raise UserError(
                "the archive does not hold the pinned tree",
                where=str(port.archive),
                why="\n".join(lines[:10]),
                fix='pin what it was made from, or set mode = "vendored"',
            )
        archive = Archive(url, basename, quoting.path(top, "the archive's folder"), data)
    _check_digest(port, archive)
    return archive


def _check_digest(port: EmitInput, archive: Archive) -> None:
    wanted = port.config.emit.archive_sha256
    if archive.url is None and wanted is None:
        return
    if wanted == archive.sha256:
        return
    if archive.url is not None and port.archive is None:
        raise UserError(
            "the archive is not at hand, so that nobody can say what is in it",
            where=archive.url,
            fix="download it and name the file with --archive FILE",
        )
    raise UserError(
        "archive_sha256 is missing" if wanted is None else "archive_sha256 is not the archive's",
        where=CONFIG_NAME,
        why=f"the archive has {archive.sha256}",
        fix=f'if that is the file you mean: archive_sha256 = "{archive.sha256}"',
    )


def _license_text(upstream: Upstream, pinned: Tree) -> bytes | None:
    if upstream.license_file is None:
        return None
    file = pinned.get(upstream.license_file)
    if file is None or file.kind is Kind.LINK:
        raise UserError(f"the licence file {upstream.license_file!r} is not in the pinned tree")
    return file.data


def _libraries(port: EmitInput) -> tuple[tuple[Library, ...], tuple[Judged, ...]]:
    """Both libraries, and what the release lacks."""
    config, upstream = port.config, port.upstream
    if not NAME_PATTERN.fullmatch(config.name) or config.name in _TAKEN:
        raise UserError(f"{config.name!r} cannot be the name of a library", where=CONFIG_NAME)
    pinned, patched = read_tree(port.pinned_tree), read_tree(port.patched_tree)
    sources = select(config.sources, config.includes, port.patched_tree, patched, reserved="glue.c")
    fetched = config.emit.mode == "fetch"
    archive = _find_archive(port, pinned) if fetched else None
    files: dict[str, bytes] = {}
    if archive is None:
        files |= {f"upstream/{path}": patched[path].data for path in sources.files}
    else:
        numbered = patchdir.numbered(port.patches)
        patchdir.verify(pinned, numbered, patched)
        files |= {f"patches/{name}": data for name, data in numbered.items()}
        if archive.url is None:
            files[archive.basename] = archive.data

    license_text = _license_text(upstream, pinned)
    license_file = None if license_text is None else f"LICENSE.{config.name}"
    if license_file is not None and license_text is not None:
        files[license_file] = license_text

    library = f"lib{config.c_name}"
    summary = quoting.sentence(config.summary or f"{config.name} on Unikraft", "summary")
    url = quoting.link(upstream.url)
    unknown = upstream.license in (None, "NOASSERTION")
    values: dict[str, Any] = {
        "folder": f"lib-{config.name}",
        "library": library,
        "variable": library.upper(),
        "name": config.name,
        "c_name": config.c_name,
        "entry": config.entry_function,
        "summary": summary,
        "description": summary,
        "url": url,
        "homepage": url if url.startswith("https://") else None,
        "version": quoting.revision(upstream.ref),
        "commit": quoting.object_id(upstream.commit, "the commit"),
        "date": f"{upstream.date.astimezone(UTC):%Y-%m-%d}",
        "license": None if unknown else quoting.license_expression(upstream.license or ""),
        "license_file": license_file,
        "mode": config.emit.mode,
        "archive": archive,
        "patched": bool(port.patches),
        "patch_count": len(port.patches),
        "includes": config.includes,
        "defines": [quoting.define(define) for define in config.defines],
        "cflags": [quoting.compiler_flag(flag) for flag in config.cflags],
        "sources": sources.compiled,
        "stack_size": config.stack_size,
        "unikraft": config.unikraft,
        "target": table.version(config.unikraft),
        "tool_version": porttool.__version__,
    }
    target, root = _target(config.unikraft), port.patched_tree.resolve()
    glue = render("exporter/glue.c.j2", **values)
    own = own_code(glue, target.header, target.provides)
    ukmetrics = ukmetrics_lines(own, target.provides, target.catalogue, target.mapping)
    required = port_lines(
        root,
        [root / source.path for source in sources.compiled if source.path.endswith(".c")],
        [root / folder for folder in config.includes],
        config.defines,
        own,
        ukmetrics,
        target.provides,
        map(quoting.symbol, port.selects),
    )
    values["lines"] = required.lines.lines
    files["glue.c"] = glue
    files["Library.uk"] = render("Library.uk.j2", **values)
    for name in ("Makefile.uk", "Config.uk", "exportsyms.uk", "README.md"):
        files[name] = render(f"exporter/{name}.j2", **values)
    made_from = {
        "porttool": porttool.__version__,
        "unikraft": config.unikraft,
        "mode": config.emit.mode,
        "commit": upstream.commit,
        "tree": quoting.object_id(upstream.tree, "the tree"),
        "series": port.series_digest,
        "patched_tree": port.series_tree,
    }
    outside = archive if archive is not None and archive.url is not None else None
    exporter = Library(values["folder"], library, _stamped(files, made_from), outside)
    return (_ukmetrics(target, ukmetrics, port.own_metrics), exporter), required.missing


def libraries(port: EmitInput) -> tuple[Library, ...]:
    """Make both libraries in memory, in the order in which Unikraft must be given them.

    Raises :class:`UserError` for what cannot be a Unikraft library: a name that make, Kconfig or C
    would not take as it is, a source that is not there, in ``fetch`` mode an archive that is not
    the pinned tree or a series that ``patch`` would not apply as git does, or for metrics of the
    user's own that do not hold. Raises :class:`CheckFailed` when a source does not parse, so that
    nobody knows what it needs.
    """
    return _libraries(port)[0]


def emit(port: EmitInput, out: Path) -> EmitResult:
    """Write both libraries below ``out``. Each changes as a whole or, if nothing differs, not.

    Raises :class:`UserError` as :func:`libraries` does, and for a file in their folders that
    porttool did not write or that was edited since.
    """
    made, missing = _libraries(port)
    return EmitResult(
        tuple(
            Written(
                library,
                out / library.folder,
                stamped.write(
                    out / library.folder,
                    library.files,
                    _COPY if library.folder == UKMETRICS else _PATCH,
                ),
            )
            for library in made
        ),
        missing,
    )


def compare_emitted(port: EmitInput, out: Path) -> list[str]:
    """Paths relative to ``out`` in which its libraries are not what :func:`emit` would write.

    Sorted; empty when it would change nothing. A library that is not there at all is one path.
    """
    differing = []
    for library in libraries(port):
        folder = out / library.folder
        if not folder.exists():
            differing.append(library.folder)
        else:
            paths = stamped.compare(folder, library.files)
            differing += [f"{library.folder}/{path}" for path in paths]
    return sorted(differing)

"""The audit: every source file on its own, then all of them put together into a report."""

import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from porttool.audit.declarations import DeclarationReader, Sort
from porttool.audit.groups import LIBRARY, PATH_GROUPS, UNDECLARED, header_group
from porttool.audit.headers import HeaderNames
from porttool.audit.lexer import Files, SyntaxProblem, scan
from porttool.audit.model import AuditReport, Kind, Need, Site, sort_needs
from porttool.audit.parse import with_deep_stack
from porttool.audit.preprocess import (
    PreprocessError,
    Toolchain,
    check_define,
    preprocess,
    toolchain,
)
from porttool.audit.unit import UnitAuditor, UnitResult
from porttool.errors import UserError

#: Below this many bytes of source one process is quicker than several.
PARALLEL_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class _Job:
    root: Path
    includes: tuple[Path, ...]
    defines: tuple[str, ...]
    tools: Toolchain


def audit(
    root: Path,
    sources: Sequence[Path],
    includes: Sequence[Path] = (),
    defines: Sequence[str] = (),
    *,
    advance: Callable[[], None] = lambda: None,
) -> AuditReport:
    """Find what C sources need that they do not bring themselves.

    ``sources`` and ``includes`` are absolute or relative to ``root``; files below ``root`` are
    the upstream's own, headers in include folders elsewhere are another library's. ``defines``
    are ``NAME`` or ``NAME=VALUE``. ``advance`` is called once a file that is done.

    Nothing is compiled and nothing of the sources is executed. A file that does not parse is
    in the report's ``files`` with the reason. Raises :class:`UserError` when there is no
    preprocessor, or a source is not below ``root``.
    """
    root = root.resolve()
    paths = sorted({(root / source).resolve() for source in sources})
    for path in paths:
        if root not in path.parents:
            raise UserError("a source lies outside of the folder", where=str(path))
    folders = tuple(dict.fromkeys((root / folder).resolve() for folder in includes))
    for define in defines:
        check_define(define)
    with toolchain() as tools:
        job = _Job(root, folders, tuple(defines), tools)
        results = list(_run(job, paths, advance))
        return _merge(results, tools, job)


def _run(job: _Job, paths: list[Path], advance: Callable[[], None]) -> Iterable[UnitResult]:
    size = sum(path.stat().st_size for path in paths if path.is_file())
    workers = min(len(paths), os.cpu_count() or 1)
    if workers < 2 or size < PARALLEL_BYTES:
        auditor = UnitAuditor(job.root, job.includes, job.defines, job.tools)
        for path in paths:
            yield with_deep_stack(partial(auditor.audit, path))
            advance()
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), _start_worker, (job,)) as pool:
        for result in pool.map(_work, paths):
            yield result
            advance()


_worker: list["UnitAuditor"] = []


def _start_worker(job: _Job) -> None:
    _worker[:] = [UnitAuditor(job.root, job.includes, job.defines, job.tools)]


def _work(path: Path) -> UnitResult:
    return with_deep_stack(lambda: _worker[0].audit(path))


@dataclass(slots=True)
class _Gathered:
    sites: set[Site] = field(default_factory=set)
    headers: set[str] = field(default_factory=set)
    private: bool = True
    library: bool = True


def _merge(results: list[UnitResult], tools: Toolchain, job: _Job) -> AuditReport:
    """Put the uses of all files together, and leave out what one file gives to another."""
    defined = frozenset[str]().union(*(result.defined for result in results))
    gathered: dict[tuple[Kind, str], _Gathered] = {}
    for result in results:
        for use in result.uses:
            if use.kind in (Kind.FUNCTION, Kind.VARIABLE) and use.name in defined:
                continue
            each = gathered.setdefault((use.kind, use.name), _Gathered())
            each.sites.add(use.site)
            each.headers.update(use.headers)
            each.private &= use.private
            each.library &= use.library
    names = HeaderNames(tools.system)
    finder = _DeclarationFinder(job, names)
    needs = []
    for (kind, name), each in gathered.items():
        header, group = _header_and_group(kind, name, each, names, finder)
        needs.append(Need(kind, name, group, header, tuple(sorted(each.sites))))
    return AuditReport(
        sort_needs(needs),
        tuple(sorted((result.file for result in results), key=lambda file: file.path)),
        tools.libc,
    )


def _header_and_group(
    kind: Kind, name: str, each: _Gathered, names: HeaderNames, finder: "_DeclarationFinder"
) -> tuple[str | None, str]:
    if kind is Kind.PATH:
        return None, PATH_GROUPS[name.split("/")[1]]
    if each.headers:
        if each.library:
            return min(each.headers), LIBRARY
        header = names.choose(name, each.headers, private=each.private)
        return header, header_group(header)
    found = finder.find(name)
    return (found, header_group(found)) if found else (None, UNDECLARED)


class _DeclarationFinder:
    """Finds the header for a name that sources use without including one."""

    def __init__(self, job: _Job, names: HeaderNames) -> None:
        self._job = job
        self._names = names
        self._reader = DeclarationReader()

    def find(self, name: str) -> str | None:
        """The header of the C library that declares a function or variable; None if none does."""
        return with_deep_stack(lambda: self._find(name))

    def _find(self, name: str) -> str | None:
        tools = self._job.tools
        with tempfile.TemporaryDirectory(prefix="porttool-audit-") as scratch:
            source = Path(scratch).resolve() / "find.c"
            files = Files(scratch, (), tools)
            for header in self._names.mentioning(name):
                source.write_text(f"#include <{header}>\n")
                try:
                    text = preprocess(source, tools, (), ("_GNU_SOURCE",))
                    system = self._reader.read(scan(text.expanded, files).chunks)
                except (PreprocessError, SyntaxProblem):
                    continue
                known = system.names.get(name)
                if known is not None and known.fact.sort in (Sort.FUNCTION, Sort.VARIABLE):
                    return self._names.choose(name, known.headers, private=known.private)
        return None

"""The audit: every source file on its own, then all of them put together into a report."""

import os
import re
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from porttool.audit.declarations import DeclarationReader, Sort
from porttool.audit.discover import discover
from porttool.audit.groups import (
    LIBRARY,
    PATH_GROUPS,
    UNDECLARED,
    header_group,
    pthread_primitive,
)
from porttool.audit.headers import HeaderNames
from porttool.audit.lexer import Files, SyntaxProblem, printable_name, scan
from porttool.audit.model import AuditReport, Call, Function, Kind, Need, Site, sort_needs
from porttool.audit.parse import with_deep_stack
from porttool.audit.preprocess import (
    PreprocessError,
    Toolchain,
    check_define,
    preprocess,
    toolchain,
)
from porttool.audit.unit import UnitAuditor, UnitResult, Use
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
    provided: Collection[str] = (),
) -> AuditReport:
    """Find what C sources need that they do not bring themselves.

    ``sources`` and ``includes`` are absolute or relative to ``root``; files below ``root`` are
    the upstream's own, headers in include folders elsewhere are another library's. ``defines``
    are ``NAME`` or ``NAME=VALUE``. ``advance`` is called once a file that is done. ``provided``
    are names that a release has: a use of one that the sources define themselves is then a need
    too, with the places of its definition, as is one that a header of the system declares.

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
        return _merge(results, tools, job, frozenset(provided))


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


#: The line on which a function is defined, in text that is not parsed.
_DEFINITION = r"^(?:[A-Za-z_][^;{}()=#\n]*\b)?(%s)[ \t]*\([^;{}]*\)\s*\{"
#: A file beyond this many bytes is not searched.
_SEARCH_LIMIT = 4_000_000


@dataclass(slots=True)
class _Gathered:
    sites: set[Site] = field(default_factory=set)
    headers: set[str] = field(default_factory=set)
    private: bool = True
    library: bool = True
    tested: bool = True


class _Globals:
    """What the files give to one another: each name with the places of its definitions."""

    def __init__(self, results: list[UnitResult]) -> None:
        self._places: dict[str, set[Site]] = {}
        for result in results:
            for name, site in result.defined:
                self._places.setdefault(name, set()).add(site)

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def places(self, name: str) -> tuple[Site, ...]:
        return tuple(sorted(self._places.get(name, ())))


def _merge(
    results: list[UnitResult], tools: Toolchain, job: _Job, provided: frozenset[str]
) -> AuditReport:
    """Put the uses of all files together; what one file gives to another is a need of nobody."""
    globals_ = _Globals(results)
    gathered: dict[tuple[Kind, str], _Gathered] = {}
    for result in results:
        for use in _outside(result):
            each = gathered.setdefault((use.kind, use.name), _Gathered())
            each.sites.add(use.site)
            each.tested &= use.tested
            if use.library and use.name in globals_:
                continue  # the upstream's own, whatever header of another library names it
            each.headers.update(use.headers)
            each.private &= use.private
            each.library &= use.library
    names = HeaderNames(tools.system)
    finder = _DeclarationFinder(job, names)
    needs = []
    for (kind, name), each in gathered.items():
        own = kind in (Kind.FUNCTION, Kind.VARIABLE) and name in globals_
        if own and not (each.headers or name in provided or names.mentions(name)):
            continue
        header, group = _header_and_group(kind, name, each, names, finder)
        if own and header is None and name not in provided:
            continue
        defined = globals_.places(name) if own else ()
        primitive = "" if kind is Kind.HEADER else pthread_primitive(group, name)
        sites = _once_a_line(each.sites)
        needs.append(
            Need(kind, name, group, header, sites, primitive, each.tested, defined=defined)
        )
    return AuditReport(
        sort_needs(_with_elsewhere(needs, results, job)),
        tuple(sorted((result.file for result in results), key=lambda file: file.path)),
        tools.libc,
        _calls(results, globals_),
    )


def _outside(result: UnitResult) -> Iterable[Use]:
    """What a file uses, and what it defines and others may use, too."""
    yield from result.uses
    for link in result.links:
        if not link.static:
            yield Use(link.kind, link.callee.name, link.site)


def _once_a_line(sites: Iterable[Site]) -> tuple[Site, ...]:
    """Each line (of each function) once: as the name's own, if it stands there, not a macro's."""
    found: dict[tuple[str, int, str], Site] = {}
    for site in sorted(sites):
        found.setdefault((site.file, site.line, site.function), site)
    return tuple(found.values())


def _calls(results: list[UnitResult], globals_: _Globals) -> tuple[Call, ...]:
    """Who calls whom of the upstream's functions, within a file and from one to another."""
    calls = set()
    for result in results:
        for link in result.links:
            if link.kind is Kind.FUNCTION:
                calls.add(Call(link.caller, link.callee, link.site))
        for use in result.uses:
            if use.kind is Kind.FUNCTION:
                for place in globals_.places(use.name):
                    calls.add(Call(use.caller, Function(place.file, use.name), use.site))
    return tuple(sorted(calls))


def _with_elsewhere(needs: list[Need], results: list[UnitResult], job: _Job) -> Iterable[Need]:
    """Say of a function that no header declares which file, not audited, seems to define it."""
    lost = [
        need.name
        for need in needs
        if need.kind is Kind.FUNCTION and need.group == UNDECLARED and not need.defined
    ]
    places = _search(job.root, lost, {r.file.path for r in results if r.file.parsed})
    return (replace(need, elsewhere=places.get(need.name, ())) for need in needs)


def _search(
    root: Path, names: Sequence[str], audited: Collection[str]
) -> dict[str, tuple[Site, ...]]:
    """Where functions are defined in the C files below ``root`` that are not ``audited``."""
    if not names:
        return {}
    pattern = re.compile(
        (_DEFINITION % "|".join(map(re.escape, sorted(names)))).encode(), re.MULTILINE
    )
    found: dict[str, set[Site]] = {}
    for path in discover(root).sources:
        name = printable_name(path.relative_to(root).as_posix())
        if name in audited or path.is_symlink() or path.stat().st_size > _SEARCH_LIMIT:
            continue
        text = path.read_bytes()
        for match in pattern.finditer(text):
            line = text.count(b"\n", 0, match.start(1)) + 1
            found.setdefault(match[1].decode(), set()).add(Site(name, line))
    return {name: tuple(sorted(sites)) for name, sites in found.items()}


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

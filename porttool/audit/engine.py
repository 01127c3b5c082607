"""The audit: every source file on its own, then all of them put together into a report."""

import gc
import os
import re
import tempfile
import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from porttool.audit.cache import Cache, Found, Scope
from porttool.audit.commands import Command
from porttool.audit.configurations import Planner, negated
from porttool.audit.declarations import DeclarationReader, Sort, SystemNames
from porttool.audit.discover import discover
from porttool.audit.groups import (
    LIBRARY,
    PATH_GROUPS,
    UNDECLARED,
    header_group,
    pthread_primitive,
)
from porttool.audit.headers import HeaderNames
from porttool.audit.lexer import Files, Scanner, SyntaxProblem, printable_name, segments
from porttool.audit.model import (
    AuditReport,
    Call,
    Configuration,
    FileResult,
    Function,
    Kind,
    Need,
    Site,
    sort_needs,
)
from porttool.audit.parse import with_deep_stack
from porttool.audit.preprocess import (
    NO_FLAGS,
    Flags,
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
    libraries: tuple[Path, ...] = ()
    cache: Path | None = None

    def scope(self) -> Scope:
        return Scope(self.root, self.includes, self.defines, self.tools, self.libraries)

    def auditor(self) -> UnitAuditor:
        return UnitAuditor(self.root, self.includes, self.defines, self.tools, self.libraries)


def audit(
    root: Path,
    sources: Sequence[Path],
    includes: Sequence[Path] = (),
    defines: Sequence[str] = (),
    *,
    advance: Callable[[], None] = lambda: None,
    provided: Collection[str] = (),
    commands: Sequence[Command] = (),
    configurations: Sequence[Configuration] = (),
    all_branches: bool = False,
    cache: Path | None = None,
) -> AuditReport:
    """Find what C sources need that they do not bring themselves.

    ``sources`` and ``includes`` are absolute or relative to ``root``; files below ``root`` are
    the upstream's own, headers in include folders elsewhere are another library's. ``defines``
    are ``NAME`` or ``NAME=VALUE``. ``advance`` is called once a file that is done. ``provided``
    are names that a release has: a use of one that the sources define themselves is then a need
    too, with the places of its definition, as is one that a header of the system declares.

    ``commands`` give flags to some of the sources. With ``configurations`` the audit is done
    under each of them, with ``all_branches`` under as many as it takes to compile every branch of
    the sources' ``#if``; the report is the union, each need with its conditions. ``cache`` is the
    folder of results that are used again; see :mod:`porttool.audit.cache`.

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
    tasks = _tasks(paths, commands)
    libraries = tuple(dict.fromkeys(i for task in tasks for i in task.flags.includes))
    with toolchain() as tools:
        job = _Job(root, folders, tuple(defines), tools, libraries, cache)
        names = HeaderNames(tools.system)
        if all_branches:
            runs, planner = _run_all_branches(job, tasks, names, advance)
            report = _merge(runs, names, job, frozenset(provided), planner)
            Cache(job.scope(), job.cache).prune()
        else:
            report = _audit_each(job, tasks, configurations, names, frozenset(provided), advance)
        return _with_elsewhere(report, job)


@dataclass(frozen=True, slots=True)
class _Task:
    """A file to audit with its flags. ``known`` are digests of results that are there already."""

    path: Path
    flags: Flags
    known: frozenset[str] = frozenset()


def _tasks(paths: Sequence[Path], commands: Sequence[Command]) -> list[_Task]:
    """What to audit: each source with its flags, as often as it is compiled with different ones."""
    flagged: dict[Path, list[_Task]] = {}
    for command in commands:
        flagged.setdefault(command.path, []).append(_Task(command.path, command.flags))
    return [task for path in paths for task in flagged.get(path, [_Task(path, NO_FLAGS)])]


@dataclass(frozen=True, slots=True)
class _Run:
    """The results under one configuration."""

    configuration: Configuration
    results: tuple[UnitResult, ...]

    def unread(self) -> Configuration:
        """The configuration, with the files that were not parsed under it."""
        failed = {r.file.path: r.file for r in self.results if not r.file.parsed}
        return replace(self.configuration, failed=tuple(failed.values()))


def _filled(runs: Sequence[_Run]) -> list[_Run]:
    """The runs, in which what could not be read under one counts as it was read under another."""
    instead = list(runs[0].results)
    for run in runs:
        for number, result in enumerate(run.results):
            if result.file.parsed and not instead[number].file.parsed:
                instead[number] = result
    return [
        replace(
            run,
            results=tuple(
                result if result.file.parsed else other
                for result, other in zip(run.results, instead, strict=True)
            ),
        )
        for run in runs
    ]


def _audit_each(
    job: _Job,
    tasks: list[_Task],
    configurations: Sequence[Configuration],
    names: HeaderNames,
    provided: frozenset[str],
    advance: Callable[[], None],
) -> AuditReport:
    """Audit under each configuration; the report is kept, too, while all its results are."""
    wanted = tuple(configurations) or (Configuration("", ()),)
    work = [_under(task, each) for each in wanted for task in tasks]
    cache = Cache(job.scope(), job.cache)
    found = [cache.find(task.path, task.flags) for task in work]
    rest = (sorted(provided), [[each.name, each.macros] for each in wanted])
    if all(found):
        known = cache.report((*rest, *(each.name for each in found if each)))
        if known is not None:
            for _ in work:
                advance()
            return known
    done = _run(job, work, advance, found)
    results = [each.result for each in done]
    size = len(tasks)
    runs = [
        _Run(each, tuple(results[number * size : (number + 1) * size]))
        for number, each in enumerate(wanted)
    ]
    report = _merge(runs, names, job, provided, None)
    if all(each.name for each in done):
        cache.keep_report((*rest, *(each.name for each in done)), report)
    cache.prune()
    return report


def _under(task: _Task, configuration: Configuration, known: frozenset[str] = frozenset()) -> _Task:
    macros = (*task.flags.macros, *configuration.macros)
    return _Task(task.path, replace(task.flags, macros=macros), known)


def _run_all_branches(
    job: _Job, tasks: list[_Task], names: HeaderNames, advance: Callable[[], None]
) -> tuple[list[_Run], Planner]:
    """Audit under more and more configurations, each time the files that it can concern."""
    flagged = {macro[2:].partition("=")[0] for t in tasks for macro in t.flags.macros}
    given = frozenset(define.partition("=")[0] for define in job.defines)
    planner = Planner(job.root, names, given, frozenset(flagged))
    base = [each.result for each in _run(job, tasks, advance)]
    planner.learn(base)
    runs = [_Run(Configuration("", ()), tuple(base))]
    # Most files are the same text under most configurations.
    known = [{result.digest: result} if result.digest else {} for result in base]
    while plan := planner.plan():
        concerned = [
            [n for n, result in enumerate(base) if planner.concerned(each, _files(result))]
            for each in plan
        ]
        work = [
            _under(tasks[number], each, frozenset(known[number]))
            for each, numbers in zip(plan, concerned, strict=True)
            for number in numbers
        ]
        results = (each.result for each in _run(job, work, lambda: None))
        for each, numbers in zip(plan, concerned, strict=True):
            effective = list(base)
            for number in numbers:
                result = next(results)
                if result.digest:
                    result = known[number].setdefault(result.digest, result)
                effective[number] = result
            planner.learn(effective)
            runs.append(_Run(each, tuple(effective)))
    return runs, planner


def _files(result: UnitResult) -> tuple[str, ...]:
    return (result.file.path, *result.read)


@dataclass(frozen=True, slots=True)
class _Done:
    """The result for a file, and its name in the cache, "" if it is not there."""

    result: UnitResult
    name: str


def _run(
    job: _Job,
    tasks: list[_Task],
    advance: Callable[[], None],
    found: Sequence[Found | None] | None = None,
) -> list[_Done]:
    """The results of all tasks, in their order; ``found`` are those that the cache has."""
    cache = Cache(job.scope(), job.cache)
    if found is None:
        found = [cache.find(task.path, task.flags) for task in tasks]
    known: dict[int, _Done] = {}
    sizes: dict[int, int] = {}
    for number, (task, each) in enumerate(zip(tasks, found, strict=True)):
        result = each.decode() if each is not None else None
        if each is not None and result is not None:
            known[number] = _Done(result, each.name)
            advance()
        else:
            sizes[number] = task.path.stat().st_size if task.path.is_file() else 0
    # The largest first, so that no process is left with it at the end.
    open_ = sorted(sizes, key=lambda number: (-sizes[number], number))
    missing = [tasks[number] for number in open_]
    for number, done in zip(open_, _work_off(job, missing, sum(sizes.values())), strict=True):
        known[number] = done
        advance()
    return [known[number] for number in range(len(tasks))]


def _work_off(job: _Job, tasks: list[_Task], size: int) -> Iterable[_Done]:
    workers = min(len(tasks), os.cpu_count() or 1)
    if workers < 2 or size < PARALLEL_BYTES:
        worker = _Worker(job)
        yield from map(worker.run, tasks)
        return
    # A fork of this process, or if it has threads of one that has read the code, too.
    alone = threading.active_count() == 1
    context = get_context("fork" if alone else "forkserver")
    if not alone:
        context.set_forkserver_preload([__name__])
    with ProcessPoolExecutor(workers, context, _start_worker, (job,)) as pool:
        yield from pool.map(_work, tasks)


class _Worker:
    """Audits files in one process."""

    def __init__(self, job: _Job) -> None:
        self._auditor = job.auditor()
        self._cache = Cache(job.scope(), job.cache)

    def run(self, task: _Task) -> _Done:
        result = with_deep_stack(partial(self._auditor.audit, task.path, task.flags, task.known))
        # One that is there already under other flags is not read again, and says nothing.
        name = ""
        if result.digest not in task.known:
            name = self._cache.store(task.path, task.flags, self._auditor.view, result)
        return _Done(result, name)


_worker: list[_Worker] = []


def _start_worker(job: _Job) -> None:
    # Trees of syntax have no cycles, and there are many nodes to look through in vain.
    gc.set_threshold(200_000, 50, 100)
    _worker[:] = [_Worker(job)]


def _work(task: _Task) -> _Done:
    return _worker[0].run(task)


#: The line on which a function is defined, in text that is not parsed.
_DEFINITION = r"^(?:[A-Za-z_][^;{}()=#\n]{0,200}\b)?(%s)[ \t]*\([^;{}]{0,500}\)\s{0,50}\{"
#: A file beyond this many bytes is not searched.
_SEARCH_LIMIT = 4_000_000


@dataclass(slots=True)
class _Gathered:
    sites: set[Site] = field(default_factory=set)
    headers: set[str] = field(default_factory=set)
    private: bool = True
    library: bool = True
    tested: bool = True
    present: set[int] = field(default_factory=set)
    places: set[tuple[tuple[str, int], ...]] = field(default_factory=set)


class _Globals:
    """What the files give to one another: each name with the places of its definitions."""

    def __init__(self, results: Sequence[UnitResult]) -> None:
        self._places: dict[str, set[Site]] = {}
        for result in results:
            for name, site in result.defined:
                self._places.setdefault(name, set()).add(site)

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def places(self, name: str) -> tuple[Site, ...]:
        return tuple(sorted(self._places.get(name, ())))


@dataclass(slots=True)
class _Sum:
    """The uses of all files under all configurations, by what is used.

    ``own`` are those of what the upstream defines itself under the same configuration, with
    ``defined`` the places. ``present`` are the runs in which something is used.
    """

    outer: dict[tuple[Kind, str], _Gathered] = field(default_factory=dict)
    own: dict[tuple[Kind, str], _Gathered] = field(default_factory=dict)
    defined: dict[str, set[Site]] = field(default_factory=dict)

    def add(self, number: int, run: _Run, *, places: bool) -> None:
        """Take in a run, with the ``places`` that lead to a use if they are wanted."""
        globals_ = _Globals(run.results)
        for result in run.results:
            for use in _outside(result):
                key = (use.kind, use.name)
                own = use.kind in (Kind.FUNCTION, Kind.VARIABLE) and use.name in globals_
                each = (self.own if own else self.outer).setdefault(key, _Gathered())
                if own:
                    self.defined.setdefault(use.name, set()).update(globals_.places(use.name))
                each.present.add(number)
                each.sites.add(use.site)
                if places:
                    each.places.add(((use.site.file, use.site.line), *use.through))
                each.tested &= use.tested
                if own and use.library:
                    continue  # the upstream's own, whatever header of another library names it
                each.headers.update(use.headers)
                each.private &= use.private
                each.library &= use.library


def _merge(
    runs: list[_Run],
    names: HeaderNames,
    job: _Job,
    provided: frozenset[str],
    planner: Planner | None,
) -> AuditReport:
    """Put the uses of all files together; what one file gives to another is a need of nobody.

    But for names that are the system's, too.
    """
    whole = _Sum()
    for number, run in enumerate(_filled(runs)):
        whole.add(number, run, places=planner is not None)
    finder = _DeclarationFinder(job, names)
    needs = []
    for own, gathered in ((False, whole.outer), (True, whole.own)):
        for (kind, name), each in gathered.items():
            if own and (
                (kind, name) in whole.outer
                or not (each.headers or name in provided or names.mentions(name))
            ):
                continue
            header, group = _header_and_group(kind, name, each, names, finder)
            if own and header is None and name not in provided:
                continue
            needs.append(
                Need(
                    kind,
                    name,
                    group,
                    header,
                    _once_a_line(each.sites),
                    "" if kind is Kind.HEADER else pthread_primitive(group, name),
                    each.tested,
                    _conditions(each, runs, planner),
                    tuple(sorted(whole.defined[name])) if own else (),
                )
            )
    results = list({id(result): result for run in runs for result in run.results}.values())
    several = len(runs) > 1 or runs[0].configuration.name != "" or planner is not None
    return AuditReport(
        sort_needs(needs),
        _file_results(results, union=planner is not None),
        job.tools.libc,
        tuple(sorted({call for run in runs for call in _calls(run)})),
        tuple(run.unread() for run in runs) if several else (),
        planner.unseen() if planner is not None else (),
        preprocessor=job.tools.preprocessor,
    )


def _file_results(results: Sequence[UnitResult], *, union: bool) -> tuple[FileResult, ...]:
    """Each file once: parsed if it always was or, with ``union``, if it was at all."""
    found: dict[str, FileResult] = {}
    for result in results:
        file = result.file
        known = found.setdefault(file.path, file)
        if known.parsed is not file.parsed and file.parsed is union:
            found[file.path] = file
    return tuple(found[path] for path in sorted(found))


def _conditions(each: _Gathered, runs: Sequence[_Run], planner: Planner | None) -> tuple[str, ...]:
    """Under which conditions something is needed; none when it always is."""
    if len(each.present) == len(runs):
        return ()
    if planner is None:
        return tuple(runs[number].configuration.name for number in sorted(each.present))
    texts = {planner.condition(places) for places in each.places}
    if "" in texts:
        # Not the place is conditional, but something that leads there: the runs know.
        texts.remove("")
        texts.update(_conditions_of_runs(each.present, runs))
    return tuple(sorted(texts))


def _conditions_of_runs(present: Collection[int], runs: Sequence[_Run]) -> Iterable[str]:
    if 0 not in present:
        shortest = min(present, key=lambda number: (len(runs[number].configuration.macros), number))
        yield runs[shortest].configuration.name
        return
    absent = [each for number, each in enumerate(runs) if number not in present]
    shortest_run = min(absent, key=lambda run: len(run.configuration.macros))
    yield negated(shortest_run.configuration)


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


def _calls(run: _Run) -> Iterable[Call]:
    """Who calls whom of the upstream's functions, within a file and from one to another."""
    globals_ = _Globals(run.results)
    for result in run.results:
        for link in result.links:
            if link.kind is Kind.FUNCTION:
                yield Call(link.caller, link.callee, link.site)
        for use in result.uses:
            if use.kind is Kind.FUNCTION:
                for place in globals_.places(use.name):
                    yield Call(use.caller, Function(place.file, use.name), use.site)


def _with_elsewhere(report: AuditReport, job: _Job) -> AuditReport:
    """Say of a function that no header declares which file, not audited, seems to define it."""
    lost = [
        need.name
        for need in report.needs
        if need.kind is Kind.FUNCTION and need.group == UNDECLARED and not need.defined
    ]
    if not lost:
        return report
    places = _search(job.root, lost, {file.path for file in report.files if file.parsed})
    needs = (replace(need, elsewhere=places.get(need.name, ())) for need in report.needs)
    return replace(report, needs=tuple(needs))


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
        self._headers: dict[str, SystemNames] = {}
        self._cache = Cache(job.scope(), job.cache)

    def find(self, name: str) -> str | None:
        """The header of the C library that declares a function or variable; None if none does."""
        return self._cache.remember(f"declares {name}", partial(self._find, name))

    def _find(self, name: str) -> str | None:
        for header in self._names.mentioning(name):
            known = self._declared(header).names.get(name)
            if known is not None and known.fact.sort in (Sort.FUNCTION, Sort.VARIABLE):
                return self._names.choose(name, known.headers, private=known.private)
        return None

    def _declared(self, header: str) -> SystemNames:
        """What a header declares, as far as it can be read."""
        names = self._headers.get(header)
        if names is None:
            names = self._headers[header] = self._read(header)
        return names

    def _read(self, header: str) -> SystemNames:
        tools = self._job.tools
        with tempfile.TemporaryDirectory(prefix="porttool-audit-") as scratch:
            source = Path(scratch).resolve() / "find.c"
            source.write_text(f"#include <{header}>\n")
            try:
                text = preprocess(source, tools, (), ("_GNU_SOURCE",))
                unit = Scanner(Files(scratch, (), tools)).scan(segments(text.expanded), str(source))
                return with_deep_stack(partial(self._reader.read, unit.system))
            except (PreprocessError, SyntaxProblem):
                return SystemNames()

"""A Unikraft tree and its external libraries, read as a whole."""

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from porttool.errors import UserError
from porttool.unikraft.kconfig import Consequences, Graph
from porttool.unikraft.provides import Entry, Provides, Symbol, Syscall
from porttool.unikraft.scan import assembler, calls, definitions, entries, reading
from porttool.unikraft.scan.condition import ALWAYS, NEVER, Condition
from porttool.unikraft.scan.conditional import Reader, Source
from porttool.unikraft.scan.configuration import read_configuration
from porttool.unikraft.scan.definitions import Definition
from porttool.unikraft.scan.kconfig import Selects, Way, least
from porttool.unikraft.scan.layout import MUSL, Header, Layout, SourceFile
from porttool.unikraft.scan.makefile import Library

_PROVIDED = re.compile(r"([a-z_][a-z0-9_]*)-[0-9]+[ue]?")
_VERSION = re.compile(
    r"^\s*UK_(VERSION|SUBVERSION|EXTRAVERSION)\s*[?:]?=\s*([\w.-]*)", re.MULTILINE
)
_SHIM = "libsyscall_shim"
_STUBS = "libc_stubs.c"

Progress = Callable[[str, int, int], None]
"""Told the name of a library, how many files have been read, and how many there are."""


@dataclass(frozen=True, slots=True)
class Defined:
    """A definition with where it stands. ``scope`` is the path of its file."""

    definition: Definition
    library: Library
    condition: Condition
    source: str
    scope: str
    upstream: bool
    """From an archive: not written for Unikraft."""


@dataclass(slots=True)
class Scan:
    """All that was found, before a configuration or a form was chosen for it."""

    release: str
    commits: dict[str, str | None]
    defined: list[Defined] = field(default_factory=list)
    handlers: list[Defined] = field(default_factory=list)
    syscalls: dict[str, list[tuple[Library, Condition]]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    parts: dict[str, Condition] = field(default_factory=dict)
    """When a header is there, for those that come with a part of their library."""
    declared: set[str] = field(default_factory=set)
    graphs: dict[str, calls.Graph] = field(default_factory=dict)
    selects: Selects = field(default_factory=dict)
    fixed: Mapping[str, bool] = field(default_factory=dict)
    ukstore: int | None = None
    entries: tuple[Entry, ...] = ()
    graph: Graph = field(default_factory=Graph)
    usual: frozenset[str] = frozenset()
    """The Kconfig symbols that are set when an application chooses all external libraries."""
    libraries: dict[str, Condition] = field(default_factory=dict)


def scan(
    root: Path,
    libraries: Sequence[Path],
    folders: Sequence[Path],
    commits: Mapping[str, str | None],
    progress: Progress = lambda *_: None,
) -> Scan:
    """Read the tree at ``root``, external ``libraries``, and the archives in ``folders``.

    Nothing is built and no Makefile is run. Raises :class:`UserError` when it is no Unikraft tree,
    a library has no ``Makefile.uk``, or an archive that one needs is missing or does not fit.
    """
    root = root.resolve()
    result = Scan(release_of(root), dict(commits))
    with tempfile.TemporaryDirectory(prefix="porttool-") as temporary:
        layout = Layout(root, libraries, folders, Path(temporary))
        result.selects, result.fixed = layout.selects, layout.fixed
        _configuration(root, libraries, layout, result)
        collector = _Collector(layout, result)
        collector.collect(progress)
        result.entries = entries.public(collector.entries, layout)
        result.ukstore = entries.generation(layout)
    return result


def _configuration(root: Path, external: Sequence[Path], layout: Layout, result: Scan) -> None:
    result.graph = read_configuration(root, external)
    folders = [path.resolve() for path in external]
    chosen = {each.name.upper() for each in layout.libraries if each.folder in folders}
    result.usual = Consequences(result.graph).by_default(chosen & result.graph.options.keys())
    result.libraries = {each.name: each.condition for each in layout.libraries}


def release_of(root: Path) -> str:
    """The release that a tree says it is. Raises :class:`UserError` when it is no Unikraft tree."""
    text = reading.text(str(root / "version.mk"), [str(root)])
    if text is None:
        raise UserError("this is not a Unikraft tree", where=str(root), why="it has no version.mk")
    parts = dict(_VERSION.findall(text))
    release = f"{parts.get('VERSION', '')}.{parts.get('SUBVERSION', '')}"
    extra = parts.get("EXTRAVERSION", "")
    release = f"{release}{extra if extra.startswith('.') else f'.{extra}' if extra else ''}"
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)+", release):
        raise UserError("no release can be read", where=str(root / "version.mk"))
    return release


class _Collector:
    """Goes through a layout and keeps what it defines."""

    def __init__(self, layout: Layout, result: Scan) -> None:
        self._layout = layout
        self._result = result
        self.entries: list[entries.Raw] = []

    def collect(self, progress: Progress) -> None:
        self._syscalls()
        self._sources(progress)
        for library in self._layout.libraries:
            if library.name == _SHIM:
                self._stubs(library)
        self._headers()

    def _syscalls(self) -> None:
        fixed = self._layout.fixed
        for name in ("UK_PROVIDED_SYSCALLS-y", "UK_PROVIDED_SYSCALLS"):
            for word in self._layout.words(name):
                match = _PROVIDED.fullmatch(word.text)
                condition = word.condition.given(fixed)
                if match and condition != NEVER:
                    owner = _owner(condition, self._layout.libraries)
                    self._result.syscalls.setdefault(match[1], []).append((owner, condition))

    def _stubs(self, library: Library) -> None:
        """A function of the shim for each system call that nothing provides."""
        for name in (f"{_SHIM.upper()}_SRCS-y", f"{_SHIM.upper()}_GEN_SRC"):
            for word in self._layout.words(name):
                condition = library.condition & word.condition.given(self._layout.fixed)
                if Path(word.text.partition(">")[0]).stem == Path(_STUBS).stem:
                    for number in sorted(self._layout.numbers):
                        self._stub(library, number, condition)

    def _stub(self, library: Library, name: str, condition: Condition) -> None:
        for _, provided in self._result.syscalls.get(name, ()):
            condition = condition & ~provided
        if condition is not NEVER:
            body = ("return", "-", "ENOSYS", ";")
            made = Definition(name, True, False, condition, body)
            shown = f"lib/syscall_shim/{_STUBS}"
            self._result.defined.append(Defined(made, library, condition, shown, _STUBS, False))

    def _sources(self, progress: Progress) -> None:
        work = [
            (library, [*self._layout.files(library), *self._layout.generated(library)])
            for library in self._layout.libraries
        ]
        total = sum(len(files) for _, files in work)
        done = 0
        for library, files in work:
            reader = self._layout.reader(library)
            exports = self._layout.exports(library)
            graph = self._result.graphs.setdefault(library.name, calls.Graph())
            scopes: dict[str, str] = {}
            for file in files:
                source = reader.read(file.path)
                self.entries += entries.of_c(source, library, file.condition)
                for each in self._definitions(library, file, source):
                    self._keep(each, source, graph, scopes, exports)
                done += 1
                progress(library.name, done, total)
            if library.name == MUSL:
                self._internal_headers(reader, graph)
            graph.locate(scopes)

    def _keep(
        self,
        each: Defined,
        source: Source,
        graph: calls.Graph,
        scopes: dict[str, str],
        exports: frozenset[str] | None,
    ) -> None:
        name = each.definition.name
        scope = each.scope if each.definition.static else ""
        found = calls.node(each.definition, source.macros, self._layout.numbers)
        graph.add(name, scope, found, variable=not each.definition.function)
        if each.definition.syscall is not None:
            self._result.handlers.append(each)
        if not each.definition.static:
            scopes.setdefault(name, each.scope)
            if exports is None or name in exports:
                self._result.defined.append(each)

    def _internal_headers(self, reader: Reader, graph: calls.Graph) -> None:
        internal = self._layout.folder_of("LIBMUSL") / "src" / "internal"
        for path in sorted(internal.glob("*.h")):
            source = reader.read(path)
            for each in definitions.of_c(source).definitions:
                if each.static:
                    found = calls.node(each, source.macros, self._layout.numbers)
                    graph.add(each.name, calls.HEADERS, found, variable=False)

    def _definitions(self, library: Library, file: SourceFile, source: Source) -> Iterator[Defined]:
        if file.path.suffix == ".c":
            read = definitions.of_c(source)
        else:
            read = assembler.of_assembler(source, self._layout.syscalls)
        fixed = self._layout.fixed
        for each in read.definitions:
            condition = file.condition & each.condition.given(fixed)
            if condition.given(fixed) != NEVER:
                yield Defined(each, library, condition, file.shown, str(file.path), file.upstream)

    def _headers(self) -> None:
        """Headers on the include path of every library, and what they declare."""
        files: dict[str, list[Header]] = {}
        for header in self._layout.headers():
            files.setdefault(header.name, []).append(header)
        reader = self._layout.public_reader(
            {"_GNU_SOURCE": "1", "_ALL_SOURCE": "1", "_BSD_SOURCE": "1", "_XOPEN_SOURCE": "700"}
        )
        for name, found in files.items():
            order = sorted(found, key=lambda each: each.library != MUSL)
            self._result.headers[name] = order[0].library
            condition = NEVER
            for each in order:
                if each.library == order[0].library:
                    condition = condition | each.condition
            if len(condition.terms) == 1:
                self._result.parts[name] = condition
            if order[0].library == MUSL or not name.startswith(("uk/", "lwip/", "netif/")):
                declared = definitions.of_c(reader.read(order[0].path)).declared
                self._result.declared |= declared


def _owner(condition: Condition, registered: Iterable[Library]) -> Library:
    """The library that a system call is from: the one whose symbol its condition begins with."""
    names = {name for term in condition.terms for name, wanted in term if wanted}
    best = None
    for library in registered:
        own = library.name.upper()
        if any(name == own or name.startswith(f"{own}_") for name in names) and (
            best is None or len(library.name) > len(best.name)
        ):
            best = library
    return best or Library("unikraft", Path(), ALWAYS)


def provides(found: Scan) -> Provides:
    """What a scan found, in the form that is kept."""
    by_name: dict[str, list[Defined]] = {}
    for each in found.defined:
        by_name.setdefault(each.definition.name, []).append(each)
    symbols: dict[str, Symbol] = {}
    others: dict[str, tuple[Symbol, ...]] = {}
    for name, candidates in by_name.items():
        ways = _definitions(name, candidates, found)
        if ways:
            symbols[name] = ways[0]
            if ways[0].excludes and len(ways) > 1:
                others[name] = tuple(ways[1:])
    return Provides(
        release=found.release,
        commits=found.commits,
        symbols=symbols,
        syscalls=dict(_syscalls(found)),
        headers=found.headers,
        declared=frozenset(found.declared - symbols.keys()),
        ukstore=found.ukstore,
        entries=found.entries,
        kconfig=_graph(found),
        others=others,
        parts=dict(_parts(found)),
    )


def _syscalls(found: Scan) -> Iterator[tuple[str, Syscall]]:
    stubs = _syscall_stubs(found)
    for name, ways in found.syscalls.items():
        whole = NEVER
        for _, condition in ways:
            whole = whole | condition
        way = _least(found, whole)
        if way is not None:
            owners = [each.name for each, one in ways if _least(found, one) == way]
            owner = owners[0] if owners else ways[0][0].name
            yield name, Syscall(name, owner, way.requires, stubs.get(name), way.excludes)


def _parts(found: Scan) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The headers that take more than their library, with what they take."""
    for name, condition in sorted(found.parts.items()):
        library = found.headers[name]
        way = _least(found, condition & found.libraries.get(library, ALWAYS))
        whole = _library(found, library)
        more = [each for each in (way.requires if way else ()) if each not in whole]
        if more:
            yield name, tuple(more)


def _least(found: Scan, condition: Condition) -> Way | None:
    return least(condition, found.selects, found.usual)


def _library(found: Scan, name: str) -> tuple[str, ...]:
    """The Kconfig symbols that a library takes."""
    way = _least(found, found.libraries.get(name, ALWAYS))
    return way.requires if way is not None else ()


def _graph(found: Scan) -> Graph:
    """The Kconfig symbols, with those that have to be set for each library that has headers."""
    names = sorted(set(found.headers.values()))
    return replace(found.graph, libraries={name: _library(found, name) for name in names})


def _syscall_stubs(found: Scan) -> dict[str, str | None]:
    """How each system call pretends; the handler that does its work counts before others."""
    stubs: dict[str, str | None] = {}
    for each in found.handlers:
        name = each.definition.syscall
        if name is not None:
            pretends = calls.stub(each.definition, empty_counts=True)
            if name not in stubs or stubs[name] is not None:
                stubs[name] = pretends
    return stubs


def _definitions(name: str, candidates: Sequence[Defined], found: Scan) -> list[Symbol]:
    """What each library that can define a name has of it, what needs the least first.

    What works comes before a stub, and the libc before others, unless these are what is there when
    nobody says otherwise. What a library needs is what any one of its definitions does.
    """
    ways = []
    for each in candidates:
        way = _least(found, each.condition)
        if way is not None:
            pretends = None
            if each.scope.endswith(".c"):
                pretends = calls.stub(each.definition, empty_counts=not each.upstream)
            order = (pretends is not None, each.library.name != MUSL, len(way.requires))
            ways.append(((*order, way.requires, each.source), each, pretends))
    ways.sort(key=lambda way: way[0])
    made: dict[str, Symbol] = {}
    for _, each, pretends in ways:
        if each.library.name not in made:
            made[each.library.name] = _symbol(each, pretends, candidates, found)
    return list(made.values())


def _symbol(
    each: Defined, pretends: str | None, candidates: Sequence[Defined], found: Scan
) -> Symbol:
    name = each.definition.name
    whole = NEVER
    for other in candidates:
        if other.library.name == each.library.name:
            whole = whole | other.condition
    way = _least(found, whole) or Way(())
    under = found.graphs[each.library.name].syscalls(name, each.scope)
    return Symbol(
        name=name,
        kind="function" if _is_function(each, candidates, found) else "variable",
        library=each.library.name,
        requires=way.requires,
        syscalls=under.syscalls,
        stub=pretends,
        source=each.source,
        excludes=way.excludes,
        sometimes=under.sometimes,
        unchecked=under.unchecked,
    )


def _is_function(each: Defined, candidates: Sequence[Defined], found: Scan) -> bool:
    alias = each.definition.alias
    if alias is None:
        return each.definition.function
    graph = found.graphs[each.library.name]
    return not graph.is_variable(alias, each.scope)

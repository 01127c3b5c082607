"""A Unikraft tree and its external libraries, read as a whole."""

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from porttool.errors import UserError
from porttool.unikraft.provides import Provides, Symbol, Syscall
from porttool.unikraft.scan import archives, calls, definitions
from porttool.unikraft.scan.condition import ALWAYS, NEVER, Condition
from porttool.unikraft.scan.conditional import Reader, Source
from porttool.unikraft.scan.definitions import Definition
from porttool.unikraft.scan.kconfig import Selects, least, read_names, read_selects
from porttool.unikraft.scan.makefile import Library, Makefile, Word, known_values

_PROVIDED = re.compile(r"([a-z_][a-z0-9_]*)-[0-9]+[ue]?")
_VERSION = re.compile(
    r"^\s*UK_(VERSION|SUBVERSION|EXTRAVERSION)\s*[?:]?=\s*([\w.-]*)", re.MULTILINE
)
_NUMBER = re.compile(r"#define\s+__NR_(\w+)\s")
_PRINTED = re.compile(
    r"""printf?\s*\(?\s*"(?:\\n)*(?:long|const\ char\ \*)\s*(?:__\w+\s+)*(\w+)\(""", re.VERBOSE
)
_MUSL = "libmusl"
_SHIM = "libsyscall_shim"
_COMPILED = (".c", ".S", ".s")

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
    headers: dict[str, list[str]] = field(default_factory=dict)
    declared: set[str] = field(default_factory=set)
    graphs: dict[str, calls.Graph] = field(default_factory=dict)
    selects: Selects = field(default_factory=dict)
    fixed: Mapping[str, bool] = field(default_factory=dict)


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
    result = Scan(_release(root), dict(commits))
    with tempfile.TemporaryDirectory(prefix="porttool-") as temporary:
        trees = _Trees(root, [path.resolve() for path in libraries], folders, Path(temporary))
        trees.read(result, progress)
    return result


def _release(root: Path) -> str:
    try:
        text = (root / "version.mk").read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UserError(
            "this is not a Unikraft tree", where=str(root), why="it has no version.mk"
        ) from error
    parts = dict(_VERSION.findall(text))
    release = f"{parts.get('VERSION', '')}.{parts.get('SUBVERSION', '')}"
    extra = parts.get("EXTRAVERSION", "")
    release = f"{release}{extra if extra.startswith('.') else f'.{extra}' if extra else ''}"
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)+", release):
        raise UserError("no release can be read", where=str(root / "version.mk"))
    return release


class _Fixed(dict[str, bool]):
    """Values that are the same in every configuration; what no Config.uk defines is not set."""

    def __init__(self, values: Mapping[str, bool], names: frozenset[str]) -> None:
        super().__init__(values)
        self._names = names

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name not in self._names

    def get(self, name: str, default: bool | None = None) -> bool | None:  # type: ignore[override]
        return super().get(name, default if name in self._names else False)


class _Trees:
    """The Makefiles of a tree and its libraries, and where the sources they name are."""

    def __init__(
        self, root: Path, libraries: Sequence[Path], folders: Sequence[Path], temporary: Path
    ) -> None:
        self._root = root
        self._external = list(libraries)
        self._folders = folders
        self._temporary = temporary
        self._roots = [root, temporary, *libraries]
        self._make = Makefile(self._roots)

    def read(self, result: Scan, progress: Progress) -> None:
        make = self._make
        make.define("CONFIG_UK_BASE", str(self._root))
        make.define("UK_PLAT_COMMON_BASE", str(self._root / "plat" / "common"))
        make.define("UK_PLAT_DRIVERS_BASE", str(self._root / "plat" / "drivers"))
        for path in self._makefiles():
            make.read(path)
        for folder in self._external:
            if not (folder / "Makefile.uk").is_file():
                raise UserError("a library has no Makefile.uk", where=str(folder))
            make.read(folder / "Makefile.uk")
        self._unpack()
        registered = list({library.name: library for library in make.libraries}.values())
        configs = list(self._configs())
        result.selects = read_selects(configs)
        result.fixed = self._fixed({library.name for library in registered}, result.selects)
        result.fixed = _Fixed(result.fixed, read_names(configs))
        self._syscalls(result, registered)
        includes = self._includes(registered)
        self._sources(result, registered, includes, progress)
        for library in registered:
            if library.name == _SHIM:
                self._generated(result, library)
        self._headers(result, registered)

    def _makefiles(self) -> Iterator[Path]:
        for top in ("lib", "drivers", "plat"):
            yield from sorted((self._root / top).rglob("Makefile.uk"))

    def _configs(self) -> Iterator[Path]:
        for top in ("lib", "drivers", "plat", "arch"):
            yield from sorted((self._root / top).rglob("Config.uk"))
        yield self._root / "Config.uk"
        for folder in self._external:
            yield folder / "Config.uk"

    def _fixed(self, names: set[str], selects: Selects) -> dict[str, bool]:
        """What is the same in all configurations with these libraries: musl is the libc."""
        if _MUSL not in names:
            return known_values({})
        chosen = dict.fromkeys(selects.get("LIBMUSL", ()), True)
        shim = {"LIBSYSCALL_SHIM": True, "LIBSYSCALL_SHIM_NOWRAPPER": True, "HAVE_LIBC": True}
        only = {name: value for name, value in shim.items() if name in chosen}
        return known_values({**only, "LIBNOLIBC": False, "LIBNEWLIBC": False})

    def _unpack(self) -> None:
        for library in {each.name: each for each in self._make.libraries}.values():
            names = self._make.archives.get(library.name)
            if not names or library.folder not in self._external:
                continue
            archive = archives.find(names, self._folders)
            if archive is None:
                raise UserError(
                    f"the archive that {library.name} is made from is missing",
                    why=f"none of the folders of archives has {' or '.join(names)}",
                    fix="put it into a folder and give that with --archives",
                )
            origin = self._temporary / library.name
            origin.mkdir()
            archives.unpack(archive, origin)
            self._make.define(f"{library.name.upper()}_ORIGIN", str(origin))
            self._choose(library, archive.name, origin)

    def _choose(self, library: Library, archive: str, origin: Path) -> None:
        """Apply the patches for what was unpacked, wherever the Makefile says it is."""
        make = self._make
        inner = [path.name for path in origin.iterdir() if path.is_dir()]
        for folder, target in make.patched.get(library.name, ()):
            place = origin / make.expand(target).strip()
            if not place.is_dir() and len(inner) == 1:
                # The Makefile would have taken another of the archives that it can be made from.
                variable = re.fullmatch(r"\$\((\w+)\)", target.strip())
                if variable:
                    make.define(variable[1], inner[0])
                place = origin / inner[0]
            patches = Path(make.expand(folder).strip())
            if patches.is_dir():
                names = sorted(patches.iterdir(), key=lambda path: path.name)
                archives.patch(place, [path for path in names if path.is_file()])

    def _syscalls(self, result: Scan, registered: Sequence[Library]) -> None:
        for name in ("UK_PROVIDED_SYSCALLS-y", "UK_PROVIDED_SYSCALLS"):
            for word in self._make.words(name):
                match = _PROVIDED.fullmatch(word.text)
                condition = word.condition.given(result.fixed)
                if match and condition != NEVER:
                    owner = _owner(condition, registered)
                    result.syscalls.setdefault(match[1], []).append((owner, condition))

    def _generated(self, result: Scan, library: Library) -> None:
        """What the shim writes itself: its dispatchers, and a stub for each call not provided."""
        for name in (f"{_SHIM.upper()}_SRCS-y", f"{_SHIM.upper()}_GEN_SRC"):
            for word in self._make.words(name):
                stem = Path(word.text.partition(">")[0]).stem
                condition = library.condition & word.condition.given(result.fixed)
                if stem == "libc_stubs":
                    for number in sorted(self._numbers()):
                        self._stub(result, library, number, condition)
                elif stem.startswith("uk_syscall") and ">" in word.text:
                    for made in _printed(Path(word.text.partition(">")[0])):
                        body = ("generated",)
                        definition = Definition(made, True, False, condition, body)
                        result.defined.append(_generated(definition, library, f"{stem}.awk"))

    def _stub(self, result: Scan, library: Library, name: str, condition: Condition) -> None:
        for _, provided in result.syscalls.get(name, ()):
            condition = condition & ~provided
        if condition is not NEVER:
            body = ("return", "-", "ENOSYS", ";")
            made = Definition(name, True, False, condition, body)
            result.defined.append(_generated(made, library, "libc_stubs.c"))

    def _includes(self, registered: Sequence[Library]) -> list[Path]:
        """Folders on everybody's include path, musl's own copies of its headers in front."""
        make = self._make
        found = [Path(word.text[2:]) for word in self._flags("CINCLUDES", "-I")]
        musl = [library for library in registered if library.name == _MUSL]
        if musl:
            top = Path(make.expand("$(LIBMUSL)"))
            found = [top / "include", *found]
        found = [path for path in found if path.is_dir()]
        generic = [self._root / "include", *sorted((self._root / "lib").glob("*/include"))]
        return list(dict.fromkeys([*found, *generic]))

    def _flags(self, name: str, prefix: str) -> Iterator[Word]:
        for variable in (name, f"{name}-y"):
            for word in self._make.words(variable):
                if word.text.startswith(prefix):
                    yield word

    def _sources(
        self,
        result: Scan,
        registered: Sequence[Library],
        includes: Sequence[Path],
        progress: Progress,
    ) -> None:
        numbers = self._numbers()
        work = [(library, list(self._files(library))) for library in registered]
        total = sum(len(files) for _, files in work)
        done = 0
        for library, files in work:
            reader = Reader(
                [*self._own_includes(library), *includes],
                self._macros(library, numbers),
                self._roots,
            )
            exports = self._exports(library)
            graph = result.graphs.setdefault(library.name, calls.Graph())
            scopes: dict[str, str] = {}
            for path, condition in files:
                guard = condition.given(result.fixed) & library.condition
                if guard.given(result.fixed) != NEVER:
                    source = reader.read(path)
                    for each in self._definitions(library, path, guard, source, result.fixed):
                        self._keep(each, source, graph, scopes, numbers, exports, result)
                done += 1
                progress(library.name, done, total)
            if library.name == _MUSL:
                self._internal_headers(reader, graph, numbers)
            graph.locate(scopes)

    def _keep(
        self,
        each: Defined,
        source: Source,
        graph: calls.Graph,
        scopes: dict[str, str],
        numbers: frozenset[str],
        exports: frozenset[str] | None,
        result: Scan,
    ) -> None:
        name = each.definition.name
        scope = each.scope if each.definition.static else ""
        found = calls.node(each.definition, source.macros, numbers)
        graph.add(name, scope, found, variable=not each.definition.function)
        if each.definition.syscall is not None:
            result.handlers.append(each)
        if not each.definition.static:
            scopes.setdefault(name, each.scope)
            if exports is None or name in exports:
                result.defined.append(each)

    def _internal_headers(
        self, reader: Reader, graph: calls.Graph, numbers: frozenset[str]
    ) -> None:
        internal = Path(self._make.expand("$(LIBMUSL)")) / "src" / "internal"
        for path in sorted(internal.glob("*.h")):
            source = reader.read(path)
            for each in definitions.of_c(source).definitions:
                if each.static:
                    found = calls.node(each, source.macros, numbers)
                    graph.add(each.name, calls.HEADERS, found, variable=False)

    def _definitions(
        self,
        library: Library,
        path: Path,
        guard: Condition,
        source: Source,
        fixed: Mapping[str, bool],
    ) -> Iterator[Defined]:
        read = definitions.of_c if path.suffix == ".c" else definitions.of_assembler
        shown, upstream = self._shown(library, path)
        for each in read(source).definitions:
            condition = guard & each.condition.given(fixed)
            if condition.given(fixed) != NEVER:
                yield Defined(each, library, condition, shown, str(path), upstream)

    def _shown(self, library: Library, path: Path) -> tuple[str, bool]:
        origin = self._temporary / library.name
        if path.is_relative_to(origin):
            return "/".join(path.relative_to(origin).parts[1:]), True
        for base in (self._root, *self._external):
            if path.is_relative_to(base):
                return path.relative_to(base).as_posix(), False
        return path.name, False

    def _files(self, library: Library) -> Iterator[tuple[Path, Condition]]:
        found: dict[Path, Condition] = {}
        prefix = library.name.upper()
        for name in (f"{prefix}_SRCS-y", f"{prefix}_SRCS"):
            for word in self._make.words(name):
                path = Path(word.text.partition("|")[0])
                if path.suffix in _COMPILED and self._ours(path):
                    found[path] = found.get(path, NEVER) | word.condition
        yield from found.items()

    def _ours(self, path: Path) -> bool:
        """Whether a path that a Makefile made up lies in what we were told to read."""
        try:
            real = path.resolve()
        except (OSError, ValueError, RuntimeError):
            return False
        bases = (self._root, self._temporary.resolve(), *self._external)
        return real.is_file() and any(real.is_relative_to(base) for base in bases)

    def _own_includes(self, library: Library) -> list[Path]:
        prefix = library.name.upper()
        if library.name in (_MUSL, "libmuslglue"):
            prefix_flags = list(self._flags("LIBMUSL_COMPFLAGS", "-I"))
        else:
            prefix_flags = list(self._flags(f"{prefix}_COMPFLAGS", "-I"))
        prefix_flags += self._flags(f"{prefix}_CINCLUDES", "-I")
        return [path for word in prefix_flags if (path := Path(word.text[2:])).is_dir()]

    def _macros(self, library: Library, numbers: frozenset[str]) -> dict[str, str]:
        defined = {f"{kind}_{name}": "1" for name in numbers for kind in ("SYS", "__NR")}
        for name in ("CFLAGS", "COMPFLAGS"):
            for word in self._flags(f"{library.name.upper()}_{name}", "-D"):
                macro, _, body = word.text[2:].partition("=")
                if word.condition == ALWAYS:
                    defined[macro] = body or "1"
        return defined

    def _numbers(self) -> frozenset[str]:
        """Names of the system calls of x86-64, from the shim's or musl's table."""
        names: set[str] = set()
        musl = Path(self._make.expand("$(LIBMUSL)/arch/x86_64/bits/syscall.h.in"))
        shim = sorted((self._root / "lib" / "syscall_shim").rglob("syscall.h.in"))
        for path in [musl, *(each for each in shim if "arm" not in str(each))]:
            if path.is_file():
                names |= set(_NUMBER.findall(path.read_text(encoding="utf-8", errors="replace")))
        return frozenset(names)

    def _exports(self, library: Library) -> frozenset[str] | None:
        """The names that stay global, or None when all do."""
        paths = [library.folder / "exportsyms.uk"]
        for name in (f"{library.name.upper()}_EXPORTS", f"{library.name.upper()}_EXPORTS-y"):
            paths += [Path(word.text) for word in self._make.words(name)]
        texts = [path.read_text(errors="replace") for path in paths if self._ours(path)]
        if not texts:
            return None
        lines = [line.partition("#")[0].strip() for text in texts for line in text.splitlines()]
        return frozenset(line for line in lines if line)

    def _headers(self, result: Scan, registered: Sequence[Library]) -> None:
        """Headers on the include path of every library, and what they declare."""
        files: dict[str, list[tuple[str, Path]]] = {}
        for library, name, path in self._installed(result, registered):
            files.setdefault(name, []).append((library, path))
        reader = Reader(
            list(dict.fromkeys(self._includes(registered))),
            {"_GNU_SOURCE": "1", "_ALL_SOURCE": "1", "_BSD_SOURCE": "1", "_XOPEN_SOURCE": "700"},
            self._roots,
        )
        for name, found in files.items():
            order = sorted(found, key=lambda each: each[0] != _MUSL)
            result.headers[name] = list(dict.fromkeys(library for library, _ in order))
            path = order[0][1]
            if order[0][0] == _MUSL or not name.startswith(("uk/", "lwip/", "netif/")):
                result.declared |= definitions.of_c(reader.read(path)).declared

    def _installed(
        self, result: Scan, registered: Sequence[Library]
    ) -> Iterator[tuple[str, str, Path]]:
        musl = self._make.expand("$(LIBMUSL)").rstrip("/")
        for word in self._make.words("PORTTOOL_MUSL_HDRS-y"):
            path = Path(word.text)
            if f"{musl}/include/" in str(path) and path.is_file():
                yield _MUSL, str(path).rpartition(f"{musl}/include/")[2], path
        for word in self._flags("CINCLUDES", "-I"):
            condition = word.condition.given(result.fixed)
            folder = Path(word.text[2:])
            if condition == NEVER or not folder.is_dir() or not self._readable(folder):
                continue
            owner = self._folder_owner(folder, registered)
            if owner is None:
                continue
            for path in sorted(folder.rglob("*.h*")):
                name = path.relative_to(folder).as_posix()
                if path.suffix == ".h" and path.is_file():
                    yield owner, name, path
                elif name == "bits/alltypes.h.in" or name == "bits/syscall.h.in":
                    yield owner, name.removesuffix(".in"), path

    def _readable(self, folder: Path) -> bool:
        bases = (self._root, self._temporary.resolve(), *self._external)
        return any(folder.resolve().is_relative_to(base) for base in bases)

    def _folder_owner(self, folder: Path, registered: Sequence[Library]) -> str | None:
        for library in registered:
            if folder.is_relative_to(self._temporary / library.name):
                return library.name
        near = [library for library in registered if folder.is_relative_to(library.folder)]
        if near:
            return max(near, key=lambda library: len(library.folder.parts)).name
        return "unikraft" if folder.is_relative_to(self._root) else None


def _printed(script: Path) -> list[str]:
    """Names of the functions at the beginning of a line that an awk script prints."""
    try:
        text = script.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return list(dict.fromkeys(_PRINTED.findall(text)))


def _generated(made: Definition, library: Library, name: str) -> Defined:
    return Defined(made, library, made.condition, f"lib/syscall_shim/{name}", name, False)


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
    syscall_stubs = _syscall_stubs(found)
    symbols: dict[str, Symbol] = {}
    by_name: dict[str, list[Defined]] = {}
    for each in found.defined:
        by_name.setdefault(each.definition.name, []).append(each)
    for name, candidates in by_name.items():
        symbol = _symbol(name, candidates, found)
        if symbol is not None:
            symbols[name] = symbol
    syscalls = {}
    for name, ways in found.syscalls.items():
        whole = NEVER
        for _, condition in ways:
            whole = whole | condition
        requires = least(whole, found.selects)
        if requires is not None:
            syscalls[name] = Syscall(name, ways[0][0].name, requires, syscall_stubs.get(name))
    return Provides(
        release=found.release,
        commits=found.commits,
        symbols=symbols,
        syscalls=syscalls,
        headers={name: owners[0] for name, owners in found.headers.items()},
        declared=frozenset(found.declared - symbols.keys()),
    )


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


def _symbol(name: str, candidates: Sequence[Defined], found: Scan) -> Symbol | None:
    """Of several definitions, that which needs the least; requirements of all count."""
    ways = []
    for each in candidates:
        requires = least(each.condition, found.selects)
        if requires is not None:
            pretends = None
            if each.scope.endswith(".c"):
                pretends = calls.stub(each.definition, empty_counts=not each.upstream)
            order = (pretends is not None, each.library.name != _MUSL, len(requires), requires)
            ways.append((order, each.source, each, requires, pretends))
    if not ways:
        return None
    _, _, each, _, pretends = min(ways, key=lambda way: way[:2])
    whole = NEVER
    for other in candidates:
        if other.library.name == each.library.name:
            whole = whole | other.condition
    requires = least(whole, found.selects) or ()
    graph = found.graphs[each.library.name]
    return Symbol(
        name=name,
        kind="function" if _is_function(each, candidates, found) else "variable",
        library=each.library.name,
        requires=requires,
        syscalls=graph.syscalls(name, each.scope),
        stub=pretends,
        source=each.source,
    )


def _is_function(each: Defined, candidates: Sequence[Defined], found: Scan) -> bool:
    alias = each.definition.alias
    if alias is None:
        return each.definition.function
    graph = found.graphs[each.library.name]
    return not graph.is_variable(alias, each.scope)

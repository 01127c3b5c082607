"""The audit of one translation unit: from a source file to uses with their places."""

import os
import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from pathlib import Path

from porttool.audit.conditions import Conditionals, read_conditionals
from porttool.audit.declarations import DeclarationReader, Declared, Sort, SystemNames
from porttool.audit.hostnames import public_names
from porttool.audit.lexer import (
    Files,
    Origin,
    Piece,
    Place,
    Scanner,
    Segment,
    SyntaxProblem,
    printable_name,
    segments,
)
from porttool.audit.macros import Macro, SourceView, ViewReader, is_type, literal_word
from porttool.audit.model import FileResult, Function, Kind, Site
from porttool.audit.parse import Nodes, TreeReader
from porttool.audit.paths import KERNEL_PATH
from porttool.audit.preprocess import (
    NO_FLAGS,
    Flags,
    PreprocessError,
    Toolchain,
    preprocess,
)
from porttool.audit.rewrite import (
    BUILTIN_TYPES,
    C23_WORDS,
    Rewritten,
    Strings,
    own_words,
    rewrite,
)
from porttool.audit.usage import Reference, Usage, find_usage

#: An include of a file beside the source.
_INCLUDED = re.compile(rb'[ \t]*#[ \t]*include[ \t]*"([^"\n\0]{1,255})"')

#: With more places than this a new reader begins, so that what is kept stays bounded.
PLACES_LIMIT = 1_000_000

#: A line this long, in bytes, was not written to be compiled.
LINE_LIMIT = 4_000_000


@dataclass(frozen=True, slots=True)
class Use:
    """One use of something in one file, before uses are put together into needs.

    ``headers`` are those that give it; ``library`` says they are not the system's; ``private``
    see :class:`lexer.Chunk`. ``within`` is the file where the site's function is defined;
    ``tested`` says that a condition of an ``#if`` asks for it. ``through`` are the lines of the
    own macros that lead to it.
    """

    kind: Kind
    name: str
    site: Site
    headers: tuple[str, ...] = ()
    private: bool = False
    library: bool = False
    within: str = ""
    tested: bool = False
    through: tuple[tuple[str, int], ...] = ()

    @property
    def caller(self) -> Function:
        """The function that the use is in."""
        return Function(self.within or self.site.file, self.site.function)


@dataclass(frozen=True, slots=True)
class Link:
    """One use, in a translation unit, of a function or variable that the unit itself defines.

    ``static`` says that no other unit can use it.
    """

    caller: Function
    callee: Function
    site: Site
    kind: Kind
    static: bool


@dataclass(frozen=True, slots=True)
class UnitResult:
    """What the audit of one source file gives.

    ``defined`` are names that it gives to other files, each with its place. ``taken`` are the
    branches of ``#if`` that were compiled, each by file and line of its directive. ``read`` are
    the upstream's files that make it up; ``fixed`` the macros that they test and that are the
    system's or the compiler's. ``digest`` is that of the preprocessed text, "" when there is none;
    two results of a file that have the same are the same.
    """

    file: FileResult
    uses: tuple[Use, ...] = ()
    defined: tuple[tuple[str, Site], ...] = ()
    links: tuple[Link, ...] = ()
    read: tuple[str, ...] = ()
    taken: tuple[tuple[str, int], ...] = ()
    fixed: tuple[str, ...] = ()
    digest: str = ""


@dataclass(frozen=True, slots=True)
class _FileConditions:
    """The ``#if`` branches of an own file that are compiled, each by the line of its directive.

    ``tested`` are the macros that conditions ask for, ``live`` those that are asked with the line,
    because what is around them is compiled.
    """

    name: str
    taken: frozenset[tuple[str, int]]
    tested: frozenset[str]
    live: tuple[tuple[str, int], ...]

    @classmethod
    def read(cls, name: str, conditionals: Conditionals, lines: Sequence[int]) -> "_FileConditions":
        """Those of a file of which ``lines`` are compiled."""
        taken = _taken(conditionals, lines)
        live = tuple(
            (macro, line)
            for macro, line in conditionals.tested
            if all(branch.line in taken for branch in conditionals.around(line))
        )
        tested = frozenset(macro for macro, _ in conditionals.tested)
        return cls(name, frozenset((name, line) for line in taken), tested, live)


Conditions = tuple[_FileConditions, ...]


@dataclass(frozen=True, slots=True)
class _Code:
    """A piece of code after rewriting; ``shared`` see :class:`lexer.Piece`."""

    code: Rewritten
    shared: bool


class CodeReader:
    """Reads the upstream's own code; what several units include is read once.

    Places and strings are those of all units.
    """

    def __init__(self, files: Files) -> None:
        self.scanner = Scanner(files)
        self.places = self.scanner.places
        self.strings: Strings = []
        self._rewritten: dict[tuple[Piece, frozenset[str]], Rewritten] = {}
        self._trees = TreeReader(self.places, self.strings)

    def rewrite(self, pieces: Sequence[Piece]) -> list[_Code]:
        """Rewrite the pieces of a unit; see :func:`rewrite.rewrite`."""
        own = frozenset[str]().union(*(self._own_words(piece) for piece in pieces))
        return [_Code(self._rewrite(piece, own), piece.shared) for piece in pieces]

    @staticmethod
    def _own_words(piece: Piece) -> frozenset[str]:
        return own_words(piece.tokens) if not piece.words.isdisjoint(C23_WORDS) else frozenset()

    def _rewrite(self, piece: Piece, own: frozenset[str]) -> Rewritten:
        if not piece.shared:
            return rewrite(piece.tokens, self.places, self.strings, own)
        key = (piece, own & piece.words)
        known = self._rewritten.get(key)
        if known is None:
            known = self._rewritten[key] = rewrite(piece.tokens, self.places, self.strings, own)
        return known

    def parse(self, code: Sequence[_Code], typedefs: Iterable[str]) -> Nodes:
        """Parse the pieces of a unit; see :meth:`TreeReader.parse`."""
        known = {*typedefs, *BUILTIN_TYPES}
        return self._trees.parse(((each.code, each.shared) for each in code), known)


class UnitAuditor:
    """Audits source files one after the other, and reads each system declaration once."""

    def __init__(
        self,
        root: Path,
        includes: Sequence[Path],
        defines: Sequence[str],
        tools: Toolchain,
        libraries: Sequence[Path] = (),
    ) -> None:
        """Prepare for files below ``root``.

        ``libraries`` are folders besides ``includes`` that files may include from.
        """
        self._root = root
        self._includes = tuple(includes)
        self._defines = tuple(defines)
        self._tools = tools
        self._files = Files(str(root), tuple(map(str, (*includes, *libraries))), tools)
        #: That of the last file.
        self.view = SourceView()
        self._reader = DeclarationReader()
        self._code = CodeReader(self._files)
        self._views = ViewReader(self._files)
        self._conditionals: dict[str, Conditionals] = {}
        self._conditions: dict[tuple[str, frozenset[int]], _FileConditions] = {}
        self._there: dict[str, bool] = {}

    def audit(self, path: Path, flags: Flags = NO_FLAGS, known: Collection[str] = ()) -> UnitResult:
        """Audit one file; a file that cannot be read or parsed gives a result that says so.

        When its digest is among the ``known`` ones, the result has nothing else.
        """
        name = printable_name(path.relative_to(self._root).as_posix())
        try:
            return self._audit(path, name, flags, known)
        except PreprocessError as error:
            message = self._explain(error)
        except SyntaxProblem as problem:
            place = problem.place
            where = self._where(place.file, place.line) if place else ""
            message = f"{where}{problem.reason}"
        except RecursionError:
            message = "nested too deep"
        except OSError as error:
            message = error.strerror or str(error)
        return UnitResult(FileResult(name, False, message))

    def _explain(self, error: PreprocessError) -> str:
        """What the preprocessor refused; nothing of what a file outside of the folder holds."""
        if not error.file:
            return error.reason
        try:
            self._files.look_up(error.file)
        except SyntaxProblem as problem:
            return problem.reason
        return f"{self._where(error.file, error.line)}{error.reason}"

    def _where(self, file: str, line: int | None) -> str:
        try:
            name = self._files.look_up(file)[1]
        except SyntaxProblem:
            name = file
        return f"{name}:{line}: " if line else f"{name}: "

    def _audit(self, path: Path, name: str, flags: Flags, known: Collection[str]) -> UnitResult:
        self._look(path)
        text = preprocess(path, self._tools, self._includes, self._defines, flags)
        expanded, directives = segments(text.expanded), segments(text.directives)
        digest = _digest(text.expanded, directives)
        if digest in known:
            return UnitResult(FileResult(name, True), digest=digest)
        result = self._read(path, name, expanded, directives, flags)
        return replace(result, digest=digest)

    def _read(
        self,
        path: Path,
        name: str,
        expanded: Sequence[Segment],
        directives: Sequence[Segment],
        flags: Flags,
    ) -> UnitResult:
        if len(self._code.scanner.places) > PLACES_LIMIT:
            self._code = CodeReader(self._files)
        reader = self._code
        unit = reader.scanner.scan(expanded, str(path))
        view = self.view = self._views.view(directives, str(path))
        system = self._reader.read(unit.system)
        conditions = self._read_conditions(view)
        tested = _tested(conditions, view)
        seen = _seen(conditions, view)
        if not unit.pieces:
            uses = (*self._headers(view, flags), *tested)
            return UnitResult(FileResult(name, True), uses, (), (), *seen)
        code = reader.rewrite(unit.pieces)
        nodes = reader.parse(code, system.typedefs)
        usage = find_usage(nodes, [each.code for each in code], reader.strings, system)
        collector = _Collector(self._files, reader, view, system, usage)
        collector.take_usage()
        collector.take_macros()
        found: Iterable[Use] = collector.uses
        if self._tools.libc != "musl":
            found = public_names(found, view, system)
        uses = (*found, *self._headers(view, flags), *tested)
        links = tuple(dict.fromkeys(collector.links))
        return UnitResult(FileResult(name, True), uses, collector.defined(), links, *seen)

    def _look(self, path: Path) -> None:
        """Refuse at once what is no source text and would only take long to fail."""
        if not path.is_file():
            raise SyntaxProblem("is no regular file", None)
        with path.open("rb") as stream:
            for number, line in enumerate(iter(partial(stream.readline, LINE_LIMIT), b""), 1):
                reason = None
                if b"\0" in line:
                    reason = "a NUL byte is not C text"
                elif len(line) == LINE_LIMIT:
                    reason = f"a line of {LINE_LIMIT:,} bytes or more"
                elif (included := _INCLUDED.match(line)) and self._waits(path, included[1]):
                    reason = f"includes {os.fsdecode(included[1])}, which is no regular file"
                if reason is not None:
                    raise SyntaxProblem(reason, Place(str(path), number, False))

    def _waits(self, path: Path, name: bytes) -> bool:
        """Whether an included name is a pipe or the like, which the preprocessor would wait for."""
        for folder in (path.parent, *self._includes):
            included = folder / os.fsdecode(name)
            if included.exists():
                return not included.is_file() and not included.is_dir()
        return False

    def _read_conditions(self, view: SourceView) -> Conditions:
        """The conditions in each own file that a unit is made of."""
        found = []
        for path, lines in sorted(view.lines.items()):
            if self._files.look_up(path)[0] is not Origin.OWN:
                continue
            key = (path, frozenset(lines))
            known = self._conditions.get(key)
            if known is None:
                name = self._files.look_up(path)[1]
                known = _FileConditions.read(name, self._conditionals_of(path), sorted(lines))
                self._conditions[key] = known
            found.append(known)
        return tuple(found)

    def _conditionals_of(self, path: str) -> Conditionals:
        known = self._conditionals.get(path)
        if known is None:
            # What a #line names need not be there, nor be a file.
            text = Path(path).read_text("latin-1") if Path(path).is_file() else ""
            known = self._conditionals[path] = read_conditionals(text)
        return known

    def _headers(self, view: SourceView, flags: Flags) -> Iterable[Use]:
        for include in view.includes:
            site = Site(self._files.look_up(include.place.file)[1], include.place.line)
            beside = () if include.angled else (include.place.file.rpartition("/")[0],)
            for folder in (*beside, *flags.includes, *self._includes, *self._tools.system):
                path = f"{folder}/{include.name}"
                if self._is_file(path):
                    origin, name = self._files.look_up(path)
                    if origin is not Origin.OWN:
                        library = origin is Origin.LIBRARY
                        yield Use(Kind.HEADER, name, site, (name,), library=library)
                    break

    def _is_file(self, path: str) -> bool:
        known = self._there.get(path)
        if known is None:
            known = self._there[path] = Path(path).is_file()
        return known


def _digest(expanded: str, directives: Sequence[Segment]) -> str:
    """The digest of preprocessed text, whatever macros the command line sets that do not matter.

    Blank lines before another file are all that is left of an empty branch.
    """
    parts = [expanded]
    for segment in directives:
        if segment.file != "<command-line>":
            parts.append(segment.head.rstrip("\n"))
            parts.append(segment.text.rstrip("\n"))
    return sha256("\n".join(parts).encode("latin-1")).hexdigest()


def _taken(conditionals: Conditionals, lines: Sequence[int]) -> frozenset[int]:
    """The branches, by the line of their directives, in which a line is compiled.

    An ``#else`` that is not there is taken where none of the others is and what is around is.
    """
    found = set()
    groups = set()
    for branch in conditionals.branches:
        index = bisect_left(lines, branch.first)
        if not branch.implicit and index < len(lines) and lines[index] <= branch.last:
            found.add(branch.line)
            groups.add(branch.group)
    for branch in conditionals.branches:
        outer = branch.outer
        around = outer is None or outer.line == conditionals.guard or outer.line in found
        if branch.implicit and branch.group not in groups and around:
            found.add(branch.line)
    return frozenset(found)


def _seen(
    conditions: Conditions, view: SourceView
) -> tuple[tuple[str, ...], tuple[tuple[str, int], ...], tuple[str, ...]]:
    """Of the conditions of a unit's files: ``read``, ``taken`` and ``fixed`` of its result."""
    taken = frozenset[tuple[str, int]]().union(*(each.taken for each in conditions))
    names = frozenset[str]().union(*(each.tested for each in conditions))
    fixed = {
        name
        for name in names
        if name in view.builtin or any(m.header for m in view.definitions.of(name))
    }
    read = sorted(each.name for each in conditions)
    return tuple(read), tuple(sorted(taken)), tuple(sorted(fixed))


def _tested(conditions: Conditions, view: SourceView) -> list[Use]:
    """The system's macros that conditions ask for and find, where they are asked."""
    found = []
    for each in conditions:
        for name, line in each.live:
            system = [m for m in view.definitions.of(name) if m.header and not _is_guard(m)]
            if system:
                macro = system[0]
                found.append(
                    Use(
                        Kind.CONSTANT,
                        name,
                        Site(each.name, line),
                        (macro.header or "",),
                        macro.private,
                        macro.library,
                        tested=True,
                    )
                )
    return found


def _is_guard(macro: Macro) -> bool:
    """Whether a macro is there to include its header once only."""
    return not macro.body.strip() and macro.name.rstrip("_").endswith("_H")


class _Collector:
    """Turns what a translation unit uses into uses with sites in original files."""

    def __init__(
        self,
        files: Files,
        reader: CodeReader,
        view: SourceView,
        system: SystemNames,
        usage: Usage,
    ) -> None:
        self._files = files
        self._places = reader.places
        self._strings = reader.strings
        self._view = view
        self._system = system
        self._usage = usage
        self._externals: dict[str, list[tuple[int, str]]] = {}
        for at, function in usage.externals:
            place = self._places[at]
            self._externals.setdefault(place.file, []).append((place.line, function))
        for found in self._externals.values():
            found.sort(key=lambda each: each[0])
        self.uses: list[Use] = []
        self.links: list[Link] = []

    def defined(self) -> tuple[tuple[str, Site], ...]:
        """What the unit gives to others, sorted by name."""
        found = []
        for name in sorted(self._usage.defined):
            at = self._usage.own[name].place
            found.append((name, Site(self._file_of(at), self._places[at].line)))
        return tuple(found)

    def take_usage(self) -> None:
        usage = self._usage
        for reference in usage.internal:
            self._link(reference)
        for reference in usage.references:
            name, at, called, _ = reference
            own = usage.own.get(name)
            known = self._system.names.get(name)
            if known is not None:
                function = known.fact.sort is Sort.FUNCTION
                headers, private, library = tuple(known.headers), known.private, False
            else:
                function = own.function if own is not None else called
                headers, private, library = self._own_header(own.place if own else None)
            kind = Kind.FUNCTION if function else Kind.VARIABLE
            self._add(kind, name, at, headers, reference.function, private=private, library=library)
        for name, at, function_name in usage.types:
            known = self._system.tags.get(name) or self._system.names[name]
            self._add_visible(Kind.TYPE, name, at, function_name, known)
        for name, at, function_name in usage.enumerators:
            known = self._system.names[name]
            self._add_visible(Kind.CONSTANT, name, at, function_name, known)
        for pieces, function_name in usage.strings:
            if usage.used_up.isdisjoint(pieces):
                value = "".join(self._strings[number][0] for number in pieces)
                self._add_path(value, pieces, function_name)
        for text, function_name in ((built.text, built.function) for built in usage.built):
            if text.place is not None:
                pieces = (text.place, *(piece for piece in text.pieces if piece != text.place))
                self._add_path(text.value, pieces, function_name)

    def _add_path(self, value: str, pieces: Sequence[int], function: str) -> None:
        """Add the path that a string is, if it is one; its first piece says where it stands."""
        match = KERNEL_PATH.match(value.encode("latin-1", "replace").decode("utf-8", "replace"))
        if match is not None:
            spellings = [literal_word(self._strings[number][0]) for number in pieces]
            at = self._strings[pieces[0]][1]
            for site, through in self._sites(spellings, at, function):
                name = match[1].rstrip(".")
                self.uses.append(Use(Kind.PATH, name, site, through=through))

    def _link(self, reference: Reference) -> None:
        own = self._usage.own[reference.name]
        kind = Kind.FUNCTION if own.function else Kind.VARIABLE
        callee = Function(self._file_of(own.place), reference.name)
        for site, _ in self._sites([reference.name], reference.place, reference.function):
            within = self._defining_file(reference.function) or site.file
            caller = Function(within, reference.function)
            self.links.append(Link(caller, callee, site, kind, own.static))

    def _file_of(self, at: int) -> str:
        return self._files.look_up(self._places[at].file)[1]

    def _defining_file(self, function: str) -> str:
        """Where a function of this unit is defined; "" for file scope."""
        return self._file_of(self._usage.own[function].place) if function else ""

    def _own_header(self, place: int | None) -> tuple[tuple[str, ...], bool, bool]:
        """For a name that the upstream declares: the header of a library, if it is one's."""
        if place is not None:
            origin, name = self._files.look_up(self._places[place].file)
            if origin is Origin.LIBRARY:
                return (name,), False, True
        return (), False, False

    def take_macros(self) -> None:
        named = {(use.name, use.site.file, use.site.line) for use in self.uses}
        for macro, place, path in self._view.macros:
            site = Site(
                self._files.look_up(place.file)[1],
                place.line,
                self._function_at(place),
                path[0].name if path else "",
            )
            if macro.header is None or (macro.name, site.file, site.line) in named:
                continue
            kind = Kind.TYPE if is_type(macro) else Kind.CONSTANT
            self.uses.append(
                Use(
                    kind,
                    macro.name,
                    site,
                    (macro.header,),
                    macro.private,
                    macro.library,
                    through=self._through(path),
                )
            )

    def _function_at(self, place: Place) -> str:
        """The function that a line of an own file is in; "" at file scope."""
        externals = self._externals.get(place.file, [])
        index = bisect_right(externals, place.line, key=lambda each: each[0])
        return externals[index - 1][1] if index else ""

    def _add_visible(self, kind: Kind, name: str, at: int, function: str, known: Declared) -> None:
        """Add a use unless it only comes out of a system macro, where it is not the upstream's."""
        place = self._places[at]
        word = name.rpartition(" ")[2]
        if place.hidden:
            lines = self._view.lines_of(word, place)
            if not any(word in self._view.words.get((place.file, n), ()) for n in lines):
                return
        self._add(kind, name, at, tuple(known.headers), function, private=known.private)

    def _add(
        self,
        kind: Kind,
        name: str,
        at: int,
        headers: tuple[str, ...],
        function: str,
        *,
        private: bool = False,
        library: bool = False,
    ) -> None:
        within = self._defining_file(function)
        for site, through in self._sites([name.rpartition(" ")[2]], at, function):
            use = Use(kind, name, site, headers, private, library, within, through=through)
            self.uses.append(use)

    def _sites(
        self, words: Sequence[str], at: int, function: str
    ) -> Iterable[tuple[Site, tuple[tuple[str, int], ...]]]:
        """Where something stands that the preprocessor puts on a place, in own files only.

        ``words`` make it up; the first says where, and any can be hidden by a macro. With each
        place come the lines of the own macros that lead from it to the word.
        """
        place = self._places[at]
        origin, file = self._files.look_up(place.file)
        if origin is not Origin.OWN:
            return
        for line in self._view.lines_of(words[0], place):
            hiding = (self._view.macros_at(word, place, line) for word in words)
            path = next(filter(None, hiding), ())
            name = path[0].name if path else ""
            yield Site(file, line, function, name), self._through(path)

    def _through(self, path: Sequence[Macro]) -> tuple[tuple[str, int], ...]:
        places = [macro.place for macro in path if macro.place is not None]
        return tuple((self._files.look_up(place.file)[1], place.line) for place in places)

"""What the system's headers declare, read with pycparser from the headers themselves.

Every declaration is parsed once in a run, however many files include it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from pycparser import c_ast

from porttool.audit.fold import evaluate
from porttool.audit.lexer import Chunk, Place, SyntaxProblem, Token
from porttool.audit.parse import parse, place_of
from porttool.audit.rewrite import BUILTIN_TYPES, Rewritten, rewrite

#: What so many units declare is kept for other units.
KNOWN_LIMIT = 64


class Sort(Enum):
    """What a declared name is."""

    FUNCTION = 1
    VARIABLE = 2
    TYPEDEF = 3
    TAG = 4
    ENUMERATOR = 5


@dataclass(frozen=True, slots=True)
class Fact:
    """One name that a declaration declares.

    A tag's name is ``struct x``. ``value`` is an enumerator's; ``type`` what a typedef stands for,
    the type of a variable or function, or the definition of a structure; ``body`` the names that
    a function defined in the header refers to.
    """

    name: str
    sort: Sort
    value: int | None = None
    type: c_ast.Node | None = None
    noreturn: bool = False
    body: tuple[str, ...] | None = None


@dataclass(slots=True)
class Declared:
    """A fact, and where it stands: headers by the name to include; see :class:`Chunk`."""

    fact: Fact
    headers: set[str] = field(default_factory=set)
    private: bool = True


class SystemNames:
    """What the system headers of one translation unit declare. Implements :class:`fold.Scope`."""

    def __init__(self) -> None:
        self.names: dict[str, Declared] = {}
        self.tags: dict[str, Declared] = {}
        self.typedefs: set[str] = set()

    def add(self, fact: Fact, chunk: Chunk) -> None:
        """Take in one fact and the header it stands in."""
        table = self.tags if fact.sort is Sort.TAG else self.names
        if fact.sort is Sort.TYPEDEF:
            self.typedefs.add(fact.name)
        known = table.get(fact.name)
        if known is None:
            table[fact.name] = Declared(fact, {chunk.header}, chunk.private)
            return
        known.headers.add(chunk.header)
        known.private = known.private and chunk.private
        more = fact.type is not None and known.fact.type is None
        if more or fact.body is not None or (fact.noreturn and not known.fact.noreturn):
            known.fact = fact

    def constant(self, name: str) -> int | None:
        """The value of an enumerator."""
        known = self.names.get(name)
        return known.fact.value if known is not None else None

    def typedef(self, name: str) -> c_ast.Node | None:
        """The type that a typedef name stands for."""
        return self._type(name, (Sort.TYPEDEF,))

    def variable(self, name: str) -> c_ast.Node | None:
        """The type of a variable or function."""
        return self._type(name, (Sort.VARIABLE, Sort.FUNCTION))

    def string_size(self, spelling: str) -> int | None:
        """Unknown: headers have no use for it."""
        return None

    def structure(self, tag: str) -> c_ast.Node | None:
        """The definition of a structure or union."""
        known = self.tags.get(tag)
        return known.fact.type if known is not None else None

    def _type(self, name: str, sorts: tuple[Sort, ...]) -> c_ast.Node | None:
        known = self.names.get(name)
        return known.fact.type if known is not None and known.fact.sort in sorts else None


class DeclarationReader:
    """Parses declarations of system headers, each one once."""

    def __init__(self) -> None:
        self._facts: dict[tuple[tuple[str, str], ...], tuple[Fact, ...]] = {}
        self._read: set[tuple[Chunk, ...]] = set()
        self._names: dict[tuple[tuple[Chunk, ...], ...], SystemNames] = {}
        self._known = SystemNames()
        self._typedefs: set[str] = set()

    def read(self, chunks: Sequence[tuple[Chunk, ...]]) -> SystemNames:
        """What the declarations of one translation unit, in their order, declare."""
        key = tuple(chunks)
        names = self._names.get(key)
        if names is None:
            if len(self._names) >= KNOWN_LIMIT:
                self._names.clear()
            names = self._names[key] = self._gather(key)
        return names

    def _gather(self, chunks: tuple[tuple[Chunk, ...], ...]) -> SystemNames:
        fresh = [chunk for each in chunks if each not in self._read for chunk in each]
        new = {chunk.tokens: chunk for chunk in fresh if chunk.tokens not in self._facts}
        if new:
            self._parse(list(new.values()))
        self._read.update(chunks)
        names = SystemNames()
        for each in chunks:
            for chunk in each:
                for fact in self._facts[chunk.tokens]:
                    names.add(fact, chunk)
        return names

    def _parse(self, chunks: list[Chunk]) -> None:
        ready: list[tuple[Chunk, Rewritten]] = []
        for chunk in chunks:
            self._facts[chunk.tokens] = ()
            tokens = [Token(kind, text, 0) for kind, text in chunk.tokens]
            try:
                code = rewrite(tokens, [Place("", 0, True)], [])
            except SyntaxProblem:
                continue  # only matters if one of its names is used, and then it is undeclared
            if any(text != ";" for text, _ in code.tokens):
                ready.append((chunk, code))
        words = {text for chunk, _ in ready for kind, text in chunk.tokens if kind == "word"}
        prelude = sorted(words & self._typedefs) + list(BUILTIN_TYPES)
        self._parse_all(ready, prelude)

    def _parse_all(self, ready: list[tuple[Chunk, Rewritten]], prelude: list[str]) -> None:
        """Parse declarations together; one that pycparser refuses is left out."""
        while ready:
            # The place of a token is the number of its declaration.
            joined = Rewritten(
                [
                    (text, number)
                    for number, (_, code) in enumerate(ready)
                    for text, _ in code.tokens
                ]
            )
            places = [Place("", number, True) for number in range(len(ready))]
            try:
                nodes = parse(joined, prelude, places)
            except SyntaxProblem as problem:
                if problem.place is None:
                    if len(ready) > 1:
                        self._parse_all(ready[: len(ready) // 2], prelude)
                        self._parse_all(ready[len(ready) // 2 :], prelude)
                    return
                ready = [each for n, each in enumerate(ready) if n != problem.place.line]
                continue
            for node in nodes:
                place = place_of(node)
                if place is not None:
                    self._take(node, *ready[place])
            return

    def _take(self, node: c_ast.Node, chunk: Chunk, code: Rewritten) -> None:
        facts: list[Fact] = []
        if isinstance(node, c_ast.FuncDef):
            body = tuple(dict.fromkeys(text for kind, text in chunk.tokens if kind == "word"))
            facts.append(Fact(node.decl.name, Sort.FUNCTION, type=node.decl.type, body=body))
        elif isinstance(node, c_ast.Typedef):
            facts.append(Fact(node.name, Sort.TYPEDEF, type=node.type))
            self._typedefs.add(node.name)
            self._tags(node.type, facts)
        elif isinstance(node, c_ast.Decl):
            if isinstance(node.type, c_ast.FuncDecl):
                noreturn = node.name in code.noreturn or "_Noreturn" in node.funcspec
                facts.append(Fact(node.name, Sort.FUNCTION, type=node.type, noreturn=noreturn))
            elif node.name is not None:
                facts.append(Fact(node.name, Sort.VARIABLE, type=node.type))
            self._tags(node.type, facts)
        for fact in facts:
            self._known.add(fact, chunk)
        self._facts[chunk.tokens] += tuple(facts)

    def _tags(self, node: c_ast.Node | None, facts: list[Fact]) -> None:
        """Collect the tags that a type defines or mentions, and the enumerators in it."""
        if node is None:
            return
        if isinstance(node, c_ast.Struct | c_ast.Union | c_ast.Enum):
            word = type(node).__name__.lower()
            if node.name:
                defined = isinstance(node, c_ast.Struct | c_ast.Union) and node.decls is not None
                facts.append(Fact(f"{word} {node.name}", Sort.TAG, type=node if defined else None))
            if isinstance(node, c_ast.Enum) and node.values is not None:
                self._enumerators(node.values, facts)
        for _, child in node.children():
            if isinstance(child, c_ast.Decl) or not isinstance(child, c_ast.FuncDecl):
                self._tags(child, facts)

    def _enumerators(self, values: c_ast.EnumeratorList, facts: list[Fact]) -> None:
        following: int | None = 0
        for each in values.enumerators:
            value = evaluate(each.value, self._known) if each.value is not None else following
            fact = Fact(each.name, Sort.ENUMERATOR, value=value)
            facts.append(fact)
            self._known.names[each.name] = Declared(fact)
            following = None if value is None else value + 1

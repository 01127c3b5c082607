"""What one translation unit uses: a walk over its syntax tree, with scopes and dead code.

Dead code is what gcc leaves out even without optimising: the branch that a constant condition
excludes, and what follows a jump or a call that does not return. Functions that only such code
names are not needed to link.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pycparser import c_ast

from porttool.audit.declarations import Sort, SystemNames
from porttool.audit.fold import evaluate
from porttool.audit.parse import beginning_of, place_of
from porttool.audit.paths import Built, PathFinder
from porttool.audit.rewrite import COMPILER_PREFIXES, Rewritten, Strings
from porttool.audit.types import choose_generic

_PREDEFINED = {"__func__", "__FUNCTION__", "__PRETTY_FUNCTION__", "offsetof"}
_NEVER_RETURNS = {"__builtin_unreachable", "__builtin_trap", "__builtin_abort"}


class Reference(NamedTuple):
    """A function or variable that code names. ``function`` is the one it stands in, or ""."""

    name: str
    place: int
    called: bool
    function: str


class Mention(NamedTuple):
    """A type or an enumerator that code names."""

    name: str
    place: int
    function: str


class Literal(NamedTuple):
    """A string literal, as the indices of the pieces that make it up."""

    pieces: tuple[int, ...]
    function: str


@dataclass(slots=True)
class OwnName:
    """A name with file scope that the upstream itself declares.

    ``place`` is where, an index: of the definition if there is one.
    """

    function: bool
    place: int
    type: c_ast.Node
    static: bool = False
    inline: bool = False
    defined: bool = False
    noreturn: bool = False


@dataclass(slots=True)
class Usage:
    """What a translation unit uses. Places are indices into its places.

    ``references`` are functions and variables that it needs from elsewhere, ``internal`` those
    that it has itself. ``types`` and ``enumerators`` are those of the system. ``strings`` are the
    literals in live code. ``defined`` are the names it gives to other units. ``externals`` are
    the places where something at file scope begins, with the function that it is or "".
    ``built`` are paths put together, ``used_up`` the pieces of literals that are nothing else.
    """

    references: list[Reference] = field(default_factory=list)
    internal: list[Reference] = field(default_factory=list)
    types: list[Mention] = field(default_factory=list)
    enumerators: list[Mention] = field(default_factory=list)
    strings: list[Literal] = field(default_factory=list)
    defined: set[str] = field(default_factory=set)
    externals: list[tuple[int, str]] = field(default_factory=list)
    built: list[Built] = field(default_factory=list)
    used_up: set[int] = field(default_factory=set)
    own: dict[str, OwnName] = field(default_factory=dict)


def find_usage(
    nodes: Sequence[c_ast.Node],
    code: Sequence[Rewritten],
    strings: Strings,
    system: SystemNames,
) -> Usage:
    """Walk the tree of ``code``, a whole translation unit without its system headers."""
    return _Walker(code, strings, system).run(nodes)


class _Global:
    """In a block scope: the name means what it means at file scope."""


_GLOBAL = _Global()


@dataclass(slots=True)
class _Breakable:
    broken: bool = False


class _Walker:
    def __init__(self, code: Sequence[Rewritten], strings: Strings, system: SystemNames) -> None:
        self._code = code
        self._strings = strings
        self._system = system
        self._usage = Usage()
        self._own = self._usage.own
        self._own_tags: set[str] = set()
        self._own_types: dict[str, c_ast.Node] = {}
        self._own_structures: dict[str, c_ast.Node] = {}
        self._own_constants: dict[str, int | None] = {}
        self._scopes: list[dict[str, object]] = []
        self._tag_scopes: list[set[str]] = []
        self._bodies: dict[str, list[tuple[str, int, bool]]] = {"": []}
        self._into = self._bodies[""]
        self._function_name = ""
        self._breakables: list[_Breakable] = []
        self._noreturn = frozenset().union(*(piece.noreturn for piece in code))
        self._at = next((place for piece in code for _, place in piece.tokens), 0)
        self._own_variables: dict[str, c_ast.Decl] = {}
        self._paths = PathFinder(lambda piece: strings[piece][0], self._variable, self._is_foreign)

    # fold.Scope

    def constant(self, name: str) -> int | None:
        for scope in reversed(self._scopes):
            if name in scope:
                value = scope[name]
                return value if isinstance(value, int) else None
        if name in self._own_constants:
            return self._own_constants[name]
        return None if name in self._own else self._system.constant(name)

    def typedef(self, name: str) -> c_ast.Node | None:
        if any(name in scope for scope in self._scopes):
            local = self._local(name)
            return local.type if isinstance(local, c_ast.Typedef) else None
        return self._own_types.get(name) or self._system.typedef(name)

    def variable(self, name: str) -> c_ast.Node | None:
        local = self._local(name)
        if local is None or local is _GLOBAL:
            own = self._own.get(name)
            return own.type if own is not None else self._system.variable(name)
        return local.type if isinstance(local, c_ast.Decl) else None

    def string_size(self, spelling: str) -> int | None:
        numbers = [int(n) for n in spelling.strip('"').split(";") if n]
        return sum(len(self._strings[number][0]) for number in numbers) + 1

    def structure(self, tag: str) -> c_ast.Node | None:
        return self._own_structures.get(tag) or self._system.structure(tag)

    def _local(self, name: str) -> object | None:
        """What a name is in the block scopes: a declaration, a value, or None."""
        for scope in reversed(self._scopes):
            if name in scope:
                return scope[name]
        return None

    def _variable(self, name: str) -> tuple[c_ast.Decl, bool] | None:
        """The declaration of a variable, and whether it is a local one."""
        local = self._local(name)
        if isinstance(local, c_ast.Decl):
            return local, True
        own = self._own_variables.get(name) if local in (None, _GLOBAL) else None
        return (own, False) if own is not None else None

    def _is_foreign(self, name: str) -> bool:
        own = self._own.get(name)
        return self._local(name) in (None, _GLOBAL) and not (own and (own.defined or own.static))

    def run(self, nodes: Sequence[c_ast.Node]) -> Usage:
        self._paths.begin_file(c_ast.FileAST(list(nodes)))
        for node in nodes:
            self._external(node)
        for piece in self._code:
            for name in piece.defined & self._own.keys():
                self._own[name].defined = True
            self._bodies[""] += [(name, place, False) for name, place in piece.used]
        for name in self._noreturn & self._own.keys():
            self._own[name].noreturn = True
        self._resolve()
        self._take_paths()
        return self._usage

    def _take_paths(self) -> None:
        """Take over the paths that were put together, and which literals are no paths then."""
        self._usage.built = list(self._paths.built)
        for built in self._paths.built:
            self._usage.used_up.update(built.text.pieces)
        uses = Counter(name for body in self._bodies.values() for name, _, _ in body)
        for name, taken in self._paths.taken.items():
            if taken >= uses[name]:
                value = self._own_variables[name].init.value
                self._usage.used_up.update(int(n) for n in value.strip('"').split(";") if n)

    def _resolve(self) -> None:
        """Follow references to inline functions, and keep those that leave the unit."""
        usage = self._usage
        usage.defined = {n for n, own in self._own.items() if own.defined and not own.static}
        waiting = [
            name
            for name in self._bodies
            if not name or not (self._own[name].static and self._own[name].inline)
        ]
        done = set(waiting)
        while waiting:
            function = waiting.pop()
            for name, place, called in self._bodies[function]:
                self._refer(Reference(name, place, called, function), set())
                own = self._own.get(name)
                inline = own is not None and own.static and own.inline
                if inline and name in self._bodies and name not in done:
                    waiting.append(name)
                    done.add(name)

    def _refer(self, reference: Reference, seen: set[str]) -> None:
        name = reference.name
        own = self._own.get(name)
        if own is not None and (own.defined or own.static):
            self._usage.internal.append(reference)
            return
        known = self._system.names.get(name)
        if known is not None and known.fact.body is not None:
            # A function that the header itself defines: what it refers to is used here.
            if name not in seen:
                seen.add(name)
                for inner in known.fact.body:
                    declared = self._system.names.get(inner)
                    if declared and declared.fact.sort in (Sort.FUNCTION, Sort.VARIABLE):
                        self._refer(reference._replace(name=inner), seen)
            return
        self._usage.references.append(reference)

    def _place(self, node: c_ast.Node) -> int:
        place = place_of(node)
        if place is not None:
            self._at = place
        return self._at

    # declarations

    def _external(self, node: c_ast.Node) -> None:
        function = node.decl.name if isinstance(node, c_ast.FuncDef) else ""
        beginning = beginning_of(node)
        self._usage.externals.append((self._at if beginning is None else beginning, function))
        if isinstance(node, c_ast.FuncDef):
            self._function(node)
        elif isinstance(node, c_ast.Typedef):
            self._own_types[node.name] = node.type
            self._type(node.type)
        elif isinstance(node, c_ast.Decl):
            self._file_declaration(node)
        elif not isinstance(node, c_ast.Pragma):
            for _, child in node.children():
                self._expression(child)

    def _file_declaration(self, node: c_ast.Decl) -> None:
        if node.name is not None:
            function = isinstance(node.type, c_ast.FuncDecl) or self._is_function_type(node.type)
            defined = not function and ("extern" not in node.storage or node.init is not None)
            self._declare_own(node, function=function, defined=defined)
            if defined and node.init is not None:
                self._own_variables[node.name] = node
        self._type(node.type)
        if node.init is not None:
            self._expression(node.init)

    def _is_function_type(self, node: c_ast.Node) -> bool:
        """Whether a declared name is a function by a typedef: ``handler_fn on_get;``."""
        for _ in range(32):
            if not isinstance(node, c_ast.TypeDecl):
                return isinstance(node, c_ast.FuncDecl)
            if not isinstance(node.type, c_ast.IdentifierType) or len(node.type.names) != 1:
                return False
            resolved = self.typedef(node.type.names[0])
            if resolved is None:
                return False
            node = resolved
        return False

    def _declare_own(self, node: c_ast.Decl, *, function: bool, defined: bool) -> OwnName:
        own = self._own.get(node.name)
        if own is None:
            own = self._own[node.name] = OwnName(function, self._place(node), node.type)
        own.static |= "static" in node.storage
        own.inline |= "inline" in node.funcspec
        own.noreturn |= "_Noreturn" in node.funcspec or node.name in self._noreturn
        if defined and not own.defined:
            own.place = self._place(node)
            own.defined = True
        return own

    def _function(self, node: c_ast.FuncDef) -> None:
        self._declare_own(node.decl, function=True, defined=True)
        self._into = self._bodies.setdefault(node.decl.name, [])
        self._function_name = node.decl.name
        self._type(node.decl.type, parameters_too=False)
        self._push()
        # pycparser takes a body after anything that is declared, and gcc then takes none of it.
        type_ = node.decl.type
        arguments = type_.args if isinstance(type_, c_ast.FuncDecl) else None
        for parameter in arguments.params if arguments is not None else ():
            self._parameter(parameter)
        for parameter in node.param_decls or ():
            self._parameter(parameter)
        self._paths.begin(node.decl.name, node.body)
        self._block(node.body.block_items or ())
        self._paths.end()
        self._pop()
        self._into = self._bodies[""]
        self._function_name = ""

    def _parameter(self, node: c_ast.Node) -> None:
        if isinstance(node, c_ast.Decl | c_ast.Typename):
            self._type(node.type)
        name = getattr(node, "name", None)
        if name:
            self._scopes[-1][name] = node

    def _push(self) -> None:
        self._scopes.append({})
        self._tag_scopes.append(set())

    def _pop(self) -> None:
        self._scopes.pop()
        self._tag_scopes.pop()

    def _local_declaration(self, node: c_ast.Decl, *, live: bool = True) -> None:
        if node.name is not None:
            function = isinstance(node.type, c_ast.FuncDecl)
            if function or "extern" in node.storage:
                self._scopes[-1][node.name] = _GLOBAL
                self._declare_own(node, function=function, defined=False)
            else:
                self._scopes[-1][node.name] = node
        self._type(node.type)
        if node.init is not None and live:
            self._expression(node.init)
            if node.name is not None:
                self._paths.declared(node)

    # types

    def _type(self, node: c_ast.Node | None, *, parameters_too: bool = True) -> None:
        # Most types are a name behind declarators.
        while isinstance(node, c_ast.PtrDecl):
            node = node.type
        if node is None:
            return
        match node:
            case c_ast.IdentifierType():
                if len(node.names) == 1:
                    self._named_type(node.names[0], node)
            case c_ast.TypeDecl() | c_ast.Typename() | c_ast.Decl():
                for align in getattr(node, "align", None) or ():
                    self._expression(align)
                self._type(node.type, parameters_too=parameters_too)
            case c_ast.ArrayDecl():
                self._type(node.type)
                if node.dim is not None:
                    self._expression(node.dim)
            case c_ast.FuncDecl():
                self._type(node.type)
                if node.args is not None and parameters_too:
                    self._push()
                    for parameter in node.args.params:
                        self._parameter(parameter)
                    self._pop()
            case c_ast.Struct() | c_ast.Union():
                self._tag(node, defined=node.decls is not None)
                for member in node.decls or ():
                    if isinstance(member, c_ast.Decl):
                        self._type(member.type)
                        if member.bitsize is not None:
                            self._expression(member.bitsize)
                    elif not isinstance(member, c_ast.Pragma):
                        self._unevaluated(member)
            case c_ast.Enum():
                self._tag(node, defined=node.values is not None)
                if node.values is not None:
                    self._enumerators(node.values)
            case _:
                self._unevaluated(node)

    def _named_type(self, name: str, node: c_ast.Node) -> None:
        if name in self._own_types or any(name in scope for scope in self._scopes):
            return
        known = self._system.names.get(name)
        if known is not None and known.fact.sort is Sort.TYPEDEF:
            self._mention(self._usage.types, name, node)

    def _mention(self, mentions: list[Mention], name: str, node: c_ast.Node) -> None:
        mentions.append(Mention(name, self._place(node), self._function_name))

    def _tag(self, node: c_ast.Node, *, defined: bool) -> None:
        if not node.name:
            return
        name = f"{type(node).__name__.lower()} {node.name}"
        if defined:
            self._own_structures[name] = node
            (self._tag_scopes[-1] if self._tag_scopes else self._own_tags).add(name)
            return
        own = any(name in tags for tags in (self._own_tags, *self._tag_scopes))
        if not own and name in self._system.tags:
            self._mention(self._usage.types, name, node)

    def _enumerators(self, values: c_ast.EnumeratorList) -> None:
        following: int | None = 0
        for each in values.enumerators:
            value = following
            if each.value is not None:
                self._expression(each.value)
                value = evaluate(each.value, self)
            if self._scopes:
                self._scopes[-1][each.name] = each if value is None else value
            else:
                self._own_constants[each.name] = value
            following = None if value is None else value + 1

    # expressions

    def _expression(self, node: c_ast.Node | None) -> None:
        if node is None:
            return
        match node:
            case c_ast.ID():
                self._identifier(node)
            case c_ast.Constant():
                if node.type == "string":
                    numbers = node.value.strip('"').split(";")
                    pieces = tuple(int(n) for n in numbers if n)
                    self._usage.strings.append(Literal(pieces, self._function_name))
            case c_ast.FuncCall():
                self._call(node)
            case c_ast.UnaryOp():
                if node.op in ("sizeof", "_Alignof"):
                    self._unevaluated(node.expr)
                else:
                    self._expression(node.expr)
            case c_ast.BinaryOp():
                self._binary(node)
            case c_ast.TernaryOp():
                self._expression(node.cond)
                condition = evaluate(node.cond, self)
                if condition is None or condition:
                    self._expression(node.iftrue)
                if not condition:
                    self._expression(node.iffalse)
            case c_ast.StructRef():
                self._expression(node.name)
            case c_ast.Assignment():
                self._expression(node.lvalue)
                self._expression(node.rvalue)
                self._paths.assigned(node.lvalue, node.rvalue if node.op == "=" else None)
            case c_ast.Cast():
                self._type(node.to_type)
                self._expression(node.expr)
            case c_ast.CompoundLiteral():
                self._type(node.type)
                self._expression(node.init)
            case c_ast.Typename() | c_ast.Decl():
                self._type(node)
            case c_ast.NamedInitializer():
                for designator in node.name:
                    self._designator(designator)
                self._expression(node.expr)
            case c_ast.GenericSelection():
                self._unevaluated(node.expr)
                chosen = choose_generic(node, self)
                if chosen is not None:
                    self._expression(chosen)
                    return
                for association in node.associations:
                    self._type(association.type)
                    self._expression(association.expr)
            case c_ast.Compound():
                self._statement(node)
            case _:
                for _, child in node.children():
                    self._expression(child)

    def _identifier(self, node: c_ast.ID, *, called: bool = False) -> None:
        name = node.name
        for scope in reversed(self._scopes):
            if name in scope:
                if scope[name] is not _GLOBAL:
                    return
                break
        if name in self._own_constants or name in _PREDEFINED or name.startswith(COMPILER_PREFIXES):
            return
        if name not in self._own:
            known = self._system.names.get(name)
            if known is not None and known.fact.sort is Sort.ENUMERATOR:
                self._mention(self._usage.enumerators, name, node)
                return
            if known is not None and known.fact.sort is Sort.TYPEDEF:
                return
        self._into.append((name, self._place(node), called))

    def _designator(self, node: c_ast.Node) -> None:
        # A field is an ID as well; only an enumerator of the system is told apart.
        if not isinstance(node, c_ast.ID):
            self._expression(node)
            return
        known = self._system.names.get(node.name)
        if known is not None and known.fact.sort is Sort.ENUMERATOR:
            self._identifier(node)

    def _call(self, node: c_ast.FuncCall) -> None:
        arguments = node.args.exprs if node.args is not None else []
        if isinstance(node.name, c_ast.ID):
            name = node.name.name
            if name == "offsetof":
                self._unevaluated(arguments[0])
                return
            if name == "__builtin_constant_p":
                return
            if name == "__builtin_choose_expr" and len(arguments) == 3:
                condition = evaluate(arguments[0], self)
                for branch, value in ((arguments[1], True), (arguments[2], False)):
                    if condition is None or bool(condition) is value:
                        self._expression(branch)
                return
            self._identifier(node.name, called=True)
        else:
            self._expression(node.name)
        for argument in arguments:
            self._expression(argument)
        if isinstance(node.name, c_ast.ID) and self._is_foreign(node.name.name):
            self._paths.called(node.name.name, arguments)
        else:
            self._paths.passed(arguments)

    def _binary(self, node: c_ast.BinaryOp) -> None:
        spine = [node]
        while isinstance(spine[-1].left, c_ast.BinaryOp):
            spine.append(spine[-1].left)
        self._expression(spine[-1].left)
        for each in reversed(spine):
            if each.op in ("&&", "||"):
                left = evaluate(each.left, self)
                if left is not None and bool(left) is (each.op == "||"):
                    continue
                before = self._paths.enter()
                self._expression(each.right)
                self._paths.leave(before)
                continue
            self._expression(each.right)

    def _unevaluated(self, node: c_ast.Node | None) -> None:
        """Types count in an operand that is not evaluated, and nothing else does."""
        if node is None or isinstance(node, c_ast.ID | c_ast.Constant):
            return
        if isinstance(node, c_ast.Typename | c_ast.IdentifierType | c_ast.Struct | c_ast.Union):
            self._type(node)
            return
        for _, child in node.children():
            self._unevaluated(child)

    # statements: each gives whether control never comes out at its end

    def _block(self, items: Iterable[c_ast.Node]) -> bool:
        dead = False
        for item in items:
            if dead and not _has_label(item):
                if isinstance(item, c_ast.Decl):
                    self._local_declaration(item, live=False)
                continue
            dead = self._statement(item)
        return dead

    def _scoped(self, items: Iterable[c_ast.Node]) -> bool:
        self._push()
        dead = self._block(items)
        self._pop()
        return dead

    def _statement(self, node: c_ast.Node | None) -> bool:
        match node:
            case None | c_ast.EmptyStatement() | c_ast.Pragma():
                return False
            case c_ast.Compound():
                return self._scoped(node.block_items or ())
            case c_ast.Decl():
                self._local_declaration(node)
                return False
            case c_ast.DeclList():
                for each in node.decls:
                    self._statement(each)
                return False
            case c_ast.Typedef():
                self._type(node.type)
                self._scopes[-1][node.name] = node
                return False
            case c_ast.If():
                return self._if(node)
            case c_ast.While() | c_ast.DoWhile() | c_ast.For():
                return self._loop(node)
            case c_ast.Switch():
                return self._switch(node)
            case c_ast.Case():
                self._paths.enter(loop=True)
                self._expression(node.expr)
                return self._block(node.stmts or ())
            case c_ast.Default():
                self._paths.enter(loop=True)
                return self._block(node.stmts or ())
            case c_ast.Label():
                self._paths.enter(loop=True)
                return self._statement(node.stmt)
            case c_ast.Return():
                self._expression(node.expr)
                return True
            case c_ast.Break():
                if self._breakables:
                    self._breakables[-1].broken = True
                return True
            case c_ast.Continue() | c_ast.Goto():
                return True
        self._expression(node)
        return isinstance(node, c_ast.FuncCall) and self._never_returns(node.name)

    def _never_returns(self, node: c_ast.Node) -> bool:
        if not isinstance(node, c_ast.ID) or any(node.name in scope for scope in self._scopes):
            return False
        own = self._own.get(node.name)
        if own is not None:
            return own.noreturn
        known = self._system.names.get(node.name)
        return node.name in _NEVER_RETURNS or (known is not None and known.fact.noreturn)

    def _if(self, node: c_ast.If) -> bool:
        self._expression(node.cond)
        condition = evaluate(node.cond, self)
        ends = []
        for branch, value in ((node.iftrue, True), (node.iffalse, False)):
            excluded = condition is not None and bool(condition) is not value
            if excluded and (branch is None or not _has_label(branch)):
                continue
            before = self._paths.enter()
            ends.append(branch is not None and self._statement(branch))
            self._paths.leave(before)
        return all(ends) if ends else False

    def _loop(self, node: c_ast.While | c_ast.DoWhile | c_ast.For) -> bool:
        self._push()
        if isinstance(node, c_ast.For):
            self._statement(node.init)
        before = self._paths.enter(loop=True)
        endless = isinstance(node, c_ast.For) and node.cond is None
        condition = 1 if endless else evaluate(node.cond, self)
        self._expression(node.cond)
        runs = condition != 0 or isinstance(node, c_ast.DoWhile) or _has_label(node.stmt)
        self._breakables.append(_Breakable())
        ends = runs and self._statement(node.stmt)
        broken = self._breakables.pop().broken
        if isinstance(node, c_ast.For) and runs:
            self._expression(node.next)
        self._paths.leave(before)
        self._pop()
        if condition:
            return not broken
        return (
            isinstance(node, c_ast.DoWhile)
            and ends
            and not broken
            and not _contains(node.stmt, (c_ast.Continue,))
        )

    def _switch(self, node: c_ast.Switch) -> bool:
        self._expression(node.cond)
        before = self._paths.enter(loop=True)
        self._breakables.append(_Breakable())
        items = node.stmt.block_items or [] if isinstance(node.stmt, c_ast.Compound) else None
        value = evaluate(node.cond, self)
        ends = False
        if items is not None and value is not None and self._is_plain_switch(items):
            self._scoped(self._selected(items, value))
        else:
            ends = self._statement(node.stmt)
            ends = ends and any(isinstance(item, c_ast.Default) for item in items or ())
        broken = self._breakables.pop().broken
        self._paths.leave(before)
        return ends and not broken

    def _is_plain_switch(self, items: list[c_ast.Node]) -> bool:
        """Whether every case is at the top and has a known value."""
        for item in items:
            if isinstance(item, c_ast.Case) and evaluate(item.expr, self) is None:
                return False
            if isinstance(item, c_ast.Case | c_ast.Default):
                if any(_has_label(each) for each in item.stmts or ()):
                    return False
            elif _has_label(item):
                return False
        return True

    def _selected(self, items: list[c_ast.Node], value: int) -> list[c_ast.Node]:
        start = None
        for index, item in enumerate(items):
            if isinstance(item, c_ast.Case) and evaluate(item.expr, self) == value:
                start = index
                break
            if isinstance(item, c_ast.Default):
                start = index
        if start is None:
            return []
        chosen: list[c_ast.Node] = []
        for item in items[start:]:
            chosen += item.stmts or () if isinstance(item, c_ast.Case | c_ast.Default) else (item,)
        return chosen


def _contains(node: c_ast.Node | None, kinds: tuple[type[c_ast.Node], ...]) -> bool:
    waiting = [node] if node is not None else []
    while waiting:
        each = waiting.pop()
        if isinstance(each, kinds):
            return True
        waiting += [child for _, child in each.children()]
    return False


def _has_label(node: c_ast.Node) -> bool:
    """Whether control can jump into a statement."""
    return _contains(node, (c_ast.Label, c_ast.Case, c_ast.Default))

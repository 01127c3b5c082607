"""Types of expressions, as far as ``sizeof`` and ``_Generic`` need them to choose a branch.

``isnan`` of musl's math.h is a chain of ``sizeof(x) == sizeof(float) ? ... : f(x)``.
"""

from typing import Protocol

from pycparser import c_ast

_MODIFIERS = ("signed", "unsigned")
_SIZES = {"char": 1, "_Bool": 1, "short": 2, "int": 4, "long": 8, "float": 4, "double": 8}
_FLOATING = ("float", "double", "long double")


class TypeScope(Protocol):
    """What names mean where a type or expression stands."""

    def typedef(self, name: str) -> c_ast.Node | None:
        """The type that a typedef name stands for; None if it is unknown."""

    def variable(self, name: str) -> c_ast.Node | None:
        """The type of a variable or function; None if it is unknown."""

    def string_size(self, spelling: str) -> int | None:
        """The size of a string literal, as the rewriter spells it; None if it is unknown."""

    def structure(self, tag: str) -> c_ast.Node | None:
        """The definition of ``struct x`` or ``union x``; None if it is unknown."""


def basic(name: str) -> c_ast.Node:
    """A type node for a basic type, ``unsigned long`` for one."""
    return c_ast.TypeDecl(None, None, None, c_ast.IdentifierType(name.split()))


def identifier_names(node: c_ast.Node | None) -> list[str] | None:
    """The words of a basic or typedef'd type; None for any other."""
    if isinstance(node, c_ast.TypeDecl):
        node = node.type
    return list(node.names) if isinstance(node, c_ast.IdentifierType) else None


def resolve(node: c_ast.Node | None, scope: TypeScope) -> c_ast.Node | None:
    """Follow typedef names to a type that is none; None when one is unknown."""
    for _ in range(32):
        names = identifier_names(node)
        if names is None or names[0] in _SIZES or names[0] in (*_MODIFIERS, "void", "_Complex"):
            return node
        node = scope.typedef(names[0])
    return None


def basic_name(node: c_ast.Node | None, scope: TypeScope) -> str | None:
    """The one way to write a basic type; None for any other type."""
    names = identifier_names(resolve(node, scope))
    if not names:
        return None
    words = [word for word in names if word not in (*_MODIFIERS, "int")]
    if words == ["double", "long"]:
        words.reverse()
    sign = "unsigned " if "unsigned" in names else ""
    if words == ["char"] and "signed" in names:
        sign = "signed "
    return sign + (" ".join(words) or "int")


def size_of(node: c_ast.Node | None, scope: TypeScope) -> int | None:
    """The size in bytes of a type, where it does not depend on a structure's layout."""
    if isinstance(node, c_ast.Typename):
        node = node.type
    node = resolve(node, scope)
    if isinstance(node, c_ast.PtrDecl):
        return 8
    if isinstance(node, c_ast.ArrayDecl):
        size = size_of(node.type, scope)
        count = node.dim.value if isinstance(node.dim, c_ast.Constant) else ""
        return size * int(count) if size is not None and count.isdecimal() else None
    if isinstance(node, c_ast.TypeDecl) and isinstance(node.type, c_ast.Enum):
        return 4
    name = basic_name(node, scope)
    if name is None or name.startswith("_Complex"):
        return None
    if name == "long double":
        return 16
    if name == "void":
        return 1
    words = [word for word in name.split() if word not in _MODIFIERS]
    return _SIZES.get(words[0]) if words else 4


def type_of(node: c_ast.Node | None, scope: TypeScope) -> c_ast.Node | None:
    """The type of an expression, not promoted; None if it is not plainly known."""
    match node:
        case c_ast.ID():
            return scope.variable(node.name)
        case c_ast.Constant():
            return _constant(node)
        case c_ast.Cast():
            return node.to_type.type
        case c_ast.CompoundLiteral():
            return node.type.type
        case c_ast.FuncCall():
            return _called(type_of(node.name, scope), scope)
        case c_ast.ArrayRef():
            return _pointed(type_of(node.name, scope), scope)
        case c_ast.StructRef():
            return _member(node, scope)
        case c_ast.UnaryOp():
            return _unary(node, scope)
        case c_ast.BinaryOp():
            return _binary(node, scope)
        case c_ast.Assignment():
            return type_of(node.lvalue, scope)
        case c_ast.TernaryOp():
            return _common(type_of(node.iftrue, scope), type_of(node.iffalse, scope), scope)
        case c_ast.ExprList():
            return type_of(node.exprs[-1], scope) if node.exprs else None
    return None


def _constant(node: c_ast.Constant) -> c_ast.Node | None:
    text = node.value.lower()
    if "." in text:
        return basic({"f": "float", "l": "long double"}.get(text[-1], "double"))
    if "string" in node.type:
        return None
    sign = "unsigned " if "u" in text else ""
    digits = text.rstrip("ul")
    wide = "l" in text or (digits.isdecimal() and int(digits) > 0x7FFFFFFF)
    return basic(sign + ("long" if wide else "int"))


def _called(node: c_ast.Node | None, scope: TypeScope) -> c_ast.Node | None:
    node = resolve(node, scope)
    if isinstance(node, c_ast.PtrDecl):
        node = resolve(node.type, scope)
    return node.type if isinstance(node, c_ast.FuncDecl) else None


def _pointed(node: c_ast.Node | None, scope: TypeScope) -> c_ast.Node | None:
    node = resolve(node, scope)
    return node.type if isinstance(node, c_ast.PtrDecl | c_ast.ArrayDecl) else None


def _member(node: c_ast.StructRef, scope: TypeScope) -> c_ast.Node | None:
    whole = type_of(node.name, scope)
    if node.type == "->":
        whole = _pointed(whole, scope)
    whole = resolve(whole, scope)
    if not isinstance(whole, c_ast.TypeDecl):
        return None
    return _find_member(whole.type, node.field.name, scope)


def _find_member(whole: c_ast.Node, name: str, scope: TypeScope) -> c_ast.Node | None:
    if not isinstance(whole, c_ast.Struct | c_ast.Union):
        return None
    if whole.decls is None:
        word = type(whole).__name__.lower()
        defined = scope.structure(f"{word} {whole.name}")
        if defined is None:
            return None
        whole = defined
    for member in whole.decls or ():
        if not isinstance(member, c_ast.Decl):
            continue
        if member.name == name:
            return member.type
        if member.name is None:
            inner = _find_member(member.type, name, scope)
            if inner is not None:
                return inner
    return None


def _unary(node: c_ast.UnaryOp, scope: TypeScope) -> c_ast.Node | None:
    inner = type_of(node.expr, scope)
    match node.op:
        case "*":
            return _pointed(inner, scope)
        case "&":
            return c_ast.PtrDecl([], inner or basic("void"))
        case "!":
            return basic("int")
        case "sizeof" | "_Alignof":
            return basic("unsigned long")
        case "+" | "-" | "~":
            return _promoted(inner, scope)
    return inner


def _promoted(node: c_ast.Node | None, scope: TypeScope) -> c_ast.Node | None:
    name = basic_name(node, scope)
    if name in _FLOATING:
        return node
    size = size_of(node, scope)
    return basic("int") if size is not None and size < 4 else node


def _binary(node: c_ast.BinaryOp, scope: TypeScope) -> c_ast.Node | None:
    if node.op in ("&&", "||", "==", "!=", "<", ">", "<=", ">="):
        return basic("int")
    # A long sum leans to the left: walk down it instead of recursing.
    spine = [node]
    while isinstance(spine[-1].left, c_ast.BinaryOp):
        spine.append(spine[-1].left)
    result = type_of(spine[-1].left, scope)
    for each in reversed(spine):
        if each.op in ("&&", "||", "==", "!=", "<", ">", "<=", ">="):
            result = basic("int")
        elif each.op in ("<<", ">>"):
            result = _promoted(result, scope)
        else:
            result = _common(result, type_of(each.right, scope), scope)
    return result


def _common(
    left: c_ast.Node | None, right: c_ast.Node | None, scope: TypeScope
) -> c_ast.Node | None:
    """The type that two operands are brought to."""
    left, right = resolve(left, scope), resolve(right, scope)
    if left is None or right is None:
        return None
    for side in (left, right):
        if isinstance(side, c_ast.PtrDecl | c_ast.ArrayDecl):
            return side
    names = basic_name(left, scope), basic_name(right, scope)
    for floating in reversed(_FLOATING):
        if floating in names:
            return basic(floating)
    sizes = [each for each in (size_of(left, scope), size_of(right, scope)) if each is not None]
    if len(sizes) < 2:
        return None
    size = max(4, *sizes)
    unsigned = any(
        each == size and name is not None and name.startswith("unsigned")
        for each, name in zip(sizes, names, strict=True)
    )
    return basic(("unsigned " if unsigned else "") + ("long" if size == 8 else "int"))


def choose_generic(node: c_ast.GenericSelection, scope: TypeScope) -> c_ast.Node | None:
    """The expression that ``_Generic`` selects; None if that is not plainly known."""
    wanted = basic_name(type_of(node.expr, scope), scope)
    if wanted is None:
        return None
    default = None
    for association in node.associations:
        if association.type is None:
            default = association.expr
            continue
        kind = association.type
        kind = kind.type if isinstance(kind, c_ast.Typename) else kind
        if resolve(kind, scope) is None:
            return None
        if basic_name(kind, scope) == wanted:
            return association.expr
    return default

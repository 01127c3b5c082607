"""Constant expressions, as far as they decide what a compiler leaves out.

Sizes are those of 64-bit Linux (LP64). What is not plainly known is None, and nothing is left out
for it.
"""

import re
from typing import Protocol

from pycparser import c_ast

_SIZES = {
    "char": 1,
    "_Bool": 1,
    "short": 2,
    "int": 4,
    "long": 8,
    "long long": 8,
    "float": 4,
    "double": 8,
    "long double": 16,
    "void": 1,
}


class Scope(Protocol):
    """What names mean where an expression stands."""

    def constant(self, name: str) -> int | None:
        """The value of an enumerator; None if it is unknown or the name is something else."""

    def typedef(self, name: str) -> c_ast.Node | None:
        """The type that a typedef name stands for; None if it is unknown."""


def evaluate(node: c_ast.Node | None, scope: Scope) -> int | None:
    """The value of an expression if it is certain, also when parts of it are not constant.

    ``f() && 0`` is 0, though ``f`` is called.
    """
    if isinstance(node, c_ast.Constant):
        return _constant(node)
    if isinstance(node, c_ast.ID):
        return scope.constant(node.name)
    if isinstance(node, c_ast.UnaryOp):
        return _unary(node, scope)
    if isinstance(node, c_ast.BinaryOp):
        return _binary(node, scope)
    if isinstance(node, c_ast.TernaryOp):
        condition = evaluate(node.cond, scope)
        if condition is None:
            return None
        return evaluate(node.iftrue if condition else node.iffalse, scope)
    if isinstance(node, c_ast.Cast):
        return _cast(node, scope)
    if isinstance(node, c_ast.ExprList):
        return evaluate(node.exprs[-1], scope) if node.exprs else None
    if isinstance(node, c_ast.FuncCall) and isinstance(node.name, c_ast.ID) and node.args:
        if node.name.name == "__builtin_constant_p":
            return int(evaluate(node.args.exprs[0], scope) is not None)
        if node.name.name in ("__builtin_expect", "__builtin_expect_with_probability"):
            return evaluate(node.args.exprs[0], scope)
    return None


def _constant(node: c_ast.Constant) -> int | None:
    if "int" not in node.type.split() or not node.value:
        return None
    digits = node.value.rstrip("uUlL")
    try:
        if re.fullmatch("0[0-7]+", digits):
            return int(digits, 8)
        return int(digits, 0)
    except ValueError:
        return None


def _unsigned_bits(node: c_ast.Node) -> int | None:
    """How many bits an expression has if it is an unsigned constant."""
    if isinstance(node, c_ast.Constant) and "u" in node.value.lower():
        return 64 if "l" in node.value.lower() else 32
    return None


def _unary(node: c_ast.UnaryOp, scope: Scope) -> int | None:
    if node.op in ("sizeof", "_Alignof"):
        return size_of(node.expr, scope) if isinstance(node.expr, c_ast.Typename) else None
    value = evaluate(node.expr, scope)
    if value is None:
        return None
    if node.op == "!":
        return int(not value)
    if node.op == "+":
        return value
    if node.op in ("-", "~"):
        result = -value if node.op == "-" else ~value
        bits = _unsigned_bits(node.expr)
        return result if bits is None else result & ((1 << bits) - 1)
    return None


def _binary(node: c_ast.BinaryOp, scope: Scope) -> int | None:
    # A long sum leans to the left: walk down it instead of recursing.
    spine = [node]
    while isinstance(spine[-1].left, c_ast.BinaryOp):
        spine.append(spine[-1].left)
    value = evaluate(spine[-1].left, scope)
    for each in reversed(spine):
        value = _apply(each.op, value, each.right, scope)
    return value


def _apply(op: str, left: int | None, right_node: c_ast.Node, scope: Scope) -> int | None:
    if op == "&&" and left == 0:
        return 0
    if op == "||" and left:
        return 1
    right = evaluate(right_node, scope)
    if op == "&&":
        return 0 if right == 0 else None if left is None or right is None else 1
    if op == "||":
        return 1 if right else None if left is None or right is None else 0
    if left is None or right is None:
        return None
    if op in ("/", "%"):
        if right == 0:
            return None
        quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
        return quotient if op == "/" else left - quotient * right
    if op in ("<<", ">>"):
        if not 0 <= right < 64:
            return None
        return left << right if op == "<<" else left >> right
    match op:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "&":
            return left & right
        case "|":
            return left | right
        case "^":
            return left ^ right
        case "==":
            return int(left == right)
        case "!=":
            return int(left != right)
        case "<":
            return int(left < right)
        case ">":
            return int(left > right)
        case "<=":
            return int(left <= right)
        case ">=":
            return int(left >= right)
    return None


def _cast(node: c_ast.Cast, scope: Scope) -> int | None:
    value = evaluate(node.expr, scope)
    kind = _resolve(node.to_type.type, scope)
    if value is None or kind is None:
        return value if isinstance(node.to_type.type, c_ast.PtrDecl) else None
    if isinstance(kind, c_ast.PtrDecl):
        return value
    names = _names(kind)
    if names is None or "double" in names or "float" in names:
        return None
    if "_Bool" in names:
        return int(bool(value))
    size = _named_size(names)
    if size is None or "void" in names:
        return None
    value &= (1 << 8 * size) - 1
    if "unsigned" not in names and value >> (8 * size - 1):
        value -= 1 << 8 * size
    return value


def _names(node: c_ast.Node) -> list[str] | None:
    if isinstance(node, c_ast.TypeDecl):
        node = node.type
    return list(node.names) if isinstance(node, c_ast.IdentifierType) else None


def _resolve(node: c_ast.Node | None, scope: Scope) -> c_ast.Node | None:
    """Follow typedef names to a type that is none; None when one is unknown."""
    for _ in range(32):
        if node is None:
            return None
        names = _names(node)
        if names is None or len(names) != 1 or names[0] in _SIZES or names[0] in _MODIFIERS:
            return node
        node = scope.typedef(names[0])
    return None


_MODIFIERS = ("signed", "unsigned")


def _named_size(names: list[str]) -> int | None:
    plain = [name for name in names if name not in _MODIFIERS and name != "_Complex"]
    if plain.count("long") == 2:
        return 8
    if "char" in plain or "short" in plain:
        return _SIZES["char" if "char" in plain else "short"]
    if "long" in plain:
        return 16 if "double" in plain else 8
    if not plain:
        return 4
    return _SIZES.get(plain[0])


def size_of(node: c_ast.Node | None, scope: Scope) -> int | None:
    """The size in bytes of a type, where it does not depend on a structure's layout."""
    if isinstance(node, c_ast.Typename):
        node = node.type
    node = _resolve(node, scope)
    if isinstance(node, c_ast.PtrDecl):
        return 8
    if isinstance(node, c_ast.ArrayDecl):
        size, count = size_of(node.type, scope), evaluate(node.dim, scope)
        return None if size is None or count is None else size * count
    if isinstance(node, c_ast.TypeDecl) and isinstance(node.type, c_ast.Enum):
        return 4
    names = _names(node) if node is not None else None
    return _named_size(names) if names else None

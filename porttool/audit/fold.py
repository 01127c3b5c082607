"""Constant expressions, as far as they decide what a compiler leaves out.

Sizes are those of 64-bit Linux (LP64). What is not plainly known is None, and nothing is left out
for it.
"""

import re
from typing import Protocol

from pycparser import c_ast

from porttool.audit.types import TypeScope, basic_name, resolve, size_of, type_of


class Scope(TypeScope, Protocol):
    """What names mean where an expression stands."""

    def constant(self, name: str) -> int | None:
        """The value of an enumerator; None if it is unknown or the name is something else."""


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
        if isinstance(node.expr, c_ast.Constant) and node.expr.type == "string":
            return scope.string_size(node.expr.value)
        typed = isinstance(node.expr, c_ast.Typename)
        return size_of(node.expr if typed else type_of(node.expr, scope), scope)
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
    if value is None or isinstance(resolve(node.to_type.type, scope), c_ast.PtrDecl):
        return value
    name = basic_name(node.to_type.type, scope)
    size = size_of(node.to_type, scope)
    if name is None or size is None or name in ("float", "double", "long double", "void"):
        return None
    if name == "_Bool":
        return int(bool(value))
    value &= (1 << 8 * size) - 1
    if not name.startswith("unsigned") and value >> (8 * size - 1):
        value -= 1 << 8 * size
    return value

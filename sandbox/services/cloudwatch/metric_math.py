"""Metric math for alarms on ratios: + - * / ^, comparisons, FILL, IF, SUM, MIN, MAX. No side effects.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

#: a value, or None where there is no datapoint
Value = float | None

_OPERATORS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
}
_TOTALS: dict[str, Callable[[list[float]], float]] = {"SUM": sum, "MIN": min, "MAX": max}


def evaluate(expression: str, values: Mapping[str, Value]) -> Value:
    """Return the expression's value in one period; None if a value that it needs is missing.

    Raises NotImplementedError, naming the part, for what is not emulated.
    """
    try:
        tree = _parsed(expression)
    except SyntaxError:
        raise NotImplementedError(f"the metric math expression {expression!r}") from None
    return _value(tree, values)


def evaluate_all(expressions: Mapping[str, str], values: Mapping[str, Value]) -> dict[str, Value]:
    """Return every expression's value by id. Expressions may use each other's results, in any order.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html
    """
    found = dict(values)
    waiting = dict(expressions)
    while ready := {name: one for name, one in waiting.items() if not _names(one) & waiting.keys()}:
        found |= {name: evaluate(one, found) for name, one in ready.items()}
        waiting = {name: one for name, one in waiting.items() if name not in ready}
    if waiting:
        raise NotImplementedError(f"the metric math expressions {', '.join(sorted(waiting))}, which need each other")
    return {name: found[name] for name in expressions}


def _parsed(expression: str) -> ast.expr:
    return ast.parse(expression.strip().replace("^", "**"), mode="eval").body


def _names(expression: str) -> set[str]:
    try:
        return {node.id for node in ast.walk(_parsed(expression)) if isinstance(node, ast.Name)}
    except SyntaxError:
        return set()  # `evaluate` refuses it


def _value(node: ast.expr, values: Mapping[str, Value]) -> Value:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name):
            return values.get(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _apply(operator.sub, 0.0, _value(operand, values))
        case ast.BinOp(left=left, op=symbol, right=right) if type(symbol) in _OPERATORS:
            return _apply(_OPERATORS[type(symbol)], _value(left, values), _value(right, values))
        case ast.Compare(left=left, ops=[symbol], comparators=[right]) if type(symbol) in _OPERATORS:
            return _apply(_OPERATORS[type(symbol)], _value(left, values), _value(right, values))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _call(name, arguments, values)
    raise NotImplementedError(f"the metric math expression {ast.unparse(node)!r}")


def _call(name: str, arguments: list[ast.expr], values: Mapping[str, Value]) -> Value:
    match name, arguments:
        case "FILL", [metric, filler]:
            value = _value(metric, values)
            return _value(filler, values) if value is None else value
        case "IF", [condition, then, otherwise]:
            chosen = _value(condition, values)
            return None if chosen is None else _value(then if chosen else otherwise, values)
        case (("SUM" | "MIN" | "MAX"), [ast.List(elts=elements)]):
            known = [value for one in elements if (value := _value(one, values)) is not None]
            return _TOTALS[name](known) if known else None
    raise NotImplementedError(f"the metric math function {name}")


def _apply(function: Callable[[float, float], float], left: Value, right: Value) -> Value:
    if left is None or right is None:
        return None
    try:
        return float(function(left, right))
    except (ZeroDivisionError, TypeError):  # a root of what is negative has no real value
        return None

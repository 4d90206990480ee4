"""Metric math, as far as alarms on ratios need it (pure): + - * /, comparisons, FILL, IF, SUM, MIN, MAX.

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
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
}
_TOTALS: dict[str, Callable[[list[float]], float]] = {"SUM": sum, "MIN": min, "MAX": max}


def evaluate(expression: str, values: Mapping[str, Value]) -> Value:
    """The expression's value in one period, None when what it needs is missing.

    Raises NotImplementedError, naming the part, for what is not emulated.
    """
    try:
        tree = ast.parse(expression.strip(), mode="eval").body
    except SyntaxError:
        raise NotImplementedError(f"the metric math expression {expression!r}") from None
    return _value(tree, values)


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
            verdict = _value(condition, values)
            return None if verdict is None else _value(then if verdict else otherwise, values)
        case (("SUM" | "MIN" | "MAX"), [ast.List(elts=elements)]):
            known = [value for one in elements if (value := _value(one, values)) is not None]
            return _TOTALS[name](known) if known else None
    raise NotImplementedError(f"the metric math function {name}")


def _apply(function: Callable[[float, float], float], left: Value, right: Value) -> Value:
    if left is None or right is None:
        return None
    try:
        return float(function(left, right))
    except ZeroDivisionError:
        return None

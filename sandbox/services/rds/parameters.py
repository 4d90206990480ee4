"""The parameters of a PostgreSQL parameter group family, and their allowed values.

The table beside this file is PostgreSQL 17's own pg_settings, with RDS's `rds.*` and with RDS's list of what can't be
modified; a test compares it with the real server.
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Parameters.html
"""

from __future__ import annotations

import ast
import csv
import functools
import operator
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

FAMILY = "postgres17"
NEWEST = "17.10"
MINORS = tuple(f"17.{minor}" for minor in range(1, 11))

_SIZES = {"micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16}
_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_FUNCTIONS = {"LEAST": min, "GREATEST": max}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the family.

    allowed: "low-high", "this,that", or empty for any value; default: RDS's, if it has its own.
    """

    name: str
    data_type: str
    apply_type: str
    modifiable: bool
    allowed: str
    default: str

    @property
    def static(self) -> bool:
        """Return whether a change waits for a reboot."""
        return self.apply_type == "static"

    def accepts(self, value: str) -> bool:
        """Return whether RDS would accept the value; a formula is accepted instead of a number."""
        if not self.allowed or "{" in value:
            return True
        if bounds := re.fullmatch(r"(-?[\d.e+]+)-(-?[\d.e+]+)", self.allowed):
            try:
                return float(bounds[1]) <= float(value) <= float(bounds[2])
            except ValueError:
                return False
        several = self.name.endswith("_libraries")
        given = [part.strip() for part in value.split(",") if part.strip()] if several else [value]
        return set(given) <= set(self.allowed.split(","))


@functools.cache
def catalogue() -> Mapping[str, Parameter]:
    """Return all parameters of the family, by name."""
    table = Path(__file__).with_name("parameters-postgres17.tsv")
    with table.open(newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        return {
            name: Parameter(name, kind, apply_type, modifiable == "yes", allowed, default)
            for name, kind, apply_type, modifiable, allowed, default in rows
        }


def in_force(chosen: Mapping[str, str], instance_class: str) -> dict[str, str]:
    """Return the parameters of such an instance's server: RDS's defaults, then the group's values."""
    defaults = {p.name: p.default for p in catalogue().values() if p.default}
    values = {name: evaluate(value, instance_class) for name, value in {**defaults, **chosen}.items()}
    if values.get("rds.logical_replication") == "1":
        values["wal_level"] = "logical"
    return values


def applicable(running: Mapping[str, str], desired: Mapping[str, str], postponed: Set[str]) -> dict[str, str]:
    """Return what a running server can apply: all desired values but those that wait for a reboot."""
    waits = {name for name in {*running, *desired} if name in postponed or catalogue()[name].static}
    kept = {name: value for name, value in running.items() if name in waits}
    return {**kept, **{name: value for name, value in desired.items() if name not in waits}}


def evaluate(value: str, instance_class: str) -> str:
    """Return a formula's value, and anything else unchanged. Raises ValueError for an unknown formula.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ParamValuesRef.html
    """
    if "{" not in value:
        return value
    memory = str(class_memory(instance_class))
    text = value.replace("DBInstanceClassMemory", memory).replace("{", "(").replace("}", ")")
    return str(int(_number(ast.parse(text, mode="eval").body)))


def class_memory(instance_class: str) -> int:
    """Return the bytes of memory of an instance class such as db.t3.medium.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.Summary.html
    """
    _, family, size = instance_class.split(".")
    times = re.fullmatch(r"(\d+)xlarge", size)
    gib = int(times[1]) * _SIZES["xlarge"] if times else _SIZES[size]
    return gib * (2 if family.startswith(("r", "x")) else 1) * 2**30


def _number(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return float(_OPERATORS[type(op)](_number(left), _number(right)))
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in _FUNCTIONS:
            return _FUNCTIONS[name](_number(argument) for argument in arguments)
    raise ValueError("a formula that RDS does not know")

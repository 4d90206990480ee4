"""The parameters of a PostgreSQL parameter group family: which there are, and what they accept.

The table beside this file is what PostgreSQL 17 says of itself (pg_settings), with RDS's own
`rds.*` and with RDS's word on what can't be modified; a test holds it equal to the real server's.
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
    """allowed: "low-high", "this,that" or empty: anything; default: of RDS, if it has its own."""

    name: str
    data_type: str
    apply_type: str
    modifiable: bool
    allowed: str
    default: str

    @property
    def static(self) -> bool:
        """Whether a change waits for a reboot."""
        return self.apply_type == "static"

    def accepts(self, value: str) -> bool:
        """Whether RDS would take the value (a formula is taken where a number is)."""
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
    """All parameters of the family, by name."""
    table = Path(__file__).with_name("parameters-postgres17.tsv")
    with table.open(newline="") as file:
        rows = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        next(rows)
        return {
            name: Parameter(name, kind, apply_type, modifiable == "yes", allowed, default)
            for name, kind, apply_type, modifiable, allowed, default in rows
        }


def in_force(chosen: Mapping[str, str], instance_class: str) -> dict[str, str]:
    """What the server of such an instance is told: RDS's defaults, then what the group says."""
    defaults = {p.name: p.default for p in catalogue().values() if p.default}
    values = {name: evaluate(value, instance_class) for name, value in {**defaults, **chosen}.items()}
    if values.get("rds.logical_replication") == "1":
        values["wal_level"] = "logical"
    return values


def applicable(running: Mapping[str, str], desired: Mapping[str, str], postponed: Set[str]) -> dict[str, str]:
    """What a running server can take up: all that is desired but what waits for a reboot."""
    waits = {name for name in {*running, *desired} if name in postponed or catalogue()[name].static}
    kept = {name: value for name, value in running.items() if name in waits}
    return {**kept, **{name: value for name, value in desired.items() if name not in waits}}


def evaluate(value: str, instance_class: str) -> str:
    """A formula's value; anything else as it is. Raises ValueError on a formula it can't read.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ParamValuesRef.html
    """
    if "{" not in value:
        return value
    memory = str(class_memory(instance_class))
    text = value.replace("DBInstanceClassMemory", memory).replace("{", "(").replace("}", ")")
    return str(int(_number(ast.parse(text, mode="eval").body)))


def class_memory(instance_class: str) -> int:
    """Bytes of memory of an instance class such as db.t3.medium.

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

"""`stack_found` is what its schema says: in the module's documentation, and wherever a part of it is read."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops.stack.model import StackFound
from plugins.modules import stack_info
from tests.contract.rule import CHECKOUT

ANSIBLE = {str: "str", int: "int", bool: "bool"}
READ = re.compile(r"\bstack_found((?:\.\w+\b(?!\())+)")
# In the status template the stack goes by a short name.
SHORT = re.compile(r"\bf((?:\.\w+\b(?!\())+)")

Documented = dict[str, dict[str, Any]]


def schema(model: type) -> Documented:
    """Return the keys of a dataclass as RETURN should say them: type, elements, contains."""
    types_by_name = typing.get_type_hints(model)
    return {field.name: described(types_by_name[field.name]) for field in fields(model)}


def described(kind: Any) -> dict[str, Any]:
    """Return how RETURN should describe a value of that type."""
    if is_dataclass(kind):
        return {"type": "dict", "contains": schema(typing.cast(type, kind))}
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is list:
        return {"type": "list", "elements": described(inner[0])["type"]}
    if origin is dict:
        return {"type": "dict", **({"contains": {"<name>": described(inner[1])}} if is_dataclass(inner[1]) else {})}
    return {"type": ANSIBLE[kind]}


def differences(said: Documented, expected: Documented, path: str = "") -> Iterator[str]:
    """Yield where the documentation says otherwise than the schema."""
    for name in sorted(said.keys() ^ expected.keys()):
        yield f"{path}{name} is {'not in the schema' if name in said else 'not documented'}"
    for name in said.keys() & expected.keys():
        for key in ("type", "elements"):
            if said[name].get(key) != expected[name].get(key):
                yield f"{path}{name}: {key} is {expected[name].get(key)}, documented as {said[name].get(key)}"
        if not str(said[name].get("description") or ""):
            yield f"{path}{name} has no description"
        yield from differences(said[name].get("contains") or {}, expected[name].get("contains") or {}, f"{path}{name}.")


def test_the_documentation_of_stack_info_is_the_schema() -> None:
    assert list(differences(yaml.safe_load(stack_info.RETURN), schema(StackFound))) == []


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("    cidr: {", "    block: {", ["vpc.block is not in the schema", "vpc.cidr is not documented"]),
        ("port: {description: Its port, type: int", "port: {description: Its port, type: str", ["database.port: type"]),
        ("elements: str", "elements: int", ["subnets.app: elements is str"]),
        ("{description: The region,", "{", ["region has no description"]),
    ],
)
def test_what_is_documented_otherwise_is_found(old: str, new: str, found: list[str]) -> None:
    broken = stack_info.RETURN.replace(old, new)
    assert broken != stack_info.RETURN
    said = list(differences(yaml.safe_load(broken), schema(StackFound)))
    assert [one for one in found if not any(line.startswith(one) for line in said)] == [], said


def readers() -> Iterator[tuple[Path, str, re.Pattern[str]]]:
    """Yield every file of the product that may read `stack_found`, and how it is called there."""
    for folder in ("playbooks", "roles", "inventories"):
        for path in sorted((CHECKOUT / folder).rglob("*")):
            if path.suffix in (".yml", ".j2"):
                text = path.read_text()
                yield path, text, READ
                if "set f = stack_found" in text:
                    yield path, text, SHORT


def unknown(path: str, model: Any) -> str | None:
    """Return the first part of a path (.vpc.id) that the schema has not; None if it has them all."""
    for name in path.strip(".").split("."):
        if not is_dataclass(model):
            return None  # a collection or a text, and what Jinja calls on it
        types_by_name = typing.get_type_hints(model)
        if name not in types_by_name:
            return name
        model = types_by_name[name]
    return None


def test_every_part_that_is_read_is_in_the_schema() -> None:
    read = [(path, found) for path, text, pattern in readers() for found in pattern.findall(text)]
    assert len(read) > 40
    wrong = [f"{path.relative_to(CHECKOUT)}: no {name}" for path, found in read if (name := unknown(found, StackFound))]
    assert wrong == []


@pytest.mark.parametrize(("path", "part"), [(".vpc.id", None), (".vpc.idd", "idd"), (".cahce.endpoint", "cahce")])
def test_a_misspelt_part_is_found(path: str, part: str | None) -> None:
    assert unknown(path, StackFound) == part


def test_every_part_is_there_before_anything_exists() -> None:
    """Also by type: a placeholder is of the type of what it stands for."""
    nothing = StackFound("123456789012", "us-east-1", "aws", "arn:aws:iam::1:user/nobody", "20261125T113000Z", "")
    assert list(mistyped(nothing)) == []


def mistyped(model: Any) -> Iterator[str]:
    """Yield the fields whose value is not of its type."""
    for name, kind in typing.get_type_hints(type(model)).items():
        value, plain = getattr(model, name), typing.get_origin(kind) or kind
        if not isinstance(value, plain) or isinstance(value, types.NoneType):
            yield f"{type(model).__name__}.{name} is {value!r}"
        elif is_dataclass(value):
            yield from mistyped(value)

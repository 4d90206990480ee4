"""The type that a role's argument_specs.yml declares for a variable, and how a value that somebody typed gets it.

The specifications check and don't convert: to them the text `true` is a good bool, and to an expression in a role it is
a text. So every value is converted once, where it comes in (plugins/vars/typed_variables.py), and refused where it
can't be (plugins/action/known_variables.py).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.template import is_trusted_as_template

WHOLE = re.compile(r"[+-]?[0-9]+")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
TEXTS = ("str", "path")


@dataclass(frozen=True, slots=True)
class Option:
    """What a specification says of an option. elements: the type of a list's elements; options: of a dict's keys."""

    type: str = "str"
    elements: str = "raw"
    choices: tuple[Any, ...] = ()
    options: Mapping[str, Option] = field(default_factory=dict)

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Option:
        return cls(
            type=str(spec.get("type", "str")),
            elements=str(spec.get("elements", "raw")),
            choices=tuple(spec.get("choices") or ()),
            options={name: cls.of(one or {}) for name, one in (spec.get("options") or {}).items()},
        )

    @property
    def element(self) -> Option:
        """What a list says of each of its elements."""
        return Option(type=self.elements, choices=self.choices, options=self.options)


class UntypableError(ValueError):
    """A value that is not of the declared type, and can't become it: what it is instead, and what to type."""

    def __init__(self, fault: str, cure: str) -> None:
        super().__init__(fault)
        self.fault = fault
        self.cure = cure


def declarations(roles: Path) -> Iterator[tuple[str, str, Option]]:
    """Every option of every entry point below `roles`: `role entry`, name and what is said of it."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for path in sorted(roles.glob("*/meta/argument_specs.yml")):
        for entry, spec in ((yaml.load(path.read_text(), loader) or {}).get("argument_specs") or {}).items():
            for name, option in ((spec or {}).get("options") or {}).items():
                yield f"{path.parents[1].name} {entry}", name, Option.of(option or {})


@cache
def declared(roles: Path) -> Mapping[str, Option]:
    """Every option that a role below `roles` declares, by name. A contract test keeps the types of a name alike."""
    return {name: option for _, name, option in declarations(roles)}


def is_template(value: object) -> bool:
    """Whether Ansible is still to compute the value; what comes of it has a type of its own."""
    return isinstance(value, str) and is_trusted_as_template(value) and ("{{" in value or "{%" in value)


def typed(value: Any, option: Option, name: str) -> Any:
    """Return the value in the declared type. `name` is for the command that cures what can't be converted."""
    if is_template(value):
        return value
    if value is None:
        raise UntypableError("null is no value", f"leave {name} out, or say what it is")
    convert = CONVERTERS.get(option.type)
    found = convert(value, option, name) if convert else value
    if option.choices and option.type != "list" and found not in option.choices:
        raise UntypableError(f"{shown(value)} is none of {', '.join(map(str, option.choices))}", "say one of these")
    return found


def text(value: Any, _: Option, name: str) -> Any:
    """Return what YAML or JSON read as a whole number as the text that was typed; refuse what lost it."""
    if isinstance(value, bool):
        raise UntypableError(f"{shown(value)} is a truth value, and this is a text", quoted(name, "no"))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        lost = f"{shown(value)} is a number, and this is a text: of 1.10, YAML and JSON leave 1.1"
        raise UntypableError(lost, quoted(name, "1.10"))
    if isinstance(value, (dict, list)):
        raise UntypableError(f"{shown(value)} is a {type(value).__name__}, and this is a text", quoted(name, "..."))
    if hasattr(value, "isoformat"):
        raise UntypableError(f"{value} is a date, and this is a text", quoted(name, "2026-01-31"))
    return value


def truth(value: Any, _: Option, name: str) -> Any:
    if isinstance(value, (bool, int, float, str)):
        try:
            return boolean(value, strict=True)
        except TypeError:
            pass
    raise UntypableError(f"{shown(value)} is neither true nor false", f"say -e {name}=true or -e {name}=false")


def whole(value: Any, option: Option, name: str) -> Any:
    found = number(value)
    if found is None or found != int(found) or (isinstance(value, str) and not WHOLE.fullmatch(value.strip())):
        example = next(iter(option.choices), 3)
        raise UntypableError(f"{shown(value)} is no whole number", f"say one, as in -e {name}={example}")
    return int(value) if isinstance(value, (int, str)) else int(found)


def fraction(value: Any, _: Option, name: str) -> Any:
    if (found := number(value)) is None:
        raise UntypableError(f"{shown(value)} is no number", f"say one, as in -e {name}=1.5")
    return int(found) if found == int(found) and "." not in str(value) else found


def number(value: Any) -> float | None:
    """Return a number, or a text that is one; None for all else, a truth value too."""
    if isinstance(value, str) and NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def several(value: Any, option: Option, name: str) -> Any:
    """Return a list. As in Ansible's own options, a text with commas is one, where its elements aren't dicts."""
    if isinstance(value, str):
        value = from_json(value) if value.strip().startswith("[") else commas(value, option)
    if not isinstance(value, list):
        raise UntypableError(f"{shown(value)} is no list", f"""say -e '{{"{name}": [...]}}'""")
    if option.elements == "raw":
        return value
    return [inside(f"[{index}]", one, option.element, name) for index, one in enumerate(value)]


def commas(value: str, option: Option) -> Any:
    if option.elements == "dict":
        return value
    return [one.strip() for one in value.split(",")] if value.strip() else []


def mapping(value: Any, option: Option, name: str) -> Any:
    found = from_json(value) if isinstance(value, str) else value
    if not isinstance(found, dict):
        raise UntypableError(f"{shown(value)} is no dict", f"""say -e '{{"{name}": {{"key": "value"}}}}'""")
    if not option.options:
        return found
    if wrong := sorted(map(str, found.keys() - option.options.keys())):
        raise UntypableError(f".{wrong[0]} is not known", f"it has {', '.join(option.options)}")
    return {key: inside(f".{key}", one, option.options[key], name) for key, one in found.items()}


def inside(place: str, value: Any, option: Option, name: str) -> Any:
    """Convert a part of a value, and say of a failure which part it was."""
    try:
        return typed(value, option, name)
    except UntypableError as error:
        at = place if error.fault.startswith((".", "[")) else f"{place}: "
        raise UntypableError(f"{at}{error.fault}", f"correct it in -e '{{\"{name}\": ...}}'") from error


def from_json(value: str) -> Any:
    """Return what a text says in JSON; the text itself, when it is none."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def quoted(name: str, example: str) -> str:
    return f'put it in quotes, as in -e \'{{"{name}": "{example}"}}\' or, without JSON, -e {name}=...'


def shown(value: object) -> str:
    """Return a value as it was typed, and no more of it than a message can bear."""
    said = f"'{value}'" if isinstance(value, str) else json.dumps(value, default=str)
    return said if len(said) <= 80 else f"{said[:77]}..."


CONVERTERS = {
    **dict.fromkeys(TEXTS, text),
    "bool": truth,
    "int": whole,
    "float": fraction,
    "list": several,
    "dict": mapping,
}

"""The types that roles' argument_specs.yml declare for variables, and the conversion of typed values to them.

Ansible's validation checks and does not convert: it takes the text `true` for a bool, and an expression in a role still
gets a text. So every value is converted once, at its source (plugins/vars/typed_variables.py), and refused if it can't
be (plugins/action/known_variables.py).
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
    """An option of a specification. elements: the type of a list's elements. options: a dict's keys."""

    type: str = "str"
    elements: str = "raw"
    choices: tuple[Any, ...] = ()
    options: Mapping[str, Option] = field(default_factory=dict)

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> Option:
        """Return an option of a role's specification."""
        return cls(
            type=str(spec.get("type", "str")),
            elements=str(spec.get("elements", "raw")),
            choices=tuple(spec.get("choices") or ()),
            options={name: cls.of(one or {}) for name, one in (spec.get("options") or {}).items()},
        )

    @property
    def element(self) -> Option:
        """Return the option that describes each element of a list."""
        return Option(type=self.elements, choices=self.choices, options=self.options)


class UntypableError(ValueError):
    """A value can't be converted to its declared type. fault: what it is instead. cure: what to type."""

    def __init__(self, fault: str, cure: str) -> None:
        super().__init__(fault)
        self.fault = fault
        self.cure = cure


def declarations(roles: Path) -> Iterator[tuple[str, str, Option]]:
    """Yield every option of every entry point below `roles`: `role entry`, name and option."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    for path in sorted(roles.glob("*/meta/argument_specs.yml")):
        for entry, spec in ((yaml.load(path.read_text(), loader) or {}).get("argument_specs") or {}).items():
            for name, option in ((spec or {}).get("options") or {}).items():
                yield f"{path.parents[1].name} {entry}", name, Option.of(option or {})


@cache
def declared(roles: Path) -> Mapping[str, Option]:
    """Return every option that a role below `roles` declares, by name; a contract test keeps its types alike."""
    return {name: option for _, name, option in declarations(roles)}


def is_template(value: object) -> bool:
    """Return whether the value is a template that Ansible has yet to compute."""
    return isinstance(value, str) and is_trusted_as_template(value) and ("{{" in value or "{%" in value)


def typed(value: Any, option: Option, name: str) -> Any:
    """Return the value in the declared type. Raises UntypableError. name: for the command that cures it."""
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
    """Return a text; a whole number becomes the text that was typed, and a type that lost the typed text is refused."""
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
    """Return a bool."""
    if isinstance(value, (bool, int, float, str)):
        try:
            return boolean(value, strict=True)
        except TypeError:
            pass
    raise UntypableError(f"{shown(value)} is neither true nor false", f"say -e {name}=true or -e {name}=false")


def whole(value: Any, option: Option, name: str) -> Any:
    """Return an int."""
    found = number(value)
    if found is None or found != int(found) or (isinstance(value, str) and not WHOLE.fullmatch(value.strip())):
        example = next(iter(option.choices), 3)
        raise UntypableError(f"{shown(value)} is no whole number", f"say one, as in -e {name}={example}")
    return int(value) if isinstance(value, (int, str)) else int(found)


def fraction(value: Any, _: Option, name: str) -> Any:
    """Return a number."""
    if (found := number(value)) is None:
        raise UntypableError(f"{shown(value)} is no number", f"say one, as in -e {name}=1.5")
    return int(found) if found == int(found) and "." not in str(value) else found


def number(value: Any) -> float | None:
    """Return the float of a number or of a text that is one; None for all else, also for a bool."""
    if isinstance(value, str) and NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)


def several(value: Any, option: Option, name: str) -> Any:
    """Return a list; as in Ansible's own options, a text with commas is one, unless its elements are dicts."""
    if isinstance(value, str):
        value = from_json(value) if value.strip().startswith("[") else commas(value, option)
    if not isinstance(value, list):
        raise UntypableError(f"{shown(value)} is no list", f"""say -e '{{"{name}": [...]}}'""")
    if option.elements == "raw":
        return value
    return [inside(f"[{index}]", one, option.element, name) for index, one in enumerate(value)]


def commas(value: str, option: Option) -> Any:
    """Return the list that a text with commas is, unless its elements are dicts."""
    if option.elements == "dict":
        return value
    return [one.strip() for one in value.split(",")] if value.strip() else []


def mapping(value: Any, option: Option, name: str) -> Any:
    """Return a dict, its known keys in their types."""
    found = from_json(value) if isinstance(value, str) else value
    if not isinstance(found, dict):
        raise UntypableError(f"{shown(value)} is no dict", f"""say -e '{{"{name}": {{"key": "value"}}}}'""")
    if not option.options:
        return found
    if wrong := sorted(map(str, found.keys() - option.options.keys())):
        raise UntypableError(f".{wrong[0]} is not known", f"it has {', '.join(option.options)}")
    return {key: inside(f".{key}", one, option.options[key], name) for key, one in found.items()}


def inside(place: str, value: Any, option: Option, name: str) -> Any:
    """Convert a part of a value; an error names the part."""
    try:
        return typed(value, option, name)
    except UntypableError as error:
        at = place if error.fault.startswith((".", "[")) else f"{place}: "
        raise UntypableError(f"{at}{error.fault}", f"correct it in -e '{{\"{name}\": ...}}'") from error


def from_json(value: str) -> Any:
    """Return the value of a text in JSON; the text itself if it is none."""
    try:
        return json.loads(value)
    except ValueError:
        return value


def quoted(name: str, example: str) -> str:
    """Return the cure of a text that YAML reads as another type."""
    return f'put it in quotes, as in -e \'{{"{name}": "{example}"}}\' or, without JSON, -e {name}=...'


def shown(value: object) -> str:
    """Return a value as it was typed, shortened for a message."""
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

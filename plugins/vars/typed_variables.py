"""Convert every variable of inventories and of -e to the type that its role declares, before a play begins.

A vars plugin, since it runs in ansible-playbook itself before anything else, also under a runner that replaces our
callbacks; and no task can change what -e has set: docs/decisions/008-typed-variables.md.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from ansible.plugins.vars.host_group_vars import VarsModule as HostGroupVars
from ansible.utils.unsafe_proxy import wrap_var
from ansible.utils.vars import load_extra_vars

from ops.variables.types import Option, UntypableError, declared, typed

DOCUMENTATION = """
    name: typed_variables
    short_description: group_vars and host_vars as Ansible loads them, and every variable in its declared type
    description:
      - Replaces C(host_group_vars), and loads the same files.
      - A value that can't be converted is left as it is; the first task of the play refuses it.
      - A value of -e is text or data, never a template.
    options:
      stage:
        description: When it runs; after the inventory too, to convert its variables before any play.
        choices: ['all', 'task', 'inventory']
        default: all
        type: str
      _valid_extensions:
        description: Extensions of variable files.
        default: [".yml", ".yaml", ".json"]
        env: [{name: ANSIBLE_YAML_FILENAME_EXT}]
        ini: [{section: defaults, key: yaml_valid_extensions}]
        type: list
        elements: string
"""


def converted(variables: Mapping[str, Any], known: Mapping[str, Option]) -> dict[str, Any]:
    """Return the variables that roles declare, in their types, without those that can't be converted."""
    found: dict[str, Any] = {}
    for name in variables.keys() & known.keys():
        try:
            found[name] = typed(variables[name], known[name], name)
        except UntypableError:
            continue
    return found


def convert_extra(variables: MutableMapping[str, Any], known: Mapping[str, Option]) -> None:
    """Convert the variables of -e in place: Ansible itself goes on with this mapping."""
    for name in variables.keys() & known.keys():
        variables[name] = wrap_var(variables[name])  # a person's text may hold braces, which are no template
    variables.update(converted(variables, known))


ROLES = Path(__file__).resolve().parents[2] / "roles"


class VarsModule(HostGroupVars):
    def get_vars(self, loader: Any, path: str, entities: Any, cache: bool = True) -> dict[str, Any]:
        known = declared(ROLES)
        convert_extra(load_extra_vars(loader), known)
        entities = entities if isinstance(entities, list) else [entities]
        for entity in entities:
            entity.vars.update(converted(entity.vars, known))
        found: dict[str, Any] = super().get_vars(loader, path, entities, cache)
        return found | converted(found, known)

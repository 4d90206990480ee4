"""Refuse variables that no role knows: a misspelt one, in an inventory or by -e, is an error and not silence."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.plugins.action import ActionBase
from ansible.vars.reserved import get_reserved_names

# Set by Ansible itself for every host and play, in no list that it offers.
MAGIC = get_reserved_names(include_private=True) | {
    "inventory_dir", "inventory_file", "inventory_hostname", "inventory_hostname_short", "playbook_dir", "role_path",
    "group_names", "groups", "hostvars", "omit", "play_hosts", "role_name", "role_names", "role_uuid", "vars", "item",
    "discovered_interpreter_python", "environment", "parent_role_names", "parent_role_paths", "dependent_role_names",
}  # fmt: skip

# Ansible's own, a role's internal ones, what `stack` found, and what Molecule gives to every play that it runs.
FOREIGN = ("ansible_", "__", "stack_found", "molecule_")


def declared(roles: Path) -> set[str]:
    """Every option that an argument_specs.yml below `roles` declares, for any entry point."""
    specs = (yaml.safe_load(path.read_text()) for path in sorted(roles.glob("*/meta/argument_specs.yml")))
    entries = (entry for spec in specs for entry in spec["argument_specs"].values())
    return {option for entry in entries for option in entry.get("options", {})}


def unknown(names: Iterable[str], known: set[str]) -> dict[str, str | None]:
    """Names that nobody declared, each with the declared name it resembles most, if any."""
    strangers = (name for name in names if name not in known | MAGIC and not name.startswith(FOREIGN))
    return {name: next(iter(difflib.get_close_matches(name, known, n=1)), None) for name in sorted(strangers)}


def objection(strangers: Mapping[str, str | None]) -> str:
    """What to tell whoever gave these."""
    if "_raw_params" in strangers:  # what Ansible calls the words after -e that are no name=value
        return (
            "After -e stand words that belong to no variable. Nothing was touched. The shell takes one pair of quotes "
            "away, so a text with blanks needs both: -e 'name=\"several words\"'"
        )
    lines = [f"{name}{f' (did you mean {like}?)' if like else ''}" for name, like in strangers.items()]
    return (
        f"No role knows the variable {', '.join(lines)}. Nothing was touched. Correct the name in the inventory or "
        "after -e; roles/<role>/meta/argument_specs.yml lists what each role knows."
    )


class ActionModule(ActionBase):
    def run(self, tmp: str | None = None, task_vars: Mapping[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        strangers = unknown(task_vars or {}, declared(Path(self._task.args["roles"])))
        if not strangers:
            return result | {"changed": False}
        return result | {"failed": True, "msg": objection(strangers)}

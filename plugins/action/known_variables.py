"""Refuse misspelt variables: what looks like a role's and is none; and values that can't be of their declared type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars

from ops.variables.names import RUNNERS, misspelt, strangers
from ops.variables.types import Option, UntypableError, declared, typed


def misspelt_message(names: Mapping[str, str | None]) -> str:
    """Return the refusal of misspelt names, each with the name that it is like, if there is one."""
    lines = [f"{name}{f' (did you mean {like}?)' if like else ''}" for name, like in names.items()]
    return (
        f"No role knows the variable {', '.join(lines)}. Nothing was touched. Correct the name in the inventory or "
        "after -e; roles/<role>/meta/argument_specs.yml lists what each role knows."
    )


def untyped(variables: Mapping[str, Any], known: Mapping[str, Option]) -> list[str]:
    """Return a line for each variable whose value is not of its declared type, with the cure."""
    lines = []
    for name in sorted(variables.keys() & known.keys()):
        try:
            typed(variables[name], known[name], name)
        except UntypableError as error:
            at = "" if error.fault.startswith((".", "[")) else ": "
            lines.append(f"{name}{at}{error.fault}. Nothing was touched. Correct it where it was given: {error.cure}.")
    return lines


def unread(given: Iterable[str], known: Mapping[str, Option]) -> list[str]:
    """Return the names after -e that no role reads, without those that runners such as AWX add."""
    return [name for name in strangers(given, known) if not name.startswith(RUNNERS)]


def refusals(variables: Mapping[str, Any], roles: Path) -> list[str]:
    """Return all that is wrong with the names and the values of a play's variables."""
    known = declared(roles)
    messages = []
    if "_raw_params" in variables:  # what Ansible calls the words after -e that are no name=value
        messages.append(
            "After -e stand words that belong to no variable. Nothing was touched. The shell takes one pair of quotes "
            "away, so a text with blanks needs both: -e 'name=\"several words\"'"
        )
    if wrong := misspelt(variables, known, [path.name for path in roles.iterdir()]):
        messages.append(misspelt_message(wrong))
    return messages + untyped(variables, known)


class ActionModule(ActionBase):
    def run(self, tmp: str | None = None, task_vars: Mapping[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        roles = Path(self._task.args["roles"]).resolve()
        given = set(load_extra_vars(self._loader))
        if messages := refusals(task_vars or {}, roles):
            return result | {"failed": True, "msg": "\n".join(messages)}
        if names := unread(given, declared(roles)):
            self._display.warning(f"No role reads {', '.join(names)}, given by -e.")
        return result | {"changed": False}
